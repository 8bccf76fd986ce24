//! The program as its users run it, with the real functions, which it builds itself.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test says that something is wrong"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

const SANDBOX: &str = env!("CARGO_BIN_EXE_sandbox");

#[test]
fn six_rotations_keep_every_promise() {
    let picture = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sandbox.svg");
    let run = Command::new(SANDBOX)
        .args(["--json", "--svg"])
        .arg(&picture)
        .output()
        .unwrap();

    assert!(run.status.success(), "{run:?}");
    assert_eq!(
        fs::read_to_string(&picture).unwrap(),
        include_str!("../../../docs/figures/sandbox.svg"),
        "cargo run -p sandbox -- --svg docs/figures/sandbox.svg"
    );
    let report: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(report["held"], true);
    let rotations = report["rotations"].as_array().unwrap();
    let secrets: Vec<_> = rotations
        .iter()
        .map(|rotation| rotation["secret"].as_str().unwrap())
        .collect();
    let api_key = "datadog/api-key";
    assert_eq!(
        secrets,
        [
            api_key,
            api_key,
            api_key,
            "datadog/app-key",
            "datadog/admin",
            "datadog/service-token"
        ]
    );
    // Two generations: the first key, made by hand, outlives one rotation and not the next.
    let keys = report["keys"].as_array().unwrap();
    let first = keys.iter().find(|key| key["secret"] == api_key).unwrap();
    let after = |rotation: usize| &first["rotations"][rotation][3];
    assert_eq!(
        (after(0), after(1)),
        (&"previous".into(), &"revoked".into())
    );
    let live = keys.iter().filter(|key| key["live"] == true).count();
    assert_eq!(
        live, 7,
        "a pair, two API keys, an application key, two tokens"
    );
}

#[test]
fn without_any_admin_key_they_keep_every_promise_too() {
    let run = Command::new(SANDBOX)
        .args(["--keyless", "--json"])
        .output()
        .unwrap();

    assert!(run.status.success(), "{run:?}");
    let report: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(report["held"], true);
    assert_eq!(report["rotations"].as_array().unwrap().len(), 6);
    let keys = report["keys"].as_array().unwrap();
    assert!(keys.iter().all(|key| key["secret"] != "datadog/admin"));
    let live = keys.iter().filter(|key| key["live"] == true).count();
    assert_eq!(live, 5, "two API keys, an application key, two tokens");
    let versions = report["versions"].as_array().unwrap();
    let of_admin = versions
        .iter()
        .filter(|version| version["secret"] == "datadog/admin");
    let labels: Vec<_> = of_admin.map(|version| version["labels"].clone()).collect();
    assert_eq!(labels, [json!(["AWSPREVIOUS"]), json!(["AWSCURRENT"])]);
}

#[test]
fn into_a_pipe_it_writes_plain_lines_of_eighty_columns_in_the_characters_of_the_locale() {
    let run = Command::new(SANDBOX).env("LC_ALL", "C").output().unwrap();

    assert!(run.status.success(), "{run:?}");
    let story = String::from_utf8(run.stdout).unwrap();
    assert!(story.contains("All promises held."), "{story}");
    assert!(!story.contains('\u{1b}'), "no colour, no cursor movements");
    assert!(story.lines().all(|line| line.len() <= 80), "{story}");
    assert!(story.is_ascii(), "{story}");
}

#[test]
fn without_functions_it_does_not_begin() {
    let run = Command::new(SANDBOX)
        .args(["--functions", "/nonexistent"])
        .output()
        .unwrap();

    assert_eq!(run.status.code(), Some(2));
    let complaint = String::from_utf8(run.stderr).unwrap();
    let wanted =
        "--functions /nonexistent: /nonexistent holds no datadog-api-key, nor a bootstrap of it";
    assert!(complaint.contains(wanted), "{complaint}");
}

#[test]
fn a_port_that_is_taken_is_named_with_its_option() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for option in ["--secrets-manager-port", "--datadog-port", "--lambda-port"] {
        let run = Command::new(SANDBOX)
            .args(["serve", option, &port])
            .output()
            .unwrap();

        assert_eq!(run.status.code(), Some(2));
        let complaint = String::from_utf8(run.stderr).unwrap();
        let wanted =
            format!("failed to listen on port {port}. Take another one with {option} PORT");
        assert!(complaint.contains(&wanted), "{complaint}");
    }
}

