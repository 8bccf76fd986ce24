//! How long a service access token must live that ends by itself.

use std::time::{Duration, SystemTime};

use crate::secrets::Schedule;

const DAY: Duration = Duration::from_hours(24);

/// Returns the fewest days after which a new token may end: it is AWSCURRENT for one interval and
/// AWSPREVIOUS for another, and a rotation may begin at any time of its window.
pub(in crate::rotation) fn least_days_to_expiry(schedule: Schedule) -> u64 {
    let needed = 2 * schedule.interval + schedule.window;
    needed.as_secs().div_ceil(DAY.as_secs())
}

/// Returns whether a token that would now become AWSCURRENT has ended, or ends before the next rotation
/// can replace it. Of an unknown schedule only the former can be told.
pub(in crate::rotation) fn ends_too_soon(
    expires: Option<SystemTime>,
    now: SystemTime,
    schedule: Option<Schedule>,
) -> bool {
    let needed = schedule.map_or(Duration::ZERO, |it| it.interval + it.window);
    expires.is_some_and(|at| at <= now + needed)
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

    #[test]
    fn a_pending_token_outlives_one_interval_and_the_window() {
        let now = SystemTime::UNIX_EPOCH;
        let schedule = Schedule {
            interval: DAY * 30,
            window: DAY,
        };
        let ends = |days, schedule| ends_too_soon(Some(now + DAY * days), now, schedule);
        assert!(ends(31, Some(schedule)));
        assert!(!ends(32, Some(schedule)));
        assert!(ends(0, None));
        assert!(!ends(1, None));
        assert!(!ends_too_soon(None, now, Some(schedule)));
    }
}
