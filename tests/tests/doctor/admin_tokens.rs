//! The doctor beside an admin secret that holds a service access token.

use std::time::Duration;

use datadog_rotation::Kind;
use harness::bench::Bench;
use harness::doctor::{line, of_status};
use harness::probe::world;
use sandbox::scene::{ADMIN_SCOPES, APPLICATION_SCOPES, Admin, SceneOptions, admin_token};
use serde_json::Value;

const ROTATED: [Kind; 2] = [Kind::ApiKey, Kind::ServiceAccessToken];

fn bench() -> Bench {
    Bench::new(SceneOptions {
        admin: Admin::AccessToken,
        ..SceneOptions::default()
    })
}

/// A world whose admin secret holds another token.
fn holding(scopes: &[&str], life: Option<Duration>) -> Bench {
    let bench = bench();
    let account = &bench.scene.service_account;
    let value = bench.gate.with_world(|world| {
        let end = life.map(|life| world.now() + life);
        admin_token(world, account, scopes, end)
    });
    bench.store(Kind::AdminKey, &value);
    bench
}

fn text(line: &Value) -> &str {
    line["text"].as_str().expect("a text")
}

fn assert_failed(checkup: &Value, check: &str, error_type: &str) {
    assert_eq!(of_status(checkup, "failed"), [check], "{checkup:#}");
    assert_eq!(checkup["ok"], false);
    let lines = checkup["checks"].as_array().into_iter().flatten();
    let told: Vec<_> = lines.filter(|it| it["status"] == "failed").collect();
    assert_eq!(told[0]["error_type"], error_type, "{checkup:#}");
    assert!(told[0]["advice"].is_string());
}

#[tokio::test(start_paused = true)]
async fn a_check_names_the_token_and_says_that_it_never_ends() {
    let bench = bench();
    for kind in ROTATED {
        let checkup = bench.checkup(bench.secret(kind)).await;
        assert_eq!(checkup["ok"], true, "{checkup:#}");
        for status in ["failed", "warning", "unknown"] {
            assert!(of_status(&checkup, status).is_empty(), "{checkup:#}");
        }
        let admin = text(line(&checkup, "admin_secret"));
        assert!(
            admin.ends_with("which holds a service access token"),
            "{admin}"
        );
        let keys = text(line(&checkup, "admin_keys"));
        assert!(keys.ends_with("The token does not end by itself"), "{keys}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_says_what_a_token_can_not_do() {
    let bench = bench();
    let checkup = bench.checkup(bench.secret(Kind::ApplicationKey)).await;
    assert_failed(&checkup, "admin_secret", "AdminTokenForbidden");
    let all = [&ADMIN_SCOPES[..], &APPLICATION_SCOPES].concat();
    let bench = holding(&all, Some(Duration::from_hours(24 * 30)));
    for kind in ROTATED {
        let checkup = bench.checkup(bench.secret(kind)).await;
        assert_failed(&checkup, "admin_keys", "AdminTokenEnds");
    }
    let bench = holding(&ADMIN_SCOPES, None);
    let checkup = bench.checkup(bench.secret(ROTATED[1])).await;
    assert_failed(&checkup, "scopes", "AdminTokenScopes");
    let bench = holding(&["service_account_write", "api_keys_write"], None);
    let checkup = bench.checkup(bench.secret(ROTATED[0])).await;
    assert_failed(&checkup, "scopes", "AdminTokenScopes");
}

/// As an admin key secret it can't rotate, and as a service access token it would rotate itself.
#[tokio::test(start_paused = true)]
async fn a_check_of_the_admin_secret_itself_says_that_it_does_not_rotate() {
    let bench = bench();
    let admin = bench.secret(Kind::AdminKey);
    for (arguments, error_type) in [
        (["--type", "admin-key"], "AdminTokenForbidden"),
        (["--admin-secret", admin], "AdminTokenItself"),
    ] {
        let told = bench
            .check(&[&[admin, "--json"], &arguments[..]].concat())
            .await;
        let document = told.json();
        let checks = document["secrets"][0]["checks"].as_array().expect("checks");
        let is_told = checks.iter().any(|it| it["error_type"] == error_type);
        assert!(is_told, "{document:#}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_may_not_look_itself_up_is_a_warning() {
    let bench = holding(&["api_keys_write", "api_keys_delete"], None);
    let checkup = bench.checkup(bench.secret(Kind::ApiKey)).await;
    assert_eq!(checkup["ok"], true, "{checkup:#}");
    assert!(of_status(&checkup, "failed").is_empty(), "{checkup:#}");
    assert!(
        of_status(&checkup, "warning").contains(&"admin_keys"),
        "{checkup:#}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_probe_tells_what_a_token_may_create() {
    let told = world(Admin::AccessToken).probe().await;
    let document = told.json();
    assert_eq!(document["admin"]["access_token"], true, "{document:#}");
    let answers = document["answers"].as_array().expect("answers");
    let answer = |question: &str| {
        let answer = answers.iter().find(|it| it["question"] == question);
        answer.unwrap_or_else(|| panic!("no {question} in {document:#}"))
    };
    for question in [
        "access_token_accepted",
        "api_key_created",
        "api_key_deleted",
    ] {
        assert_eq!(answer(question)["answer"], "yes", "{document:#}");
    }
    let refused = answer("application_key_created");
    assert_eq!(refused["answer"], "no");
    let follows = refused["follows"].as_str().expect("what follows");
    assert!(
        follows.contains("admin secret with a key pair"),
        "{follows}"
    );
    assert!(answers.iter().all(|it| it["question"] != "pair_accepted"));
}