#[test]
fn with_functions_that_do_not_run_it_fails() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("empty-functions");
    // Named in all the ways that there are.
    for path in [
        "datadog-api-key",
        "datadog-application-key/bootstrap",
        "AdminKeyFunction/bootstrap",
        "datadog-service-access-token",
    ] {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    let run = Command::new(SANDBOX)
        .arg("--functions")
        .arg(directory)
        .output()
        .unwrap();

    assert_eq!(run.status.code(), Some(1));
    let story = String::from_utf8(run.stdout).unwrap();
    assert!(story.contains("A rotation failed."), "{story}");
    assert!(story.contains("Runtime.InvalidEntrypoint"), "{story}");
}

/// A server, the rest of its output, and what its first line tells.
fn serve(options: &[&str]) -> (Child, BufReader<ChildStdout>, Value) {
    let mut server = Command::new(SANDBOX)
        .arg("serve")
        .args(options)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(server.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    (server, stdout, serde_json::from_str(&line).unwrap())
}

fn terminate(server: &mut Child) -> Option<i32> {
    let kill = Command::new("kill").arg(server.id().to_string()).status();
    assert!(kill.unwrap().success());
    server.wait().unwrap().code()
}

#[test]
fn serving_begins_with_a_line_for_programs_and_ends_on_sigterm() {
    let (mut server, mut stdout, first) = serve(&[]);
    let members: Vec<_> = first.as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        [
            "secretsManager",
            "datadog",
            "lambda",
            "region",
            "secrets",
            "datadogCredentials"
        ]
    );
    assert_eq!(terminate(&mut server), Some(0));
    let more = stdout.by_ref().lines().count();
    assert_eq!(more, 0, "everything else belongs on standard error");
}

/// The answer of the served Secrets Manager, status line and all.
fn call(url: &str, operation: &str, body: &Value) -> String {
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    let body = body.to_string();
    let length = body.len();
    let head = "POST / HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n";
    let target = format!("X-Amz-Target: secretsmanager.{operation}\r\n");
    let request = format!("{head}{target}Content-Length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn by_hand_a_rotation_begins_and_nothing_is_invoked() {
    let (mut server, _, told) = serve(&["--by-hand"]);
    let url = told["secretsManager"].as_str().unwrap();
    let secret = &told["secrets"]["apiKey"];
    let token = "5b2f1c9e-8a34-4d57-9c06-7e1d2f3a4b5c";
    let rotation = json!({ "SecretId": secret, "ClientRequestToken": token });

    let begun = call(url, "RotateSecret", &rotation);
    sleep(Duration::from_secs(1)); // many times what a rotation takes
    let pending = json!({ "SecretId": secret, "VersionId": token, "VersionStage": "AWSPENDING" });
    let value = call(url, "GetSecretValue", &pending);
    let described = call(url, "DescribeSecret", &json!({ "SecretId": secret }));

    assert_eq!(terminate(&mut server), Some(0));
    assert!(begun.starts_with("HTTP/1.1 200"), "{begun}");
    assert!(value.contains("ResourceNotFoundException"), "{value}");
    let labels = format!("\"{token}\":[\"AWSPENDING\"]");
    assert!(described.contains(&labels), "{described}");
}

#[test]
fn a_rate_limit_is_kept() {
    let (mut server, _, told) = serve(&["--rate-limit", "2/4000000000"]);
    let url = told["datadog"].as_str().unwrap();
    let address = url.strip_prefix("http://").unwrap();
    let credential = |name: &str| told["datadogCredentials"][name].as_str().unwrap();
    let request = format!(
        "GET /api/v2/api_keys HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n\
         DD-API-KEY: {}\r\nDD-APPLICATION-KEY: {}\r\n\r\n",
        credential("apiKey"),
        credential("appKey")
    );
    let statuses = [(); 3].map(|()| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    });

    assert_eq!(terminate(&mut server), Some(0));
    assert_eq!(statuses, ["200", "200", "429"]);
}
