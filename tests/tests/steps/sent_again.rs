//! Effects at Secrets Manager that are sent again: what a person has done meanwhile stays.

#![expect(
    clippy::expect_used,
    reason = "a panic is how a test says that something is wrong"
)]

use std::sync::Arc;
use std::time::Duration;

use datadog_rotation::Kind;
use datadog_rotation::error::RotationError;
use harness::bench::{Bench, caller};
use harness::by_hand::{ids, with};
use harness::function::Function;
use sandbox::gate::{Call, Fate};
use sandbox::rotation::{Step, event};
use sandbox::scene::{Admin, SceneOptions};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;

const PROMOTION: &str = "UpdateSecretVersionStage";
const STORE: &str = "PutSecretValue";

/// The operation meets the fate for so long, once it has been called; but not where `other` calls it. Returns a bell that
/// rings at each.
fn disturb(
    bench: &Bench,
    operation: &'static str,
    fate: fn() -> Fate,
    time: Duration,
    other: Option<String>,
) -> Arc<Notify> {
    let bell = Arc::new(Notify::new());
    let rung = Arc::clone(&bell);
    let mut first: Option<Instant> = None;
    bench.gate.follow(move |call: &Call| {
        if call.operation != operation || other.is_some() && call.caller == other {
            return Fate::Pass;
        }
        let begun = first.get_or_insert_with(Instant::now);
        if begun.elapsed() > time {
            return Fate::Pass;
        }
        rung.notify_one();
        fate()
    });
    bell
}

/// finishSecret's promotion meets a fate. Then a person starts afresh, and the new createSecret deletes the pending key,
/// which is 20 minutes old, as an orphaned one.
async fn started_afresh(
    kind: Kind,
    fate: fn() -> Fate,
    time: Duration,
) -> (Bench, Result<(), RotationError>) {
    let bench = Bench::new(SceneOptions::default());
    bench.rotate(kind).await.expect("undisturbed");
    let job = bench.begin(kind);
    for step in &Step::ALL[..3] {
        bench.deliver(kind, &job, *step).await.expect("undisturbed");
    }
    bench.wait(Duration::from_mins(20)).await;
    let name = format!("{}#elsewhere", caller(kind));
    let other = Function::new(kind, &name, &bench.gate, bench.settings.clone());
    let bell = disturb(&bench, PROMOTION, fate, time, Some(name));
    let (finished, ()) = tokio::join!(bench.deliver(kind, &job, Step::FinishSecret), async {
        bell.notified().await;
        bench.take_pending_off(kind);
        let create = event(&bench.begin(kind), Step::CreateSecret);
        let created = other.deliver(&create).await.expect("nobody was to kill it");
        created.expect("undisturbed");
    });
    (bench, finished)
}

#[tokio::test(start_paused = true)]
async fn a_promotion_is_not_sent_again_once_awspending_is_off() {
    let fates: [(fn() -> Fate, _); 2] = [
        (|| Fate::SilenceBefore, Duration::ZERO),
        (|| Fate::Throttle, Duration::from_secs(5)),
    ];
    for kind in Kind::ALL {
        for (fate, time) in fates {
            let (bench, finished) = started_afresh(kind, fate, time).await;
            bench.assert_failed(finished, "LabelsMoved", &[]);
            let current = ids(&bench.current(kind));
            assert!(
                current.iter().all(|it| bench.is_live(it)),
                "{}",
                bench.story()
            );
            assert_eq!(bench.ledger.breaches(), [], "{kind:?}");
        }
    }
}

/// The store is throttled, and a person stores a value meanwhile, which takes AWSPENDING off.
async fn stored_meanwhile(bench: &Bench, kind: Kind, theirs: &Value) -> Result<(), RotationError> {
    let job = bench.begin(kind);
    let bell = disturb(
        bench,
        STORE,
        || Fate::Throttle,
        Duration::from_secs(5),
        None,
    );
    let (created, ()) = tokio::join!(bench.deliver(kind, &job, Step::CreateSecret), async {
        bell.notified().await;
        bench.wait(Duration::from_secs(3)).await;
        bench.store(kind, theirs);
    });
    bench.gate.follow(|_: &Call| Fate::Pass);
    bench.give_up(&job);
    bench.wait(Duration::from_mins(20)).await;
    created
}

#[tokio::test(start_paused = true)]
async fn a_value_is_not_stored_again_over_a_persons() {
    for kind in Kind::ALL {
        let bench = Bench::new(SceneOptions::default());
        bench.rotate(kind).await.expect("undisturbed");
        bench.wait(Duration::from_mins(20)).await;
        let theirs = with(bench.by_hand(kind), "note", json!("a person's"));
        let created = stored_meanwhile(&bench, kind, &theirs).await;
        bench.assert_failed(created, "PendingLabelLost", &["were deleted again"]);
        bench.rotate(kind).await.expect("undisturbed");
        assert_eq!(bench.current(kind)["note"], theirs["note"]);
        bench.assert_settled();
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_is_not_stored_again_over_a_persons_value() {
    let kind = Kind::AdminKey;
    let admin = Admin::Identity;
    let bench = Bench::new(SceneOptions {
        admin,
        ..SceneOptions::default()
    });
    let theirs = with(bench.current(kind), "note", json!("a person's"));
    let created = stored_meanwhile(&bench, kind, &theirs).await;
    bench.assert_failed(created, "PendingLabelLost", &[]);
    bench.rotate(kind).await.expect("undisturbed");
    assert_eq!(bench.current(kind)["note"], theirs["note"]);
}
