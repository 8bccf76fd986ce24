//! What is read or issued before anything is registered: namespaces, and external IDs.

use harness::trust::stack::{Outcome, Stack};
use harness::trust::{PERMISSIONS, Site};
use http::StatusCode;
use sandbox::gate::{Call, Fate};
use serde_json::{Value, json};

use super::{ACCOUNT, account, registered};

const NAMESPACES: &str = "GET /api/v2/integration/aws/available_namespaces";
const EXTERNAL_ID: &str = "POST /api/v2/integration/aws/generate_new_external_id";

fn count(site: &Site, operation: &str) -> usize {
    let calls = site.gate.calls();
    calls
        .iter()
        .filter(|it| it.call.operation == operation)
        .count()
}

/// The list is a help. Datadog itself judges the settings where it can't be had.
#[tokio::test(start_paused = true)]
async fn without_the_list_of_namespaces_datadog_judges() {
    for (refused, namespace, outcome) in [
        (StatusCode::FORBIDDEN, "AWS/EC2", Outcome::Complete),
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "AWS/EC2",
            Outcome::Complete,
        ),
        (StatusCode::FORBIDDEN, "AWS/Ec2", Outcome::RolledBack),
    ] {
        let site = registered(&json!({}));
        site.gate.follow(move |call: &Call| {
            if call.operation == NAMESPACES {
                Fate::Refuse(refused)
            } else {
                Fate::Pass
            }
        });
        let mut properties = account();
        properties["OnConflict"] = "adopt".into();
        let mut stack = Stack::new(&site, ACCOUNT);
        assert_eq!(stack.create(&properties).await, Outcome::Complete);
        let before = site.trusted();
        properties["MetricsConfig"] =
            json!({ "namespace_filters": { "include_only": [namespace] } });
        let ended = stack.update(&properties).await;
        assert_eq!(ended, outcome, "{refused} {namespace}: {}", stack.reason());
        assert!(count(&site, NAMESPACES) > 0);
        assert_eq!(site.trusted() == before, outcome != Outcome::Complete);
    }
}

/// An ID whose answer was lost is never used, and ends by itself.
#[tokio::test(start_paused = true)]
async fn an_external_id_whose_answer_is_lost_is_asked_for_again() {
    let site = Site::new(&PERMISSIONS);
    let is_lost = std::sync::atomic::AtomicBool::new(true);
    site.gate.follow(move |call: &Call| {
        let is_first = is_lost.load(std::sync::atomic::Ordering::Relaxed);
        if call.operation == EXTERNAL_ID && is_first {
            is_lost.store(false, std::sync::atomic::Ordering::Relaxed);
            Fate::CutAfter
        } else {
            Fate::Pass
        }
    });
    let mut issued = Stack::new(&site, "Custom::DatadogExternalId");
    let outcome = issued.create(&json!({})).await;
    assert_eq!(outcome, Outcome::Complete, "{}", issued.reason());
    assert_eq!(count(&site, EXTERNAL_ID), 2, "{}", site.story());
    let mut properties = account();
    properties["ExternalId"] = issued.attribute("ExternalId").into();
    let mut stack = Stack::new(&site, ACCOUNT);
    let outcome = stack.create(&properties).await;
    assert_eq!(outcome, Outcome::Complete, "{}", stack.reason());
}

/// There is nothing to delete, so that it is not asked for, and needs no credentials.
#[tokio::test(start_paused = true)]
async fn deleting_an_external_id_calls_nobody() {
    let site = Site::new(&PERMISSIONS);
    let mut issued = Stack::new(&site, "Custom::DatadogExternalId");
    assert_eq!(issued.create(&json!({})).await, Outcome::Complete);
    site.gate.forget_calls();
    assert_eq!(issued.delete().await, Outcome::Complete);
    let calls = site.gate.calls();
    let others = calls
        .iter()
        .filter(|it| it.call.service != sandbox::gate::Service::CloudFormation);
    assert_eq!(others.count(), 0, "{}", site.story());
    let answer = issued.answers.last().cloned().unwrap_or(Value::Null);
    assert_eq!(answer["Status"], "SUCCESS");
}
