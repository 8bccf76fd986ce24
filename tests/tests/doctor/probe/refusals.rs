//! Organisations that say no.

use std::time::Duration;

use bytes::Bytes;
use datadog_rotation::http::{Sending, Transport};
use harness::bench::Bench;
use harness::doctor::CALLER;
use harness::probe::{SCOPES, answer, answered, inventory, world, world_without};
use harness::transport::InProcess;
use http::{Method, StatusCode};
use sandbox::datadog::KeptFromTokens;
use sandbox::scene::{Admin, SceneOptions, role_of, trust};
use serde_json::{Value, json};

use super::REVOKED_AGAIN;

/// The operations that made or deleted something.
fn changes(bench: &Bench) -> Vec<String> {
    let changes = bench.changes().into_iter();
    changes.map(|it| it.call.operation).collect()
}

async fn probed(bench: &Bench) -> Value {
    let before = inventory(bench);
    let told = bench.probe().await;
    assert_eq!(inventory(bench), before, "{}", told.output);
    assert!(!told.fine, "{}", told.output);
    told.json()
}

#[tokio::test(start_paused = true)]
async fn a_token_that_may_create_no_application_keys() {
    for admin in [Admin::Identity, Admin::IdentityOfVariables] {
        let mut bench = world(admin);
        if admin == Admin::IdentityOfVariables {
            // Whoever may stand in answers nothing about the identity.
            let pair = bench.another_pair();
            bench.settings.delegation.fallback_admin_secret_arn = Some(pair);
        }
        bench.gate.with_world(|world| {
            world.datadog.settings.kept_from_tokens = KeptFromTokens::ApplicationKeys;
        });
        let document = probed(&bench).await;
        let told = answer(&document, "application_key_created");
        assert_eq!(told["answer"], "no", "{document:#}");
        assert_eq!(told["seen"], "403");
        let follows = told["follows"].as_str().unwrap();
        for word in [
            "docs/use/keyless.md",
            "admin secret with keys",
            "fallbackAdminSecretArn",
        ] {
            assert!(follows.contains(word), "{follows}");
        }
        assert_eq!(answer(&document, "api_key_created")["answer"], "yes");
        assert_eq!(answer(&document, "api_key_deleted")["answer"], "yes");
        let unasked = answer(&document, "application_key_deleted");
        assert_eq!(unasked["answer"], "unknown");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_may_create_no_keys() {
    let bench = world(Admin::IdentityOfVariables);
    bench.gate.with_world(|world| {
        world.datadog.settings.kept_from_tokens = KeptFromTokens::AllKeys;
    });
    let document = probed(&bench).await;
    for question in ["api_key_created", "application_key_created"] {
        assert_eq!(answer(&document, question)["answer"], "no", "{document:#}");
    }
    let others = ["cloud_auth", "access_tokens"];
    let changes = changes(&bench);
    assert!(
        changes
            .iter()
            .all(|it| others.iter().any(|other| it.contains(other)))
    );
}

/// Open point 5 of the facts: which of the two it is.
#[tokio::test(start_paused = true)]
async fn a_role_that_is_not_mapped() {
    for status in [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN] {
        let bench = world(Admin::IdentityOfVariables);
        bench.gate.with_world(|world| {
            world.datadog.unmap_identities();
            world.datadog.settings.unmapped_identity = status;
        });
        let document = probed(&bench).await;
        assert_eq!(answered(&document, "no"), ["identity_mapped"]);
        let told = answer(&document, "identity_mapped");
        assert_eq!(told["seen"], status.as_u16().to_string());
        let follows = told["follows"].as_str().unwrap();
        assert!(follows.contains("identity mapping"), "{follows}");
        assert_eq!(document["end"], "barred");
        assert!(changes(&bench).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_role_that_is_mapped_to_somebody_else_does_nothing() {
    let bench = Bench::new(SceneOptions {
        admin: Admin::IdentityOfVariables,
        admin_scopes: &SCOPES,
        ..SceneOptions::default()
    });
    bench.gate.with_world(|world| {
        let now = world.now();
        let other = world.datadog.create_service_account(now, "other", &SCOPES);
        trust(world, &role_of(CALLER), &other);
    });
    bench.gate.forget_calls();
    let document = probed(&bench).await;
    assert_eq!(answer(&document, "identity_mapped")["answer"], "yes");
    assert_eq!(answered(&document, "no"), ["service_account"]);
    assert!(changes(&bench).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_pair_that_is_dead() {
    let bench = world(Admin::Pair);
    let admin = bench.current(datadog_rotation::Kind::AdminKey);
    bench.revoke(admin["adminAppKeyId"].as_str().unwrap());
    let document = probed(&bench).await;
    assert_eq!(answered(&document, "no"), ["pair_accepted"], "{document:#}");
    assert!(changes(&bench).is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_deleted_is_not_made() {
    for admin in [Admin::Pair, Admin::IdentityOfVariables] {
        let bench = world_without(admin, &["api_keys_delete"]);
        let document = probed(&bench).await;
        let told = answer(&document, "api_key_deleted");
        assert_eq!(told["answer"], "no", "{document:#}");
        assert!(told["follows"].is_string());
        assert_eq!(answer(&document, "api_key_created")["answer"], "unknown");
        let made = changes(&bench);
        assert!(
            !made.contains(&"POST /api/v2/api_keys".to_owned()),
            "{made:?}"
        );
        let created = answer(&document, "application_key_created");
        assert_eq!(created["answer"], "yes", "{document:#}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_permission_that_is_missing_is_named() {
    for admin in [Admin::Pair, Admin::IdentityOfVariables] {
        for (scope, question) in [
            ("api_keys_write", "api_key_created"),
            ("service_account_write", "application_key_created"),
            ("service_account_write", "service_access_token_created"),
        ] {
            let document = probed(&world_without(admin, &[scope])).await;
            let told = answer(&document, question);
            assert_eq!(told["answer"], "no", "{document:#}");
            assert_eq!(told["seen"], "403");
            let all = told.to_string();
            assert!(all.contains(scope) || all.contains("permissions"), "{told}");
        }
    }
}

/// An answer, not an error.
#[tokio::test(start_paused = true)]
async fn mappings_that_may_not_be_made() {
    let bench = world_without(Admin::Pair, &["workload_identity_federation_write"]);
    let told = bench.probe().await;
    let document = told.json();
    assert_eq!(
        answered(&document, "no"),
        [REVOKED_AGAIN, "identity_mapping_created"]
    );
    assert!(told.fine, "{document:#}");
    let answer = answer(&document, "identity_mapping_created");
    assert_eq!(answer["seen"], "403");
    assert!(
        answer["follows"]
            .as_str()
            .unwrap()
            .contains("docs/use/trust.md")
    );
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_not_integrated_is_told() {
    let bench = world(Admin::Pair);
    let secret = bench.scene.secrets.admin_key.clone();
    let arguments = ["probe", "--json", "--mappings", "999999999999"];
    let arguments = [&arguments[..], &["--admin-secret", &secret]].concat();
    let document = bench.doctor(&arguments).await.json();
    let seen = &answer(&document, "identity_mapping_created")["seen"];
    assert!(seen.as_str().unwrap().contains("not integrated"), "{seen}");
}

#[tokio::test(start_paused = true)]
async fn nobody_to_act_as() {
    let bench = world(Admin::Pair);
    let told = bench.doctor(&["probe", "--json"]).await;
    let document = told.json();
    assert!(!told.fine);
    assert_eq!(document["error"]["error_type"], "NoAdminSecret");
    assert_eq!(document["admin"], json!(null));
    let nobody = bench.scene.secrets.admin_key.replace("admin", "nobody");
    let table = bench.doctor(&["probe", "--admin-secret", &nobody]).await;
    assert!(
        !table.fine && table.output.contains("nobody"),
        "{}",
        table.output
    );
}

/// An organisation that gives a key below this collection more than it was asked for.
#[derive(Debug)]
struct Generous(InProcess, &'static str);

impl Transport for Generous {
    fn send(&self, request: http::Request<Bytes>, timeout: Duration) -> Sending<'_> {
        Box::pin(async move {
            let path = request.uri().path();
            let is_key = path.contains(self.1) && request.method() == Method::GET;
            let answer = self.0.send(request, timeout).await?;
            Ok(
                answer.map(|body| match serde_json::from_slice::<Value>(&body) {
                    Ok(mut document) if is_key => {
                        document["data"]["attributes"]["scopes"] = json!(null);
                        document.to_string().into()
                    }
                    _ => body,
                }),
            )
        })
    }
}

#[tokio::test(start_paused = true)]
async fn scopes_that_were_not_asked_for() {
    for (collection, question, is_needed) in [
        ("/application_keys/", "application_key_scopes", true),
        ("/access_tokens/", "service_access_token_rights", false),
    ] {
        let bench = world(Admin::IdentityOfVariables);
        let now = bench.gate.with_world(|world| world.now());
        let way = Generous(bench.way(CALLER), collection);
        let told = bench.doctor_at(now.into(), way, &["probe", "--json"]).await;
        let document = told.json();
        assert_eq!(answered(&document, "no"), [question, REVOKED_AGAIN]);
        let follows = &answer(&document, question)["follows"];
        assert!(follows.as_str().unwrap().contains("NewKeyDiffers"));
        assert_eq!(told.fine, !is_needed, "{document:#}");
    }
}
