//! How much the services and Lambda take at once.

use std::collections::BTreeMap;
use std::time::Duration;

use sandbox::datadog::RateLimit;
use sandbox::gate::{Call, Fate, Service};

/// How long a call takes, there and back: between services of one region, and to Datadog.
const SECRETS_MANAGER: Duration = Duration::from_millis(15);
const DATADOG: Duration = Duration::from_millis(120);

/// A set of limits. Those of Secrets Manager are in every set.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub name: &'static str,
    /// Requests and seconds, of each family of Datadog's end points by itself.
    pub datadog: Option<(u32, u32)>,
    /// Invocations that run at once, of all functions together.
    pub concurrency: usize,
}

impl Limits {
    pub const DOCUMENTED: Self = Self {
        name: "documented",
        datadog: None,
        concurrency: 1000,
    };
    pub const BY_THE_MINUTE: Self = Self {
        name: "by the minute",
        datadog: Some((600, 60)),
        ..Self::DOCUMENTED
    };
    pub const BY_TEN_SECONDS: Self = Self {
        name: "by ten seconds",
        datadog: Some((200, 10)),
        ..Self::DOCUMENTED
    };
    pub const ALL: [Self; 3] = [Self::DOCUMENTED, Self::BY_THE_MINUTE, Self::BY_TEN_SECONDS];

    pub const A_TENTH_OF_LAMBDA: Self = Self {
        name: "a tenth of Lambda's",
        concurrency: 100,
        ..Self::DOCUMENTED
    };

    /// Half as much of Datadog, or a tenth of Lambda: what a thousand secrets at once are too many
    /// for.
    pub const TIGHT: [Self; 2] = [
        Self {
            name: "half of Datadog's",
            datadog: Some((100, 10)),
            ..Self::DOCUMENTED
        },
        Self::A_TENTH_OF_LAMBDA,
    ];

    pub(super) fn datadog(self) -> Option<RateLimit> {
        let limit = |(requests, period_seconds)| RateLimit {
            requests,
            period_seconds,
        };
        self.datadog.map(limit)
    }
}

/// Calls of Secrets Manager a second that an account may make in a region, and what they share that
/// with (documented).
fn quota(operation: &str) -> (&'static str, u32) {
    match operation {
        "DescribeSecret" | "GetSecretValue" => ("read", 10_000),
        "PutSecretValue" | "UpdateSecretVersionStage" => ("write", 50),
        _ => ("list", 50),
    }
}

/// Every call takes its time, and Secrets Manager throttles.
pub(super) fn pace() -> impl FnMut(&Call) -> Fate + Send + 'static {
    let mut seconds = BTreeMap::new();
    move |call: &Call| {
        if call.service == Service::Datadog {
            return Fate::Slow(DATADOG);
        }
        let (name, most) = quota(&call.operation);
        let now = call.at.unix_timestamp();
        let (second, count) = seconds.entry(name).or_insert((now, 0));
        if *second != now {
            (*second, *count) = (now, 0);
        }
        if *count >= most {
            return Fate::Throttle;
        }
        *count += 1;
        Fate::Slow(SECRETS_MANAGER)
    }
}
