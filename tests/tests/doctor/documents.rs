//! The documents that `datadog-doctor --json` prints, and the page that describes them.

use std::collections::BTreeSet;
use std::time::Duration;

use datadog_rotation::Kind;
use datadog_rotation::inspect::checkup::{Check, Status};
use harness::bench::Bench;
use sandbox::scene::SceneOptions;
use serde_json::{Value, json};

const PAGE: &str = include_str!("../../../docs/reference/doctor.md");

#[tokio::test(start_paused = true)]
async fn what_check_prints() {
    let bench = Bench::new(SceneOptions::default());
    let nobody = bench.secret(Kind::ApiKey).replace("api-key", "nobody");
    let told = bench
        .check(&[bench.secret(Kind::ApiKey), &nobody, "--json"])
        .await;
    let document = told.json();
    assert_eq!(members(&document), ["command", "ok", "secrets"]);
    assert_eq!(document["command"], "check");
    for secret in document["secrets"].as_array().unwrap() {
        assert_eq!(members(secret), ["checks", "name", "ok", "secret", "type"]);
        for check in secret["checks"].as_array().unwrap() {
            let all = ["advice", "check", "error_type", "status", "text"];
            assert_eq!(members(check), all);
            let is_failed = check["status"] == "failed";
            assert_eq!(check["error_type"].is_string(), is_failed, "{check}");
            assert_eq!(check["advice"].is_string(), is_failed, "{check}");
        }
    }
    let unseen = &document["secrets"][1];
    assert_eq!(json!([unseen["name"], unseen["type"]]), json!([null, null]));
    assert_eq!(unseen["checks"].as_array().unwrap().len(), Check::ALL.len());
}

fn members(value: &Value) -> Vec<&str> {
    let mut names: Vec<_> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    names
}

#[tokio::test(start_paused = true)]
async fn what_orphans_prints() {
    let (bench, kind) = (Bench::new(SceneOptions::default()), Kind::AdminKey);
    let current = bench.labelled(kind, "AWSCURRENT").unwrap();
    for &class in kind.classes() {
        let _key = bench.plant(kind, class, &current, Duration::from_hours(1));
    }
    let nobody = bench.secret(Kind::ApiKey).replace("api-key", "nobody");
    let arguments = ["orphans", bench.secret(kind), &nobody, "--json"];
    let document = bench.doctor(&arguments).await.json();
    let all = ["command", "delete", "ok", "secrets", "summary"];
    assert_eq!(members(&document), all);
    let counted = [
        "cut",
        "deletable",
        "deleted",
        "not_searched",
        "orphans",
        "secrets",
        "undecided",
        "unknown_version",
        "unlisted",
        "young",
    ];
    assert_eq!(members(&document["summary"]), counted);
    for secret in document["secrets"].as_array().unwrap() {
        let all = ["cut", "error", "keys", "name", "secret", "type", "unlisted"];
        assert_eq!(members(secret), all);
        let count = if secret["name"].is_null() { 0 } else { 2 };
        assert_eq!(secret["keys"].as_array().unwrap().len(), count);
        for key in secret["keys"].as_array().unwrap() {
            let all = [
                "age_seconds",
                "class",
                "created",
                "deleted",
                "error",
                "id",
                "name",
                "reason",
                "state",
            ];
            assert_eq!(members(key), all);
            assert!(key["created"].as_str().unwrap().ends_with('Z'));
            assert!(key["deleted"].is_null());
        }
    }
    let error = &document["secrets"][1]["error"];
    assert_eq!(members(error), ["advice", "error_type", "text"]);
}

/// The words in code at the beginning of each row of the table that follows a line.
pub(super) fn rows_after(line: &str) -> BTreeSet<&'static str> {
    let (_, rest) = PAGE.split_once(line).expect(line);
    let rows = rest
        .lines()
        .skip_while(|it| !it.starts_with('|'))
        .take_while(|it| it.starts_with('|'));
    rows.filter_map(|it| it.strip_prefix("| `")?.split('`').next())
        .collect()
}

#[test]
fn the_page_lists_every_word() {
    let checks = Check::ALL.map(Check::word);
    assert_eq!(rows_after("## check"), BTreeSet::from(checks));
    let statuses = [Status::Ok, Status::Warning, Status::Failed, Status::Unknown];
    let statuses = statuses.map(Status::word);
    assert_eq!(
        rows_after("A check comes to one of four"),
        BTreeSet::from(statuses)
    );
    let states = ["deletable", "young", "unknown_version", "undecided"];
    assert_eq!(rows_after("## orphans"), BTreeSet::from(states));
}

/// What the page says of a document is a document of that shape.
#[tokio::test(start_paused = true)]
async fn the_pages_documents_are_of_the_shape_that_is_printed() {
    let bench = Bench::new(SceneOptions::default());
    let current = bench.labelled(Kind::ApplicationKey, "AWSCURRENT").unwrap();
    let class = datadog_rotation::keys::KeyClass::Application;
    let _key = bench.plant(
        Kind::ApplicationKey,
        class,
        &current,
        Duration::from_hours(1),
    );
    let secret = bench.secret(Kind::ApplicationKey);
    let mut shown = PAGE.split("```json\n").skip(1);
    for command in ["check", "orphans"] {
        let text = shown.next().unwrap().split("```").next().unwrap();
        let shown: Value = serde_json::from_str(text).unwrap();
        let printed = bench.doctor(&[command, secret, "--json"]).await.json();
        assert_eq!(shape(&shown), shape(&printed));
    }
}

/// The members of the document and of the first item of each list, down to the last.
pub(super) fn shape(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), shape(value)))
            .collect(),
        Value::Array(items) => items.first().map_or(Value::Null, shape),
        _ => Value::Null,
    }
}
