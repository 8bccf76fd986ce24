//! Every value under AWSCURRENT that can't be rotated is refused by name, before any effect.

use datadog_rotation::Kind;
use harness::bench::{Bench, DOCUMENTED_SCOPES};
use harness::by_hand::{with, without};
use sandbox::gate::{Call, Fate};
use sandbox::rotation::Step;
use sandbox::scene::{ADMIN_SCOPES, SceneOptions, token};
use serde_json::json;

fn bench() -> Bench {
    Bench::new(SceneOptions::default())
}

#[tokio::test(start_paused = true)]
async fn no_value_to_begin_with() {
    let bench = bench();
    let name = "datadog/empty";
    bench.manage(
        "CreateSecret",
        &json!({ "Name": name, "ClientRequestToken": token(name) }),
    );
    let described = bench.manage(
        "DescribeSecret",
        &json!({ "SecretId": bench.secret(Kind::ApiKey) }),
    );
    let rotate = json!({
        "SecretId": name,
        "ClientRequestToken": token("first"),
        "RotationLambdaARN": described["RotationLambdaARN"],
        "RotationRules": { "AutomaticallyAfterDays": 1 },
    });
    bench.manage("RotateSecret", &rotate);
    let job = bench
        .gate
        .with_world(|world| world.secrets_manager.take_rotations())
        .remove(0);
    let result = bench.deliver(Kind::ApiKey, &job, Step::CreateSecret).await;
    bench.assert_refused(result, "NoCurrentValue", &["AWSCURRENT", "first value"]);
}

#[tokio::test(start_paused = true)]
async fn values() {
    let bench = bench();
    let application = bench.current(Kind::ApplicationKey);
    let cases = [
        (json!("not an object"), "SecretNotJson", "not an object"),
        (
            without(application.clone(), "appKey"),
            "SecretMalformed",
            "`appKey`",
        ),
        (
            with(application.clone(), "appKey", json!(7)),
            "SecretMalformed",
            "`appKey`",
        ),
        (
            with(application.clone(), "appKey", json!("ddapp_short")),
            "SecretMalformed",
            "34 alphanumerics",
        ),
        (
            with(application.clone(), "appKeyId", json!("7")),
            "SecretMalformed",
            "`appKeyId`",
        ),
        (
            without(application.clone(), "serviceAccountId"),
            "SecretMalformed",
            "`serviceAccountId`",
        ),
        (
            with(application, "serviceAccountId", json!("me")),
            "SecretMalformed",
            "a UUID",
        ),
    ];
    for (value, error_type, words) in cases {
        bench.store(Kind::ApplicationKey, &value);
        let result = bench.create(Kind::ApplicationKey).await;
        bench.assert_refused(
            result,
            error_type,
            &["AWSCURRENT", words, "put-secret-value"],
        );
    }
}

#[tokio::test(start_paused = true)]
async fn values_that_are_no_text() {
    let bench = bench();
    let put = |member: &str, value: &str| {
        let secret = bench.secret(Kind::ApiKey);
        let body =
            json!({ "SecretId": secret, "ClientRequestToken": token(member), member: value });
        bench.manage("PutSecretValue", &body);
    };
    put("SecretBinary", "AAEC");
    let result = bench.create(Kind::ApiKey).await;
    bench.assert_refused(result, "SecretBinary", &["binary", "SecretString"]);
    put("SecretString", "0123456789abcdef0123456789abcdef");
    let result = bench.create(Kind::ApiKey).await;
    bench.assert_refused(
        result,
        "SecretNotJson",
        &["is a key by itself", "docs/reference/secrets.md"],
    );
}

#[tokio::test(start_paused = true)]
async fn another_service_account() {
    let bench = bench();
    let (own, admin) = (
        "0f0f0f0f-0000-4000-8000-000000000000",
        &bench.scene.service_account,
    );
    let value = with(
        bench.current(Kind::ApplicationKey),
        "serviceAccountId",
        json!(own),
    );
    bench.store(Kind::ApplicationKey, &value);
    let text = format!(
        "Admin key's serviceAccountId ({admin}) must match the Application key's \
         serviceAccountId ({own})."
    );
    let result = bench.create(Kind::ApplicationKey).await;
    bench.assert_refused(result, "ServiceAccountMismatch", &[&text]);
    assert!(
        bench
            .gate
            .calls()
            .iter()
            .all(|it| !it.call.operation.contains("/api/"))
    );
}

