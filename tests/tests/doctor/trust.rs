//! `datadog-doctor trust`: what it lists, and what it says of roles.

use std::process::Output;

use harness::bench::Bench;
use harness::doctor::Told;
use sandbox::gate::{Call, Fate, Lie};
use sandbox::scene::{Admin, SceneOptions, role_of, trust};
use sandbox::stack::ACCOUNT;
use serde_json::{Value, json};

use crate::documents::shape;
use crate::open_world::{OpenWorld, text};

const PAGE: &str = include_str!("../../../docs/reference/doctor.md");

const SCOPES: [&str; 4] = [
    "api_keys_write",
    "api_keys_delete",
    "workload_identity_federation_read",
    "aws_configuration_read",
];

/// Registered by access keys.
const OTHER_ACCOUNT: &str = "210987654321";

const EXTERNAL_ID: &str = "acb8f6b8a844443dbb726d07dcb1a870";

fn role(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/datadog/{name}")
}

fn pattern(rest: &str) -> String {
    format!("arn:aws:sts::{ACCOUNT}:assumed-role/{rest}")
}

async fn open(scopes: &[&str]) -> OpenWorld {
    OpenWorld::open(SceneOptions {
        admin_scopes: scopes,
        ..SceneOptions::default()
    })
    .await
}

fn register(datadog: &mut sandbox::datadog::Datadog) {
    let role = json!({ "role_name": "DatadogIntegration", "external_id": EXTERNAL_ID });
    let settings =
        json!({ "aws_regions": { "include_only": ["eu-west-1"] }, "account_tags": ["team:a"] });
    datadog.integrate(ACCOUNT, &role, &settings);
    let keys = json!({ "access_key_id": "AKIAIOSFODNN7EXAMPLE" });
    datadog.integrate(OTHER_ACCOUNT, &keys, &json!({}));
}

/// The program's document and exit code.
async fn told(site: &OpenWorld, arguments: &[&str]) -> (Value, Option<i32>) {
    let output = ask(site, &[arguments, &["--json"]].concat()).await;
    let document = serde_json::from_slice(&output.stdout).unwrap();
    (document, output.status.code())
}

async fn ask(site: &OpenWorld, arguments: &[&str]) -> Output {
    let admin = site.scene.secrets.admin_key.as_str();
    site.gate.forget_calls();
    let output = site
        .doctor(&[&["trust", "--admin-secret", admin], arguments].concat())
        .await;
    for record in site.gate.calls() {
        assert!(!record.call.changes(), "{record}");
    }
    output
}

fn statuses(role: &Value) -> [&str; 2] {
    ["registration", "mapping"].map(|it| role[it]["status"].as_str().unwrap())
}

#[tokio::test]
async fn what_is_trusted_is_listed_and_nothing_is_missing() {
    let site = open(&SCOPES).await;
    let account = site.scene.service_account.clone();
    site.gate.with_world(|world| {
        register(&mut world.datadog);
        trust(world, "runner", &account);
        world.datadog.map_intake(&pattern("agents/*"));
    });
    let (runner, agents) = (role("runner"), role("agents"));
    let arguments = [
        &*runner,
        "--agent-role",
        &agents,
        "--service-account",
        &account,
    ];
    let (document, code) = told(&site, &arguments).await;
    assert_eq!(
        (code, &document["ok"]),
        (Some(0), &json!(true)),
        "{document:#}"
    );
    let accounts = document["aws_accounts"].as_array().unwrap();
    assert_eq!(accounts.len(), 2);
    assert_eq!(accounts[0]["role_name"], "DatadogIntegration");
    assert_eq!(accounts[0]["external_id"], EXTERNAL_ID);
    assert_eq!(
        accounts[0]["settings"]["aws_regions"],
        json!({ "include_only": ["eu-west-1"] })
    );
    assert_eq!(accounts[1]["aws_account"], OTHER_ACCOUNT);
    assert_eq!(accounts[1]["access_key_id"], "AKIAIOSFODNN7EXAMPLE");
    assert!(accounts[1]["external_id"].is_null());
    assert_eq!(
        document["identity_mappings"][0]["account_id"],
        account.as_str()
    );
    assert_eq!(
        document["intake_mappings"][0]["pattern"],
        pattern("agents/*")
    );
    for role in document["roles"].as_array().unwrap() {
        assert_eq!(statuses(role), ["ok", "ok"], "{role:#}");
    }
    assert_eq!(document["roles"][1]["purpose"], "agent");

    let table = ask(&site, &arguments).await;
    assert_eq!(table.status.code(), Some(0));
    let table = text(&table.stdout);
    for words in [
        "by role DatadogIntegration, external ID acb8f6b8a844443dbb726d07dcb1a870",
        "regions eu-west-1; metrics on; all namespaces but AWS/SQS",
        "tags team:a",
        "by access key AKIAIOSFODNN7EXAMPLE",
        "0 of 2 roles lack something. Not tried",
    ] {
        assert!(table.contains(words), "{words}: {table}");
    }
}

