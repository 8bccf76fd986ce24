//! Labels that people move: back to an older version, or to one of their own.

#![expect(
    clippy::expect_used,
    reason = "a panic is how a test says that something is wrong"
)]

use std::sync::Arc;
use std::time::Duration;

use datadog_rotation::Kind;
use datadog_rotation::secrets::GRACE_TAG;
use harness::bench::Bench;
use harness::by_hand::ids;
use sandbox::gate::{Call, CallRecord, Edit, Fate, pause};
use sandbox::rotation::Step;
use sandbox::scene::{ADMIN_SCOPES, SceneOptions, pair};
use sandbox::secrets_manager::RotationJob;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;

/// Longer than a reading of labels is believed.
const TROUBLE: Duration = Duration::from_secs(20);

const DAY: Duration = Duration::from_hours(24);

fn bench() -> Bench {
    Bench::new(SceneOptions::default())
}

#[tokio::test(start_paused = true)]
async fn a_rollback_is_survived() {
    for kind in Kind::ALL {
        let bench = bench();
        bench.rotate(kind).await.unwrap();
        let value = bench.by_hand(kind);
        bench.store(kind, &value);
        bench.roll_back(kind);
        for _ in 0..2 {
            bench.wait(DAY).await;
            bench.rotate(kind).await.unwrap();
            assert_eq!(bench.ledger.breaches(), []);
        }
        bench.assert_settled();
    }
}

/// A person's value that a person displaced, by going back to a rotation's, is still theirs: also
/// if it was stored in the instant in which the rotation's was.
#[tokio::test(start_paused = true)]
async fn what_a_rollback_puts_aside_stays() {
    for kind in [Kind::ApplicationKey, Kind::AdminKey] {
        for wait in [0, 20] {
            let bench = bench();
            bench.rotate(kind).await.unwrap();
            bench.wait(Duration::from_mins(wait)).await;
            let value = bench.by_hand(kind);
            bench.store(kind, &value);
            bench.roll_back(kind);
            for _ in 0..2 {
                bench.rotate(kind).await.unwrap();
                bench.wait(DAY).await;
                for id in ids(&value) {
                    assert!(bench.is_live(&id), "{id} of a person\n{}", bench.story());
                }
            }
            bench.assert_settled();
        }
    }
}

/// A person puts AWSPREVIOUS on an older version, of another service account.
#[tokio::test(start_paused = true)]
async fn keys_of_another_service_account_are_left_alone() {
    let kind = Kind::AdminKey;
    let bench = bench();
    let value = bench.gate.with_world(|world| {
        let now = world.now();
        let other = world
            .datadog
            .create_service_account(now, "other", &ADMIN_SCOPES);
        pair(world, &other, &ADMIN_SCOPES)
    });
    bench.store_aside(kind, "THEIRS", &value);
    bench.wait(DAY).await;
    bench.rotate(kind).await.unwrap();
    bench.manage(
        "UpdateSecretVersionStage",
        &json!({
            "SecretId": bench.secret(kind), "VersionStage": "AWSPREVIOUS",
            "RemoveFromVersionId": bench.labelled(kind, "AWSPREVIOUS"),
            "MoveToVersionId": bench.labelled(kind, "THEIRS"),
        }),
    );
    bench.wait(DAY).await;
    bench.rotate(kind).await.unwrap();
    for id in ids(&value) {
        assert!(bench.is_live(&id), "{}", bench.story());
    }
}

/// Between createSecret and finishSecret AWSCURRENT comes to name the ID of another key. Returns that.
async fn with_others_id_at_last() -> (Bench, RotationJob, String) {
    let kind = Kind::ApplicationKey;
    let bench = bench();
    let job = bench.begin(kind);
    for step in &Step::ALL[..3] {
        bench.deliver(kind, &job, *step).await.expect("undisturbed");
    }
    let (others, mut value) = (bench.by_hand(kind), bench.current(kind));
    value["appKeyId"] = others["appKeyId"].clone();
    bench.store_aside(kind, "MINE", &value);
    bench.make_current(kind, "MINE");
    (bench, job, ids(&others).remove(0))
}

#[tokio::test(start_paused = true)]
async fn a_key_of_others_that_becomes_current_at_the_last_moment_lives() {
    let (bench, job, others) = with_others_id_at_last().await;
    let result = bench.deliver(Kind::ApplicationKey, &job, Step::FinishSecret);
    let words = ["AWSCURRENT is unchanged"];
    bench.assert_failed(result.await, "CurrentKeyMismatch", &words);
    assert!(bench.is_live(&others));
    assert_eq!(bench.ledger.breaches(), []);
}

