//! Told to stop, or out of time: at every call.

use std::sync::Arc;
use std::time::Duration;

use harness::probe::{WHO, answered, inventory, left, world};
use sandbox::gate::{Call, Fate};
use sandbox::scene::Admin;
use tokio::sync::Notify;

const MINUTE: Duration = Duration::from_mins(1);

/// How many calls an undisturbed probe makes.
async fn calls(admin: Admin) -> u64 {
    let bench = world(admin);
    bench.probe().await;
    bench.gate.calls().len() as u64
}

#[tokio::test(start_paused = true)]
async fn at_whatever_call_it_is_stopped_it_cleans_up() {
    for admin in WHO {
        for number in 0..calls(admin).await {
            for fate in [
                || Fate::Slow(Duration::from_millis(1)),
                || Fate::SilenceAfter,
                || Fate::SilenceBefore,
            ] {
                let bench = world(admin);
                let before = inventory(&bench);
                let (stop, mut met) = (Arc::new(Notify::new()), 0);
                let told = Arc::clone(&stop);
                bench.gate.follow(move |_: &Call| {
                    met += 1;
                    if met == number + 1 {
                        told.notify_one();
                        fate()
                    } else {
                        Fate::Pass
                    }
                });
                let probed = bench.probe_until(&stop).await;
                let what = format!("{admin:?} {number}: {probed:?}");
                assert!(probed.took <= Duration::from_secs(15), "{what}");
                assert_eq!(inventory(&bench), before, "{what}");
                assert!(!probed.told.unwrap().fine, "{what}");
            }
        }
    }
}

/// What no list shows yet is looked for again.
#[tokio::test(start_paused = true)]
async fn a_lost_key_that_is_listed_late_is_found() {
    for path in [
        "/api/v2/api_keys",
        "/api/v2/service_accounts/{id}/application_keys",
        "/api/v2/service_accounts/{id}/access_tokens",
    ] {
        let bench = world(Admin::Pair);
        let before = inventory(&bench);
        bench.gate.with_world(|world| {
            world.datadog.settings.fresh_key_unlisted_for = Duration::from_secs(5);
        });
        let stop = Arc::new(Notify::new());
        let told = Arc::clone(&stop);
        bench.gate.follow(move |call: &Call| {
            if call.operation == format!("POST {path}") {
                told.notify_one();
                Fate::SilenceAfter
            } else {
                Fate::Pass
            }
        });
        let probed = bench.probe_until(&stop).await;
        assert_eq!(inventory(&bench), before, "{probed:?}");
    }
}

/// The work may end at the very moment at which it is told to.
#[tokio::test(start_paused = true)]
async fn told_once_while_it_cleans_up_it_cleans_up() {
    let bench = world(Admin::Pair);
    let before = inventory(&bench);
    let (stop, mut refused) = (Arc::new(Notify::new()), false);
    let told = Arc::clone(&stop);
    bench.gate.follow(move |call: &Call| {
        // The first deletion of the last thing that is deleted.
        if call.operation == "DELETE /api/v2/api_keys/{id}" && !refused {
            refused = true;
            told.notify_one();
            return Fate::Refuse(http::StatusCode::FORBIDDEN);
        }
        Fate::Pass
    });
    let probed = bench.probe_until(&stop).await;
    assert_eq!(inventory(&bench), before, "{probed:?}");
}

#[tokio::test(start_paused = true)]
async fn stopped_twice_it_ends_at_once_and_names_what_is_left() {
    let bench = world(Admin::Pair);
    let stop = Arc::new(Notify::new());
    let told = Arc::clone(&stop);
    bench.gate.follow(move |call: &Call| {
        if call.operation == "GET /api/v1/validate" || call.operation.starts_with("DELETE ") {
            told.notify_one();
            Fate::SilenceBefore
        } else {
            Fate::Pass
        }
    });
    let probed = bench.probe_until(&stop).await;
    assert!(probed.took < Duration::from_secs(1), "{probed:?}");
    let document = probed.told.unwrap().json();
    assert_eq!(document["end"], "interrupted");
    let names = left(&bench);
    assert!(names.len() >= 2, "{names:?}");
    let things = document["throwaway"].as_array().unwrap();
    for name in names {
        let mut those = things.iter().filter(|it| it["name"] == name.as_str());
        assert!(
            those.any(|it| it["state"] == "left"),
            "{name}: {document:#}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn where_nothing_answers_any_more_it_ends_within_a_minute() {
    for admin in WHO {
        for number in 0..calls(admin).await {
            let bench = world(admin);
            let mut met = 0;
            bench.gate.follow(move |_: &Call| {
                met += 1;
                if met > number {
                    Fate::SilenceBefore
                } else {
                    Fate::Pass
                }
            });
            let probed = bench.probe_until(&Notify::new()).await;
            assert!(probed.took <= MINUTE, "{number}: {probed:?}");
            let told = probed.told.unwrap();
            let named = left(&bench).into_iter().all(|it| told.output.contains(&it));
            assert!(named, "{number}: {}", told.output);
            if !left(&bench).is_empty() {
                assert!(!told.fine);
            }
        }
    }
}

/// A world that is slow, but answers.
#[tokio::test(start_paused = true)]
async fn a_slow_service_is_given_up_in_time_and_cleaned_up_after() {
    for seconds in [1, 2, 4, 9] {
        let bench = world(Admin::IdentityOfVariables);
        let before = inventory(&bench);
        bench
            .gate
            .follow(move |_: &Call| Fate::Slow(Duration::from_secs(seconds)));
        let probed = bench.probe_until(&Notify::new()).await;
        assert!(probed.took <= MINUTE, "{seconds}: {probed:?}");
        let told = probed.told.unwrap();
        assert_eq!(inventory(&bench), before, "{seconds}: {}", told.output);
        match seconds {
            // So late that the host counts as out of reach from here: more than eight seconds.
            9 => assert_eq!(told.json()["error"]["error_type"], "DatadogUnreachable"),
            4 => assert!(!answered(&told.json(), "unknown").is_empty()),
            _ => {}
        }
    }
}
