//! Undisturbed rotations of the types: what they change, what they keep, what they leave.

use std::time::Duration;

use datadog_rotation::Kind;
use datadog_rotation::settings::Settings;
use harness::bench::{Bench, DOCUMENTED_SCOPES};
use harness::listen::Listening;
use harness::stage::edges;
use sandbox::gate::{Call, Fate};
use sandbox::rotation::Step;
use sandbox::scene::{ADMIN_SCOPES, SceneOptions};
use sandbox::secrets_manager::Readings;
use serde_json::{Value, json};

fn bench() -> Bench {
    Bench::new(SceneOptions::default())
}

#[tokio::test(start_paused = true)]
async fn every_type_rotates_again_and_again() {
    for admin_scopes in [&ADMIN_SCOPES[..], &DOCUMENTED_SCOPES] {
        let bench = Bench::new(SceneOptions {
            admin_scopes,
            ..SceneOptions::default()
        });
        for _ in 0..3 {
            for kind in Kind::ALL {
                let before = bench.current(kind);
                bench.rotate(kind).await.unwrap();
                bench.assert_settled();
                assert_ne!(bench.current(kind), before);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_states_are_those_of_the_managed_service() {
    let bench = bench();
    for kind in Kind::ALL {
        let fields = |value: &Value| {
            value
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect::<Vec<_>>()
        };
        let before = fields(&bench.current(kind));
        bench.rotate(kind).await.unwrap();
        assert_eq!(fields(&bench.current(kind)), before);
    }
    let value = bench.current(Kind::ApplicationKey);
    let name = bench.gate.with_world(|world| {
        world
            .datadog
            .key(value["appKeyId"].as_str().unwrap())
            .unwrap()
            .name
            .clone()
    });
    assert!(
        name.starts_with("aws-sm-app-key-datadog/app-key-20260401-"),
        "{name}"
    );
}

#[tokio::test(start_paused = true)]
async fn one_value_serves_every_reader() {
    let bench = bench();
    let mut value = bench.current(Kind::ApiKey);
    let (text, id) = (value["apiKey"].clone(), value["apiKeyId"].clone());
    for field in ["dd_api_key", "api_key"] {
        value[field] = text.clone();
    }
    value["copyOfId"] = id;
    value["note"] = json!({ "kept": [1, 2.50, null], "apiKey": text });
    bench.store(Kind::ApiKey, &value);
    bench.rotate(Kind::ApiKey).await.unwrap();
    let after = bench.current(Kind::ApiKey);
    assert_ne!(after["apiKey"], value["apiKey"]);
    assert_eq!(after["dd_api_key"], after["apiKey"]);
    assert_eq!(after["api_key"], after["apiKey"]);
    assert_eq!(after["copyOfId"], after["apiKeyId"]);
    assert_eq!(after["note"], value["note"]);
}

/// A field named like a key that holds something else is nobody's to change.
#[tokio::test(start_paused = true)]
async fn a_field_that_holds_another_key_is_left_and_told() {
    for (field, is_told) in [("dd_api_key", true), ("note", false)] {
        let bench = bench();
        let mut value = bench.current(Kind::ApiKey);
        value[field] = json!("f".repeat(32));
        bench.store(Kind::ApiKey, &value);
        let listening = Listening::begin();
        bench.rotate(Kind::ApiKey).await.unwrap();
        let heard = listening.heard();
        assert_eq!(heard.contains("they were left as they are"), is_told);
        assert_eq!(bench.current(Kind::ApiKey)[field], value[field]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_admin_pair_is_rotated_by_another_admin_if_one_is_named() {
    let bench = bench();
    let (admin, assistant) = (bench.secret(Kind::AdminKey).to_owned(), "datadog/assistant");
    let value = bench.gate.with_world(|world| {
        let now = world.now();
        let account = bench.scene.service_account.clone();
        let api = world.datadog.create_api_key(now, "assistant");
        let application =
            world
                .datadog
                .create_application_key(now, &account, "assistant", Some(&ADMIN_SCOPES));
        json!({
            "adminApiKey": api.value, "adminApiKeyId": api.id, "adminAppKey": application.value,
            "adminAppKeyId": application.id, "serviceAccountId": account, "site": "datadoghq.com",
        })
    });
    let created = bench.manage(
        "CreateSecret",
        &json!({
            "Name": assistant,
            "ClientRequestToken": sandbox::scene::token(assistant),
            "SecretString": value.to_string(),
        }),
    );
    let tags = json!([{ "Key": "adminSecretArn", "Value": created["ARN"] }]);
    bench.manage("TagResource", &json!({ "SecretId": admin, "Tags": tags }));
    bench.rotate(Kind::AdminKey).await.unwrap();
    bench.assert_settled();
    let read = bench.gate.calls();
    let of_assistant = read.iter().filter(|it| {
        it.call.subject.as_ref() == created["ARN"].as_str().map(str::to_owned).as_ref()
    });
    assert!(of_assistant.count() >= 3, "{}", bench.story());
}

/// Two secrets hold one pair, and one of them is the admin of the other.
#[tokio::test(start_paused = true)]
async fn an_admin_that_holds_the_rotated_pair_goes_on_working() {
    let bench = bench();
    let copy = bench.current(Kind::AdminKey);
    let created = bench.manage(
        "CreateSecret",
        &json!({
            "Name": "datadog/copy",
            "ClientRequestToken": sandbox::scene::token("copy"),
            "SecretString": copy.to_string(),
        }),
    );
    bench.tag(
        Kind::AdminKey,
        "adminSecretArn",
        created["ARN"].as_str().unwrap(),
    );
    for _ in 0..2 {
        bench.rotate(Kind::AdminKey).await.unwrap();
        assert_ne!(bench.current(Kind::AdminKey), copy);
        for half in ["adminApiKeyId", "adminAppKeyId"] {
            assert!(bench.is_live(copy[half].as_str().unwrap()), "{half}");
        }
        bench.wait(Duration::from_mins(20)).await;
    }
    assert_eq!(bench.ledger.breaches(), []);
}

#[tokio::test(start_paused = true)]
async fn an_admin_secret_never_goes_by_the_functions_default() {
    let mut bench = bench();
    let own = bench.secret(Kind::AdminKey).to_owned();
    bench.settings = Settings {
        admin_secret_arn: Some(bench.secret(Kind::ApiKey).to_owned()),
        ..Settings::default()
    };
    bench.rotate(Kind::AdminKey).await.expect("by itself");
    let tags = json!([{ "Key": "adminSecretArn", "Value": own }]);
    bench.manage("TagResource", &json!({ "SecretId": own, "Tags": tags }));
    bench
        .rotate(Kind::AdminKey)
        .await
        .expect("naming itself is by itself");
    bench.assert_settled();
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_not_everywhere_at_once_are_waited_for() {
    let bench = bench();
    bench.gate.with_world(|world| {
        world.datadog.settings.fresh_key_unusable_for = Duration::from_secs(12);
        world.datadog.settings.fresh_key_unlisted_for = Duration::from_secs(5);
        world.secrets_manager.label_lag = time::Duration::seconds(2);
    });
    for kind in Kind::ALL {
        bench
            .rotate(kind)
            .await
            .unwrap_or_else(|error| panic!("{error:?}\n{}", bench.story()));
        bench.wait(Duration::from_secs(10)).await;
        bench.assert_settled();
    }
}

#[tokio::test(start_paused = true)]
async fn a_configuration_check_changes_nothing_and_names_what_is_missing() {
    for kind in Kind::ALL {
        let bench = bench();
        let job = bench.begin(kind);
        bench
            .deliver(kind, &job, Step::TestSecret)
            .await
            .expect("sound");
        assert!(bench.changes().is_empty());

        let admin = bench.current(Kind::AdminKey)["adminAppKeyId"]
            .as_str()
            .unwrap()
            .to_owned();
        // Tokens take no right over API keys.
        let missing = match kind {
            Kind::ServiceAccessToken => "org_app_keys_write",
            _ => "api_keys_delete",
        };
        let scopes = DOCUMENTED_SCOPES.into_iter().filter(|it| *it != missing);
        let scopes: Vec<_> = scopes.collect();
        bench
            .gate
            .with_world(|world| world.datadog.set_scopes(&admin, Some(&scopes)));
        let result = bench.deliver(kind, &job, Step::TestSecret).await;
        bench.assert_refused(
            result,
            "MissingScope",
            &[&format!("lacks the scopes {missing}"), "to the role"],
        );

        bench.gate.with_world(|world| {
            let now = world.now();
            world.datadog.set_scopes(&admin, None);
            world.datadog.revoke(now, &admin);
        });
        let result = bench.deliver(kind, &job, Step::TestSecret).await;
        bench.assert_refused(result, "AdminKeyRefused", &["datadog/admin"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_admin_that_has_just_rotated_is_read_again() {
    let bench = bench();
    let job = bench.begin(Kind::ApiKey);
    let mut function = bench.function(Kind::ApiKey);
    function.timeout = Duration::from_secs(250);
    let (held, release) = sandbox::gate::pause();
    let mut held = Some(held);
    bench.gate.follow(move |call: &Call| {
        let mine = call.caller.as_deref() == Some("datadog-api-key");
        if mine && call.operation == "GET /api/v2/api_keys/{id}" {
            held.take().map_or(Fate::Pass, Fate::Pause)
        } else {
            Fate::Pass
        }
    });
    let (kind, admin) = (Kind::AdminKey, bench.begin(Kind::AdminKey));
    for step in [Step::CreateSecret, Step::SetSecret, Step::TestSecret] {
        bench.deliver(kind, &admin, step).await.unwrap();
    }
    let event = sandbox::rotation::event(&job, Step::CreateSecret);
    let (created, ()) = tokio::join!(function.deliver(&event), async {
        tokio::task::yield_now().await;
        let finished = bench.deliver(kind, &admin, Step::FinishSecret).await;
        finished.expect("the admin rotates");
        release.pass();
    });
    created.expect("alive").expect("with the new pair");
    // Sent again with the new pair, and not taken for a pair without api_keys_read.
    let looked = bench.gate.calls().into_iter().filter(|it| {
        let mine = it.call.caller.as_deref() == Some("datadog-api-key");
        mine && it.call.operation == "GET /api/v2/api_keys/{id}"
    });
    // And once more after the creation, for what no answer here tells: whether it enrols action runners.
    assert_eq!(looked.count(), 3, "{}", bench.story());
    for step in [Step::SetSecret, Step::TestSecret, Step::FinishSecret] {
        bench.deliver(Kind::ApiKey, &job, step).await.unwrap();
    }
    bench.assert_settled();
}

/// Edges that do not know the new key refuse it before the admin's pair is replaced, and after it.
#[tokio::test(start_paused = true)]
async fn an_admin_that_rotates_while_a_key_is_waited_for_is_read_as_often_as_it_takes() {
    let bench = bench();
    let (job, next) = (
        bench.begin(Kind::ApplicationKey),
        bench.by_hand(Kind::AdminKey),
    );
    let old = bench.current(Kind::AdminKey);
    bench
        .gate
        .with_world(|world| world.datadog.settings.edges = edges([9, 9, 9]));
    for step in [Step::CreateSecret, Step::SetSecret] {
        bench
            .deliver(Kind::ApplicationKey, &job, step)
            .await
            .unwrap();
    }
    let tested = bench.deliver(Kind::ApplicationKey, &job, Step::TestSecret);
    let (tested, ()) = tokio::join!(tested, async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        bench.store(Kind::AdminKey, &next);
        for id in ["adminApiKeyId", "adminAppKeyId"] {
            let id = old[id].as_str().unwrap();
            bench.ledger.excuse(id);
            bench.revoke(id);
        }
    });
    tested.expect("with the new pair");
    let finished = bench.deliver(Kind::ApplicationKey, &job, Step::FinishSecret);
    finished.await.unwrap();
    bench.assert_kept();
}

/// One reader of the admin secret knows that the pair was replaced, and the next ones do not.
#[tokio::test(start_paused = true)]
async fn an_admin_that_was_replaced_does_not_come_back() {
    let bench = bench();
    let (job, next) = (
        bench.begin(Kind::ApplicationKey),
        bench.by_hand(Kind::AdminKey),
    );
    let old = bench.current(Kind::AdminKey);
    let settle = |readings| {
        bench.gate.with_world(|world| {
            world.datadog.settings.edges = edges([19, 19, 19]);
            world.secrets_manager.label_lag = time::Duration::minutes(1);
            world.secrets_manager.readings_behind = readings;
        });
    };
    bench
        .gate
        .with_world(|world| world.datadog.settings.edges = edges([19, 19, 19]));
    for step in [Step::CreateSecret, Step::SetSecret] {
        bench
            .deliver(Kind::ApplicationKey, &job, step)
            .await
            .unwrap();
    }
    let tested = bench.deliver(Kind::ApplicationKey, &job, Step::TestSecret);
    let (tested, ()) = tokio::join!(tested, async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        bench.store(Kind::AdminKey, &next);
        settle(Readings::EverySecond);
        for id in ["adminApiKeyId", "adminAppKeyId"] {
            let id = old[id].as_str().unwrap();
            bench.ledger.excuse(id);
            bench.revoke(id);
        }
        let reads = || {
            let calls = bench.gate.calls().into_iter();
            let admin = bench.secret(Kind::AdminKey);
            let of_admin = calls.filter(|it| {
                it.call.operation == "GetSecretValue" && it.call.subject.as_deref() == Some(admin)
            });
            of_admin.count()
        };
        let before = reads();
        while reads() == before {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        settle(Readings::All);
    });
    tested.expect("with the new pair");
    bench.assert_kept();
}

#[tokio::test(start_paused = true)]
async fn the_rotation_token_is_handed_on() {
    let bench = bench();
    let mut job = bench.begin(Kind::ApiKey);
    let proof = std::mem::replace(&mut job.rotation_token, "an-invented-token".to_owned());
    let result = bench.deliver(Kind::ApiKey, &job, Step::CreateSecret).await;
    let text = bench.assert_failed(result, "SecretsManagerRefused", &["were deleted again"]);
    assert!(!text.contains("an-invented-token"));
    job.rotation_token = proof;
    bench
        .deliver(Kind::ApiKey, &job, Step::CreateSecret)
        .await
        .expect("with the true one");
    let mut event = sandbox::rotation::event(&job, Step::TestSecret);
    event.as_object_mut().unwrap().remove("RotationToken");
    bench.send(Kind::ApiKey, &event).await.expect("without one");
}
