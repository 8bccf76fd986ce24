//! A person goes back to the replaced keys by a rotation: they are pending while an earlier finishSecret comes late.

#![expect(
    clippy::expect_used,
    reason = "a panic is how a test says that something is wrong"
)]

use std::sync::Arc;
use std::time::Duration;

use datadog_rotation::Kind;
use harness::bench::{Bench, caller};
use harness::by_hand::ids;
use harness::function::Function;
use harness::listen::Listening;
use sandbox::gate::{Call, Fate};
use sandbox::rotation::{Step, event};
use sandbox::scene::SceneOptions;
use sandbox::secrets_manager::RotationJob;
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Those whose replaced keys have no grace.
const KINDS: [Kind; 2] = [Kind::ApplicationKey, Kind::AdminKey];

/// A rotation up to finishSecret.
async fn verified(kind: Kind) -> (Bench, RotationJob) {
    let bench = Bench::new(SceneOptions::default());
    bench.rotate(kind).await.expect("undisturbed");
    bench.wait(Duration::from_mins(20)).await;
    let job = bench.begin(kind);
    for step in &Step::ALL[..3] {
        bench.deliver(kind, &job, *step).await.expect("undisturbed");
    }
    (bench, job)
}

/// The same, and finishSecret has died after its promotion.
async fn promoted(kind: Kind) -> (Bench, RotationJob) {
    let (bench, job) = verified(kind).await;
    bench.gate.follow(|call: &Call| {
        if call.operation == "UpdateSecretVersionStage" {
            Fate::KillAfter
        } else {
            Fate::Pass
        }
    });
    let function = bench.function(kind);
    let finished = function.deliver(&event(&job, Step::FinishSecret)).await;
    assert!(finished.is_none(), "it has died");
    bench.gate.follow(|_: &Call| Fate::Pass);
    (bench, job)
}

/// A person moves AWSPENDING to the version of AWSPREVIOUS, and rotates.
fn go_back(bench: &Bench, kind: Kind, job: &RotationJob) -> RotationJob {
    bench.give_up(job);
    let [to, from] = ["AWSPREVIOUS", "AWSPENDING"].map(|it| bench.labelled(kind, it));
    let body = json!({
        "SecretId": bench.secret(kind), "VersionStage": "AWSPENDING",
        "MoveToVersionId": to, "RemoveFromVersionId": from,
    });
    bench.manage("UpdateSecretVersionStage", &body);
    bench.begin(kind)
}

/// The late finishSecret, and then that of the way back.
async fn both_finish(bench: &Bench, kind: Kind, late: &RotationJob, back: &RotationJob) {
    let late = bench.deliver(kind, late, Step::FinishSecret).await;
    late.expect("without the pending keys");
    let back = bench.deliver(kind, back, Step::FinishSecret).await;
    back.expect("undisturbed");
    assert_eq!(bench.ledger.breaches(), [], "{kind:?}: {}", bench.story());
}

#[tokio::test(start_paused = true)]
async fn a_late_finishsecret_leaves_the_replaced_keys_that_are_pending() {
    for kind in KINDS {
        let (bench, job) = promoted(kind).await;
        let back = go_back(&bench, kind, &job);
        bench.wait(Duration::from_mins(1)).await;
        for step in &Step::ALL[..3] {
            bench
                .deliver(kind, &back, *step)
                .await
                .expect("undisturbed");
        }
        both_finish(&bench, kind, &job, &back).await;
    }
}

/// The replaced value is stored under the token of the next rotation.
#[tokio::test(start_paused = true)]
async fn a_late_finishsecret_leaves_the_replaced_keys_that_were_stored_again() {
    for kind in KINDS {
        let (bench, job) = promoted(kind).await;
        bench.gate.with_world(|world| {
            let now = world.now();
            world.secrets_manager.rotation_ended(now, &job, true);
        });
        let back = bench.begin(kind);
        let value = bench.value(kind, "AWSPREVIOUS").expect("a value");
        let body = json!({
            "SecretId": bench.secret(kind), "ClientRequestToken": back.token,
            "SecretString": value.to_string(), "VersionStages": ["AWSPENDING"],
        });
        bench.manage("PutSecretValue", &body);
        bench.wait(Duration::from_mins(1)).await;
        for step in &Step::ALL[..3] {
            bench
                .deliver(kind, &back, *step)
                .await
                .expect("undisturbed");
        }
        both_finish(&bench, kind, &job, &back).await;
    }
}

/// What is pending can't be read: it may name the replaced keys.
#[tokio::test(start_paused = true)]
async fn a_late_finishsecret_leaves_the_replaced_keys_beside_a_pending_text() {
    for kind in KINDS {
        let (bench, job) = promoted(kind).await;
        bench.gate.with_world(|world| {
            let now = world.now();
            world.secrets_manager.rotation_ended(now, &job, true);
        });
        let replaced = ids(&bench.value(kind, "AWSPREVIOUS").expect("a value"));
        let next = bench.begin(kind);
        let body = json!({
            "SecretId": bench.secret(kind), "ClientRequestToken": next.token,
            "SecretString": "no JSON", "VersionStages": ["AWSPENDING"],
        });
        bench.manage("PutSecretValue", &body);
        let listening = Listening::begin();
        let finished = bench.deliver(kind, &job, Step::FinishSecret).await;
        finished.expect("without those keys");
        assert!(listening.heard().contains("they are left alone"));
        assert!(replaced.iter().all(|it| bench.is_live(it)), "{kind:?}");
    }
}

/// AWSPENDING moves while a DELETE waits to be sent again.
#[tokio::test(start_paused = true)]
async fn a_delete_is_not_sent_again_once_the_key_is_pending() {
    for kind in KINDS {
        let (bench, job) = verified(kind).await;
        let name = format!("{}#elsewhere", caller(kind));
        let other = Function::new(kind, &name, &bench.gate, bench.settings.clone());
        let bell = Arc::new(Notify::new());
        let rung = Arc::clone(&bell);
        let mut first: Option<Instant> = None;
        bench.gate.follow(move |call: &Call| {
            let is_meant = call.operation.starts_with("DELETE ");
            if !is_meant || call.caller.as_ref() == Some(&name) {
                return Fate::Pass;
            }
            let begun = first.get_or_insert_with(Instant::now);
            if begun.elapsed() > Duration::from_secs(20) {
                return Fate::Pass;
            }
            rung.notify_one();
            Fate::FailBefore
        });
        let (finished, ()) = tokio::join!(bench.deliver(kind, &job, Step::FinishSecret), async {
            bell.notified().await;
            let back = go_back(&bench, kind, &job);
            for step in [Step::CreateSecret, Step::TestSecret] {
                let delivered = other.deliver(&event(&back, step)).await;
                delivered
                    .expect("nobody was to kill it")
                    .expect("undisturbed");
            }
        });
        bench.assert_failed(finished, "LabelsMoved", &[]);
        assert_eq!(bench.ledger.breaches(), [], "{kind:?}: {}", bench.story());
    }
}
