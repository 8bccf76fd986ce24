//! What a rotation prints, as `docs/reference/logs.md` shows it.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test says that something is wrong"
)]

use std::fmt::Write;
use std::time::Duration;

use datadog_rotation::Kind;
use datadog_rotation::event::VersionId;
use datadog_rotation::key_name::KeyNames;
use datadog_rotation::keys::KeyClass;
use harness::figures;
use harness::listen::Listening;
use sandbox::executables::Executables;
use sandbox::lambda::Line;
use sandbox::scene::Admin;
use sandbox::stack::{ACCOUNT, REGION, Stack, StackOptions};
use sandbox::world::World;
use serde_json::Value;

/// A stack whose functions log as those of the template do.
fn stack() -> Stack {
    stack_at("INFO")
}

fn stack_at(level: &str) -> Stack {
    let executables = Executables::build(|_| {}).unwrap();
    let mut options = StackOptions::new(executables);
    let variables = [
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ("AWS_LAMBDA_LOG_LEVEL", level),
    ];
    let variables = variables.map(|(name, value)| (name.into(), value.into()));
    options.variables.extend(variables);
    Stack::start(&options).unwrap()
}

/// All lines of one rotation of this secret after another.
async fn lines_of_a_rotation(stack: &Stack, secret: &str) -> Vec<Value> {
    stack.rotate(secret, &()).await.unwrap();
    stack.rotate(secret, &()).await.unwrap();
    stack.stop().await;
    let mut lines = parsed(&stack.output());
    // The last lines of the rotation before may arrive after its answer. Each finishSecret has two at its end.
    let is_end = |it: &Value| it["step"] == "finishSecret" || it["Step"] == "finishSecret";
    let ends = lines.iter().enumerate().filter(|(_, it)| is_end(it));
    let last_before = ends.rev().nth(2).unwrap().0;
    lines.split_off(last_before + 1)
}

fn parsed(lines: &[Line]) -> Vec<Value> {
    let lines = lines.iter().map(|it| serde_json::from_str(&it.text));
    lines.collect::<Result<_, _>>().unwrap()
}

/// What differs from one rotation to the next.
fn without_chance(mut line: Value) -> Value {
    let chance = ["timestamp", "version", "secret", "name", "deleted"];
    for field in chance {
        if let Some(value) = line.get_mut(field) {
            *value = match value.as_str() {
                Some(text) if text != "[]" => "…".into(),
                _ => continue,
            };
        }
    }
    if let Some(duration) = line.get_mut("duration_ms") {
        *duration = 12.into();
    }
    line
}

fn is_metric(line: &Value) -> bool {
    line.get("_aws").is_some()
}

/// Its lines, and its metrics as `CloudWatch` adds them up.
fn told(lines: &[Value]) -> (String, String) {
    let mut log = "```json\n".to_owned();
    for line in lines.iter().filter(|it| !is_metric(it)) {
        writeln!(log, "{}", without_chance(line.clone())).unwrap();
    }
    let names = [
        "StepSucceeded",
        "StepFailed",
        "RotationFinished",
        "KeysDeleted",
        "OrphanedKeysFound",
    ];
    let mut rows = String::new();
    for line in lines.iter().filter(|it| is_metric(it)) {
        write!(rows, "| {} |", line["Step"].as_str().unwrap()).unwrap();
        for name in names {
            write!(rows, " {} |", line[name]).unwrap();
        }
        rows.push('\n');
    }
    let columns = [&["Step"][..], &names].concat();
    (log + "```\n", figures::table(&columns, &rows))
}

