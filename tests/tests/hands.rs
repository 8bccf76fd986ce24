//! What people do between and during rotations, and what comes of it.

use std::time::Duration;

use datadog_rotation::Kind;
use sandbox::rotation::Step;
use sandbox::scene::SceneOptions;
use serde_json::{Value, json};
use tests::bench::{Bench, DOCUMENTED_SCOPES};

const DAY: Duration = Duration::from_hours(24);

fn bench() -> Bench {
    Bench::new(SceneOptions::default())
}

/// A value of the kind with keys made by hand.
fn by_hand(bench: &Bench, kind: Kind) -> Value {
    let mut value = bench.current(kind);
    let account = bench.scene.service_account.clone();
    bench.gate.with_world(|world| {
        let now = world.now();
        let scopes = ["dashboards_read"];
        let mut set = |text: &str, id: &str, key: sandbox::datadog::Minted| {
            value[text] = json!(key.value);
            value[id] = json!(key.id);
        };
        let datadog = &mut world.datadog;
        match kind {
            Kind::ApiKey => set("apiKey", "apiKeyId", datadog.create_api_key(now, "by hand")),
            Kind::ApplicationKey => {
                let key = datadog.create_application_key(now, &account, "by hand", Some(&scopes));
                set("appKey", "appKeyId", key);
            }
            Kind::AdminKey => {
                let key = datadog.create_application_key(now, &account, "by hand", None);
                set("adminAppKey", "adminAppKeyId", key);
                let key = datadog.create_api_key(now, "by hand");
                set("adminApiKey", "adminApiKeyId", key);
            }
        }
    });
    value
}

fn ids(value: &Value) -> Vec<String> {
    let ids = ["apiKeyId", "appKeyId", "adminApiKeyId", "adminAppKeyId"];
    ids.iter()
        .filter_map(|id| Some(value.get(id)?.as_str()?.to_owned()))
        .collect()
}

fn is_live(bench: &Bench, id: &str) -> bool {
    bench.gate.with_world(|world| {
        world
            .datadog
            .key(id)
            .is_some_and(sandbox::datadog::Key::is_live)
    })
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
        let value = by_hand(&bench, kind);
        bench.store(kind, &value);
        for _ in 0..2 {
            bench.wait(2 * DAY).await;
            bench.rotate(kind).await.unwrap();
            // Secrets Manager forgets versions without labels after a day.
            bench.wait(2 * DAY).await;
            purge(&bench);
        }
        for id in minted {
            assert!(!is_live(&bench, &id), "{}: {id} leaked", kind.name());
        }
        bench.assert_settled();
    }
}

#[tokio::test(start_paused = true)]
async fn a_hand_made_key_that_a_person_displaced_stays_theirs() {
    for kind in Kind::ALL {
        let bench = bench();
        let theirs = ids(&bench.current(kind));
        let value = by_hand(&bench, kind);
        bench.store(kind, &value);
        for _ in 0..3 {
            bench.wait(DAY).await;
            bench.rotate(kind).await.unwrap();
        }
        for id in theirs {
            assert!(is_live(&bench, &id), "{}: {id} was deleted", kind.name());
        }
        for id in ids(&value) {
            assert!(
                !is_live(&bench, &id),
                "{}: {id} was displaced by rotation",
                kind.name()
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_is_survived() {
    for kind in [Kind::ApiKey, Kind::ApplicationKey] {
        let bench = bench();
        bench.rotate(kind).await.unwrap();
        let value = by_hand(&bench, kind);
        bench.store(kind, &value);
        let (to, from) = bench.gate.with_world(|world| {
            let secret = world.secrets_manager.secret(bench.secret(kind)).unwrap();
            let id = |label| secret.labelled(label).unwrap().id().to_owned();
            (id("AWSPREVIOUS"), id("AWSCURRENT"))
        });
        let body = json!({
            "SecretId": bench.secret(kind), "VersionStage": "AWSCURRENT",
            "MoveToVersionId": to, "RemoveFromVersionId": from,
        });
        bench.manage("UpdateSecretVersionStage", &body);
        for _ in 0..2 {
            bench.wait(DAY).await;
            bench.rotate(kind).await.unwrap();
            assert_eq!(bench.ledger.breaches(), []);
        }
        bench.assert_settled();
    }
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
            let value = by_hand(&bench, kind);
            bench.store(kind, &value);
            for step in &Step::ALL[after + 1..] {
                let result = bench.deliver(kind, &job, *step).await;
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
                bench.deliver(kind, &job, Step::CreateSecret).await.unwrap();
                bench.gate.with_world(|world| {
                    let now = world.now();
                    let secret = world.secrets_manager.secret(&job.arn).unwrap();
                    let value = secret.version(&job.token).unwrap().value().unwrap();
                    let value: Value = serde_json::from_str(value).unwrap();
                    world.datadog.revoke(now, value[half].as_str().unwrap());
                });
                bench.wait(Duration::from_mins(20)).await;
                let result = bench.deliver(kind, &job, next).await;
                bench.assert_failed(result, "PendingKeyDead", &["next rotation starts afresh"]);
                bench.give_up(&job);
                bench.rotate(kind).await.expect("afresh");
                bench.assert_settled();
            }
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
    assert!(is_live(&bench, &other.id));
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
