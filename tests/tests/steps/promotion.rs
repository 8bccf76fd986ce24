//! Promotions whose answer is lost or a refusal: what the labels show is what counts.

use std::time::Duration;

use datadog_rotation::Kind;
use datadog_rotation::credential::Grace;
use datadog_rotation::secrets::GRACE_TAG;
use harness::bench::Bench;
use harness::by_hand::ids;
use sandbox::gate::{Call, Fate, pause};
use sandbox::rotation::Step;
use sandbox::scene::SceneOptions;

const LAG: Duration = Duration::from_secs(2);
const PROMOTION: &str = "UpdateSecretVersionStage";

fn bench() -> Bench {
    Bench::new(SceneOptions::default())
}

#[tokio::test(start_paused = true)]
async fn a_promotion_whose_answer_is_lost_is_seen_when_the_labels_show_it() {
    for kind in Kind::ALL {
        let bench = bench();
        let job = bench.begin(kind);
        for step in &Step::ALL[..3] {
            bench.deliver(kind, &job, *step).await.expect("undisturbed");
        }
        let lag = LAG.try_into().expect("a short time");
        bench
            .gate
            .with_world(|world| world.secrets_manager.label_lag = lag);
        let mut first = true;
        bench.gate.follow(move |call: &Call| {
            if call.operation == PROMOTION && std::mem::take(&mut first) {
                Fate::FailAfter
            } else {
                Fate::Pass
            }
        });
        let finished = bench.deliver(kind, &job, Step::FinishSecret).await;
        finished.expect("promoted");
        bench.wait(LAG).await;
        bench.assert_settled();
    }
}

#[tokio::test(start_paused = true)]
async fn a_promotion_that_failed_is_told_by_what_is_known_of_it() {
    let fates: [(fn() -> Fate, _, _); 3] = [
        (
            || Fate::Throttle,
            "SecretsManagerThrottled",
            "stored as AWSPENDING; AWSCURRENT is unchanged",
        ),
        (
            || Fate::FailBefore,
            "SecretsManagerUnavailable",
            "whether it became AWSCURRENT is not known",
        ),
        (
            || Fate::SilenceBefore,
            "SecretsManagerUnreachable",
            "whether it became AWSCURRENT is not known",
        ),
    ];
    for (fate, error_type, state) in fates {
        let bench = bench();
        let job = bench.begin(Kind::ApiKey);
        for step in &Step::ALL[..3] {
            let done = bench.deliver(Kind::ApiKey, &job, *step).await;
            done.expect("undisturbed");
        }
        bench.gate.follow(move |call: &Call| {
            if call.operation == PROMOTION {
                fate()
            } else {
                Fate::Pass
            }
        });
        let finished = bench.deliver(Kind::ApiKey, &job, Step::FinishSecret).await;
        bench.assert_failed(finished, error_type, &[state]);
    }
}

/// A person takes AWSPENDING off while finishSecret verifies: the next rotation takes the pending key for an orphaned one.
#[tokio::test(start_paused = true)]
async fn a_version_that_has_lost_awspending_is_not_promoted() {
    for kind in Kind::ALL {
        let bench = bench();
        bench.rotate(kind).await.expect("undisturbed");
        let (current, previous) = (bench.current(kind), bench.value(kind, "AWSPREVIOUS"));
        let job = bench.begin(kind);
        for step in &Step::ALL[..3] {
            bench.deliver(kind, &job, *step).await.expect("undisturbed");
        }
        bench.wait(Duration::from_mins(20)).await;
        let (held, release) = pause();
        let mut held = Some(held);
        bench.gate.follow(move |call: &Call| {
            let is_meant = call.operation.starts_with("GET /api/");
            let held = held.take_if(|_| is_meant);
            held.map_or(Fate::Pass, Fate::Pause)
        });
        let (finished, ()) = tokio::join!(bench.deliver(kind, &job, Step::FinishSecret), async {
            bench.wait(Duration::from_secs(4)).await;
            bench.take_pending_off(kind);
            release.pass();
        });
        bench.assert_failed(finished, "LabelsMoved", &["The version was not promoted"]);
        assert_eq!(bench.current(kind), current, "{}", bench.story());
        if kind.grace() == Grace::OneRotation {
            let with_grace = previous.expect("a value");
            assert!(bench.is_live(&ids(&with_grace)[0]), "{}", bench.story());
        }
        assert_eq!(bench.ledger.breaches(), []);
    }
}

/// The key that was promoted has died since: the one that it replaced is the last that works.
#[tokio::test(start_paused = true)]
async fn a_replaced_key_stays_beside_a_current_one_that_has_died_since_the_promotion() {
    for kind in [Kind::ApiKey, Kind::ApplicationKey, Kind::ServiceAccessToken] {
        let bench = bench();
        bench.tag(kind, GRACE_TAG, "0");
        bench.rotate(kind).await.expect("undisturbed");
        let replaced = ids(&bench.current(kind));
        let job = bench.begin(kind);
        for step in &Step::ALL[..3] {
            bench.deliver(kind, &job, *step).await.expect("undisturbed");
        }
        bench.gate.follow(|call: &Call| {
            if call.operation.starts_with("DELETE ") {
                Fate::CutBefore
            } else {
                Fate::Pass
            }
        });
        let finished = bench.deliver(kind, &job, Step::FinishSecret).await;
        finished.expect_err("the replaced key could not be deleted");
        bench.gate.follow(|_: &Call| Fate::Pass);
        let promoted = ids(&bench.current(kind)).remove(0);
        assert_ne!(promoted, replaced[0]);
        bench.ledger.excuse(&promoted);
        bench.revoke(&promoted);
        let again = bench.deliver(kind, &job, Step::FinishSecret).await;
        bench.assert_failed(again, "CurrentKeyDead", &[&promoted]);
        assert!(bench.is_live(&replaced[0]), "{kind:?}: {}", bench.story());
    }
}

/// One refusal of AWSCURRENT's key proves nothing: an edge may have answered it.
#[tokio::test(start_paused = true)]
async fn one_refusal_of_the_current_key_keeps_no_replaced_key_alive() {
    let kind = Kind::ApplicationKey;
    let bench = bench();
    bench.rotate(kind).await.expect("undisturbed");
    let replaced = ids(&bench.current(kind));
    let job = bench.begin(kind);
    for step in &Step::ALL[..3] {
        bench.deliver(kind, &job, *step).await.expect("undisturbed");
    }
    bench.gate.follow(|call: &Call| {
        if call.operation.starts_with("DELETE ") {
            Fate::CutBefore
        } else {
            Fate::Pass
        }
    });
    let finished = bench.deliver(kind, &job, Step::FinishSecret).await;
    finished.expect_err("the replaced key could not be deleted");
    let mut first = true;
    bench.gate.follow(move |call: &Call| {
        if call.operation == "GET /api/v2/validate_keys" && std::mem::take(&mut first) {
            Fate::Refuse(http::StatusCode::FORBIDDEN)
        } else {
            Fate::Pass
        }
    });
    let again = bench.deliver(kind, &job, Step::FinishSecret).await;
    again.expect("accepted in the end");
    assert!(!bench.is_live(&replaced[0]), "{}", bench.story());
}
