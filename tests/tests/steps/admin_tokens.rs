//! An admin secret that holds a service access token: what it rotates, and what is refused before
//! anything is done.

use std::time::Duration;

use datadog_rotation::Kind;
use datadog_rotation::error::RotationError;
use harness::bench::{Bench, DOCUMENTED_SCOPES};
use harness::by_hand::{ids, with};
use harness::listen::Listening;
use http::StatusCode;
use sandbox::datadog::TokenHeader;
use sandbox::gate::{Call, Fate};
use sandbox::rotation::Step;
use sandbox::scene::{
    ADMIN_SCOPES, APPLICATION_SCOPES, Admin, SceneOptions, admin_token, pair, token,
};
use serde_json::{Value, json};

const ROTATED: [Kind; 2] = [Kind::ApiKey, Kind::ServiceAccessToken];
const CREATE_API_KEY: &str = "POST /api/v2/api_keys";
const LOOK_UP: &str = "GET /api/v2/service_accounts/{id}/access_tokens/{id}";
const WHO: &str = "GET /api/v2/current_user";
const KIND: Kind = Kind::ServiceAccessToken;

fn bench_with(admin_scopes: &[&str]) -> Bench {
    let bench = Bench::new(SceneOptions {
        admin: Admin::AccessToken,
        admin_scopes,
        ..SceneOptions::default()
    });
    bench.gate.forget_calls();
    bench
}

fn bench() -> Bench {
    bench_with(&ADMIN_SCOPES)
}

/// The scopes with which a token may rotate API keys and tokens like that of the scene.
fn scopes() -> Vec<&'static str> {
    [&ADMIN_SCOPES[..], &APPLICATION_SCOPES].concat()
}

/// Another token of the same service account, as an admin secret has it.
fn another(bench: &Bench, scopes: &[&str], life: Option<Duration>) -> Value {
    let account = &bench.scene.service_account;
    bench.gate.with_world(|world| {
        let end = life.map(|life| world.now() + life);
        admin_token(world, account, scopes, end)
    })
}

fn admins_token(bench: &Bench) -> String {
    ids(&bench.current(Kind::AdminKey)).remove(0)
}

/// Runs the configuration check: testSecret of a version without a value.
async fn check(bench: &Bench, kind: Kind) -> Result<(), RotationError> {
    let job = bench.begin(kind);
    let result = bench.deliver(kind, &job, Step::TestSecret).await;
    bench.give_up(&job);
    result
}

/// Both the step that creates and the check end so, and nothing was changed.
async fn assert_refused(bench: &Bench, kind: Kind, error_type: &str, words: &[&str]) {
    bench.gate.forget_calls();
    bench.assert_refused(bench.create(kind).await, error_type, words);
    bench.assert_refused(check(bench, kind).await, error_type, words);
}

#[tokio::test(start_paused = true)]
async fn api_keys_and_tokens_rotate_again_and_again() {
    for scopes in [&ADMIN_SCOPES[..], &DOCUMENTED_SCOPES] {
        let bench = bench_with(scopes);
        let own = admins_token(&bench);
        for _ in 0..4 {
            for kind in ROTATED {
                let before = bench.current(kind);
                bench.rotate(kind).await.unwrap();
                bench.assert_settled();
                assert_ne!(bench.current(kind), before);
                check(&bench, kind).await.unwrap();
            }
            bench.wait(Duration::from_hours(24)).await;
        }
        assert!(bench.is_live(&own));
        let calls = bench.gate.calls();
        let of_applications = calls
            .iter()
            .filter(|it| it.call.operation.contains("application_keys"));
        assert_eq!(of_applications.count(), 0, "{}", bench.story());
    }
}

#[tokio::test(start_paused = true)]
async fn the_token_goes_where_datadog_takes_it() {
    for header in [
        TokenHeader::Either,
        TokenHeader::Bearer,
        TokenHeader::ApplicationKey,
    ] {
        let bench = bench();
        let secret = json!(bench.secret(Kind::ApiKey));
        let value = with(bench.current(Kind::AdminKey), "apiKeySecretArn", secret);
        bench.store(Kind::AdminKey, &value);
        bench
            .gate
            .with_world(|world| world.datadog.settings.token_header = header);
        for kind in [Kind::ApiKey, KIND, Kind::ApiKey, KIND] {
            bench.gate.forget_calls();
            bench.rotate(kind).await.unwrap();
            bench.assert_settled();
            let refused = bench.gate.calls().into_iter();
            let statuses = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].map(Some);
            let refused = refused.filter(|it| statuses.contains(&it.status));
            // Where one header is refused, each step finds that out once: of the admin's token, and of the
            // rotated one.
            let refused = refused.count();
            let most = match (header, kind) {
                (TokenHeader::ApplicationKey, Kind::ApiKey) => 2,
                (TokenHeader::ApplicationKey, _) => 6,
                _ => 0,
            };
            assert!(refused <= most, "{header:?} {refused}\n{}", bench.story());
        }
    }
}

/// Without an API key at hand there is but one way.
#[tokio::test(start_paused = true)]
async fn a_token_that_is_taken_beside_an_api_key_alone_needs_a_secret_with_one() {
    let bench = bench();
    bench
        .gate
        .with_world(|world| world.datadog.settings.token_header = TokenHeader::ApplicationKey);
    // The rotated secret has one itself.
    bench.rotate(Kind::ApiKey).await.unwrap();
    bench.gate.forget_calls();
    let refused = bench.create(KIND).await;
    bench.assert_refused(refused, "AdminKeyRefused", &["service access token"]);
}

