//! What an admin with a token can't do is refused before anything is done.

use std::time::Duration;

use datadog_rotation::Kind;
use harness::bench::Bench;
use harness::by_hand::with;
use harness::listen::Listening;
use sandbox::scene::{ADMIN_SCOPES, Admin, SceneOptions, admin_token, pair, token};
use serde_json::json;

use super::{KIND, ROTATED, another, assert_refused, bench, check, scopes};

#[tokio::test(start_paused = true)]
async fn a_token_that_ends_is_no_admin() {
    for kind in ROTATED {
        let bench = bench();
        let ending = another(&bench, &scopes(), Some(Duration::from_hours(300 * 24)));
        bench.store(Kind::AdminKey, &ending);
        let words = ["ends by itself, at 2027-01-26", "without an end"];
        assert_refused(&bench, kind, "AdminTokenEnds", &words).await;
    }
}

/// A token that may not look itself up rotates API keys all the same; the check says what is not known.
#[tokio::test(start_paused = true)]
async fn whether_a_token_ends_may_not_be_known() {
    let bench = bench();
    let narrow = another(&bench, &["api_keys_write", "api_keys_delete"], None);
    bench.store(Kind::AdminKey, &narrow);
    for _ in 0..3 {
        bench.rotate(Kind::ApiKey).await.unwrap();
        bench.assert_settled();
    }
    let listening = Listening::begin();
    check(&bench, Kind::ApiKey).await.unwrap();
    assert!(
        listening
            .heard()
            .contains("whether it ends was not checked")
    );
}

#[tokio::test(start_paused = true)]
async fn what_takes_application_keys_is_refused() {
    let bench = bench();
    let words = ["lets no such token create application keys", "key pair"];
    assert_refused(&bench, Kind::ApplicationKey, "AdminTokenForbidden", &words).await;
    let kind = Kind::AdminKey;
    let words = ["holds a service access token", "cancel-rotate-secret"];
    assert_refused(&bench, kind, "AdminTokenForbidden", &words).await;
    let calls = bench.gate.calls().into_iter();
    let at_datadog = calls.filter(|it| it.call.operation.contains("/api/"));
    assert_eq!(at_datadog.count(), 0, "{}", bench.story());
}

#[tokio::test(start_paused = true)]
async fn a_pair_is_not_assisted_by_a_token() {
    let bench = Bench::new(SceneOptions::default());
    let value = another(&bench, &scopes(), None);
    let assistant = bench.manage(
        "CreateSecret",
        &json!({
            "Name": "datadog/assistant", "ClientRequestToken": token("assistant"),
            "SecretString": value.to_string(),
        }),
    );
    let arn = assistant["ARN"].as_str().unwrap();
    bench.tag(Kind::AdminKey, "adminSecretArn", arn);
    assert_refused(&bench, Kind::AdminKey, "AdminTokenForbidden", &[arn]).await;
}