/// The same, and Datadog shows the end of no key, or a mask: nothing tells that it is another's.
#[tokio::test(start_paused = true)]
async fn a_key_of_others_whose_end_is_not_shown_lives() {
    for shown in [None, Some("****"), Some(""), Some("12")] {
        let (bench, job, others) = with_others_id_at_last().await;
        bench.gate.follow(move |call: &Call| {
            if !call.operation.contains("application_keys") {
                return Fate::Pass;
            }
            Fate::Edited(Edit::new(move |body| {
                let mask = |key: &mut Value| key["attributes"]["last4"] = json!(shown);
                match &mut body["data"] {
                    Value::Array(keys) => keys.iter_mut().for_each(mask),
                    key => mask(key),
                }
            }))
        });
        let finished = bench.deliver(Kind::ApplicationKey, &job, Step::FinishSecret);
        let _either = finished.await;
        assert!(bench.is_live(&others), "{shown:?}: {}", bench.story());
    }
}

/// A rotation of keys with grace, whose finishSecret is about to delete what is under AWSPREVIOUS.
async fn about_to_delete(kind: Kind) -> (Bench, RotationJob) {
    let bench = bench();
    bench.tag(kind, GRACE_TAG, "1");
    bench.rotate(kind).await.expect("undisturbed");
    bench.wait(Duration::from_mins(20)).await;
    let job = bench.begin(kind);
    for step in &Step::ALL[..3] {
        bench.deliver(kind, &job, *step).await.expect("undisturbed");
    }
    bench.gate.forget_calls();
    (bench, job)
}

/// How many calls a finishSecret makes before its first DELETE.
async fn calls_before_the_delete(kind: Kind) -> usize {
    let (bench, job) = about_to_delete(kind).await;
    bench
        .deliver(kind, &job, Step::FinishSecret)
        .await
        .expect("undisturbed");
    let calls = bench.gate.calls();
    let deletes = |it: &CallRecord| it.call.operation.starts_with("DELETE ");
    calls.iter().position(deletes).expect("a DELETE")
}

/// A person goes back while Datadog is asked whose the key under AWSPREVIOUS is.
#[tokio::test(start_paused = true)]
async fn labels_that_move_before_the_delete_is_sent_delete_nothing() {
    for kind in Kind::ALL {
        let mut left = calls_before_the_delete(kind).await;
        let (bench, job) = about_to_delete(kind).await;
        let previous = bench.value(kind, "AWSPREVIOUS").unwrap();
        let (held, release) = pause();
        let mut held = Some(held);
        bench.gate.follow(move |_: &Call| {
            left = left.saturating_sub(1);
            let held = held.take_if(|_| left == 0);
            held.map_or(Fate::Pass, Fate::Pause)
        });
        let (finished, ()) = tokio::join!(bench.deliver(kind, &job, Step::FinishSecret), async {
            tokio::time::sleep(Duration::from_secs(4)).await;
            bench.roll_back(kind);
            release.pass();
        });
        bench.assert_failed(finished, "LabelsMoved", &[]);
        assert_eq!(bench.current(kind), previous, "{}", bench.story());
        assert!(ids(&previous).iter().all(|id| bench.is_live(id)));
        assert_eq!(bench.ledger.breaches(), []);
    }
}

/// A person goes back while a DELETE that failed waits to be sent again, which may be minutes.
#[tokio::test(start_paused = true)]
async fn labels_that_move_before_a_delete_is_sent_again_delete_nothing() {
    for kind in Kind::ALL {
        for fate in [
            || Fate::Throttle,
            || Fate::FailBefore,
            || Fate::CutBefore,
            || Fate::SilenceBefore,
        ] {
            let (bench, job) = about_to_delete(kind).await;
            let previous = bench.value(kind, "AWSPREVIOUS").unwrap();
            let failed = Arc::new(Notify::new());
            let (bell, begun) = (Arc::clone(&failed), Instant::now());
            bench.gate.follow(move |call: &Call| {
                if !call.operation.starts_with("DELETE ") || begun.elapsed() > TROUBLE {
                    return Fate::Pass;
                }
                bell.notify_one();
                fate()
            });
            let (finished, ()) =
                tokio::join!(bench.deliver(kind, &job, Step::FinishSecret), async {
                    failed.notified().await;
                    bench.roll_back(kind);
                });
            bench.assert_failed(finished, "LabelsMoved", &[]);
            assert_eq!(bench.current(kind), previous, "{}", bench.story());
            assert!(ids(&previous).iter().all(|id| bench.is_live(id)));
        }
    }
}
