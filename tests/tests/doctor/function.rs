//! The function that a secret is attached to, as `datadog-doctor check` sees it.

use std::time::Duration;

use bytes::Bytes;
use datadog_rotation::Kind;
use datadog_rotation::http::{Sending, Transport, TransportError};
use harness::bench::{Bench, caller};
use harness::doctor::{CALLER, line, of_status};
use harness::transport::InProcess;
use http::StatusCode;
use sandbox::functions::Functions;
use sandbox::gate::{Call, Fate, Service};
use sandbox::scene::SceneOptions;
use sandbox::stack::{ACCOUNT, REGION};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

const API: Kind = Kind::ApiKey;

fn bench() -> Bench {
    Bench::new(SceneOptions::default())
}

fn arn(kind: Kind) -> String {
    format!(
        "arn:aws:lambda:{REGION}:{ACCOUNT}:function:{}",
        caller(kind)
    )
}

/// Changes the function for API keys, and returns what the check says of it.
async fn said(change: impl Fn(&mut Functions, &str)) -> (Value, Value) {
    let bench = bench();
    bench
        .gate
        .with_world(|world| change(&mut world.functions, &arn(API)));
    let checkup = bench.checkup(bench.secret(API)).await;
    // Nothing else is said for it, and nothing is left out.
    for other in checkup["checks"].as_array().unwrap() {
        let is_ok = other["status"] == "ok";
        assert!(is_ok || other["check"] == "function", "{other}");
    }
    let line = line(&checkup, "function").clone();
    (checkup, line)
}

fn anybody() -> Value {
    json!({ "StringEquals": { "AWS:SourceAccount": ACCOUNT } })
}

