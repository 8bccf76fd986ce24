//! Keys that die in the middle of a rotation, or that a rotation finds dead.

use std::time::Duration;

use datadog_rotation::Kind;
use harness::bench::{Bench, DOCUMENTED_SCOPES};
use harness::by_hand::{ids, with};
use harness::case::{Case, Setting, Subject};
use harness::stage;
use sandbox::gate::{Call, Fate};
use sandbox::rotation::{Step, event};
use sandbox::scene::SceneOptions;
use sandbox::secrets_manager::RotationJob;
use serde_json::{Value, json};

#[tokio::test(start_paused = true)]
async fn a_pending_key_that_is_revoked_heals() {
    for admin_scopes in [&sandbox::scene::ADMIN_SCOPES[..], &DOCUMENTED_SCOPES] {
        for (kind, half) in [
            (Kind::ApiKey, "apiKeyId"),
            (Kind::ApplicationKey, "appKeyId"),
            (Kind::AdminKey, "adminApiKeyId"),
            (Kind::AdminKey, "adminAppKeyId"),
        ] {
            for next in [Step::CreateSecret, Step::TestSecret, Step::FinishSecret] {
                let bench = Bench::new(SceneOptions {
                    admin_scopes,
                    ..SceneOptions::default()
                });
                let job = bench.begin(kind);
                for step in Step::ALL {
                    if step < next.max(Step::SetSecret) {
                        bench.deliver(kind, &job, step).await.unwrap();
                    }
                }
                bench.gate.with_world(|world| {
                    let now = world.now();
                    let secret = world.secrets_manager.secret(&job.arn).unwrap();
                    let value = secret.version(&job.token).unwrap().value().unwrap();
                    let value: Value = serde_json::from_str(value).unwrap();
                    world.datadog.revoke(now, value[half].as_str().unwrap());
                });
                bench.wait(Duration::from_mins(20)).await;
                let result = bench.deliver(kind, &job, next).await;
                bench.assert_kept();
                bench.assert_failed(
                    result,
                    "PendingKeyDead",
                    &["next rotation starts afresh", "NoStagingLabel"],
                );
                bench.give_up(&job);
                bench.rotate(kind).await.expect("afresh");
                bench.assert_settled();
            }
        }
    }
}

/// A rotation dies once it has promoted, and then one half of what it promoted is revoked: the
/// pair in AWSPREVIOUS is the last that works, and an operator can go back to it.
#[tokio::test(start_paused = true)]
async fn a_dead_current_pair_does_not_cost_the_previous_one() {
    for reads in [true, false] {
        let case = Case {
            subject: Subject::AssistedAdminKey,
            setting: Setting::Later,
            reads,
            redelivered: false,
        };
        let (kind, (bench, _)) = (Kind::AdminKey, stage::set(case).await);
        let job = bench.begin(kind);
        for step in [Step::CreateSecret, Step::TestSecret] {
            bench.deliver(kind, &job, step).await.unwrap();
        }
        bench.gate.follow(|call: &Call| {
            if call.operation == "UpdateSecretVersionStage" {
                Fate::KillAfter
            } else {
                Fate::Pass
            }
        });
        let finish = event(&job, Step::FinishSecret);
        assert!(bench.function(kind).deliver(&finish).await.is_none());
        bench.give_up(&job);
        bench.wait(Duration::from_mins(20)).await;
        let half = bench.current(kind)["adminApiKeyId"].clone();
        bench.revoke(half.as_str().unwrap());
        bench.gate.follow(|_: &Call| Fate::Pass);
        bench.gate.forget_calls();

        let result = bench.create(kind).await;
        for id in ids(&bench.value(kind, "AWSPREVIOUS").unwrap()) {
            let story = bench.story();
            assert!(bench.is_live(&id), "the last pair lost {id}\n{story}");
        }
        bench.assert_refused(result, "CurrentKeyDead", &[half.as_str().unwrap()]);
        bench.roll_back(kind);
        bench
            .rotate(kind)
            .await
            .expect("with the pair gone back to");
    }
}

/// A person has stored the pending value: its ID beside a value was compared by nobody.
#[tokio::test(start_paused = true)]
async fn a_dead_pending_pair_costs_nobody_the_key_whose_id_it_names() {
    let kind = Kind::AdminKey;
    let bench = Bench::new(SceneOptions::default());
    bench.rotate(kind).await.unwrap();
    let (own, others) = (bench.by_hand(kind), bench.by_hand(kind));
    let [dead, named] = ["adminApiKeyId", "adminAppKeyId"].map(|it| {
        let value = if it == "adminApiKeyId" { &own } else { &others };
        value[it].as_str().unwrap().to_owned()
    });
    let value = with(own, "adminAppKeyId", json!(named));
    bench.revoke(&dead);
    let job = bench.begin(kind);
    bench.manage(
        "PutSecretValue",
        &json!({
            "SecretId": bench.secret(kind),
            "ClientRequestToken": job.token,
            "SecretString": value.to_string(),
            "VersionStages": ["AWSPENDING"],
        }),
    );
    let created = bench.deliver(kind, &job, Step::CreateSecret).await;
    bench.assert_failed(created, "PendingKeyDead", &[&dead]);
    assert!(bench.is_live(&named), "{}", bench.story());
}

