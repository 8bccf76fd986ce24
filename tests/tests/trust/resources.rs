//! What each resource does and refuses, and what it says then.

use std::time::Duration;

use datadog_trust::leash::Leash;
use harness::listen::Listening;
use harness::trust::case::{AWS_ACCOUNT, pattern};
use harness::trust::stack::{Outcome, Stack};
use harness::trust::{PERMISSIONS, Site};
use sandbox::gate::{Call, Fate, Service};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{ACCOUNT, IDENTITY, INTAKE, account, integrated, keyed};

fn mapping(site: &Site) -> Value {
    json!({ "RoleName": "runner", "ServiceAccountId": site.account })
}

fn count(site: &Site, operation: &str) -> usize {
    let calls = site.gate.calls();
    calls
        .iter()
        .filter(|it| it.call.operation.starts_with(operation))
        .count()
}

#[tokio::test(start_paused = true)]
async fn a_mapping_waits_for_its_account() {
    for (unknown, outcome) in [(100, Outcome::Complete), (200, Outcome::RolledBack)] {
        let site = Site::new(&PERMISSIONS);
        site.gate.with_world(|world| {
            let unknown = Duration::from_secs(unknown);
            world.datadog.settings.fresh_account_unknown_for = unknown;
        });
        let mut integration = Stack::new(&site, ACCOUNT);
        assert_eq!(integration.create(&account()).await, Outcome::Complete);
        assert_eq!(integration.attribute("ExternalId").len(), 32);
        let mut stack = Stack::new(&site, IDENTITY);
        assert_eq!(
            stack.create(&mapping(&site)).await,
            outcome,
            "{}",
            site.story()
        );
        assert!(
            count(&site, "POST /api/v2/cloud_auth") > 3,
            "{}",
            site.story()
        );
        if outcome == Outcome::RolledBack {
            assert!(stack.reason().contains("DependsOn"), "{}", stack.reason());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_mapping_that_is_hidden_is_waited_for_and_no_failure() {
    for (hidden, looks) in [(0, 1), (20, 3), (3600, 5)] {
        let site = integrated();
        site.gate.with_world(|world| {
            world.datadog.settings.fresh_mapping_hidden_for = Duration::from_secs(hidden);
        });
        // Of GETs two of three find nothing; one that is throttled is none.
        let mut stack = Stack::new(&site, IDENTITY);
        assert_eq!(stack.create(&mapping(&site)).await, Outcome::Complete);
        let looked = count(&site, "GET /api/v2/cloud_auth/aws/persona_mapping/{id}");
        assert!(looked <= looks, "{looked} of {looks}");
        assert_eq!(stack.update(&mapping(&site)).await, Outcome::Complete);
        assert_eq!(stack.delete().await, Outcome::Complete);
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_permission_is_named_and_the_rollback_calls_nobody() {
    for (missing, resource, properties) in [
        ("workload_identity_federation_read", IDENTITY, None),
        ("workload_identity_federation_write", IDENTITY, None),
        ("aws_configurations_manage", ACCOUNT, Some(account())),
        ("aws_configuration_read", ACCOUNT, Some(account())),
    ] {
        let left: Vec<_> = PERMISSIONS
            .into_iter()
            .filter(|it| *it != missing)
            .collect();
        let site = Site::new(&left);
        if resource == IDENTITY {
            site.gate.with_world(|world| {
                let role = json!({ "role_name": "Datadog" });
                world.datadog.integrate(AWS_ACCOUNT, &role, &json!({}));
            });
        }
        let mut stack = Stack::new(&site, resource);
        let properties = properties.unwrap_or_else(|| mapping(&site));
        assert_eq!(
            stack.create(&properties).await,
            Outcome::RolledBack,
            "{missing}"
        );
        assert!(stack.reason().contains(missing), "{}", stack.reason());
        assert!(
            stack.reason().contains("Log: /aws/lambda/datadog-trust"),
            "{}",
            stack.reason()
        );
        // Of the deletion there is but the answer.
        let calls = site.gate.calls();
        let answers: Vec<_> = calls
            .iter()
            .rev()
            .take(2)
            .map(|it| it.call.service)
            .collect();
        assert_eq!(answers, [Service::CloudFormation; 2], "{}", site.story());
    }
}

#[tokio::test(start_paused = true)]
async fn wrong_properties_are_refused_before_any_call() {
    let site = integrated();
    let role = format!("arn:aws:iam::{AWS_ACCOUNT}:role/service-role/runner");
    for (resource, properties, words) in [
        (
            IDENTITY,
            json!({ "ArnPattern": role, "ServiceAccountId": site.account }),
            pattern("runner"),
        ),
        (
            INTAKE,
            json!({ "ArnPattern": "arn:aws:sts::*" }),
            "assumed-role/ROLE".to_owned(),
        ),
        (
            IDENTITY,
            json!({ "RoleName": "runner" }),
            "ServiceAccountId is missing".to_owned(),
        ),
        (
            INTAKE,
            json!({ "RoleName": "runner", "ServiceAccountId": site.account }),
            "not known".to_owned(),
        ),
        (
            IDENTITY,
            json!({ "RoleName": "runner", "ServiceAccountId": site.account, "AdminSecretArn": "datadog/admin" }),
            "AdminSecretArn".to_owned(),
        ),
        (
            ACCOUNT,
            json!({ "AwsAccountId": AWS_ACCOUNT, "RoleName": "R", "SecretAccessKey": "x" }),
            "SecretAccessKey is not known".to_owned(),
        ),
        (
            "Custom::DatadogMonitor",
            json!({}),
            "Custom::DatadogAwsAccount".to_owned(),
        ),
    ] {
        site.gate.forget_calls();
        let mut stack = Stack::new(&site, resource);
        assert_eq!(stack.create(&properties).await, Outcome::RolledBack);
        assert!(stack.reason().contains(&words), "{}", stack.reason());
        let calls = site.gate.calls();
        assert!(
            calls
                .iter()
                .all(|it| it.call.service == Service::CloudFormation),
            "{}",
            site.story()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_role_is_in_one_kind_of_mapping_only() {
    let site = integrated();
    let theirs = site
        .gate
        .with_world(|world| world.datadog.map_intake(&pattern("runner")));
    let mut stack = Stack::new(&site, IDENTITY);
    assert_eq!(stack.create(&mapping(&site)).await, Outcome::RolledBack);
    assert!(stack.reason().contains(&theirs), "{}", stack.reason());
    assert_eq!(count(&site, "POST"), 0, "{}", site.story());
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_can_not_be_listed_is_no_hindrance() {
    let site = integrated();
    site.gate
        .follow(|call: &Call| match call.operation.as_str() {
            "GET /api/v2/cloud_auth/aws/intake_mapping" => Fate::Html(http::StatusCode::FORBIDDEN),
            _ => Fate::Pass,
        });
    let mut stack = Stack::new(&site, IDENTITY);
    let outcome = stack.create(&mapping(&site)).await;
    assert_eq!(outcome, Outcome::Complete, "{}", stack.reason());
}

#[tokio::test(start_paused = true)]
async fn a_pattern_of_another_account_is_not_adopted() {
    let site = integrated();
    let theirs = site.gate.with_world(|world| {
        world
            .datadog
            .map_identity(&pattern("runner"), &site.other_account)
    });
    let mut properties = mapping(&site);
    properties["OnConflict"] = "adopt".into();
    let mut stack = Stack::new(&site, IDENTITY);
    assert_eq!(stack.create(&properties).await, Outcome::RolledBack);
    assert!(stack.reason().contains(&theirs), "{}", stack.reason());
    assert!(site.ids().contains(&theirs));
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_is_refused_brings_the_old_one_back() {
    let mut site = integrated();
    // Who may more than the deployment's admin.
    let powerful = site.gate.with_world(|world| {
        let now = world.now();
        world
            .datadog
            .create_service_account(now, "powerful", &["org_management"])
    });
    let accounts = format!("{},{powerful}", site.account);
    site.leash = Leash::new(&pattern("runner"), &accounts, "");
    let mut stack = Stack::new(&site, IDENTITY);
    assert_eq!(stack.create(&mapping(&site)).await, Outcome::Complete);
    let before = site.trusted();
    let mut properties = mapping(&site);
    properties["ServiceAccountId"] = powerful.into();
    assert_eq!(
        stack.update(&properties).await,
        Outcome::RolledBack,
        "{}",
        site.story()
    );
    assert_eq!(site.trusted(), before);
    // Not by the rollback, which comes after the answer.
    let calls = site.gate.calls();
    let mut of_update = calls
        .split(|it| it.call.service == Service::CloudFormation)
        .skip(1);
    let of_update = of_update.next().into_iter().flatten();
    let made = of_update.filter(|it| it.call.operation.starts_with("POST"));
    let made: Vec<_> = made.filter_map(|it| it.status).collect();
    // One refusal proves nothing.
    let Some((restored, refused)) = made.split_last() else {
        panic!("{}", site.story());
    };
    assert_eq!(*restored, 201, "{}", site.story());
    assert!(refused.len() > 1 && refused.iter().all(|it| *it == 403));
    assert_eq!(stack.delete().await, Outcome::Complete);
    assert!(
        !site.trusted().iter().any(|it| it.contains("runner")),
        "{}",
        site.story()
    );
}

#[tokio::test(start_paused = true)]
async fn cloudformation_is_answered_in_time_though_nobody_answers_the_function() {
    let site = integrated();
    site.gate.follow(|call: &Call| match call.service {
        Service::CloudFormation => Fate::Pass,
        _ => Fate::SilenceBefore,
    });
    let mut stack = Stack::new(&site, IDENTITY);
    let began = Instant::now();
    let outcome = stack.create(&mapping(&site)).await;
    assert!(stack.unanswered.is_empty(), "{outcome:?}");
    // The creation and its rollback.
    assert!(began.elapsed() <= 2 * site.timeout, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn other_changes_under_way_are_waited_for() {
    let site = Site::new(&PERMISSIONS);
    site.gate.with_world(|world| world.datadog.conflict(3));
    let mut stack = Stack::new(&site, ACCOUNT);
    assert_eq!(stack.create(&account()).await, Outcome::Complete);
    assert_eq!(count(&site, "POST"), 4, "{}", site.story());
}

#[tokio::test(start_paused = true)]
async fn adopting_an_account_changes_nothing() {
    let site = integrated();
    let before = site.trusted();
    let mut properties = account();
    properties["OnConflict"] = "adopt".into();
    properties["MetricsConfig"] = json!({ "enabled": "false" });
    let mut stack = Stack::new(&site, ACCOUNT);
    assert_eq!(stack.create(&properties).await, Outcome::RolledBack);
    assert!(
        stack.reason().contains("MetricsConfig is another"),
        "{}",
        stack.reason()
    );
    assert_eq!(site.trusted(), before);
    properties["MetricsConfig"] = json!({ "enabled": "true" });
    assert_eq!(stack.create(&properties).await, Outcome::Complete);
    assert_eq!(stack.attribute("ExternalId"), "1".repeat(32));
    assert_eq!(site.trusted(), before);
    properties["MetricsConfig"] = json!({ "enabled": "false" });
    assert_eq!(stack.update(&properties).await, Outcome::Complete);
    assert_ne!(site.trusted(), before);
    assert_eq!(stack.delete().await, Outcome::Complete);
    assert!(site.trusted().iter().any(|it| it.contains(AWS_ACCOUNT)));
}

#[tokio::test(start_paused = true)]
async fn keys_are_left_only_on_demand() {
    let (site, properties) = keyed();
    let before = site.trusted();
    let mut stack = Stack::new(&site, ACCOUNT);
    assert_eq!(stack.create(&account()).await, Outcome::RolledBack);
    assert!(
        stack.reason().contains("SwitchFromKeys: true"),
        "{}",
        stack.reason()
    );
    assert_eq!(site.trusted(), before);
    assert_eq!(stack.create(&properties).await, Outcome::Complete);
    assert_eq!(
        stack.attribute("RevocableAccessKeyId"),
        "AKIAIOSFODNN7EXAMPLE"
    );
    assert_eq!(stack.attribute("ExternalId").len(), 32);
    let said = stack
        .answers
        .last()
        .map(|it| it["Reason"].to_string())
        .unwrap_or_default();
    assert!(
        said.contains("revoke access key AKIAIOSFODNN7EXAMPLE"),
        "{said}"
    );
    let (keys, role) = (
        r#"{"access_key_id":"AKIAIOSFODNN7EXAMPLE"}"#,
        r#"{"role_name":"Datadog"}"#,
    );
    let expected: Vec<_> = before.iter().map(|it| it.replace(keys, role)).collect();
    assert_eq!(Vec::from_iter(site.trusted()), expected);
    assert_eq!(stack.delete().await, Outcome::Complete);
    assert_eq!(Vec::from_iter(site.trusted()), expected);
}

#[tokio::test(start_paused = true)]
async fn a_switch_is_finished_if_there_is_time_and_told_if_there_is_none() {
    for (failing, outcome) in [(60, Outcome::Complete), (3600, Outcome::RollbackFailed)] {
        let listening = Listening::begin();
        let (site, properties) = keyed();
        let began = Instant::now();
        site.gate.follow(move |call: &Call| {
            let fails = began.elapsed() < Duration::from_secs(failing);
            if fails && call.operation.starts_with("POST") {
                Fate::FailBefore
            } else {
                Fate::Pass
            }
        });
        let mut stack = Stack::new(&site, ACCOUNT);
        assert_eq!(stack.create(&properties).await, outcome, "{}", site.story());
        if outcome == Outcome::RollbackFailed {
            assert!(
                stack.reason().contains("NOT integrated now"),
                "{}",
                stack.reason()
            );
            assert!(listening.heard().contains("team:a"));
            // The next deployment from the same environment has the settings still.
            site.gate.follow(|_: &Call| Fate::Pass);
            assert_eq!(stack.create(&properties).await, Outcome::Complete);
        }
        assert!(site.trusted().iter().any(|it| it.contains("team:a")));
    }
}
