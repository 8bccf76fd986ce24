//! Rotations by the function's own identity, and what happens where Datadog does not accept it.

#![expect(
    clippy::expect_used,
    reason = "a panic is how a test says that something is wrong"
)]

mod admin_secret;
mod keys;
mod refusals;
mod tokens;
mod who;

use datadog_rotation::Kind;
use harness::bench::{Bench, DOCUMENTED_SCOPES};
use http::StatusCode;
use sandbox::gate::CallRecord;
use sandbox::scene::{
    ADMIN_SCOPES, Admin, SceneOptions, delegation, pair, token, trust_the_functions,
};
use serde_json::{Value, json};

const EXCHANGE: &str = "POST /api/v2/delegated-token";
const WHO: &str = "GET /api/v2/current_user";
const MODES: [Admin; 2] = [Admin::Identity, Admin::IdentityOfVariables];
const ROTATED: [Kind; 2] = [Kind::ApiKey, Kind::ApplicationKey];

fn keyless(admin: Admin) -> Bench {
    let bench = Bench::new(SceneOptions {
        admin,
        ..SceneOptions::default()
    });
    bench.gate.forget_calls();
    bench
}

fn by_variables() -> Bench {
    keyless(Admin::IdentityOfVariables)
}

fn count(calls: &[CallRecord], operation: &str) -> usize {
    let of_operation = calls.iter().filter(|it| it.call.operation == operation);
    of_operation.count()
}

fn refused(calls: &[CallRecord]) -> usize {
    let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].map(Some);
    calls
        .iter()
        .filter(|it| refused.contains(&it.status))
        .count()
}

/// Another value of the keyless admin secret.
fn reconfigure(bench: &Bench, change: impl Fn(&mut Value)) {
    let mut value = bench.current(Kind::AdminKey);
    change(&mut value);
    bench.store(Kind::AdminKey, &value);
}

/// A static pair of this account in a secret of its own, as a fallback.
fn spare(bench: &Bench, account: &str) -> String {
    let value = bench
        .gate
        .with_world(|world| pair(world, account, &ADMIN_SCOPES));
    let secret = bench.manage(
        "CreateSecret",
        &json!({
            "Name": "datadog/spare", "ClientRequestToken": token("spare"),
            "SecretString": value.to_string(),
        }),
    );
    secret["ARN"].as_str().expect("an ARN").to_owned()
}

#[tokio::test(start_paused = true)]
async fn api_keys_and_application_keys_rotate_again_and_again() {
    for admin in MODES {
        for admin_scopes in [&ADMIN_SCOPES[..], &DOCUMENTED_SCOPES] {
            let bench = Bench::new(SceneOptions {
                admin,
                admin_scopes,
                ..SceneOptions::default()
            });
            for _ in 0..3 {
                for kind in ROTATED {
                    let before = bench.current(kind);
                    bench.rotate(kind).await.expect("by identity");
                    bench.assert_settled();
                    assert_ne!(bench.current(kind), before);
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_admin_pair_may_be_rotated_by_an_identity() {
    let bench = Bench::new(SceneOptions::default());
    let account = bench.scene.service_account.clone();
    let value = bench.gate.with_world(|world| {
        trust_the_functions(world, &account);
        let mut value = delegation(world, &account, "");
        value
            .as_object_mut()
            .expect("an object")
            .remove("apiKeySecretArn");
        value
    });
    let assistant = bench.manage(
        "CreateSecret",
        &json!({
            "Name": "datadog/assistant", "ClientRequestToken": token("assistant"),
            "SecretString": value.to_string(),
        }),
    );
    let tags = json!([{ "Key": "adminSecretArn", "Value": assistant["ARN"] }]);
    let secret = bench.secret(Kind::AdminKey);
    bench.manage("TagResource", &json!({ "SecretId": secret, "Tags": tags }));
    for _ in 0..2 {
        bench.rotate(Kind::AdminKey).await.expect("by identity");
        bench.assert_settled();
    }
    assert!(count(&bench.gate.calls(), EXCHANGE) > 0);
}

#[tokio::test(start_paused = true)]
async fn the_variables_go_before_the_default_admin_secret_and_after_a_named_one() {
    let mut bench = by_variables();
    bench.settings.admin_secret_arn = Some(bench.secret(Kind::ApplicationKey).to_owned());
    bench.rotate(Kind::ApiKey).await.expect("by identity");
    let account = bench.scene.service_account.clone();
    let spare = spare(&bench, &account);
    let tags = json!([{ "Key": "adminSecretArn", "Value": spare }]);
    let secret = bench.secret(Kind::ApiKey);
    bench.manage("TagResource", &json!({ "SecretId": secret, "Tags": tags }));
    bench.gate.forget_calls();
    bench.rotate(Kind::ApiKey).await.expect("by the pair");
    assert_eq!(count(&bench.gate.calls(), EXCHANGE), 0, "{}", bench.story());
}
