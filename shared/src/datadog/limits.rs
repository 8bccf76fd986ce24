//! Datadog's rate limits, as far as its answers have told of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderMap;
use tokio::time::Instant;

/// Calls that are taken to share a rate limit, by a name of ours: Datadog names its limits in answers
/// alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Family(&'static str);

/// When the limits that are half used up are reset; clones share them. A warm process hears of them
/// for every secret that it rotates.
#[derive(Clone, Debug, Default)]
pub struct Limits(Arc<Mutex<BTreeMap<Family, Instant>>>);

impl Family {
    /// Mappings and AWS accounts.
    pub(super) const TRUST: Self = Self("trust");

    pub(super) const fn named(name: &'static str) -> Self {
        Self(name)
    }
}

impl Limits {
    /// Reads the headers of an answer, which not every end point sends.
    pub(super) fn hear(&self, family: Family, headers: &HeaderMap) {
        let limit = number(headers, "x-ratelimit-limit");
        let remaining = number(headers, "x-ratelimit-remaining");
        let (Some(limit), Some(remaining)) = (limit, remaining) else {
            return;
        };
        match reset(headers) {
            Some(reset) if remaining <= limit / 2 => {
                self.resets().insert(family, Instant::now() + reset);
            }
            _ => {
                self.resets().remove(&family);
            }
        }
    }

    /// Returns how long requests of this family would use up what others need, or be refused.
    pub(super) fn reset(&self, family: Family) -> Option<Duration> {
        let reset = *self.resets().get(&family)?;
        let left = reset.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    fn resets(&self) -> MutexGuard<'_, BTreeMap<Family, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `X-RateLimit-Reset`: seconds from now. Anything else, or none, is left to the back-off.
pub(super) fn reset(headers: &HeaderMap) -> Option<Duration> {
    let seconds = number(headers, "x-ratelimit-reset")?;
    // Nobody waits longer than that, and a sum of durations must not overflow.
    Some(Duration::from_secs(seconds).min(Duration::from_hours(1)))
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const ONE: Family = Family::named("one");
    const OTHER: Family = Family::named("other");

    fn headers(limit: &str, remaining: &str, reset: &str) -> HeaderMap {
        let names = ["limit", "remaining", "reset"];
        let values = [limit, remaining, reset];
        let headers = names.into_iter().zip(values);
        headers
            .map(|(name, value)| {
                let name = format!("x-ratelimit-{name}").parse().unwrap();
                (name, value.parse().unwrap())
            })
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_that_is_half_used_up_is_left_to_others_until_its_reset() {
        let limits = Limits::default();
        limits.hear(ONE, &headers("100", "51", "7"));
        assert_eq!(limits.reset(ONE), None);
        limits.hear(ONE, &headers("100", "50", "7"));
        assert_eq!(limits.clone().reset(ONE), Some(7 * SECOND));
        assert_eq!(limits.reset(OTHER), None);
        tokio::time::sleep(3 * SECOND).await;
        assert_eq!(limits.reset(ONE), Some(4 * SECOND));
        limits.hear(ONE, &HeaderMap::new());
        assert_eq!(limits.reset(ONE), Some(4 * SECOND));
        tokio::time::sleep(4 * SECOND).await;
        assert_eq!(limits.reset(ONE), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_window_frees_the_limit() {
        let limits = Limits::default();
        limits.hear(ONE, &headers("100", "0", "60"));
        limits.hear(ONE, &headers("100", "99", "60"));
        assert_eq!(limits.reset(ONE), None);
    }

    #[test]
    fn a_reset_is_never_absurd() {
        let told = |text| reset(&headers("1", "0", text));
        assert_eq!(told("7"), Some(7 * SECOND));
        assert_eq!(told("9999999999999999999"), Some(3600 * SECOND));
        assert_eq!(told("soon"), None);
    }
}