#[tokio::test(start_paused = true)]
async fn current_keys_that_can_not_be_rotated() {
    let bench = bench();
    let (api, application) = (
        bench.current(Kind::ApiKey),
        bench.current(Kind::ApplicationKey),
    );
    let (other_api, other_application) = bench.gate.with_world(|world| {
        let now = world.now();
        let person = world
            .datadog
            .create_service_account(now, "another", &["dashboards_read"]);
        let api = world.datadog.create_api_key(now, "another");
        (
            api,
            world
                .datadog
                .create_application_key(now, &person, "another", None),
        )
    });
    bench.store(
        Kind::ApiKey,
        &with(api.clone(), "apiKey", json!(other_api.value)),
    );
    let result = bench.create(Kind::ApiKey).await;
    bench.assert_refused(result, "CurrentKeyMismatch", &["API key", "different keys"]);

    let value = with(
        application.clone(),
        "appKey",
        json!(other_application.value),
    );
    bench.store(Kind::ApplicationKey, &value);
    let result = bench.create(Kind::ApplicationKey).await;
    bench.assert_refused(
        result,
        "CurrentKeyMismatch",
        &["application key", "different keys"],
    );

    let value = with(value, "appKeyId", json!(other_application.id));
    bench.store(Kind::ApplicationKey, &value);
    let result = bench.create(Kind::ApplicationKey).await;
    let words = [
        "does not belong to service account",
        &bench.scene.service_account,
    ];
    bench.assert_refused(result, "CurrentKeyNotOwned", &words);
}

/// Four characters and an id are known to more people than the key is.
#[tokio::test(start_paused = true)]
async fn a_text_that_is_no_key_but_ends_like_one() {
    let bench = bench();
    let mut value = bench.current(Kind::ApplicationKey);
    let text = value["appKey"].as_str().unwrap();
    let like = format!("ddapp_{:a>34}", &text[text.len() - 4..]);
    value["appKey"] = json!(like);
    bench.store(Kind::ApplicationKey, &value);
    let result = bench.create(Kind::ApplicationKey).await;
    bench.assert_refused(
        result,
        "CurrentKeyMismatch",
        &["application key", "different keys"],
    );
}

/// Without `api_keys_read` Datadog tells the id of the key that asks.
#[tokio::test(start_paused = true)]
async fn an_api_key_under_the_id_of_another() {
    let bench = Bench::new(SceneOptions {
        admin_scopes: &DOCUMENTED_SCOPES,
        ..SceneOptions::default()
    });
    let other = bench.by_hand(Kind::ApiKey)["apiKeyId"].clone();
    let value = with(bench.current(Kind::ApiKey), "apiKeyId", other);
    bench.store(Kind::ApiKey, &value);
    let result = bench.create(Kind::ApiKey).await;
    bench.assert_refused(result, "CurrentKeyMismatch", &["API key", "different keys"]);
}

#[tokio::test(start_paused = true)]
async fn an_api_key_of_another_organisation() {
    for (admin_scopes, error_type) in [
        (&ADMIN_SCOPES[..], "CurrentKeyDead"),
        (&DOCUMENTED_SCOPES, "OrganisationMismatch"),
    ] {
        let bench = Bench::new(SceneOptions {
            admin_scopes,
            ..SceneOptions::default()
        });
        let value = bench.current(Kind::ApiKey);
        bench.gate.with_world(|world| {
            world.datadog.give_away(value["apiKeyId"].as_str().unwrap());
        });
        let result = bench.create(Kind::ApiKey).await;
        bench.assert_refused(result, error_type, &["API key"]);
    }
}

#[tokio::test(start_paused = true)]
async fn revoked_current_keys() {
    let bench = bench();
    for (kind, id) in [
        (Kind::ApiKey, "apiKeyId"),
        (Kind::ApplicationKey, "appKeyId"),
    ] {
        let id = bench.current(kind)[id].as_str().unwrap().to_owned();
        bench.gate.with_world(|world| {
            let now = world.now();
            world.datadog.revoke(now, &id);
        });
        let error = bench.create(kind).await.unwrap_err();
        assert_eq!(error.error_type(), "CurrentKeyDead", "{error}");
        assert!(error.to_string().contains(&id), "{error}");
        assert!(bench.changes().is_empty(), "{}", bench.story());
    }
}

/// Without `api_keys_read` and without the preview of `/api/v2/validate` the key is tried, and no
/// more.
#[tokio::test(start_paused = true)]
async fn an_api_key_of_which_nothing_is_told_has_to_work() {
    let bench = || {
        let bench = Bench::new(SceneOptions {
            admin_scopes: &DOCUMENTED_SCOPES,
            ..SceneOptions::default()
        });
        bench
            .gate
            .with_world(|world| world.datadog.settings.validate_v2 = false);
        bench
    };
    let sound = bench();
    let begun = tokio::time::Instant::now();
    sound.create(Kind::ApiKey).await.expect("it works");
    assert_eq!(begun.elapsed(), std::time::Duration::ZERO);
    // One refusal may be a hiccup.
    let refused = bench();
    let mut first = true;
    refused.gate.follow(move |call: &Call| {
        if call.operation == "GET /api/v1/validate" && std::mem::take(&mut first) {
            Fate::Refuse(http::StatusCode::FORBIDDEN)
        } else {
            Fate::Pass
        }
    });
    refused.create(Kind::ApiKey).await.expect("it works");
    let dead = bench();
    let id = harness::by_hand::ids(&dead.current(Kind::ApiKey)).remove(0);
    dead.revoke(&id);
    let result = dead.create(Kind::ApiKey).await;
    dead.assert_refused(result, "CurrentKeyDead", &[&id]);
}