/// Some endpoint takes no bearer, though others do.
#[tokio::test(start_paused = true)]
async fn a_call_that_takes_no_bearer_is_sent_with_the_other_header() {
    let bench = bench();
    let mut refusals = 1;
    bench.gate.follow(move |call: &Call| {
        if call.operation == CREATE_API_KEY && refusals > 0 {
            refusals -= 1;
            return Fate::Refuse(StatusCode::FORBIDDEN);
        }
        Fate::Pass
    });
    bench.create(Kind::ApiKey).await.unwrap();
    let created = bench.changes().into_iter();
    let created = created.filter(|it| it.call.operation == CREATE_API_KEY);
    assert_eq!(created.count(), 1, "{}", bench.story());
}

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

/// It may just have been replaced: by a person, or by a rotation of its own.
#[tokio::test(start_paused = true)]
async fn after_a_refusal_the_token_is_read_again_once() {
    for kind in ROTATED {
        for operation in [LOOK_UP, CREATE_API_KEY] {
            if kind == KIND && operation == CREATE_API_KEY {
                continue;
            }
            let bench = bench();
            let (old, next) = (admins_token(&bench), another(&bench, &scopes(), None));
            bench.ledger.excuse(&old);
            let job = bench.begin(kind);
            let step = bench.deliver(kind, &job, Step::CreateSecret);
            let change = || {
                bench.revoke(&old);
                bench.store(Kind::AdminKey, &next);
            };
            bench.meanwhile(operation, step, change).await.unwrap();
            bench.carry_on(kind, &job).await.unwrap();
            bench.assert_kept();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_token_is_told() {
    for kind in ROTATED {
        let bench = bench();
        bench.revoke(&admins_token(&bench));
        let arn = bench.secret(Kind::AdminKey).to_owned();
        assert_refused(
            &bench,
            kind,
            "AdminKeyRefused",
            &[&arn, "service access token"],
        )
        .await;
    }
}

/// A token that a person has made the admin's while AWSPREVIOUS holds it.
#[tokio::test(start_paused = true)]
async fn the_admins_own_token_is_never_deleted() {
    let bench = Bench::new(SceneOptions::default());
    let first = bench.current(KIND);
    bench.rotate(KIND).await.unwrap();
    let id = ids(&first).remove(0);
    bench
        .gate
        .with_world(|world| world.datadog.set_scopes(&id, Some(&scopes())));
    let admin = with(first, "site", json!("datadoghq.com"));
    bench.store(Kind::AdminKey, &admin);
    bench.gate.forget_calls();
    let listening = Listening::begin();
    bench.rotate(KIND).await.unwrap();
    assert!(bench.is_live(&id));
    assert!(listening.heard().contains("the key is left alone"));
    let deletions = bench.gate.calls().into_iter();
    let deletions = deletions.filter(|it| it.call.operation.starts_with("DELETE "));
    assert_eq!(deletions.count(), 0, "{}", bench.story());
    bench.assert_kept();
}

/// Likewise of an admin that was read and does not act: the function's default, while the secret names
/// another one.
#[tokio::test(start_paused = true)]
async fn the_token_of_an_admin_that_was_read_is_never_deleted() {
    let mut bench = Bench::new(SceneOptions::default());
    let first = bench.current(KIND);
    let id = ids(&first).remove(0);
    let value = with(first, "site", json!("datadoghq.com"));
    let default = bench.manage(
        "CreateSecret",
        &json!({
            "Name": "datadog/default", "ClientRequestToken": token("default"),
            "SecretString": value.to_string(),
        }),
    );
    let default = default["ARN"].as_str().unwrap();
    bench.settings.admin_secret_arn = Some(default.to_owned());
    for _ in 0..2 {
        bench.rotate(KIND).await.unwrap();
    }
    assert!(bench.is_live(&id), "{}", bench.story());
    bench.assert_kept();
}

/// The secret of the admin's token is one like any other: a pair rotates it.
#[tokio::test(start_paused = true)]
async fn a_pair_rotates_the_token_by_which_another_secret_is_rotated() {
    let bench = Bench::new(SceneOptions::default());
    let id = ids(&bench.current(KIND)).remove(0);
    bench
        .gate
        .with_world(|world| world.datadog.set_scopes(&id, Some(&scopes())));
    let site = with(bench.current(KIND), "site", json!("datadoghq.com"));
    bench.store(KIND, &site);
    let admin = bench.secret(KIND).to_owned();
    bench.tag(Kind::ApiKey, "adminSecretArn", &admin);
    for _ in 0..3 {
        bench.rotate(KIND).await.unwrap();
        bench.rotate(Kind::ApiKey).await.unwrap();
        bench.assert_settled();
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_who_a_token_is_that_works() {
    let bench = bench();
    for kind in ROTATED {
        bench.gate.forget_calls();
        bench.create(kind).await.unwrap();
        let calls = bench.gate.calls().into_iter();
        let who = calls.filter(|it| it.call.operation == WHO).count();
        // The rotated token is tried by that call.
        assert_eq!(who, usize::from(kind == KIND), "{}", bench.story());
    }
}