#[tokio::test(start_paused = true)]
async fn one_of_this_suite_is_asked_for_by_two_calls_and_called_sound() {
    for kind in Kind::ALL {
        let bench = bench();
        let checkup = bench.checkup(bench.secret(kind)).await;
        let line = line(&checkup, "function");
        let name = kind.name();
        let text =
            format!("it is there, and rotates {name} secrets. Secrets Manager may invoke it");
        assert_eq!(
            (&line["status"], &line["text"]),
            (&json!("ok"), &json!(text))
        );
        let calls = bench.gate.calls().into_iter();
        let calls = calls.filter(|it| it.call.service == Service::Lambda);
        let mut calls: Vec<_> = calls
            .map(|it| (it.call.operation, it.call.subject))
            .collect();
        calls.sort();
        let of = |operation: &str| (operation.to_owned(), Some(arn(kind)));
        assert_eq!(calls, [of("GetFunctionConfiguration"), of("GetPolicy")]);
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_gone_fails() {
    let (checkup, line) = said(Functions::delete).await;
    assert_eq!(of_status(&checkup, "failed"), ["function"], "{checkup:#}");
    assert_eq!(line["error_type"], "FunctionNotFound");
    let advice = line["advice"].as_str().unwrap();
    assert!(advice.contains("A rotation that never starts"), "{advice}");
}

/// A proxy's page proves nothing.
#[tokio::test(start_paused = true)]
async fn a_404_that_is_not_lambdas_is_no_function_that_is_gone() {
    let bench = bench();
    bench.gate.follow(|call: &Call| match call.service {
        Service::Lambda => Fate::Html(StatusCode::NOT_FOUND),
        _ => Fate::Pass,
    });
    let checkup = bench.checkup(bench.secret(API)).await;
    assert_eq!(of_status(&checkup, "unknown"), ["function"], "{checkup:#}");
    assert_eq!(checkup["ok"], true);
}

#[tokio::test(start_paused = true)]
async fn one_of_somebody_elses_is_a_warning() {
    let (checkup, line) = said(|functions, arn| {
        functions.create(arn, "Rotates the password of a database");
        functions.permit(arn, &anybody());
    })
    .await;
    assert_eq!(of_status(&checkup, "warning"), ["function"], "{checkup:#}");
    assert_eq!(checkup["ok"], true);
    let text = line["text"].as_str().unwrap();
    assert!(text.contains("none of this suite"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn one_for_another_type_fails() {
    let (checkup, line) = said(|functions, arn| {
        functions.create(arn, "Rotates Datadog admin keys for Secrets Manager");
        functions.permit(arn, &anybody());
    })
    .await;
    assert_eq!(of_status(&checkup, "failed"), ["function"], "{checkup:#}");
    assert_eq!(line["error_type"], "FunctionOfAnotherType");
    let text = line["text"].as_str().unwrap();
    assert!(text.contains("rotates DatadogAdminKey secrets"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn one_that_secrets_manager_may_not_invoke_fails() {
    let description = "Rotates Datadog API keys for Secrets Manager";
    let account = json!({ "StringEquals": { "AWS:SourceAccount": "210987654321" } });
    let secret = json!({
        "ArnLike": { "AWS:SourceArn": format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:other-AbCdEf") },
    });
    for (conditions, words) in [
        (vec![], "no rotation starts: it has no policy"),
        (vec![account], "AWS:SourceAccount: 210987654321"),
        (vec![secret], "AWS:SourceArn: arn:aws:secretsmanager:"),
    ] {
        let (checkup, _) = said(|functions, arn| {
            functions.create(arn, description);
            for condition in &conditions {
                functions.permit(arn, condition);
            }
        })
        .await;
        assert_eq!(checkup["ok"], false);
        let lines = checkup["checks"].as_array().unwrap().iter();
        let mut failed = lines.filter(|it| it["status"] == "failed");
        let line = failed.next().unwrap();
        assert_eq!(line["error_type"], "FunctionNotPermitted", "{line}");
        assert!(line["text"].as_str().unwrap().contains(words), "{line}");
        assert!(failed.next().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn who_may_not_look_is_told_what_it_takes() {
    const PERMISSIONS: [&str; 2] = ["GetFunctionConfiguration", "GetPolicy"];
    for denied in [&PERMISSIONS[..1], &PERMISSIONS[1..], &PERMISSIONS] {
        let (checkup, _) = said(|functions, _| {
            for operation in denied {
                functions.deny(operation);
            }
        })
        .await;
        assert_eq!(checkup["ok"], true, "{checkup:#}");
        let lines = checkup["checks"].as_array().unwrap().iter();
        let mut unknown = lines.filter(|it| it["status"] == "unknown");
        let line = unknown.next().unwrap();
        assert!(unknown.next().is_none(), "{checkup:#}");
        assert_eq!(line["error_type"], Value::Null);
        let text = line["text"].as_str().unwrap();
        for permission in PERMISSIONS {
            let is_named = text.contains(&format!("lambda:{permission}"));
            assert_eq!(is_named, denied.contains(&permission), "{text}");
        }
    }
}

/// A way on which Lambda never answers.
#[derive(Debug)]
struct Silent(InProcess);

impl Transport for Silent {
    fn send(&self, request: http::Request<Bytes>, timeout: Duration) -> Sending<'_> {
        if !request.uri().host().unwrap().starts_with("lambda.") {
            return self.0.send(request, timeout);
        }
        Box::pin(async move {
            sleep(timeout).await;
            Err(TransportError::TimedOut { after: timeout })
        })
    }
}

#[tokio::test(start_paused = true)]
async fn who_can_not_reach_lambda_hears_so_soon_and_all_the_rest() {
    let bench = bench();
    let now = bench.gate.with_world(|world| world.now()).into();
    let arguments = [&["check", "--json"], &bench.secrets()[..2]].concat();
    let began = Instant::now();
    let way = Silent(bench.way(CALLER));
    let told = bench.doctor_at(now, way, &arguments).await;
    assert!(
        began.elapsed() < Duration::from_secs(12),
        "{:?}",
        began.elapsed()
    );
    assert!(told.fine, "{}", told.output);
    for checkup in told.json()["secrets"].as_array().unwrap() {
        assert_eq!(of_status(checkup, "unknown"), ["function"], "{checkup:#}");
        let text = line(checkup, "function")["text"].to_string();
        assert!(text.contains("Lambda can't be reached"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_secret_whose_rotation_is_off_no_function_is_asked_for() {
    let bench = bench();
    let secret = bench.secret(API);
    bench.manage("CancelRotateSecret", &json!({ "SecretId": secret }));
    let checkup = bench.checkup(secret).await;
    assert_eq!(line(&checkup, "function")["status"], "ok");
    let calls = bench.gate.calls();
    assert!(calls.iter().all(|it| it.call.service != Service::Lambda));
}

/// Variables of functions are nobody's to see.
#[tokio::test(start_paused = true)]
async fn nothing_else_of_a_function_is_told() {
    let bench = bench();
    let told = bench.check(&[bench.secret(API)]).await;
    assert!(!told.output.contains("HUSH"), "{}", told.output);
    assert!(!told.output.contains("0123456789abcdef"), "{}", told.output);
}
