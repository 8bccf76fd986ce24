//! What the function refuses whoever invokes it: all that its variables do not allow.

use datadog_trust::leash::Leash;
use harness::trust::Site;
use harness::trust::case::{AWS_ACCOUNT, pattern};
use harness::trust::stack::{Outcome, Stack};
use sandbox::gate::Service;
use sandbox::scene::request;
use serde_json::{Value, json};

use super::{ACCOUNT, IDENTITY, INTAKE, integrated};

const RUNNER: &str = "arn:aws:sts::123456789012:assumed-role/runner/*";

fn identity(role: &str, account: &str) -> Value {
    json!({ "RoleName": role, "ServiceAccountId": account })
}

/// Whether nobody but Secrets Manager and `CloudFormation` was called.
fn is_unasked(site: &Site) -> bool {
    let calls = site.gate.calls();
    calls.iter().all(|it| it.call.service != Service::Datadog)
}

#[tokio::test(start_paused = true)]
async fn other_roles_service_accounts_and_aws_accounts_are_refused() {
    let mut site = integrated();
    site.leash = Leash::new(RUNNER, &site.account, "999999999999");
    let before = site.trusted();
    let (own, other) = (site.account.clone(), site.other_account.clone());
    for (resource, properties, words) in [
        (IDENTITY, identity("walker", &own), "ALLOWED_ROLE_PATTERNS"),
        (
            INTAKE,
            json!({ "RoleName": "walker" }),
            "ALLOWED_ROLE_PATTERNS",
        ),
        (
            IDENTITY,
            identity("runner", &other),
            "ALLOWED_SERVICE_ACCOUNT_IDS",
        ),
        (
            ACCOUNT,
            json!({ "AwsAccountId": AWS_ACCOUNT, "RoleName": "Datadog", "OnConflict": "adopt" }),
            "ALLOWED_AWS_ACCOUNT_IDS",
        ),
    ] {
        let mut stack = Stack::new(&site, resource);
        assert_eq!(stack.create(&properties).await, Outcome::RolledBack);
        assert!(stack.reason().contains(words), "{}", stack.reason());
    }
    assert!(is_unasked(&site), "{}", site.story());
    assert_eq!(site.trusted(), before);
    let mut stack = Stack::new(&site, IDENTITY);
    let outcome = stack.create(&identity("runner", &own)).await;
    assert_eq!(outcome, Outcome::Complete, "{}", stack.reason());
}

#[tokio::test(start_paused = true)]
async fn a_function_without_variables_may_do_nothing() {
    let mut site = integrated();
    site.leash = Leash::default();
    let before = site.trusted();
    let mut stack = Stack::new(&site, IDENTITY);
    let properties = identity("runner", &site.account);
    assert_eq!(stack.create(&properties).await, Outcome::RolledBack);
    assert!(stack.reason().contains("none."), "{}", stack.reason());
    assert_eq!(site.trusted(), before);
}

/// An id in an event is no proof of whose the thing is.
#[tokio::test(start_paused = true)]
async fn nothing_is_deleted_that_could_not_have_been_made() {
    let mut site = integrated();
    site.leash = Leash::new(RUNNER, &site.account, "999999999999");
    let (mapping, intake, account) = site.gate.with_world(|world| {
        let accounts = world.datadog.every_account();
        let account = accounts[0].id.clone();
        let mapping = world
            .datadog
            .map_identity(&pattern("walker"), &site.other_account);
        let intake = world.datadog.map_intake(&pattern("agents"));
        (mapping, intake, account)
    });
    let before = site.ids();
    for (resource, id, variable) in [
        (IDENTITY, mapping, "ALLOWED_ROLE_PATTERNS"),
        (INTAKE, intake, "ALLOWED_ROLE_PATTERNS"),
        (ACCOUNT, account, "ALLOWED_AWS_ACCOUNT_IDS"),
    ] {
        let mut stack = Stack::new(&site, resource);
        stack.physical_id = Some(id);
        assert_eq!(stack.delete().await, Outcome::RollbackFailed);
        assert!(stack.reason().contains(variable), "{}", stack.reason());
    }
    assert_eq!(site.ids(), before);
}

/// A role that is replaced has another name: the mapping of the old one is still the stack's.
#[tokio::test(start_paused = true)]
async fn the_mapping_of_a_role_that_was_replaced_can_be_deleted() {
    let mut site = integrated();
    let id = site.gate.with_world(|world| {
        world
            .datadog
            .map_identity(&pattern("runner-before"), &site.account)
    });
    site.leash = Leash::new(RUNNER, &site.account, "");
    let mut stack = Stack::new(&site, IDENTITY);
    stack.physical_id = Some(id.clone());
    assert_eq!(
        stack.delete().await,
        Outcome::Complete,
        "{}",
        stack.reason()
    );
    assert!(!site.ids().contains(&id));
}

/// Keyless once set up, the secret may go. A stack that is to be deleted needs it again.
#[tokio::test(start_paused = true)]
async fn without_the_bootstrap_secret_a_deletion_says_so_and_can_be_tried_again() {
    let site = integrated();
    let call = |operation: &str| {
        let body = json!({ "SecretId": site.bootstrap });
        let answer = site.gate.with_world(|world| {
            let now = world.now();
            world.secrets_manager.call(now, &request(operation, &body))
        });
        assert_eq!(answer.status(), 200, "{operation}");
    };
    let mut stack = Stack::new(&site, IDENTITY);
    let properties = identity("runner", &site.account);
    assert_eq!(stack.create(&properties).await, Outcome::Complete);
    let mapped = site.trusted();
    call("DeleteSecret");
    assert_eq!(stack.delete().await, Outcome::RollbackFailed);
    let reason = stack.reason();
    assert!(reason.contains(&site.bootstrap), "{reason}");
    assert_eq!(site.trusted(), mapped);
    call("RestoreSecret");
    assert_eq!(stack.delete().await, Outcome::Complete);
    assert!(!site.trusted().iter().any(|it| it.contains("runner")));
}

#[tokio::test(start_paused = true)]
async fn a_token_in_the_bootstrap_secret_is_refused_before_datadog_is_asked() {
    let site = integrated();
    let token = format!("ddsat_{}_{}", "0".repeat(22), "1".repeat(36));
    let value = json!({
        "serviceAccessToken": token, "serviceAccessTokenId": site.account,
        "serviceAccountId": site.account, "site": "datadoghq.com",
    });
    let body = json!({
        "SecretId": site.bootstrap, "SecretString": value.to_string(),
        "ClientRequestToken": sandbox::scene::token("a token"),
    });
    let answer = site.gate.with_world(|world| {
        let now = world.now();
        let put = request("PutSecretValue", &body);
        world.secrets_manager.call(now, &put)
    });
    assert_eq!(answer.status(), 200);
    let mut stack = Stack::new(&site, IDENTITY);
    let created = stack.create(&identity("runner", &site.account)).await;
    assert_eq!(created, Outcome::RolledBack);
    let reason = stack.reason();
    assert!(reason.contains("service access token"), "{reason}");
    assert!(!reason.contains(&token) && is_unasked(&site));
}
