//! What is seen a moment late: labels, values and keys. A step waits for it, and neither fails nor
//! takes what it sees meanwhile for the truth.

use std::time::Duration;

use datadog_rotation::Kind;
use harness::bench::Bench;
use harness::by_hand::ids;
use harness::case::{Case, Setting, Subject};
use harness::stage;
use http::StatusCode;
use sandbox::gate::{Call, Fate, pause};
use sandbox::rotation::Step;
use sandbox::scene::SceneOptions;
use serde_json::json;

const LAG: Duration = Duration::from_secs(2);

fn bench() -> Bench {
    Bench::new(SceneOptions::default())
}

/// The first call of this operation meets this fate.
fn spoil_first(bench: &Bench, operation: &'static str, fate: Fate) {
    let mut fate = Some(fate);
    bench.gate.follow(move |call: &Call| {
        let spoiled = fate.take_if(|_| call.operation == operation);
        spoiled.unwrap_or(Fate::Pass)
    });
}

#[tokio::test(start_paused = true)]
async fn every_step_waits_for_labels_values_and_keys() {
    for subject in Subject::ALL {
        for reads in [true, false] {
            let (bench, _) = stage::set(Case {
                subject,
                setting: Setting::Lagging,
                reads,
                redelivered: false,
            })
            .await;
            let kind = subject.kind();
            let job = bench.begin(kind);
            for step in Step::ALL {
                let done = bench.deliver(kind, &job, step).await;
                done.unwrap_or_else(|error| panic!("{subject}: {error}\n{}", bench.story()));
            }
            bench.wait(LAG).await;
            bench.assert_settled();
        }
    }
}

/// AWSPENDING is not seen on the version that is about to be filled, and then it is again.
#[tokio::test(start_paused = true)]
async fn a_label_that_is_gone_for_a_moment_is_waited_for() {
    let kind = Kind::ApiKey;
    let bench = bench();
    let job = bench.begin(kind);
    let (held, release) = pause();
    spoil_first(&bench, "POST /api/v2/api_keys", Fate::Pause(held));
    let created = bench.deliver(kind, &job, Step::CreateSecret);
    let (created, ()) = tokio::join!(created, async {
        // Until it is held.
        tokio::time::sleep(Duration::from_secs(1)).await;
        bench.take_pending_off(kind);
        release.pass();
        tokio::time::sleep(LAG).await;
        bench.manage(
            "UpdateSecretVersionStage",
            &json!({
                "SecretId": job.arn, "VersionStage": "AWSPENDING", "MoveToVersionId": job.token,
            }),
        );
    });
    created.expect("seen again");
    for step in &Step::ALL[1..] {
        bench.deliver(kind, &job, *step).await.expect("undisturbed");
    }
    bench.assert_settled();
}

#[tokio::test(start_paused = true)]
async fn a_new_application_key_that_is_not_found_yet_is_waited_for() {
    for kind in [Kind::ApplicationKey, Kind::AdminKey] {
        let bench = bench();
        let job = bench.begin(kind);
        let created = bench.deliver(kind, &job, Step::CreateSecret).await;
        created.expect("undisturbed");
        let pending = bench.value(kind, "AWSPENDING").expect("a stored value");
        let fresh = ids(&pending).pop();
        let mut left = 3;
        bench.gate.follow(move |call: &Call| {
            if left > 0 && call.operation.starts_with("GET ") && call.subject == fresh {
                left -= 1;
                Fate::Refuse(StatusCode::NOT_FOUND)
            } else {
                Fate::Pass
            }
        });
        for step in [Step::TestSecret, Step::FinishSecret] {
            let done = bench.deliver(kind, &job, step).await;
            done.expect("found in the end");
        }
        bench.assert_settled();
    }
}