#[tokio::test]
async fn nothing_registered_is_an_empty_list_and_a_role_that_lacks_it() {
    let site = open(&SCOPES).await;
    let (document, code) = told(&site, &[]).await;
    assert_eq!(
        (code, &document["aws_accounts"]),
        (Some(0), &json!([])),
        "{document:#}"
    );
    let (document, code) = told(&site, &[&role("runner")]).await;
    assert_eq!(code, Some(1));
    let runner = &document["roles"][0];
    assert_eq!(statuses(runner), ["failed", "failed"], "{runner:#}");
    let text = runner["registration"]["text"].as_str().unwrap();
    assert_eq!(
        text,
        format!("AWS account {ACCOUNT} is not registered at Datadog")
    );
}

#[tokio::test]
async fn what_a_role_lacks_is_said() {
    let site = open(&SCOPES).await;
    let account = site.scene.service_account.clone();
    site.gate.with_world(|world| {
        register(&mut world.datadog);
        trust(world, "runner", &account);
        world
            .datadog
            .map_identity(&pattern("sessions/i-1"), &account);
        world.datadog.map_identity(&pattern("bare"), &account);
        world.datadog.map_intake(&pattern("agents/*"));
    });
    let other = "3fa85f64-5717-4562-b3fc-2c963f66afa6";
    for (arguments, status, words) in [
        (
            vec![role("runners")],
            "failed",
            "no identity mapping covers the role",
        ),
        (
            vec![role("agents")],
            "failed",
            "no identity mapping covers the role, but intake mapping",
        ),
        (
            vec![role("runner"), "--service-account".into(), other.into()],
            "failed",
            "and not as service account",
        ),
        (
            vec!["--agent-role".into(), role("runner")],
            "failed",
            "but identity mapping",
        ),
        (vec![role("sessions")], "warning", "but only sessions i-1"),
        (vec![role("bare")], "unknown", "names no session"),
        (
            vec![role("runner").replace("aws:", "aws-cn:")],
            "failed",
            "is of partition aws-cn",
        ),
    ] {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let (document, code) = told(&site, &arguments).await;
        let mapping = &document["roles"][0]["mapping"];
        assert_eq!(mapping["status"], status, "{arguments:?}: {document:#}");
        let text = mapping["text"].as_str().unwrap();
        assert!(text.contains(words), "{arguments:?}: {text}");
        assert_eq!(mapping["advice"].is_string(), status != "ok");
        assert_eq!(code, Some(i32::from(status != "warning")), "{arguments:?}");
    }
}

#[tokio::test]
async fn a_list_that_is_forbidden_says_nothing_of_a_role() {
    for (lacking, list, unknown) in [
        ("aws_configuration_read", "aws_accounts", ["unknown", "ok"]),
        (
            "workload_identity_federation_read",
            "identity_mappings",
            ["ok", "unknown"],
        ),
    ] {
        let scopes: Vec<_> = SCOPES.into_iter().filter(|it| *it != lacking).collect();
        let site = open(&scopes).await;
        let account = site.scene.service_account.clone();
        site.gate.with_world(|world| {
            register(&mut world.datadog);
            trust(world, "runner", &account);
        });
        let (_, code) = told(&site, &[]).await;
        assert_eq!(code, Some(1), "{lacking}");
        let (document, code) = told(&site, &[&role("runner"), &role("nobody")]).await;
        assert_eq!(
            (code, &document[list]),
            (Some(1), &Value::Null),
            "{document:#}"
        );
        let first = &document["unlisted"][0];
        assert_eq!(first["list"], list);
        let text = first["error"].to_string();
        assert!(text.contains(lacking), "{text}");
        assert_eq!(statuses(&document["roles"][0]), unknown);
        let nobody = statuses(&document["roles"][1]);
        // Of the list that can be had, it is known that the role is not in it.
        let of_nobody = unknown.map(|it| if it == "unknown" { it } else { "failed" });
        let of_nobody = if list == "aws_accounts" {
            of_nobody
        } else {
            unknown
        };
        assert_eq!(nobody, of_nobody, "{document:#}");
    }
}

