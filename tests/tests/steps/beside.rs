//! What others do at the moment after which there is no way back: nothing is deleted on an old reading.

use std::sync::Arc;
use std::time::Duration;

use datadog_rotation::Kind;
use datadog_rotation::error::RotationError;
use harness::bench::{Bench, caller};
use harness::by_hand::ids;
use harness::function::Function;
use http::StatusCode;
use sandbox::gate::{Call, Fate, pause};
use sandbox::rotation::{Step, event};
use sandbox::scene::SceneOptions;
use sandbox::secrets_manager::RotationJob;
use tokio::sync::Notify;

fn bench() -> Bench {
    Bench::new(SceneOptions::default())
}

/// A rotation whose new keys wait for finishSecret.
#[expect(
    clippy::expect_used,
    reason = "a panic is how a test says that something is wrong"
)]
async fn pending(bench: &Bench, kind: Kind) -> RotationJob {
    let job = bench.begin(kind);
    for step in &Step::ALL[..3] {
        bench.deliver(kind, &job, *step).await.expect("undisturbed");
    }
    bench.gate.forget_calls();
    job
}

fn has_deleted(bench: &Bench) -> bool {
    let mut changes = bench.changes().into_iter();
    changes.any(|it| it.call.operation.starts_with("DELETE "))
}

/// For longer than anybody waits, no reading shows the promotion that Secrets Manager has confirmed.
#[tokio::test(start_paused = true)]
async fn a_promotion_that_no_reading_shows_deletes_nothing() {
    for kind in [Kind::ApplicationKey, Kind::AdminKey] {
        let bench = bench();
        let job = pending(&bench, kind).await;
        let lag = Duration::from_mins(2);
        bench.wait(lag).await;
        bench.gate.with_world(|world| {
            world.secrets_manager.label_lag = lag.try_into().expect("a short time");
        });
        let finished = bench.deliver(kind, &job, Step::FinishSecret).await;
        bench.assert_failed(finished, "PromotionNotSeen", &[]);
        assert!(!has_deleted(&bench), "{}", bench.story());
        bench.wait(lag).await;
        let finished = bench.deliver(kind, &job, Step::FinishSecret).await;
        finished.expect("seen in the end");
        bench.assert_settled();
    }
}

/// Between finishSecret's reading of AWSPREVIOUS and the deletion of its key, a person stores a value of their
/// own.
#[tokio::test(start_paused = true)]
async fn labels_that_moved_since_they_were_read_delete_nothing() {
    let kind = Kind::ApiKey;
    let bench = bench();
    bench.rotate(kind).await.expect("undisturbed");
    bench.wait(Duration::from_mins(20)).await;
    let job = pending(&bench, kind).await;
    let before = ids(&bench.value(kind, "AWSPREVIOUS").expect("a previous value"));
    let (held, release) = pause();
    let mut held = Some(held);
    bench.gate.follow(move |call: &Call| {
        let held = held.take_if(|_| call.operation == "GET /api/v2/api_keys/{id}");
        held.map_or(Fate::Pass, Fate::Pause)
    });
    let theirs = bench.by_hand(kind);
    let (finished, ()) = tokio::join!(bench.deliver(kind, &job, Step::FinishSecret), async {
        tokio::time::sleep(Duration::from_secs(4)).await;
        bench.store(kind, &theirs);
        release.pass();
    });
    bench.assert_failed(finished, "LabelsMoved", &[]);
    assert!(!has_deleted(&bench), "{}", bench.story());
    assert!(bench.is_live(&before[0]));
    assert_eq!(bench.current(kind), theirs);
}

/// One invocation meets edges that know nothing of the new key, and takes it for dead. Another one, which
/// meets the others, has promoted it by then.
#[tokio::test(start_paused = true)]
async fn what_one_invocation_takes_for_dead_another_one_has_promoted() {
    // A token is left alive, so that it is known to have been promoted even after its label is off.
    for (kind, until, as_what, said) in [
        (
            Kind::ApplicationKey,
            "DescribeSecret",
            "LabelsMoved",
            "Another invocation made the version AWSCURRENT",
        ),
        (
            Kind::ServiceAccessToken,
            "UpdateSecretVersionStage",
            "LabelsMoved",
            "Another invocation made the version AWSCURRENT",
        ),
    ] {
        let (bench, tested) = given_up_beside_a_promotion(kind, until).await;
        bench.assert_failed(tested, as_what, &[said]);
        bench.assert_settled();
    }
}

#[expect(
    clippy::expect_used,
    reason = "a panic is how a test says that something is wrong"
)]
async fn given_up_beside_a_promotion(
    kind: Kind,
    until: &'static str,
) -> (Bench, Result<(), RotationError>) {
    let bench = bench();
    let job = pending(&bench, kind).await;
    let fresh = ids(&bench.value(kind, "AWSPENDING").expect("a stored value")).pop();
    let name = format!("{}#elsewhere", caller(kind));
    let elsewhere = Function::new(kind, &name, &bench.gate, bench.settings.clone());
    let (held, release) = pause();
    let (mut held, mut readings) = (Some(held), 0);
    let reached = Arc::new(Notify::new());
    let bell = Arc::clone(&reached);
    bench.gate.follow(move |call: &Call| {
        if call.caller.as_ref() != Some(&name) {
            return Fate::Pass;
        }
        readings += usize::from(call.operation == "DescribeSecret");
        match call.operation.as_str() {
            "GET /api/v2/validate_keys" | "GET /api/v2/current_user" => {
                Fate::Refuse(StatusCode::FORBIDDEN)
            }
            _ if call.subject == fresh => Fate::Refuse(StatusCode::NOT_FOUND),
            // It has given the key up, and looks at the labels or takes one off.
            operation if operation == until && readings >= 2 => {
                bell.notify_one();
                held.take().map_or(Fate::Pass, Fate::Pause)
            }
            _ => Fate::Pass,
        }
    });
    let test = event(&job, Step::TestSecret);
    let (tested, ()) = tokio::join!(elsewhere.deliver(&test), async {
        reached.notified().await;
        let finished = bench.deliver(kind, &job, Step::FinishSecret).await;
        finished.expect("undisturbed");
        release.pass();
    });
    (bench, tested.expect("it lives"))
}