/// What createSecret finds stored already is most often sound, and one look at each key tells.
#[tokio::test(start_paused = true)]
async fn a_pending_key_that_works_is_not_waited_for() {
    for admin_scopes in [&sandbox::scene::ADMIN_SCOPES[..], &DOCUMENTED_SCOPES] {
        for kind in Kind::ALL {
            let bench = Bench::new(SceneOptions {
                admin_scopes,
                ..SceneOptions::default()
            });
            let job = bench.begin(kind);
            for wait in [0, 0, 20] {
                bench.wait(Duration::from_mins(wait)).await;
                let begun = tokio::time::Instant::now();
                let created = bench.deliver(kind, &job, Step::CreateSecret).await;
                created.unwrap();
                assert_eq!(begun.elapsed(), Duration::ZERO, "{}", bench.story());
            }
        }
    }
}

/// A refusal alone proves nothing: Datadog may be slow to know a young key, and where old ones
/// are refused they may still be there.
#[tokio::test(start_paused = true)]
async fn a_pending_key_that_is_refused_for_long_is_not_given_up() {
    for (admin_scopes, age) in [
        (&sandbox::scene::ADMIN_SCOPES[..], 0),
        (&sandbox::scene::ADMIN_SCOPES[..], 20),
        (&DOCUMENTED_SCOPES, 0),
    ] {
        for kind in [Kind::ApiKey, Kind::AdminKey] {
            let bench = Bench::new(SceneOptions {
                admin_scopes,
                ..SceneOptions::default()
            });
            let hour = Duration::from_hours(1);
            bench
                .gate
                .with_world(|world| world.datadog.settings.fresh_key_unusable_for = hour);
            let job = bench.begin(kind);
            let created = bench.deliver(kind, &job, Step::CreateSecret).await;
            created.unwrap();
            bench.wait(Duration::from_mins(age)).await;
            for step in [Step::TestSecret, Step::FinishSecret] {
                let result = bench.deliver(kind, &job, step).await;
                bench.assert_failed(result, "NewKeyUnusable", &["AWSCURRENT is unchanged"]);
            }
            bench.wait(hour).await;
            for step in &Step::ALL[1..] {
                bench.deliver(kind, &job, *step).await.expect("works now");
            }
            bench.assert_settled();
        }
    }
}

/// Taking AWSPENDING off is tried again when its answer is lost, and then refused.
#[tokio::test(start_paused = true)]
async fn a_dead_pending_key_is_given_up_whatever_becomes_of_the_answer() {
    let fates: [fn() -> Fate; 3] = [|| Fate::FailAfter, || Fate::CutAfter, || Fate::SilenceAfter];
    for fate in fates {
        for times in [1, 20] {
            let bench = Bench::new(SceneOptions::default());
            let kind = Kind::ApiKey;
            let job = bench.begin(kind);
            let created = bench.deliver(kind, &job, Step::CreateSecret).await;
            created.unwrap();
            bench.revoke(&ids(&bench.value(kind, "AWSPENDING").unwrap())[0]);
            let mut left = times;
            bench.gate.follow(move |call: &Call| {
                if call.operation == "UpdateSecretVersionStage" && left > 0 {
                    left -= 1;
                    fate()
                } else {
                    Fate::Pass
                }
            });
            let tested = bench.deliver(kind, &job, Step::TestSecret).await;
            bench.assert_failed(tested, "PendingKeyDead", &["AWSPENDING was taken off"]);
            bench.give_up(&job);
            bench.rotate(kind).await.expect("afresh");
            bench.assert_settled();
        }
    }
}

/// A stored key that a person has revoked.
#[expect(
    clippy::expect_used,
    reason = "a panic is how a test says that something is wrong"
)]
async fn with_dead_pending(kind: Kind) -> (Bench, RotationJob) {
    let bench = Bench::new(SceneOptions::default());
    let job = bench.begin(kind);
    let created = bench.deliver(kind, &job, Step::CreateSecret).await;
    created.expect("undisturbed");
    let pending = bench.value(kind, "AWSPENDING").expect("a stored value");
    bench.revoke(&ids(&pending)[0]);
    (bench, job)
}

/// That AWSPENDING is off is known, whatever becomes of the look at the labels after it.
#[tokio::test(start_paused = true)]
async fn a_dead_pending_key_is_given_up_though_the_labels_can_not_be_read_again() {
    let kind = Kind::ApiKey;
    let (bench, job) = with_dead_pending(kind).await;
    let mut is_off = false;
    bench.gate.follow(move |call: &Call| {
        is_off |= call.operation == "UpdateSecretVersionStage";
        if is_off && call.operation == "DescribeSecret" {
            Fate::Refuse(http::StatusCode::BAD_REQUEST)
        } else {
            Fate::Pass
        }
    });
    let tested = bench.deliver(kind, &job, Step::TestSecret).await;
    bench.assert_failed(tested, "PendingKeyDead", &["AWSPENDING was taken off"]);
    bench.gate.follow(|_: &Call| Fate::Pass);
    bench.give_up(&job);
    bench.rotate(kind).await.expect("afresh");
    bench.assert_settled();
}

/// AWSPENDING stays where it can't be taken off, and nothing else is said.
#[tokio::test(start_paused = true)]
async fn a_dead_pending_key_that_may_not_be_given_up_is_an_error() {
    let kind = Kind::ApiKey;
    let (bench, job) = with_dead_pending(kind).await;
    bench.gate.follow(|call: &Call| {
        if call.operation == "UpdateSecretVersionStage" {
            Fate::Refuse(http::StatusCode::BAD_REQUEST)
        } else {
            Fate::Pass
        }
    });
    let tested = bench.deliver(kind, &job, Step::TestSecret).await;
    bench.assert_failed(
        tested,
        "SecretsManagerRefused",
        &["AWSCURRENT is unchanged"],
    );
    assert_eq!(bench.labelled(kind, "AWSPENDING"), Some(job.token));
}
