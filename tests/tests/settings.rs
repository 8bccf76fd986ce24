//! Variables that can't be used, in the functions' own programs: what they say, and what they do not do.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test says that something is wrong"
)]

use std::io::Write;
use std::time::Duration;

use harness::peer::Authority;
use sandbox::executables::Executables;
use sandbox::gate::{Call, Fate};
use sandbox::lambda::FunctionError;
use sandbox::rotation::{Step, event};
use sandbox::stack::{Stack, StackError, StackOptions};
use serde_json::Value;
use tempfile::NamedTempFile;

/// A stack whose functions have these variables, and log in JSON.
fn stack(variables: &[(&str, &str)]) -> Stack {
    let executables = Executables::build(|_| {}).unwrap();
    let mut options = StackOptions::new(executables);
    options.attempts.count = 1;
    let json = [("AWS_LAMBDA_LOG_FORMAT", "JSON")];
    let variables = json.iter().chain(variables);
    let variables = variables.map(|&(name, value)| (name.to_owned(), value.to_owned()));
    options.variables.extend(variables);
    Stack::start(&options).unwrap()
}

/// The lines of the log, without the metrics.
fn lines(stack: &Stack) -> Vec<Value> {
    let lines = stack.output().into_iter();
    let lines = lines.map(|it| serde_json::from_str(&it.text).unwrap());
    lines
        .filter(|it: &Value| it.get("_aws").is_none())
        .collect()
}

fn messages(stack: &Stack) -> Vec<String> {
    let lines = lines(stack).into_iter();
    lines
        .map(|it| it["message"].as_str().unwrap().to_owned())
        .collect()
}

/// Two invocations of one process; how each of them failed.
async fn failures(stack: &Stack) -> [FunctionError; 2] {
    let failed = |result| match result {
        Err(StackError::RotationFailed { error, .. }) => error,
        other => panic!("{other:?}"),
    };
    let first = failed(stack.turn_rotation_on(&()).await);
    // The first whose rotation was turned on.
    let secret = &stack.scene.secrets.admin_key;
    [first, failed(stack.rotate(secret, &()).await)]
}

