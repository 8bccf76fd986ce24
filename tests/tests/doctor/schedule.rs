//! `datadog-doctor` as a Lambda function: it reports and never revokes.

use std::collections::BTreeMap;
use std::time::Duration;

use sandbox::lambda::{self, Function, FunctionOptions};
use sandbox::scene::SceneOptions;
use sandbox::stack::{ACCOUNT, REGION};
use serde_json::{Value, json};
use tests::bench::DOCUMENTED_SCOPES;
use tests::figures;
use tests::listen::indiscretion;

use crate::open_world::{DOCTOR, OpenWorld};

/// The function, in a world.
fn function(site: &OpenWorld, output: &lambda::Output) -> Function {
    let options = FunctionOptions {
        name: "datadog-rotation-doctor".to_owned(),
        executable: DOCTOR.clone(),
        region: REGION.to_owned(),
        account: ACCOUNT.to_owned(),
        variables: BTreeMap::from([
            ("AWS_LAMBDA_LOG_FORMAT".to_owned(), "JSON".to_owned()),
            ("AWS_LAMBDA_LOG_LEVEL".to_owned(), "TRACE".to_owned()),
        ]),
    };
    Function::new(options, site.gate.clone(), output.clone())
}

#[tokio::test]
async fn on_a_schedule_it_reports_and_never_revokes() {
    let site = OpenWorld::open(SceneOptions::default()).await;
    let output = lambda::Output::default();
    let function = function(&site, &output);
    let old = site.lose_application_key(Duration::from_hours(1));
    let young = site.lose_application_key(Duration::from_mins(1));
    let secrets = &site.scene.secrets;
    let event = json!({
        "command": "strays",
        "secrets": [secrets.api_key, secrets.application_key, ""],
        "revoke": true,
    });
    let summary = function
        .invoke(&event, Duration::from_mins(1))
        .await
        .unwrap();
    assert_eq!(summary["secrets"], 2);
    assert_eq!(json!([summary["strays"], summary["young"]]), json!([1, 1]));
    assert!(site.is_live(&old) && site.is_live(&young));
    let calls = site.gate.calls();
    assert!(calls.iter().all(|it| !it.call.changes()), "{calls:?}");

    let wrong = json!({ "command": "check", "secrets": [secrets.api_key] });
    let refused = function.invoke(&wrong, Duration::from_mins(1)).await;
    assert_eq!(refused.unwrap_err().error_type, "InvalidEvent");
    site.gate.with_world(|world| {
        let manager = &mut world.secrets_manager;
        manager.deny("GetSecretValue", &secrets.api_key);
    });
    let unseen = function.invoke(&event, Duration::from_mins(1)).await;
    let unseen = unseen.unwrap_err();
    assert_eq!(unseen.error_type, "AccessDenied");
    assert!(unseen.message.contains(&secrets.api_key), "{unseen}");

    function.stop().await;
    let lines: Vec<_> = output.lines().into_iter().map(|it| it.text).collect();
    let said = lines.join("\n");
    // AWS's own text, which names role and action, is meant to be read.
    let discreet = lines.iter().filter(|it| !it.contains("is not authorized"));
    let discreet: String = discreet.map(String::as_str).collect();
    assert_eq!(indiscretion(&site.gate, &discreet), None);
    let lines: Vec<Value> = lines
        .iter()
        .filter_map(|it| serde_json::from_str(it).ok())
        .collect();
    let of = |level: &str, words: &str| {
        let with = lines.iter().filter(|it| {
            let message = it["message"].as_str().unwrap_or_default();
            it["level"] == level && message.starts_with(words)
        });
        with.cloned().collect::<Vec<_>>()
    };
    // The application key's secret was looked at in spite of the other.
    let strays = of("WARN", "stray key");
    assert_eq!(strays.len(), 2, "{said}");
    for stray in strays {
        assert_eq!(stray["id"], old);
        assert_eq!(stray["class"], "application_key");
        assert_eq!(stray["standing"], "revocable");
    }
    let summaries = of("INFO", "searched for stray keys");
    assert_eq!(
        json!([summaries[0]["strays"], summaries[0]["unseen"]]),
        json!([1, 0])
    );
    assert_eq!(
        json!([summaries[1]["strays"], summaries[1]["unseen"]]),
        json!([1, 1])
    );
    assert_eq!((summaries.len(), of("ERROR", "").len()), (2, 2));
    assert_eq!(metrics(&lines), [1, 1]);
    let documented = figures::fields_of_logs();
    for line in &lines {
        for field in line.as_object().unwrap().keys() {
            assert!(documented.contains(field.as_str()), "{field} in {line}");
        }
    }
}

/// The stray keys that each line of metrics counts.
fn metrics(lines: &[Value]) -> Vec<u64> {
    let lines = lines.iter().filter(|it| it.get("_aws").is_some());
    let counts = lines.map(|line| {
        assert_eq!(line["Function"], "datadog-rotation-doctor");
        let directives = &line["_aws"]["CloudWatchMetrics"];
        assert_eq!(directives[0]["Dimensions"], json!([["Function"]]));
        line["StrayKeysFound"].as_u64().unwrap()
    });
    counts.collect()
}

#[tokio::test]
async fn on_a_schedule_api_keys_that_can_not_be_listed_are_no_failure() {
    let site = OpenWorld::open(SceneOptions {
        admin_scopes: &DOCUMENTED_SCOPES,
        ..SceneOptions::default()
    })
    .await;
    let output = lambda::Output::default();
    let function = function(&site, &output);
    let event = json!({ "command": "strays", "secrets": [site.scene.secrets.api_key] });
    let summary = function
        .invoke(&event, Duration::from_mins(1))
        .await
        .unwrap();
    assert_eq!(
        json!([summary["strays"], summary["unlisted"]]),
        json!([0, 1])
    );
    function.stop().await;
    let is_said = |it: &lambda::Line| {
        it.text.contains("without api_keys_read") && it.text.contains(r#""level":"WARN""#)
    };
    assert_eq!(output.lines().iter().filter(|it| is_said(it)).count(), 1);
}
