//! How long a service access token must live that ends by itself.

use std::time::Duration;

use crate::secrets::Schedule;

const DAY: Duration = Duration::from_hours(24);

/// Returns the fewest days after which a new token may end: it is AWSCURRENT for one interval and
/// AWSPREVIOUS for another, and a rotation may begin at any time of its window.
pub(in crate::rotation) fn least_days_to_expiry(schedule: Schedule) -> u64 {
    let needed = 2 * schedule.interval + schedule.window;
    needed.as_secs().div_ceil(DAY.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_outlives_two_intervals_and_the_window() {
        let least = |interval, window| {
            least_days_to_expiry(Schedule {
                interval: Duration::from_hours(interval),
                window: Duration::from_hours(window),
            })
        };
        assert_eq!(least(24 * 30, 24), 61);
        assert_eq!(least(24 * 30, 3), 61);
        assert_eq!(least(4, 1), 1);
        assert_eq!(least(12, 1), 2);
    }
}
