//! What people do between and during rotations, and what comes of it.

use std::time::Duration;

use datadog_rotation::Kind;
use harness::bench::{Bench, DOCUMENTED_SCOPES};
use harness::by_hand::ids;
use sandbox::gate::{Call, Fate, pause};
use sandbox::rotation::Step;
use sandbox::scene::{ADMIN_SCOPES, SceneOptions};
use serde_json::json;

const DAY: Duration = Duration::from_hours(24);

fn bench() -> Bench {
    Bench::new(SceneOptions::default())
}

fn purge(bench: &Bench) {
    bench.gate.with_world(|world| {
        let now = world.now();
        world.secrets_manager.purge(now);
    });
}

#[tokio::test(start_paused = true)]
async fn a_minted_key_that_a_person_displaced_is_not_forgotten() {
    for kind in Kind::ALL {
        let bench = bench();
        bench.rotate(kind).await.unwrap();
        let minted = ids(&bench.current(kind));
        let value = bench.by_hand(kind);
        bench.store(kind, &value);
        for _ in 0..2 {
            bench.wait(2 * DAY).await;
            bench.rotate(kind).await.unwrap();
            // Secrets Manager forgets versions without labels after a day.
            bench.wait(2 * DAY).await;
            purge(&bench);
        }
        for id in minted {
            assert!(!bench.is_live(&id), "{}: {id} leaked", kind.name());
        }
        bench.assert_settled();
    }
}

#[tokio::test(start_paused = true)]
async fn a_hand_made_key_that_a_person_displaced_stays_theirs() {
    for kind in Kind::ALL {
        let bench = bench();
        let theirs = ids(&bench.current(kind));
        let value = bench.by_hand(kind);
        bench.store(kind, &value);
        for _ in 0..3 {
            bench.wait(DAY).await;
            bench.rotate(kind).await.unwrap();
        }
        for id in theirs {
            assert!(bench.is_live(&id), "{}: {id} was deleted", kind.name());
        }
        for id in ids(&value) {
            assert!(
                !bench.is_live(&id),
                "{}: {id} was displaced by rotation",
                kind.name()
            );
        }
    }
}

/// setSecret has nothing to do, and asks nobody whether it may.
fn asking(steps: &[Step]) -> impl Iterator<Item = Step> {
    steps.iter().copied().filter(|it| *it != Step::SetSecret)
}

#[tokio::test(start_paused = true)]
async fn a_value_stored_between_two_steps_ends_the_rotation_and_nothing_else() {
    for kind in Kind::ALL {
        for after in 0..3 {
            let bench = bench();
            let job = bench.begin(kind);
            for step in &Step::ALL[..=after] {
                bench.deliver(kind, &job, *step).await.unwrap();
            }
            let value = bench.by_hand(kind);
            bench.store(kind, &value);
            for step in asking(&Step::ALL[after + 1..]) {
                let result = bench.deliver(kind, &job, step).await;
                bench.assert_failed(result, "NoStagingLabel", &["carries no staging label"]);
            }
            bench.give_up(&job);
            assert_eq!(bench.current(kind), value);
            bench.wait(Duration::from_mins(16)).await;
            bench.rotate(kind).await.unwrap();
            bench.assert_settled();
        }
    }
}

/// One API key in the admin secret and in an API key secret: the pair that acts is never deleted.
#[tokio::test(start_paused = true)]
async fn a_value_stored_at_the_last_moment_stays() {
    for kind in Kind::ALL {
        let bench = bench();
        let job = bench.begin(kind);
        for step in [Step::CreateSecret, Step::SetSecret, Step::TestSecret] {
            bench.deliver(kind, &job, step).await.unwrap();
        }
        let (held, release) = pause();
        let mut held = Some(held);
        bench.gate.follow(move |call: &Call| {
            let held = held.take_if(|_| call.operation == "UpdateSecretVersionStage");
            held.map_or(Fate::Pass, Fate::Pause)
        });
        let value = bench.by_hand(kind);
        let (finished, ()) = tokio::join!(bench.deliver(kind, &job, Step::FinishSecret), async {
            tokio::task::yield_now().await;
            bench.store(kind, &value);
            release.pass();
        });
        bench.assert_failed(
            finished,
            "PromotionRefused",
            &["whether it became AWSCURRENT is not known"],
        );
        assert_eq!(bench.current(kind), value);
        bench.give_up(&job);
        bench.wait(Duration::from_mins(16)).await;
        bench.rotate(kind).await.unwrap();
        bench.assert_settled();
    }
}

