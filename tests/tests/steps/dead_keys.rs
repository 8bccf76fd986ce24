//! Keys that die in the middle of a rotation, or that a rotation finds dead.

use std::time::Duration;

use datadog_rotation::Kind;
use sandbox::gate::{Call, Fate};
use sandbox::rotation::{Step, event};
use sandbox::scene::SceneOptions;
use serde_json::Value;
use tests::bench::{Bench, DOCUMENTED_SCOPES};
use tests::by_hand::ids;
use tests::case::{Case, Setting, Subject};
use tests::stage;

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
