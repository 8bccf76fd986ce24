//! Promotions whose answer is lost or a refusal: what the labels show is what counts.

use std::time::Duration;

use datadog_rotation::Kind;
use harness::bench::Bench;
use sandbox::gate::{Call, Fate};
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
