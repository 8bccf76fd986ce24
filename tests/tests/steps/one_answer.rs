//! One answer that is a mistake, and nobody notices: no key is left for it that nothing leads to.

#![expect(
    clippy::expect_used,
    reason = "a panic is how a test says that something is wrong"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use datadog_rotation::Kind;
use datadog_rotation::secrets::GRACE_TAG;
use harness::bench::{Bench, DOCUMENTED_SCOPES};
use http::StatusCode;
use sandbox::gate::{Call, Fate, Lie, pause};
use sandbox::rotation::{Step, event};
use sandbox::scene::{ADMIN_SCOPES, SceneOptions};
use sandbox::secrets_manager::RotationJob;
use sandbox::world::World;
use tokio::time::Instant;

const DAY: Duration = Duration::from_hours(25);

/// A rotation that is about to end, in a world that forgets a version once it has no label.
async fn about_to_finish(kind: Kind, scopes: &'static [&'static str]) -> (Bench, RotationJob) {
    let bench = Bench::new(SceneOptions {
        admin_scopes: scopes,
        ..SceneOptions::default()
    });
    bench.tag(kind, GRACE_TAG, "1");
    for _ in 0..2 {
        bench.rotate(kind).await.expect("undisturbed");
        bench.wait(DAY).await;
    }
    bench
        .gate
        .with_world(|world| world.secrets_manager.forgets_versions = true);
    let job = bench.begin(kind);
    for step in &Step::ALL[..3] {
        bench.deliver(kind, &job, *step).await.expect("undisturbed");
    }
    bench.gate.forget_calls();
    (bench, job)
}

/// Each call of finishSecret in turn is answered so. Whatever the step makes of it, two rotations later
/// no key is left.
async fn each_answer_of_finish_secret(
    kind: Kind,
    scopes: &'static [&'static str],
    wrong: fn() -> Fate,
) {
    let (bench, job) = about_to_finish(kind, scopes).await;
    bench
        .deliver(kind, &job, Step::FinishSecret)
        .await
        .expect("undisturbed");
    let calls = bench.gate.calls();
    for (index, record) in calls.iter().enumerate() {
        let of_keys_or_values = ["GET ", "DELETE ", "GetSecretValue"];
        let operation = &record.call.operation;
        if !of_keys_or_values.iter().any(|it| operation.starts_with(it)) {
            continue;
        }
        let (bench, job) = about_to_finish(kind, scopes).await;
        let mut left = index + 1;
        bench.gate.follow(move |_: &Call| {
            left = left.wrapping_sub(1);
            if left == 0 { wrong() } else { Fate::Pass }
        });
        let finished = bench.deliver(kind, &job, Step::FinishSecret).await;
        bench.gate.follow(|_: &Call| Fate::Pass);
        if finished.is_err() {
            let again = bench.deliver(kind, &job, Step::FinishSecret).await;
            again.expect("undisturbed");
        }
        for _ in 0..2 {
            bench.wait(DAY).await;
            bench.rotate(kind).await.expect("undisturbed");
        }
        bench.assert_settled();
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_missing_once_leaves_no_key() {
    for kind in Kind::ALL {
        for scopes in [&ADMIN_SCOPES[..], &DOCUMENTED_SCOPES] {
            let missing = || Fate::Lie(Lie::Without("SecretString"));
            each_answer_of_finish_secret(kind, scopes, missing).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_not_found_once_is_no_key_that_is_gone() {
    for kind in Kind::ALL {
        let not_found = || Fate::Refuse(StatusCode::NOT_FOUND);
        each_answer_of_finish_secret(kind, &ADMIN_SCOPES, not_found).await;
    }
}

/// Another invocation has deleted what this one created and can't store: that is soon believed.
#[tokio::test(start_paused = true)]
async fn both_keys_of_a_pair_are_waited_for_at_once() {
    let kind = Kind::AdminKey;
    let bench = Bench::new(SceneOptions::default());
    bench.rotate(kind).await.expect("undisturbed");
    let job = bench.begin(kind);
    let other = bench.function(kind);
    let (held, release) = pause();
    let mut held = Some(held);
    bench.gate.follow(move |call: &Call| {
        let held = held.take_if(|_| call.operation == "PutSecretValue");
        held.map_or(Fate::Pass, Fate::Pause)
    });
    let begun = Instant::now();
    let (late, ()) = tokio::join!(bench.deliver(kind, &job, Step::CreateSecret), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let create = event(&job, Step::CreateSecret);
        let first = other.deliver(&create).await.expect("it lives");
        first.expect("undisturbed");
        release.pass();
    });
    late.expect("what it created is gone");
    let took = begun.elapsed();
    assert!(
        Duration::from_mins(1) < took && took < Duration::from_secs(75),
        "{took:?}"
    );
    for step in &Step::ALL[1..] {
        bench.deliver(kind, &job, *step).await.expect("undisturbed");
    }
    bench.assert_settled();
}

/// A key without scopes may do all that its owner may.
#[tokio::test(start_paused = true)]
async fn no_key_without_scopes_is_created_on_the_word_of_two_answers() {
    for kind in [
        Kind::ApplicationKey,
        Kind::AdminKey,
        Kind::ServiceAccessToken,
    ] {
        // Answers that follow each other, so that the look which doubts the first is misled too.
        for wrong in 1.. {
            let bench = Bench::new(SceneOptions::default());
            bench.rotate(kind).await.expect("undisturbed");
            let job = bench.begin(kind);
            let (met, mut number) = (Arc::new(AtomicBool::new(false)), 0);
            let is_met = Arc::clone(&met);
            bench.gate.follow(move |call: &Call| {
                let is_read = call.operation.starts_with("GET ");
                number += u8::from(is_read);
                if !is_read || !(wrong..wrong + 2).contains(&number) {
                    return Fate::Pass;
                }
                is_met.store(true, Ordering::Relaxed);
                Fate::Lie(Lie::Null("scopes"))
            });
            let _may_fail = bench.deliver(kind, &job, Step::CreateSecret).await;
            let unscoped = |world: &mut World| {
                let mut keys = world.datadog.keys().iter();
                keys.any(|it| {
                    it.name.starts_with("aws-sm-")
                        && !it.is_api_key()
                        && it.scopes().is_none_or(<[_]>::is_empty)
                })
            };
            assert!(
                !bench.gate.with_world(unscoped),
                "{kind:?} {}",
                bench.story()
            );
            if !met.load(Ordering::Relaxed) {
                break;
            }
        }
    }
}

/// A list that shows versions without their labels.
#[tokio::test(start_paused = true)]
async fn labels_that_one_of_two_readings_lacks_protect_keys_all_the_same() {
    for kind in Kind::ALL {
        let bench = Bench::new(SceneOptions::default());
        bench.tag(kind, GRACE_TAG, "1");
        for _ in 0..2 {
            bench.rotate(kind).await.expect("undisturbed");
            bench.wait(DAY).await;
        }
        let job = bench.begin(kind);
        let create = bench.deliver(kind, &job, Step::CreateSecret).await;
        create.expect("undisturbed");
        bench.gate.follow(|call: &Call| {
            if call.operation == "ListSecretVersionIds" {
                Fate::Lie(Lie::Without("VersionStages"))
            } else {
                Fate::Pass
            }
        });
        let again = bench.deliver(kind, &job, Step::CreateSecret).await;
        again.expect("it has searched for orphaned keys");
        bench.assert_kept();
    }
}
