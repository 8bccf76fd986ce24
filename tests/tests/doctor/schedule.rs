//! `datadog-doctor` as a Lambda function: it reports and never deletes.

use std::collections::BTreeMap;
use std::time::Duration;

use harness::bench::DOCUMENTED_SCOPES;
use harness::figures;
use harness::listen::indiscretion;
use sandbox::lambda::{self, Function, FunctionOptions};
use sandbox::scene::{APPLICATION_SCOPES, SceneOptions, request, token};
use sandbox::stack::{ACCOUNT, REGION};
use sandbox::world::Clock;
use serde_json::{Value, json};
use time::OffsetDateTime;

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
async fn on_a_schedule_it_reports_and_never_deletes() {
    let site = OpenWorld::open(SceneOptions::default()).await;
    let output = lambda::Output::default();
    let function = function(&site, &output);
    let old = site.lose_application_key(Duration::from_hours(1));
    let young = site.lose_application_key(Duration::from_mins(1));
    let secrets = &site.scene.secrets;
    let event = json!({
        "command": "orphans",
        "secrets": [secrets.api_key, secrets.application_key, ""],
        "delete": true,
    });
    let summary = function
        .invoke(&event, Duration::from_mins(1))
        .await
        .unwrap();
    assert_eq!(summary["secrets"], 2);
    assert_eq!(json!([summary["orphans"], summary["young"]]), json!([1, 1]));
    assert!(site.is_live(&old) && site.is_live(&young));
    let calls = site.gate.calls();
    assert!(calls.iter().all(|it| !it.call.changes()), "{calls:?}");

    let wrong = json!({ "command": "probe", "secrets": [secrets.api_key] });
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
    let lines = discreet_lines(&site, &output);
    let of = |level: &str, words: &str| of(&lines, level, words);
    // The application key's secret was looked at in spite of the other.
    let orphans = of("WARN", "orphaned key");
    assert_eq!(orphans.len(), 2, "{lines:?}");
    for orphan in orphans {
        assert_eq!(orphan["id"], old);
        assert_eq!(orphan["class"], "application_key");
        assert_eq!(orphan["state"], "deletable");
    }
    let summaries = of("INFO", "searched for orphaned keys");
    assert_eq!(
        json!([summaries[0]["orphans"], summaries[0]["not_searched"]]),
        json!([1, 0])
    );
    assert_eq!(
        json!([summaries[1]["orphans"], summaries[1]["not_searched"]]),
        json!([1, 1])
    );
    assert_eq!((summaries.len(), of("ERROR", "").len()), (2, 2));
    assert_eq!(metrics(&lines, "OrphanedKeysFound"), [1, 1]);
}

/// What was printed, without a key in it, and with documented fields alone.
fn discreet_lines(site: &OpenWorld, output: &lambda::Output) -> Vec<Value> {
    let lines: Vec<_> = output.lines().into_iter().map(|it| it.text).collect();
    // AWS's own text, which names role and action, is meant to be read.
    let discreet = lines.iter().filter(|it| !it.contains("is not authorized"));
    let discreet: String = discreet.map(String::as_str).collect();
    assert_eq!(indiscretion(&site.gate, &discreet), None);
    let parsed = lines.iter().filter_map(|it| serde_json::from_str(it).ok());
    let parsed: Vec<Value> = parsed.collect();
    let documented = figures::fields_of_logs();
    for line in &parsed {
        for field in line.as_object().unwrap().keys() {
            assert!(documented.contains(field.as_str()), "{field} in {line}");
        }
    }
    parsed
}

/// The lines of this level whose messages begin so.
fn of(lines: &[Value], level: &str, words: &str) -> Vec<Value> {
    let with = lines.iter().filter(|it| {
        let message = it["message"].as_str().unwrap_or_default();
        it["level"] == level && message.starts_with(words)
    });
    with.cloned().collect()
}

