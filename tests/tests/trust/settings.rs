//! Settings of a registration: checked before anything is changed, compared as sets, and replaced
//! as choices; and the switch from access keys, whose deletion can't be undone.

use harness::trust::stack::{Outcome, Stack};
use harness::trust::{PERMISSIONS, Site};
use sandbox::gate::{Call, Fate};
use serde_json::{Value, json};

use super::{ACCOUNT, KEY, account, keyed, registered};

fn attributes(site: &Site) -> Value {
    site.gate.with_world(|world| {
        let [account] = world.datadog.every_account() else {
            return Value::Null;
        };
        Value::from(account.attributes.clone())
    })
}

fn count(site: &Site, operation: &str) -> usize {
    let calls = site.gate.calls();
    let calls = calls.iter().map(|it| &it.call.operation);
    calls.filter(|it| it.starts_with(operation)).count()
}

#[tokio::test(start_paused = true)]
async fn what_datadog_refuses_is_found_before_the_keys_are_gone() {
    for (name, value, words) in [
        (
            "MetricsConfig",
            json!({ "namespace_filters": { "include_only": ["AWS/Ec2"] } }),
            "The nearest one is \"AWS/EC2\"",
        ),
        (
            "AwsRegions",
            json!({ "include_only": ["Ireland"] }),
            "no region of the partition aws",
        ),
        // Only Datadog knows which regions there are.
        (
            "AwsRegions",
            json!({ "include_only": ["eu-west-9"] }),
            "mentions aws_regions, eu-west-9",
        ),
        (
            "AwsRegions",
            json!({ "include_all": "true", "include_only": ["eu-west-1"] }),
            "include_all and include_only in aws_regions",
        ),
    ] {
        let (site, mut properties) = keyed();
        let before = site.trusted();
        properties[name] = value;
        let mut stack = Stack::new(&site, ACCOUNT);
        let outcome = stack.create(&properties).await;
        assert_eq!(outcome, Outcome::RolledBack, "{}", site.story());
        assert!(stack.reason().contains(words), "{}", stack.reason());
        assert_eq!(count(&site, "DELETE"), 0, "{}", site.story());
        assert_eq!(count(&site, "POST"), 0, "{}", site.story());
        assert_eq!(site.trusted(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn a_switch_whose_new_settings_are_refused_is_made_with_the_old_ones() {
    let (site, mut properties) = keyed();
    // An ID that Datadog has not issued: only the creation tells.
    properties["ExternalId"] = "2".repeat(32).into();
    let mut stack = Stack::new(&site, ACCOUNT);
    let outcome = stack.create(&properties).await;
    assert_eq!(outcome, Outcome::RolledBack, "{}", site.story());
    let reason = stack.reason().to_owned();
    let own = attributes(&site);
    assert_eq!(own["account_tags"], json!(["team:a"]), "{}", site.story());
    assert_eq!(own["aws_regions"], json!({ "include_only": ["eu-west-1"] }));
    assert_eq!(own["auth_config"]["role_name"], "Datadog");
    let external_id = own["auth_config"]["external_id"].as_str().expect("an ID");
    for words in [
        "does not accept the external ID (400)",
        "with its old settings",
        KEY,
        external_id,
    ] {
        assert!(reason.contains(words), "{words}: {reason}");
    }
    // One attempt, refused for good, and the way back.
    assert_eq!(count(&site, "POST"), 2, "{}", site.story());

    // As the reason says, it goes on from there.
    let mut adopting = account();
    adopting["OnConflict"] = "adopt".into();
    let outcome = stack.create(&adopting).await;
    assert_eq!(outcome, Outcome::Complete, "{}", stack.reason());
    assert_eq!(stack.attribute("ExternalId"), external_id);
}

#[tokio::test(start_paused = true)]
async fn a_switch_that_is_refused_altogether_says_what_is_to_be_done() {
    let (site, properties) = keyed();
    site.gate.follow(|call: &Call| {
        if call.operation.starts_with("POST") {
            Fate::Refuse(http::StatusCode::BAD_REQUEST)
        } else {
            Fate::Pass
        }
    });
    let began = tokio::time::Instant::now();
    let mut stack = Stack::new(&site, ACCOUNT);
    stack.create(&properties).await;
    let reason = stack.answers[0]["Reason"].as_str().unwrap_or_default();
    for words in [
        "refused as wrong (400)",
        "is NOT integrated now",
        "with role Datadog",
        "settings before the switch",
    ] {
        assert!(reason.contains(words), "{words}: {reason}");
    }
    // A definite refusal is not sent again until the time is up.
    let first = site.gate.calls();
    let first = first
        .iter()
        .take_while(|it| it.call.service != sandbox::gate::Service::CloudFormation);
    let posts = first.filter(|it| it.call.operation.starts_with("POST"));
    assert_eq!(posts.count(), 2, "{}", site.story());
    assert!(began.elapsed() < site.timeout, "{:?}", began.elapsed());

    // The next deployment from the same environment finishes it.
    site.gate.follow(|_: &Call| Fate::Pass);
    let outcome = stack.create(&properties).await;
    assert_eq!(outcome, Outcome::Complete, "{}", stack.reason());
    assert_eq!(attributes(&site)["account_tags"], json!(["team:a"]));
    assert_eq!(stack.attribute("RevocableAccessKeyId"), KEY);
}

#[tokio::test(start_paused = true)]
async fn a_choice_replaces_the_other_choice() {
    let site = registered(&json!({ "aws_regions": { "include_all": true } }));
    let mut properties = account();
    properties["OnConflict"] = "adopt".into();
    let mut stack = Stack::new(&site, ACCOUNT);
    assert_eq!(stack.create(&properties).await, Outcome::Complete);
    properties["AwsRegions"] = json!({ "include_only": ["eu-west-1", "eu-west-2"] });
    properties["MetricsConfig"] = json!({ "namespace_filters": { "include_only": ["AWS/EC2"] } });
    properties["TracesConfig"] = json!({ "xray_services": { "include_all": "true" } });
    let outcome = stack.update(&properties).await;
    assert_eq!(outcome, Outcome::Complete, "{}", stack.reason());
    let own = attributes(&site);
    assert_eq!(own["aws_regions"], properties["AwsRegions"]);
    let metrics = &own["metrics_config"];
    assert_eq!(
        metrics["namespace_filters"],
        json!({ "include_only": ["AWS/EC2"] })
    );
    assert_eq!(metrics["automute_enabled"], true);
    assert_eq!(
        own["traces_config"]["xray_services"],
        json!({ "include_all": true })
    );
}

/// Datadog drops the names of metrics if an update leaves them out.
#[tokio::test(start_paused = true)]
async fn a_change_of_one_setting_keeps_the_others() {
    let names = json!([{ "namespace": "AWS/EC2", "include_only": ["CPUUtilization"] }]);
    let site = registered(&json!({ "metrics_config": { "metric_name_filters": names } }));
    let mut properties = account();
    properties["OnConflict"] = "adopt".into();
    let mut stack = Stack::new(&site, ACCOUNT);
    assert_eq!(stack.create(&properties).await, Outcome::Complete);
    properties["AccountTags"] = json!(["env:b"]);
    let outcome = stack.update(&properties).await;
    assert_eq!(outcome, Outcome::Complete, "{}", stack.reason());
    let own = attributes(&site);
    assert_eq!(own["account_tags"], json!(["env:b"]));
    assert_eq!(own["metrics_config"]["metric_name_filters"], names);
}

#[tokio::test(start_paused = true)]
async fn the_same_sets_in_another_order_are_no_change() {
    let site = registered(&json!({
        "account_tags": ["team:a", "env:b"],
        "aws_regions": { "include_only": ["eu-west-1", "eu-west-2"] },
    }));
    let before = site.trusted();
    let mut properties = account();
    properties["OnConflict"] = "adopt".into();
    properties["AccountTags"] = json!(["env:b", "team:a"]);
    properties["AwsRegions"] = json!({ "include_only": ["eu-west-2", "eu-west-1"] });
    let mut stack = Stack::new(&site, ACCOUNT);
    let outcome = stack.create(&properties).await;
    assert_eq!(outcome, Outcome::Complete, "{}", stack.reason());
    properties["AccountTags"] = json!(["team:a", "env:b"]);
    assert_eq!(stack.update(&properties).await, Outcome::Complete);
    assert_eq!(count(&site, "PATCH"), 0, "{}", site.story());
    assert_eq!(site.trusted(), before);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_namespace_changes_nothing() {
    let site = registered(&json!({}));
    let before = site.trusted();
    let mut properties = account();
    properties["OnConflict"] = "adopt".into();
    let mut stack = Stack::new(&site, ACCOUNT);
    assert_eq!(stack.create(&properties).await, Outcome::Complete);
    properties["MetricsConfig"] =
        json!({ "namespace_filters": { "exclude_only": ["AWS/SQS", "AWS/Lamda"] } });
    assert_eq!(stack.update(&properties).await, Outcome::RolledBack);
    let reason = stack.reason();
    assert!(
        reason.contains("\"AWS/Lamda\"") && reason.contains("The nearest one is \"AWS/Lambda\""),
        "{reason}"
    );
    assert_eq!(count(&site, "PATCH"), 0, "{}", site.story());
    assert_eq!(site.trusted(), before);
}

#[tokio::test(start_paused = true)]
async fn an_external_id_can_be_had_before_the_role_and_the_registration() {
    let site = Site::new(&PERMISSIONS);
    let mut issued = Stack::new(&site, "Custom::DatadogExternalId");
    assert_eq!(issued.create(&json!({})).await, Outcome::Complete);
    let id = issued.attribute("ExternalId").to_owned();
    assert_eq!(id.len(), 32);
    let mut properties = account();
    properties["ExternalId"] = id.as_str().into();
    let mut stack = Stack::new(&site, ACCOUNT);
    let outcome = stack.create(&properties).await;
    assert_eq!(outcome, Outcome::Complete, "{}", stack.reason());
    assert_eq!(stack.attribute("ExternalId"), id);
    assert_eq!(attributes(&site)["auth_config"]["external_id"], id.as_str());

    // An update keeps it; another serial asks for another one.
    let other = json!({ "Serial": "1" });
    assert_eq!(issued.update(&other).await, Outcome::Complete);
    assert_eq!(issued.attribute("ExternalId"), id);
    let other = json!({ "Serial": "2" });
    assert_eq!(issued.update(&other).await, Outcome::Complete);
    let mut made = issued
        .answers
        .iter()
        .filter_map(|it| it["Data"]["ExternalId"].as_str());
    assert_ne!(made.next_back(), Some(id.as_str()));
    assert_eq!(issued.delete().await, Outcome::Complete);
    assert_eq!(stack.delete().await, Outcome::Complete);
}
