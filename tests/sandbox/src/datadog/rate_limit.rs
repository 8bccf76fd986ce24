//! Rate limits: requests counted in windows aligned to the calendar, told in headers (documented).

use std::collections::BTreeMap;

use http::HeaderValue;
use time::OffsetDateTime;

use super::reply::Reply;
use super::settings::RateLimit;

/// Per family of endpoints, the window last counted in and its requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Windows {
    counts: BTreeMap<&'static str, (i64, u32)>,
}

#[derive(Debug)]
pub(super) struct Quota {
    pub(super) exceeded: bool,
    family: &'static str,
    limit: RateLimit,
    remaining: u32,
    reset_seconds: i64,
}

impl Windows {
    /// Counts a request, which is to be refused if the quota is exceeded.
    pub(super) fn count(
        &mut self,
        now: OffsetDateTime,
        family: &'static str,
        limit: RateLimit,
    ) -> Quota {
        let period = i64::from(limit.period_seconds.max(1));
        let seconds = now.unix_timestamp();
        let window = seconds.div_euclid(period);
        let (counted, requests) = self.counts.entry(family).or_default();
        if *counted != window {
            (*counted, *requests) = (window, 0);
        }
        let exceeded = *requests >= limit.requests;
        *requests += u32::from(!exceeded);
        Quota {
            exceeded,
            family,
            limit,
            remaining: limit.requests - *requests,
            reset_seconds: period - seconds.rem_euclid(period),
        }
    }
}

impl Quota {
    /// `reply` with the headers that tell how the quota stands; reset is in seconds from now.
    pub(super) fn stamp(self, mut reply: Reply) -> Reply {
        reply.insert_header("x-ratelimit-limit", self.limit.requests);
        reply.insert_header("x-ratelimit-period", self.limit.period_seconds);
        reply.insert_header("x-ratelimit-remaining", self.remaining);
        reply.insert_header("x-ratelimit-reset", self.reset_seconds);
        reply.insert_header("x-ratelimit-name", HeaderValue::from_static(self.family));
        reply
    }
}