/// What each line of metrics counts by this name.
fn metrics(lines: &[Value], name: &str) -> Vec<u64> {
    let lines = lines.iter().filter(|it| it.get("_aws").is_some());
    let counts = lines.map(|line| {
        assert_eq!(line["Function"], "datadog-rotation-doctor");
        let directives = &line["_aws"]["CloudWatchMetrics"];
        assert_eq!(directives[0]["Dimensions"], json!([["Function"]]));
        line[name].as_u64().unwrap()
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
    let event = json!({ "command": "orphans", "secrets": [site.scene.secrets.api_key] });
    let summary = function
        .invoke(&event, Duration::from_mins(1))
        .await
        .unwrap();
    assert_eq!(
        json!([summary["orphans"], summary["unlisted"]]),
        json!([0, 1])
    );
    function.stop().await;
    let is_said = |it: &lambda::Line| {
        it.text.contains("without api_keys_read") && it.text.contains(r#""level":"WARN""#)
    };
    assert_eq!(output.lines().iter().filter(|it| is_said(it)).count(), 1);
}

/// A call of an operator's.
fn manage(site: &OpenWorld, operation: &str, body: &Value) {
    let response = site.gate.with_world(|world| {
        let now = world.now();
        world.secrets_manager.call(now, &request(operation, body))
    });
    assert!(response.status().is_success(), "{:?}", response.body());
}

/// The ARN of the stack's function whose name ends so.
fn arn(end: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:datadog-rotation-{end}")
}

/// Attaches the secrets, every 30 days, as a stack does.
fn attach(site: &OpenWorld) {
    let secrets = &site.scene.secrets;
    for (secret, end) in [
        (&secrets.api_key, "api-key"),
        (&secrets.application_key, "application-key"),
        (&secrets.admin_key, "admin-key"),
        (&secrets.service_access_token, "service-access-token"),
    ] {
        let function = arn(end);
        site.gate.with_world(|world| world.deploy(&function));
        let body = json!({
            "SecretId": secret,
            "ClientRequestToken": token(secret),
            "RotationLambdaARN": function,
            "RotationRules": { "ScheduleExpression": "rate(30 days)" },
            "RotateImmediately": false,
        });
        manage(site, "RotateSecret", &body);
    }
}

/// Checks the secrets, and what it answers, says and counts.
async fn checked(site: &OpenWorld) -> (Value, Vec<Value>) {
    let output = lambda::Output::default();
    let function = function(site, &output);
    let secrets = &site.scene.secrets;
    let event = json!({
        "command": "check",
        "secrets": [{ "secret": secrets.api_key, "admin_secret": "" }, secrets.application_key, secrets.admin_key, secrets.service_access_token],
    });
    let summary = function.invoke(&event, Duration::from_mins(1)).await;
    function.stop().await;
    let calls = site.gate.calls();
    assert!(calls.iter().all(|it| !it.call.changes()), "{calls:?}");
    (summary.unwrap(), discreet_lines(site, &output))
}

#[tokio::test]
async fn on_a_schedule_it_counts_overdue_rotations_of_any_interval() {
    let in_time = OpenWorld::open(SceneOptions::default()).await;
    let (off, _) = checked(&in_time).await;
    assert_eq!(off["overdue"], 4);
    attach(&in_time);
    let (summary, lines) = checked(&in_time).await;
    assert_eq!(
        summary,
        json!({ "secrets": 4, "overdue": 0, "failed": 0, "unknown": 0 })
    );
    assert_eq!(metrics(&lines, "RotationOverdue"), [0]);
    assert_eq!(metrics(&lines, "ChecksFailed"), [0]);

    // Longer ago than the schedules' intervals, and than any alarm of CloudWatch's looks back.
    let long_ago = OffsetDateTime::now_utc() - Duration::from_hours(92 * 24);
    let late = OpenWorld::open_at(Clock::starting_at(long_ago), SceneOptions::default()).await;
    attach(&late);
    let (summary, lines) = checked(&late).await;
    assert_eq!(
        json!([summary["overdue"], summary["failed"]]),
        json!([4, 0])
    );
    assert_eq!(metrics(&lines, "RotationOverdue"), [4]);
    let warnings = of(&lines, "WARN", "check: on, by");
    assert_eq!(warnings.len(), 4, "{lines:?}");
    for warning in warnings {
        assert_eq!(warning["check"], "rotation");
        let message = warning["message"].as_str().unwrap();
        assert!(message.contains("overdue since"), "{message}");
    }
}

#[tokio::test]
async fn on_a_schedule_it_counts_a_function_that_is_gone_and_not_one_that_it_may_not_see() {
    let site = OpenWorld::open(SceneOptions::default()).await;
    attach(&site);
    site.gate
        .with_world(|world| world.functions.delete(&arn("application-key")));
    let (summary, lines) = checked(&site).await;
    let wanted = json!({ "secrets": 4, "overdue": 0, "failed": 1, "unknown": 0 });
    assert_eq!(summary, wanted);
    assert_eq!(metrics(&lines, "ChecksFailed"), [1]);
    let failures = of(&lines, "WARN", "check failed: ");
    assert_eq!(failures[0]["error_type"], "FunctionNotFound");
    assert_eq!(failures[0]["check"], "function");

    let unseen = OpenWorld::open(SceneOptions::default()).await;
    attach(&unseen);
    unseen
        .gate
        .with_world(|world| world.functions.deny("GetFunctionConfiguration"));
    let (summary, _) = checked(&unseen).await;
    assert_eq!(
        json!([summary["failed"], summary["unknown"]]),
        json!([0, 4])
    );
}

#[tokio::test]
async fn on_a_schedule_it_counts_a_token_that_ends_before_its_next_rotation() {
    let site = OpenWorld::open(SceneOptions::default()).await;
    attach(&site);
    let secrets = &site.scene.secrets;
    let minted = site.gate.with_world(|world| {
        let (now, account) = (world.now(), &site.scene.service_account);
        let (scopes, end) = (
            &APPLICATION_SCOPES,
            Some(now + Duration::from_hours(10 * 24)),
        );
        let datadog = &mut world.datadog;
        datadog.create_access_token(now, account, "pipelines", scopes, end)
    });
    let value = json!({
        "serviceAccessToken": minted.value, "serviceAccessTokenId": minted.id,
        "serviceAccountId": site.scene.service_account,
    });
    let secret = &secrets.service_access_token;
    let (version, value) = (token("ends soon"), value.to_string());
    let body = json!({ "SecretId": secret, "ClientRequestToken": version, "SecretString": value });
    manage(&site, "PutSecretValue", &body);
    let (summary, lines) = checked(&site).await;
    let wanted = json!({ "secrets": 4, "overdue": 0, "failed": 1, "unknown": 0 });
    assert_eq!(summary, wanted, "{lines:?}");
    assert_eq!(metrics(&lines, "ChecksFailed"), [1]);
    let warnings = of(&lines, "WARN", "check: it ends at");
    assert_eq!(warnings[0]["error_type"], "TokenEndsTooSoon");
    assert_eq!(warnings[0]["check"], "access_token");
}

#[tokio::test]
async fn on_a_schedule_it_says_what_the_next_rotation_would_fail_on() {
    let site = OpenWorld::open(SceneOptions {
        admin_scopes: &["api_keys_write"],
        ..SceneOptions::default()
    })
    .await;
    let (summary, lines) = checked(&site).await;
    let failed = summary["failed"].as_u64().unwrap();
    assert!(failed >= 3, "{summary}");
    assert_eq!(metrics(&lines, "ChecksFailed"), [failed]);
    let failures = of(&lines, "WARN", "check failed: ");
    assert_eq!(failures.len() as u64, failed, "{lines:?}");
    assert!(failures.iter().any(|it| it["error_type"] == "MissingScope"));
}

#[tokio::test]
async fn on_a_schedule_a_secret_is_checked_with_the_admin_secret_that_its_function_uses() {
    let site = OpenWorld::open(SceneOptions::default()).await;
    let output = lambda::Output::default();
    let function = function(&site, &output);
    let secrets = &site.scene.secrets;
    let tag = json!({ "SecretId": secrets.api_key, "TagKeys": ["adminSecretArn"] });
    manage(&site, "UntagResource", &tag);
    site.gate.with_world(|world| {
        let manager = &mut world.secrets_manager;
        manager.deny("GetSecretValue", &secrets.admin_key);
    });
    let check = async |admin_secret: &str| {
        let named = json!({ "secret": secrets.api_key, "admin_secret": admin_secret });
        let event = json!({ "command": "check", "secrets": [named] });
        function.invoke(&event, Duration::from_mins(1)).await
    };
    check(&secrets.admin_key).await.unwrap();
    check(&secrets.application_key).await.unwrap();
    function.stop().await;
    let lines = discreet_lines(&site, &output);
    let types: Vec<_> = of(&lines, "WARN", "check failed: ")
        .iter()
        .map(|it| it["error_type"].clone())
        .collect();
    assert_eq!(types, ["AdminSecretAccessDenied", "AdminSecretMalformed"]);
}
