//! How far this machine's clock is ahead.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use bytes::Bytes;
use http::header::DATE;

use crate::deadline::Deadline;
use crate::http::{Http, Sending, Transport};

/// Answers take time and tell whole seconds. The age of an orphaned key has a minute to spare: an invocation
/// ends after 14 minutes, and a key is orphaned at 15.
const TOLERATED: Duration = Duration::from_secs(30);

/// How far this machine's clock is ahead of those that answer it.
///
/// Lambda's clock is right as a rule; a desk's may be wrong, and the SDK signs around that without a word.
/// What is young by the key's own clock must not pass for old.
#[derive(Clone, Debug, Default)]
pub struct ClockSkew {
    ahead_ms: Arc<AtomicU64>,
}

impl ClockSkew {
    /// Returns the same transport, listened to. `watch` tells this machine's time.
    #[must_use]
    pub fn listen(&self, http: Http, watch: Deadline) -> Http {
        Http::new(Listened {
            http,
            watch,
            skew: self.clone(),
        })
    }

    /// Returns a time of this machine's clock, or an earlier one if that clock is ahead by half a minute.
    #[must_use]
    pub fn corrected(&self, now: SystemTime) -> SystemTime {
        let ahead = Duration::from_millis(self.ahead_ms.load(Ordering::Relaxed));
        if ahead < TOLERATED {
            return now;
        }
        now.checked_sub(ahead).unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// An answer that took long makes the clock seem ahead: keys seem younger then, never older.
    fn hear(&self, told: SystemTime, now: SystemTime) {
        let ahead = now.duration_since(told).unwrap_or_default();
        let ahead = u64::try_from(ahead.as_millis()).unwrap_or(u64::MAX);
        self.ahead_ms.fetch_max(ahead, Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Listened {
    http: Http,
    watch: Deadline,
    skew: ClockSkew,
}

impl Transport for Listened {
    fn send(&self, request: http::Request<Bytes>, timeout: Duration) -> Sending<'_> {
        Box::pin(async move {
            let answer = self.http.send(request, timeout).await?;
            if let Some(told) = date(&answer) {
                self.skew.hear(told, self.watch.now());
            }
            Ok(answer)
        })
    }
}

fn date(answer: &http::Response<Bytes>) -> Option<SystemTime> {
    let text = answer.headers().get(DATE)?.to_str().ok()?;
    let date = DateTime::from_str(text, Format::HttpDate).ok()?;
    SystemTime::try_from(date).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Dated(&'static str);

    impl Transport for Dated {
        fn send(&self, _: http::Request<Bytes>, _: Duration) -> Sending<'_> {
            let answer = http::Response::builder().header(DATE, self.0);
            Box::pin(async move { Ok(answer.body(Bytes::new()).unwrap()) })
        }
    }

    async fn corrected(dates: &[&'static str], now: SystemTime) -> SystemTime {
        let (skew, watch) = (
            ClockSkew::default(),
            Deadline::new(now, Duration::from_mins(1)),
        );
        for date in dates {
            let http = skew.listen(Http::new(Dated(date)), watch);
            let request = http::Request::new(Bytes::new());
            http.send(request, Duration::from_secs(1)).await.unwrap();
        }
        skew.corrected(now)
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_clock_that_is_ahead_is_corrected() {
        let noon = SystemTime::UNIX_EPOCH + Duration::from_hours(498_684);
        let minute = Duration::from_mins(1);
        let dates = [
            "Sat, 21 Nov 2026 12:00:00 GMT",
            "Sat, 21 Nov 2026 12:05:00 GMT",
        ];
        assert_eq!(corrected(&dates, noon + 20 * minute).await, noon);
        assert_eq!(corrected(&dates, noon - minute).await, noon - minute);
        assert_eq!(corrected(&["noon"], noon).await, noon);
        let second = Duration::from_secs(1);
        let noon_told = &dates[..1];
        assert_eq!(
            corrected(noon_told, noon + 29 * second).await,
            noon + 29 * second
        );
        assert_eq!(corrected(noon_told, noon + 30 * second).await, noon);
    }
}