/// Every invocation is answered with the variable's name, and nothing is asked of anybody.
async fn refuse(variable: &str, value: &str, words: &str) {
    let stack = stack(&[(variable, value)]);
    for error in failures(&stack).await {
        assert_eq!(error.error_type, "SettingMalformed", "{error:?}");
        let text = &error.message;
        for word in [
            variable,
            words,
            "Nothing was changed.",
            "Correct the variable",
        ] {
            assert!(text.contains(word), "no {word:?} in: {text}");
        }
    }
    stack.stop().await;
    let asked = stack.gate.calls();
    let asked: Vec<_> = asked.iter().filter(|it| it.call.caller.is_some()).collect();
    assert!(asked.is_empty(), "{asked:?}");
    let output = stack.output();
    assert!(
        output.iter().all(|it| !it.text.contains("hush")),
        "{output:?}"
    );
    let processes: std::collections::BTreeSet<_> = output.iter().map(|it| &it.process).collect();
    assert!(
        processes.iter().all(|it| it.ends_with("#1")),
        "{processes:?}"
    );
    let told = lines(&stack);
    let told: Vec<_> = told.iter().filter(|it| it["level"] == "ERROR").collect();
    assert!(told.len() >= 2, "{told:?}");
    for line in told {
        assert_eq!(line["error_type"], "SettingMalformed", "{line}");
        assert!(line["secret"].is_string(), "{line}");
    }
    let counted = output
        .iter()
        .filter(|it| it.text.contains("\"StepFailed\":1"));
    assert!(counted.count() >= 2, "{output:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_can_not_be_used_is_not_passed_by() {
    for (variable, value, words) in [
        ("HTTPS_PROXY", "http//user:hush@proxy:3128", "is no URL"),
        (
            "https_proxy",
            "socks5://user:hush@proxy:1080",
            "not supported",
        ),
        ("ALL_PROXY", "http://user:hu@sh@proxy:3128", "%40"),
    ] {
        refuse(variable, value, words).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bundle_without_a_certificate_is_told_to_every_invocation() {
    let mut empty = NamedTempFile::new().unwrap();
    writeln!(empty, "no certificate here").unwrap();
    let path = empty.path().display().to_string();
    refuse("SSL_CERT_FILE", &path, "holds no PEM certificate").await;
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    write!(empty, "{broken}").unwrap();
    refuse(
        "SSL_CERT_FILE",
        &path,
        "no PEM certificate that can be used",
    )
    .await;
    refuse(
        "SSL_CERT_FILE",
        "/nowhere.pem",
        "names /nowhere.pem, which can't be read",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_hosts_are_named_as_urls_or_not_at_all() {
    for (variable, value, words) in [
        ("DATADOG_API_URL", "127.0.0.1:1", "https://"),
        (
            "DATADOG_API_URL",
            "http://user:hush@127.0.0.1:1",
            "a user name",
        ),
        ("AWS_ENDPOINT_URL", "vpce.amazonaws.com", "https://"),
        ("AWS_ENDPOINT_URL_SNS", "vpce.amazonaws.com", "https://"),
        ("AWS_ENDPOINT_URL_LAMBDA", "vpce.amazonaws.com", "https://"),
        ("AWS_USE_FIPS_ENDPOINT", "yes", "neither true nor false"),
        (
            "PROMOTION_TOPIC_ARN",
            "arn:aws:sqs:us-east-1:123456789012:hush",
            "is not the ARN of a standard SNS topic",
        ),
        (
            "PROMOTION_TOPIC_ARN",
            "arn:aws:sns:us-east-1:123456789012:hush.fifo",
            "is not the ARN of a standard SNS topic",
        ),
    ] {
        refuse(variable, value, words).await;
    }
}

/// The others are trusted, and the one is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_certificate_among_good_ones_keeps_nobody_from_starting() {
    let mut bundle = NamedTempFile::new().unwrap();
    let good = Authority::named("good").pem;
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    write!(bundle, "{good}{broken}{good}").unwrap();
    let path = bundle.path().display().to_string();
    let stack = stack(&[("SSL_CERT_FILE", &path), ("RUST_LOG", "error")]);
    stack.turn_rotation_on(&()).await.unwrap();
    stack.stop().await;
    let lines = lines(&stack);
    let line = lines.iter().find(|it| it["unusable"] == "[2]").unwrap();
    assert_eq!(
        (&line["level"], &line["trusted"]),
        (&"WARN".into(), &2.into())
    );
    assert!(
        line["message"].as_str().unwrap().contains("SSL_CERT_FILE"),
        "{line}"
    );
}

/// Whatever is asked for, the name of a key to be made and the error of a step that fails are printed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_filter_silences_the_name_of_a_key_or_an_error() {
    for (filter, told) in [
        ("INFO ", None),
        ("warning", Some("is not used")),
        ("info;debug", Some("is not used")),
        (
            "hyper=off",
            Some("sets no level for the lines of this program"),
        ),
        (
            "my_crate=info",
            Some("sets no level for the lines of this program"),
        ),
        ("off", None),
    ] {
        let stack = stack(&[("RUST_LOG", filter)]);
        stack.turn_rotation_on(&()).await.unwrap();
        let secret = stack.scene.secrets.api_key.clone();
        stack.rotate(&secret, &()).await.unwrap();
        let deny = |world: &mut sandbox::world::World| {
            world.secrets_manager.deny("DescribeSecret", &secret);
        };
        stack.gate.with_world(deny);
        assert!(stack.rotate(&secret, &()).await.is_err());
        stack.stop().await;
        let lines = lines(&stack);
        let has_name = |it: &&Value| {
            it["name"]
                .as_str()
                .is_some_and(|it| it.starts_with("aws-sm-"))
        };
        assert_eq!(
            lines.iter().filter(has_name).count(),
            1,
            "{filter}: {lines:?}"
        );
        let errors = lines.iter().filter(|it| it["error_type"] == "AccessDenied");
        assert_eq!(errors.count(), 1, "{filter}: {lines:?}");
        let messages = messages(&stack);
        let at_start = messages
            .iter()
            .find(|it| it.contains("the variable RUST_LOG"));
        match (at_start, told) {
            (Some(text), Some(words)) => assert!(text.contains(words), "{filter}: {text}"),
            (None, None) => {}
            _ => panic!("{filter}: {messages:?}"),
        }
        let is_silent = ["hyper=off", "my_crate=info", "off"].contains(&filter);
        let has_story = messages.iter().any(|it| it == "step done");
        assert_eq!(has_story, !is_silent, "{filter}: {messages:?}");
    }
}

/// Lambda drops what is below its own level.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lambdas_level_lets_the_name_of_a_key_and_an_error_pass() {
    for (level, expected) in [("WARN", "WARN"), ("FATAL", "FATAL")] {
        let stack = stack(&[("AWS_LAMBDA_LOG_LEVEL", level)]);
        stack.turn_rotation_on(&()).await.unwrap();
        let secret = stack.scene.secrets.api_key.clone();
        stack.rotate(&secret, &()).await.unwrap();
        stack.stop().await;
        let lines = lines(&stack);
        let line = lines.iter().find(|it| it["name"].is_string()).unwrap();
        assert_eq!(line["level"], expected, "{line}");
    }
}

/// One second before the end nothing has gone wrong but the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invocation_without_time_does_not_blame_the_network() {
    let stack = stack(&[]);
    let secret = stack.scene.secrets.api_key.clone();
    stack.turn_rotation_on(&()).await.unwrap();
    let settings = serde_json::json!({ "SecretId": secret, "ClientRequestToken": "t".repeat(32) });
    stack
        .gate
        .pass(sandbox::scene::request("RotateSecret", &settings))
        .await;
    let [job] = &stack.take_rotations()[..] else {
        panic!("no rotation");
    };
    stack.gate.follow(|_: &Call| Fate::SilenceAfter);
    let function = stack.function(&secret).unwrap();
    let event = event(job, Step::CreateSecret);
    let result = function.invoke(&event, Duration::from_millis(1900)).await;
    let error = result.unwrap_err();
    assert_eq!(error.error_type, "NotEnoughTime", "{error:?}");
    assert!(!error.message.contains("VPC"), "{error:?}");
}