async fn page_tells(kind: &str, secret: impl Fn(&Stack) -> String) {
    let stack = stack();
    let secret = secret(&stack);
    stack.turn_rotation_on(&()).await.unwrap();
    let lines = lines_of_a_rotation(&stack, &secret).await;
    let documented = figures::fields_of_logs();
    for line in &lines {
        for field in line.as_object().unwrap().keys() {
            assert!(documented.contains(field.as_str()), "{field} in {line}");
        }
    }
    let (log, metrics) = told(&lines);
    figures::compare("reference/logs", &format!("log of {kind}"), &log);
    figures::compare("reference/logs", &format!("metrics of {kind}"), &metrics);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_key() {
    page_tells("an API key", |it| it.scene.secrets.api_key.clone()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_key() {
    page_tells("an application key", |it| {
        it.scene.secrets.application_key.clone()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_pair() {
    page_tells("an admin pair", |it| it.scene.secrets.admin_key.clone()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_access_token() {
    page_tells("a service access token", |it| {
        it.scene.secrets.service_access_token.clone()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_told_where_debug_is_asked_for() {
    let stack = stack_at("DEBUG");
    let secret = stack.scene.secrets.api_key.clone();
    stack.turn_rotation_on(&()).await.unwrap();
    let lines = lines_of_a_rotation(&stack, &secret).await;
    let calls = lines
        .iter()
        .filter(|it| it["message"] == "datadog answered");
    let minted = calls.clone().filter(|it| it["status"] == 201);
    assert_eq!(minted.count(), 1, "{lines:?}");
    assert!(calls.count() > 5, "{lines:?}");
}

/// Those that the sweep of a rotation has found, and no version held.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orphaned_keys_are_counted() {
    let stack = stack();
    let secret = stack.scene.secrets.api_key.clone();
    stack.turn_rotation_on(&()).await.unwrap();
    stack.rotate(&secret, &()).await.unwrap();
    stack.gate.with_world(|world| {
        let now = world.now();
        let found = world.secrets_manager.secret(&secret).unwrap();
        let version = found.labelled("AWSCURRENT").unwrap().id();
        let version = VersionId::parse(version).unwrap();
        let names = KeyNames::new(Kind::ApiKey, &secret, "datadog/api-key");
        for n in [1, 2] {
            let name = names.name(KeyClass::Api, &version, n, "20260101");
            let key = world.datadog.create_api_key(now, &name);
            world
                .datadog
                .backdate(&key.id, now - Duration::from_hours(1));
        }
    });
    let before = stack.output().len();
    stack.rotate(&secret, &()).await.unwrap();
    stack.stop().await;
    let lines = parsed(&stack.output()[before..]);
    let sums = ["OrphanedKeysFound", "KeysDeleted"].map(|name| {
        let metrics = lines.iter().filter(|it| is_metric(it));
        metrics.filter_map(|it| it[name].as_u64()).sum::<u64>()
    });
    // AWSPREVIOUS's key is deleted as well.
    assert_eq!(sums, [2, 3]);
}

/// A function that acts by its own identity has no use for the admin secret of its settings.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_secret_that_is_not_used_is_told() {
    for (admin, names_secret, is_told) in [
        (Admin::IdentityOfVariables, true, true),
        (Admin::IdentityOfVariables, false, false),
        (Admin::Pair, true, false),
    ] {
        let executables = Executables::build(|_| {}).unwrap();
        let mut options = StackOptions::new(executables);
        options.scene.admin = admin;
        let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:admin-AbCdEf";
        let default = names_secret.then(|| ("ADMIN_SECRET_ARN".to_owned(), arn.to_owned()));
        options.variables.extend(default);
        let stack = Stack::start(&options).unwrap();
        stack.turn_rotation_on(&()).await.unwrap();
        stack.stop().await;
        let output = stack.output();
        assert!(!output.is_empty());
        let told = output
            .iter()
            .any(|it| it.text.contains("ADMIN_SECRET_ARN is not used"));
        assert_eq!(told, is_told, "{output:?}");
    }
}

#[test]
fn a_panic_is_told_by_its_place_alone() {
    let listening = Listening::begin();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(datadog_rotation::log::panicked));
    let panic = std::panic::catch_unwind(|| panic!("the key is 0123"));
    std::panic::set_hook(before);
    assert!(panic.is_err());
    let heard = listening.heard();
    assert!(heard.contains("the function panicked"), "{heard}");
    assert!(heard.contains("logs.rs"), "{heard}");
    assert!(!heard.contains("0123"), "{heard}");
}

/// With a topic; the second time it refuses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_told_and_counted() {
    let mut options = StackOptions::new(Executables::build(|_| {}).unwrap());
    let topic = format!("arn:aws:sns:{REGION}:{ACCOUNT}:promotions");
    options.variables = [
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ("PROMOTION_TOPIC_ARN", &topic),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let stack = Stack::start(&options).unwrap();
    let create = |world: &mut World| world.sns.create_topic(ACCOUNT, "promotions");
    assert_eq!(stack.gate.with_world(create), topic);
    let secret = stack.scene.secrets.api_key.clone();
    stack.turn_rotation_on(&()).await.unwrap();
    stack.rotate(&secret, &()).await.unwrap();
    stack.gate.with_world(|world| world.sns.deny(&topic));
    stack.rotate(&secret, &()).await.unwrap();
    stack.stop().await;

    let lines = parsed(&stack.output());
    let documented = figures::fields_of_logs();
    for line in &lines {
        for field in line.as_object().unwrap().keys() {
            assert!(documented.contains(field.as_str()), "{field} in {line}");
        }
    }
    let counted: Vec<_> = lines.iter().map(|it| &it["MessagesNotSent"]).collect();
    let counted: Vec<_> = counted.into_iter().filter(|it| !it.is_null()).collect();
    assert_eq!(counted, [&0, &1]);
    let warnings: Vec<_> = lines.iter().filter(|it| it["level"] == "WARN").collect();
    let told: Vec<_> = warnings.iter().filter(|it| it["topic"] == *topic).collect();
    assert_eq!(told.len(), 1, "{warnings:?}");
    let sent = stack.gate.with_world(|world| world.sns.messages().to_vec());
    let [message] = &sent[..] else {
        panic!("one message")
    };
    let told: Value = serde_json::from_str(&message.text).unwrap();
    assert_eq!(told["secretArn"], *secret);
    assert!(message.by.ends_with("/datadog-api-key"), "{}", message.by);
    assert_eq!(stack.ledger.breaches(), []);
}
