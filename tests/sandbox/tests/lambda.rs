//! The Lambda stand-in, held to what a function may rely on.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use sandbox::datadog::Datadog;
use sandbox::gate::{Call, Fate, Gate};
use sandbox::lambda::{Function, FunctionOptions, Output, Stream};
use sandbox::secrets_manager::SecretsManager;
use sandbox::world::{Clock, World};
use serde_json::json;

const LONG: Duration = Duration::from_secs(30);

fn function(gate: &Gate, output: &Output, variables: &[(&str, &str)]) -> Function {
    let variables = variables.iter();
    let options = FunctionOptions {
        name: "echo".to_owned(),
        executable: PathBuf::from(env!("CARGO_BIN_EXE_sandbox-echo")),
        region: "us-east-1".to_owned(),
        account: "123456789012".to_owned(),
        variables: variables
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    };
    Function::new(options, gate.clone(), output.clone())
}

fn gate() -> Gate {
    let secrets_manager = SecretsManager::new("us-east-1", "123456789012");
    Gate::new(World::new(Clock::system(), secrets_manager, Datadog::new()))
}

#[tokio::test]
async fn a_function_gets_its_event_its_headers_and_no_other_environment() {
    let function = function(&gate(), &Output::default(), &[("EXTRA", "one")]);
    let event = json!({ "do": "echo" });

    let answer = function.invoke(&event, LONG).await.unwrap();

    assert_eq!(answer["event"], event);
    let headers = &answer["headers"];
    let arn = "arn:aws:lambda:us-east-1:123456789012:function:echo";
    assert_eq!(headers["lambda-runtime-invoked-function-arn"], arn);
    let deadline = headers["lambda-runtime-deadline-ms"].as_str().unwrap();
    let now = time::OffsetDateTime::now_utc().unix_timestamp() * 1000;
    let left = deadline.parse::<i64>().unwrap() - now;
    assert!((20_000..=31_000).contains(&left), "{left} ms left");
    let environment = &answer["environment"];
    assert_eq!(environment["AWS_LAMBDA_FUNCTION_NAME"], "echo");
    assert_eq!(environment["EXTRA"], "one");
    for absent in ["PATH", "HOME", "CARGO"] {
        assert_eq!(environment.get(absent), None);
    }
}

#[tokio::test]
async fn a_process_serves_one_invocation_after_another_and_never_two_at_once() {
    let function = function(&gate(), &Output::default(), &[]);
    let event = json!({ "do": "echo" });

    let first = function.invoke(&event, LONG).await.unwrap();
    let second = function.invoke(&event, LONG).await.unwrap();
    let (third, fourth) =
        tokio::join!(function.invoke(&event, LONG), function.invoke(&event, LONG));

    assert_eq!(first["process"], second["process"]);
    assert_ne!(third.unwrap()["process"], fourth.unwrap()["process"]);
    let id = "lambda-runtime-aws-request-id";
    assert_ne!(first["headers"][id], second["headers"][id]);
}

/// As AWS's own emulator of the Runtime API does: a report that comes twice would go unseen otherwise.
#[tokio::test]
async fn a_report_on_nobodys_invocation_and_a_second_one_are_refused() {
    let function = function(&gate(), &Output::default(), &[]);
    let answer = function.invoke(&json!({ "do": "meddle" }), LONG).await;
    assert_eq!(answer.unwrap(), json!(null), "the first one counts");
    let echo = function.invoke(&json!({ "do": "echo" }), LONG).await;
    assert_eq!(echo.unwrap()["statuses"], json!(["400", "202", "403"]));
}

#[tokio::test]
async fn errors_are_the_functions_own_words() {
    let function = function(&gate(), &Output::default(), &[]);

    let error = function
        .invoke(&json!({ "do": "fail" }), LONG)
        .await
        .unwrap_err();

    assert_eq!(error.to_string(), "Echo.Failed: told to");
}

#[tokio::test]
async fn a_crashed_process_is_replaced_and_its_last_words_are_kept() {
    let output = Output::default();
    let function = function(&gate(), &output, &[]);

    let error = function
        .invoke(&json!({ "do": "crash" }), LONG)
        .await
        .unwrap_err();

    assert_eq!(error.error_type, "Runtime.ExitError");
    assert!(error.message.ends_with("exit status: 3"), "{error}");
    function
        .invoke(&json!({ "do": "echo" }), LONG)
        .await
        .unwrap();
    let [line] = &output.lines()[..] else {
        panic!("one line")
    };
    assert_eq!((&*line.process, &*line.text), ("echo#1", "last words"));
    assert_eq!(line.stream, Stream::Stderr);
}

#[tokio::test]
async fn a_time_out_kills_the_process() {
    let function = function(&gate(), &Output::default(), &[]);
    let short = Duration::from_millis(300);
    let before = function
        .invoke(&json!({ "do": "echo" }), LONG)
        .await
        .unwrap();

    let error = function
        .invoke(&json!({ "do": "hang" }), short)
        .await
        .unwrap_err();

    assert_eq!(error.error_type, "Sandbox.Timedout");
    assert!(
        error.message.ends_with("timed out after 0.30 seconds"),
        "{error}"
    );
    let after = function
        .invoke(&json!({ "do": "echo" }), LONG)
        .await
        .unwrap();
    assert_ne!(before["process"], after["process"]);
    let killed = PathBuf::from(format!("/proc/{}", before["process"]));
    assert!(!killed.exists() || !PathBuf::from("/proc/self").exists());
}

#[tokio::test]
async fn the_gate_kills_the_process_that_called_and_no_other() {
    let gate = gate();
    let function = function(&gate, &Output::default(), &[]);
    gate.follow(|call: &Call| match call.number {
        1 => Fate::KillAfter,
        _ => Fate::Pass,
    });

    let error = function
        .invoke(&json!({ "do": "call" }), LONG)
        .await
        .unwrap_err();
    let answer = function
        .invoke(&json!({ "do": "call" }), LONG)
        .await
        .unwrap();

    assert!(error.message.ends_with("signal: killed"), "{error}");
    assert!(
        answer.as_str().unwrap().contains("API key required"),
        "{answer}"
    );
    let callers: Vec<_> = gate
        .calls()
        .into_iter()
        .map(|record| record.call.caller)
        .collect();
    assert_eq!(
        callers,
        [Some("echo#1".to_owned()), Some("echo#2".to_owned())]
    );
}

#[tokio::test]
async fn what_cannot_start_says_so_at_every_invocation() {
    let output = Output::default();
    let unready = function(&gate(), &output, &[("ECHO_FAILS_TO_START", "1")]);
    for _ in 0..2 {
        let error = unready.invoke(&json!({}), LONG).await.unwrap_err();
        assert_eq!(error.to_string(), "Echo.Init: told to");
    }

    let options = FunctionOptions {
        name: "absent".to_owned(),
        executable: PathBuf::from("/nonexistent"),
        region: "us-east-1".to_owned(),
        account: "123456789012".to_owned(),
        variables: BTreeMap::new(),
    };
    let absent = Function::new(options, gate(), output);
    let error = absent.invoke(&json!({}), LONG).await.unwrap_err();
    assert_eq!(error.error_type, "Runtime.InvalidEntrypoint");
}