/// The labels and the value under AWSCURRENT are read at once, and AWSCURRENT moves between the
/// two: what the step goes by is one reading of both.
#[tokio::test(start_paused = true)]
async fn a_value_that_becomes_current_between_two_readings_is_the_one_that_is_replaced() {
    for kind in Kind::ALL {
        let bench = bench();
        let value = bench.by_hand(kind);
        bench.store_aside(kind, "MINE", &value);
        let job = bench.begin(kind);
        let step = bench.deliver(kind, &job, Step::CreateSecret);
        let change = || bench.make_current(kind, "MINE");
        let created = bench.meanwhile("GetSecretValue", step, change).await;
        created.unwrap_or_else(|error| panic!("{error}\n{}", bench.story()));
        let calls = bench.gate.calls().into_iter();
        let before = calls.take_while(|it| !it.call.operation.starts_with("POST "));
        let readings = before.filter(|it| it.call.operation == "DescribeSecret");
        assert_eq!(readings.count(), 2, "{}", bench.story());
        for step in &Step::ALL[1..] {
            bench.deliver(kind, &job, *step).await.expect("undisturbed");
        }
        bench.assert_kept();
        let previous = bench.value(kind, "AWSPREVIOUS");
        assert_eq!(previous, Some(value), "{}", bench.story());
    }
}

/// The value under AWSCURRENT is asked for before it is known which version that is: that nothing
/// is found there yet says nothing of the version, and any other failure is one.
#[tokio::test(start_paused = true)]
async fn a_current_value_that_is_not_found_at_first_is_asked_for_by_its_version() {
    let bench = bench();
    let missing = Fate::Refuse(StatusCode::NOT_FOUND);
    spoil_first(&bench, "GetSecretValue", missing);
    let result = bench.create(Kind::ApiKey).await;
    result.expect("found by its version");
    let bench = self::bench();
    spoil_first(
        &bench,
        "GetSecretValue",
        Fate::Refuse(StatusCode::BAD_REQUEST),
    );
    let result = bench.create(Kind::ApiKey).await;
    bench.assert_refused(result, "SecretsManagerRefused", &[]);
}

/// Another delivery has stored its keys, and the version's value is not found at first, or never.
#[tokio::test(start_paused = true)]
async fn a_value_that_another_delivery_has_stored_is_waited_for() {
    let kind = Kind::ApiKey;
    for (times, error_type) in [(2, None), (usize::MAX, Some("PendingWithoutValue"))] {
        let bench = bench();
        let job = bench.begin(kind);
        let (held, release) = pause();
        let (mut held, mut left) = (Some(held), times);
        bench
            .gate
            .follow(move |call: &Call| match call.operation.as_str() {
                "PutSecretValue" => held.take().map_or(Fate::Pass, Fate::Pause),
                "GetSecretValue" if held.is_none() && left > 0 => {
                    left -= 1;
                    Fate::Refuse(StatusCode::NOT_FOUND)
                }
                _ => Fate::Pass,
            });
        let overtaken = bench.deliver(kind, &job, Step::CreateSecret);
        let (overtaken, ()) = tokio::join!(overtaken, async {
            // Until it is held.
            tokio::time::sleep(Duration::from_secs(1)).await;
            let others = bench.by_hand(kind).to_string();
            let put = json!({
                "SecretId": job.arn, "ClientRequestToken": job.token, "SecretString": others,
                "VersionStages": ["AWSPENDING"],
            });
            bench.manage("PutSecretValue", &put);
            release.pass();
        });
        match error_type {
            None => overtaken.expect("with the other's keys"),
            // What the version holds is not known: it may be the very key that was created here.
            Some(error_type) => {
                bench.assert_failed(overtaken, error_type, &["AWSPENDING is not known"]);
                bench.gate.follow(|_: &Call| Fate::Pass);
                let again = bench.deliver(kind, &job, Step::CreateSecret).await;
                again.expect("cleans up");
            }
        }
        let minted = bench.gate.with_world(|world| bench.ledger.orphans(world));
        assert!(minted.is_empty(), "{}", bench.story());
    }
}
