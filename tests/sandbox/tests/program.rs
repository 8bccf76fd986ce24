//! The program as its users run it, with the real functions, which it builds itself.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

const SANDBOX: &str = env!("CARGO_BIN_EXE_sandbox");

#[test]
fn six_rotations_keep_every_promise() {
    let run = Command::new(SANDBOX).arg("--json").output().unwrap();

    assert!(run.status.success(), "{run:?}");
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
            api_key
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
    assert_eq!(live, 5, "a pair, two API keys, an application key");
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
    assert_eq!(live, 3, "two API keys, an application key");
    let versions = report["versions"].as_array().unwrap();
    let of_admin = versions
        .iter()
        .filter(|version| version["secret"] == "datadog/admin");
    let labels: Vec<_> = of_admin.map(|version| version["labels"].clone()).collect();
    assert_eq!(labels, [json!(["AWSPREVIOUS"]), json!(["AWSCURRENT"])]);
}

#[test]
fn into_a_pipe_it_writes_plain_lines_of_a_hundred_columns() {
    let run = Command::new(SANDBOX).output().unwrap();

    assert!(run.status.success(), "{run:?}");
    let story = String::from_utf8(run.stdout).unwrap();
    assert!(story.contains("All promises held."), "{story}");
    assert!(!story.contains('\u{1b}'), "no colour, no cursor movements");
    assert!(
        story.lines().all(|line| line.chars().count() <= 100),
        "{story}"
    );
}

#[test]
fn without_functions_it_does_not_begin() {
    let run = Command::new(SANDBOX)
        .args(["--functions", "/nonexistent"])
        .output()
        .unwrap();

    assert_eq!(run.status.code(), Some(2));
    let complaint = String::from_utf8(run.stderr).unwrap();
    let wanted = "/nonexistent holds no datadog-api-key, nor a bootstrap of it";
    assert!(complaint.contains(wanted), "{complaint}");
}

#[test]
fn with_functions_that_do_not_run_it_fails() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("empty-functions");
    // Named in all the ways that there are.
    for path in [
        "datadog-api-key",
        "datadog-application-key/bootstrap",
        "AdminKeyFunction/bootstrap",
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

#[test]
fn serving_begins_with_a_line_for_programs_and_ends_on_sigterm() {
    let mut server = Command::new(SANDBOX)
        .arg("serve")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(server.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();

    let first: Value = serde_json::from_str(&line).unwrap();
    let members: Vec<_> = first.as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        [
            "secretsManager",
            "datadog",
            "region",
            "secrets",
            "datadogCredentials"
        ]
    );
    let terminated = Command::new("kill")
        .arg(server.id().to_string())
        .status()
        .unwrap();
    assert!(terminated.success());
    assert_eq!(server.wait().unwrap().code(), Some(0));
    let more = stdout.lines().count();
    assert_eq!(more, 0, "everything else belongs on standard error");
}