async fn of_bench(bench: &Bench, arguments: &[&str]) -> Told {
    bench.gate.forget_calls();
    bench
        .doctor(&[&["trust", "--json"], arguments].concat())
        .await
}

#[tokio::test(start_paused = true)]
async fn one_list_that_lacks_a_mapping_proves_nothing() {
    for (lies, status) in [(3, "ok"), (6, "failed")] {
        let bench = Bench::new(SceneOptions {
            admin_scopes: &SCOPES,
            ..SceneOptions::default()
        });
        let account = bench.scene.service_account.clone();
        bench.gate.with_world(|world| {
            register(&mut world.datadog);
            trust(world, "runner", &account);
        });
        let told_lies = std::sync::atomic::AtomicU32::new(0);
        bench.gate.follow(move |call: &Call| {
            let is_list = ["persona_mapping", "intake_mapping", "/accounts"];
            let is_list = is_list.iter().any(|it| call.operation.ends_with(it));
            if is_list && told_lies.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < lies {
                Fate::Lie(Lie::EmptyLists)
            } else {
                Fate::Pass
            }
        });
        let admin = bench.scene.secrets.admin_key.clone();
        let told = of_bench(&bench, &[&role("runner"), "--admin-secret", &admin]).await;
        let document = told.json();
        assert_eq!(statuses(&document["roles"][0]), [status; 2], "{document:#}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_keyless_doctor_expects_the_roles_to_act_as_it_does() {
    let bench = Bench::new(SceneOptions {
        admin: Admin::IdentityOfVariables,
        admin_scopes: &SCOPES,
        ..SceneOptions::default()
    });
    let account = bench.scene.service_account.clone();
    let other = bench.gate.with_world(|world| {
        register(&mut world.datadog);
        trust(world, &role_of(harness::doctor::CALLER), &account);
        let now = world.now();
        let other = world
            .datadog
            .create_service_account(now, "other", &["api_keys_write"]);
        trust(world, "other", &other);
        other
    });
    let told = of_bench(&bench, &[&role("datadog-api-key-role"), &role("other")]).await;
    let document = told.json();
    assert_eq!(document["admin"]["keyless"], true);
    assert_eq!(
        statuses(&document["roles"][0]),
        ["ok", "ok"],
        "{document:#}"
    );
    assert_eq!(
        statuses(&document["roles"][1]),
        ["ok", "failed"],
        "{document:#}"
    );
    let text = document["roles"][1]["mapping"]["text"].as_str().unwrap();
    assert!(text.contains(&other) && text.contains(&account), "{text}");
}

/// What the page says of the document is a document of that shape.
#[tokio::test(start_paused = true)]
async fn the_pages_document_is_of_the_shape_that_is_printed() {
    let (_, shown) = PAGE.split_once("## trust").unwrap();
    let shown = shown.split("```json\n").nth(1).unwrap();
    let shown: Value = serde_json::from_str(shown.split("```").next().unwrap()).unwrap();
    let scopes: Vec<_> = SCOPES
        .into_iter()
        .filter(|it| *it != "aws_configuration_read")
        .collect();
    let print = async |scopes: &[&str]| {
        let bench = Bench::new(SceneOptions {
            admin_scopes: scopes,
            ..SceneOptions::default()
        });
        let account = bench.scene.service_account.clone();
        bench.gate.with_world(|world| {
            register(&mut world.datadog);
            trust(world, "runner", &account);
            world.datadog.map_intake(&pattern("agents/*"));
        });
        let admin = bench.scene.secrets.admin_key.clone();
        of_bench(&bench, &[&role("runner"), "--admin-secret", &admin])
            .await
            .json()
    };
    let mut printed = print(&SCOPES).await;
    // The settings are Datadog's own members.
    printed["aws_accounts"][0]["settings"] = shown["aws_accounts"][0]["settings"].clone();
    printed["unlisted"] = print(&scopes).await["unlisted"].clone();
    assert_eq!(shape(&shown), shape(&printed));
}