#[tokio::test(start_paused = true)]
async fn the_admins_own_keys_outlive_every_value_that_names_them() {
    for (kind, half) in [
        (Kind::ApiKey, "adminApiKeyId"),
        (Kind::ApplicationKey, "adminAppKeyId"),
    ] {
        let bench = bench();
        bench.rotate(kind).await.unwrap();
        let (mut value, sound) = (bench.by_hand(kind), bench.current(kind));
        let own = bench.current(Kind::AdminKey)[half].clone();
        let id = if kind == Kind::ApiKey {
            "apiKeyId"
        } else {
            "appKeyId"
        };
        value[id] = own.clone();
        bench.store(kind, &value);
        bench.store(kind, &sound);
        for _ in 0..2 {
            bench.wait(DAY).await;
            bench.rotate(kind).await.unwrap();
        }
        assert!(bench.is_live(own.as_str().unwrap()), "{half}");
        assert_eq!(bench.ledger.breaches(), []);
    }
}

#[tokio::test(start_paused = true)]
async fn a_rotation_that_is_cancelled_ends_and_can_be_begun_again() {
    for kind in Kind::ALL {
        for after in 0..3 {
            let bench = bench();
            let job = bench.begin(kind);
            for step in &Step::ALL[..=after] {
                bench.deliver(kind, &job, *step).await.unwrap();
            }
            bench.manage("CancelRotateSecret", &json!({ "SecretId": job.arn }));
            let before = bench.changes().len();
            for step in asking(&Step::ALL[after + 1..]) {
                if step != Step::TestSecret {
                    let result = bench.deliver(kind, &job, step).await;
                    bench.assert_failed(result, "RotationNotEnabled", &["not enabled"]);
                }
            }
            assert_eq!(bench.changes().len(), before, "{}", bench.story());
            bench.wait(Duration::from_mins(16)).await;
            // The service takes the unfinished rotation up again under its old token.
            bench.rotate(kind).await.unwrap();
            bench.assert_settled();
        }
    }
}

/// An older value stored again: two versions name one key, which lives while either is kept.
#[tokio::test(start_paused = true)]
async fn an_older_key_that_is_stored_again_lives_while_a_version_names_it() {
    let bench = bench();
    bench.rotate(Kind::ApiKey).await.unwrap();
    let previous = bench.value(Kind::ApiKey, "AWSPREVIOUS").unwrap();
    bench.store(Kind::ApiKey, &previous);
    for _ in 0..3 {
        bench.wait(DAY).await;
        bench.rotate(Kind::ApiKey).await.unwrap();
        assert_eq!(bench.ledger.breaches(), [], "{}", bench.story());
    }
    bench.assert_settled();
    assert!(
        !bench.is_live(&ids(&previous)[0]),
        "displaced two rotations ago"
    );
}

/// Each secret knows its own versions only. This is the documented limit, not a promise.
#[tokio::test(start_paused = true)]
async fn a_key_that_two_secrets_name_lives_until_the_first_displaces_it() {
    let bench = bench();
    let shared = bench.current(Kind::ApiKey);
    let another = bench.another(Kind::ApiKey);
    let put = json!({
        "SecretId": another.secret, "SecretString": shared.to_string(),
        "ClientRequestToken": sandbox::scene::token("shared"),
    });
    bench.manage("PutSecretValue", &put);
    bench.rotate(Kind::ApiKey).await.unwrap();
    assert!(bench.is_live(&ids(&shared)[0]), "kept as AWSPREVIOUS");
    bench.rotate(Kind::ApiKey).await.unwrap();
    assert!(
        !bench.is_live(&ids(&shared)[0]),
        "under the other secret, too"
    );
    bench.wait(DAY).await;
    let refused = bench.rotate_another(&another).await.unwrap_err();
    assert_eq!(refused.error_type, "CurrentKeyDead");
}