#[tokio::test(start_paused = true)]
async fn a_token_does_not_rotate_itself() {
    let own = |bench: &Bench| bench.secret(KIND).to_owned();
    for partial in [false, true] {
        let bench = bench();
        let site = with(bench.current(KIND), "site", json!("datadoghq.com"));
        bench.store(KIND, &site);
        let arn = own(&bench);
        let end = if partial {
            arn.len() - "-xxxxxx".len()
        } else {
            arn.len()
        };
        bench.tag(KIND, "adminSecretArn", &arn[..end]);
        assert_refused(&bench, KIND, "AdminTokenItself", &["the very one"]).await;
    }
    // Another secret with the same token.
    let bench = bench();
    let same = with(bench.current(KIND), "site", json!("datadoghq.com"));
    bench.store(Kind::AdminKey, &same);
    assert_refused(&bench, KIND, "AdminTokenItself", &["the very one"]).await;
    // By the value alone, whatever ID stands beside it.
    let id = json!("11111111-1111-4111-8111-111111111111");
    bench.store(Kind::AdminKey, &with(same, "serviceAccessTokenId", id));
    assert_refused(&bench, KIND, "AdminTokenItself", &["the very one"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_token_hands_on_no_more_than_it_has() {
    let bench = bench();
    let narrow: Vec<_> = [&ADMIN_SCOPES[..], &["monitors_read"]].concat();
    bench.store(Kind::AdminKey, &another(&bench, &narrow, None));
    let words = ["lacks the scopes dashboards_read", "key pair"];
    assert_refused(&bench, KIND, "AdminTokenScopes", &words).await;
    bench.rotate(Kind::ApiKey).await.unwrap();
    bench.assert_settled();
}

#[tokio::test(start_paused = true)]
async fn the_check_tells_the_scopes_that_a_type_needs() {
    let bench = bench();
    let narrow = ["service_account_write", "api_keys_write"];
    bench.store(Kind::AdminKey, &another(&bench, &narrow, None));
    bench.gate.forget_calls();
    let words = ["lacks the scopes api_keys_delete"];
    bench.assert_refused(
        check(&bench, Kind::ApiKey).await,
        "AdminTokenScopes",
        &words,
    );
}

#[tokio::test(start_paused = true)]
async fn a_malformed_value_is_refused() {
    let bench = bench();
    let (own, account) = (bench.current(Kind::AdminKey), &bench.scene.service_account);
    let keys = bench
        .gate
        .with_world(|world| pair(world, account, &ADMIN_SCOPES));
    let another_id = json!(another(&bench, &scopes(), None)["serviceAccessTokenId"]);
    let unknown_id = json!("11111111-1111-4111-8111-111111111111");
    let mut no_site = own.clone();
    no_site.as_object_mut().unwrap().remove("site");
    let cases = [
        (
            with(own.clone(), "adminApiKey", keys["adminApiKey"].clone()),
            "lacks `adminApiKeyId`",
        ),
        (
            with(own.clone(), "serviceAccessTokenId", another_id),
            "`serviceAccessTokenId`",
        ),
        (
            with(own.clone(), "serviceAccessTokenId", unknown_id),
            "`serviceAccessTokenId`",
        ),
        (
            with(own.clone(), "apiKeySecretArn", json!("a name")),
            "`apiKeySecretArn`",
        ),
        (no_site, "lacks `site`"),
    ];
    for (value, words) in cases {
        bench.store(Kind::AdminKey, &value);
        for kind in ROTATED {
            assert_refused(&bench, kind, "AdminSecretMalformed", &[words]).await;
        }
    }
}

/// A token beside it is a field like any other.
#[tokio::test(start_paused = true)]
async fn a_pair_with_a_token_beside_it_is_a_pair() {
    let bench = Bench::new(SceneOptions::default());
    let token = another(&bench, &scopes(), Some(Duration::from_hours(48)));
    let mut value = bench.current(Kind::AdminKey);
    for field in ["serviceAccessToken", "serviceAccessTokenId"] {
        value[field] = token[field].clone();
    }
    bench.store(Kind::AdminKey, &value);
    for kind in Kind::ALL {
        bench.rotate(kind).await.unwrap();
    }
    let after = bench.current(Kind::AdminKey);
    assert_eq!(after["serviceAccessToken"], token["serviceAccessToken"]);
    bench.assert_kept();
}

#[tokio::test(start_paused = true)]
async fn a_token_of_another_account_is_told() {
    let bench = bench();
    let value = bench.gate.with_world(|world| {
        let now = world.now();
        let other = world
            .datadog
            .create_service_account(now, "other", &scopes());
        admin_token(world, &other, &scopes(), None)
    });
    bench.store(Kind::AdminKey, &value);
    assert_refused(&bench, KIND, "ServiceAccountMismatch", &[]).await;
    let account = json!(bench.scene.service_account);
    bench.store(Kind::AdminKey, &with(value, "serviceAccountId", account));
    bench.gate.forget_calls();
    let words = ["`serviceAccountId`"];
    bench.assert_refused(check(&bench, KIND).await, "AdminSecretMalformed", &words);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_is_a_pair() {
    let bench = Bench::new(SceneOptions {
        admin: Admin::Identity,
        ..SceneOptions::default()
    });
    let value = another(&bench, &scopes(), None);
    let spare = bench.manage(
        "CreateSecret",
        &json!({
            "Name": "datadog/spare", "ClientRequestToken": token("spare"),
            "SecretString": value.to_string(),
        }),
    );
    let keyless = bench.current(Kind::AdminKey);
    let keyless = with(keyless, "fallbackAdminSecretArn", spare["ARN"].clone());
    bench.store(Kind::AdminKey, &keyless);
    bench
        .gate
        .with_world(|world| world.datadog.unmap_identities());
    for kind in ROTATED {
        assert_refused(
            &bench,
            kind,
            "AdminSecretMalformed",
            &["lacks `adminApiKey`"],
        )
        .await;
    }
}
