//! An admin secret that holds a service access token: what it rotates.

mod refused;

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
use sandbox::scene::{ADMIN_SCOPES, APPLICATION_SCOPES, Admin, SceneOptions, admin_token, token};
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

/// It may just have been replaced: by a person, or by a rotation of its own.
#[tokio::test(start_paused = true)]
async fn after_a_refusal_the_token_is_read_again() {
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