/// What the runbook says of such a key: for the secret that did not create it.
#[tokio::test(start_paused = true)]
async fn a_key_that_two_secrets_name_lives_once_no_label_of_the_other_leads_to_it() {
    for kind in [Kind::ApiKey, Kind::ApplicationKey, Kind::ServiceAccessToken] {
        for admin_scopes in [&ADMIN_SCOPES[..], &DOCUMENTED_SCOPES] {
            let bench = Bench::new(SceneOptions {
                admin_scopes,
                ..SceneOptions::default()
            });
            let owner = bench.another(kind);
            bench.rotate_another(&owner).await.unwrap();
            let shared = bench.gate.with_world(|world| {
                let secret = world.secrets_manager.secret(&owner.secret).unwrap();
                let text = secret.labelled("AWSCURRENT").unwrap().value().unwrap();
                serde_json::from_str(text).unwrap()
            });
            bench.store(kind, &shared);
            bench.store(kind, &bench.by_hand(kind));
            let body = json!({
                "SecretId": bench.secret(kind), "VersionStage": "AWSPREVIOUS",
                "RemoveFromVersionId": bench.labelled(kind, "AWSPREVIOUS"),
            });
            bench.manage("UpdateSecretVersionStage", &body);
            for _ in 0..2 {
                bench.wait(DAY).await;
                bench.rotate(kind).await.unwrap();
            }
            assert!(
                bench.is_live(&ids(&shared)[0]),
                "{kind:?}: {}",
                bench.story()
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_secrets_of_one_name_in_two_regions_leave_each_other_alone() {
    let bench = bench();
    let job = bench.begin(Kind::ApiKey);
    let elsewhere = job.arn.replace("us-east-1", "eu-west-1");
    let names =
        datadog_rotation::key_name::KeyNames::new(Kind::ApiKey, &elsewhere, "datadog/api-key");
    let version = datadog_rotation::event::VersionId::parse(&job.token).unwrap();
    let class = datadog_rotation::keys::KeyClass::Api;
    let other = bench.gate.with_world(|world| {
        let now = world.now();
        world
            .datadog
            .create_api_key(now, &names.name(class, &version, 0, "20260101"))
    });
    bench.wait(DAY).await;
    for step in Step::ALL {
        bench.deliver(Kind::ApiKey, &job, step).await.unwrap();
    }
    assert!(bench.is_live(&other.id));
    bench.assert_settled();
}

#[tokio::test(start_paused = true)]
async fn a_check_of_a_copy_of_the_current_value_changes_nothing() {
    let bench = bench();
    let job = bench.begin(Kind::ApiKey);
    let value = bench.current(Kind::ApiKey);
    let put = json!({
        "SecretId": job.arn, "ClientRequestToken": job.token, "SecretString": value.to_string(),
        "VersionStages": ["AWSPENDING"],
    });
    bench.manage("PutSecretValue", &put);
    bench
        .deliver(Kind::ApiKey, &job, Step::TestSecret)
        .await
        .expect("sound");
    bench.gate.with_world(|world| {
        let now = world.now();
        world
            .datadog
            .revoke(now, value["apiKeyId"].as_str().unwrap());
    });
    let result = bench.deliver(Kind::ApiKey, &job, Step::TestSecret).await;
    bench.assert_refused(result, "CurrentKeyDead", &["revoked"]);
}

#[tokio::test(start_paused = true)]
async fn an_admin_pair_of_which_one_half_was_just_replaced_is_read_again() {
    for half in [
        ["adminApiKey", "adminApiKeyId"],
        ["adminAppKey", "adminAppKeyId"],
    ] {
        let bench = bench();
        let job = bench.begin(Kind::ApiKey);
        let mut function = bench.function(Kind::ApiKey);
        function.timeout = Duration::from_secs(250);
        let event = sandbox::rotation::event(&job, Step::CreateSecret);
        let change = || {
            let (mut value, made) = (bench.current(Kind::AdminKey), bench.by_hand(Kind::AdminKey));
            bench.revoke(value[half[1]].as_str().expect("an id"));
            for field in half {
                value[field] = made[field].clone();
            }
            bench.store(Kind::AdminKey, &value);
        };
        let step = function.deliver(&event);
        let created = bench
            .meanwhile("GET /api/v2/api_keys/{id}", step, change)
            .await;
        created.expect("alive").expect("with the new half");
        // Not taken for a pair that may not look keys up.
        let calls = bench.gate.calls();
        let looked = calls
            .iter()
            .filter(|it| it.call.operation == "GET /api/v2/api_keys/{id}");
        // Once more after the creation: no answer here tells whether a key enrols action runners.
        assert_eq!(looked.count(), 3, "{}", bench.story());
        for step in [Step::SetSecret, Step::TestSecret, Step::FinishSecret] {
            bench.deliver(Kind::ApiKey, &job, step).await.unwrap();
        }
        bench.assert_settled();
    }
}
