//! A thousand secrets of one organisation, at once and over a window.

use std::time::Duration;

use sandbox::datadog::RateLimit;
use tests::fleet::Fleet;

#[test]
fn look() {
    for secrets in [1, 100, 1000] {
        for (limit, concurrency) in [
            (None, 1000),
            (Some((600, 60)), 1000),
            (Some((600, 60)), 10),
            (Some((100, 10)), 20),
            (Some((60, 60)), 5),
        ] {
            let limit = limit.map(|(requests, period_seconds)| RateLimit {
                requests,
                period_seconds,
            });
            for window in [Duration::ZERO, Duration::from_hours(4)] {
                let begun = std::time::Instant::now();
                let outcome = Fleet {
                    secrets,
                    window,
                    limit,
                    concurrency,
                }
                .rotate();
                println!(
                    "{secrets} {limit:?} {concurrency} {window:?}: {outcome:?} in {:?}",
                    begun.elapsed()
                );
            }
        }
    }
}
