//! A service access token that ends by itself, as `datadog-doctor check` sees it.

use std::time::Duration;

use datadog_rotation::Kind;
use harness::bench::Bench;
use harness::doctor::{line, of_status};
use sandbox::scene::{APPLICATION_SCOPES, SceneOptions};
use serde_json::json;

const TOKEN: Kind = Kind::ServiceAccessToken;
const DAY: Duration = Duration::from_hours(24);

/// A bench whose token ends so many days from now; its secret is rotated every 90 days.
fn bench(days: u32) -> Bench {
    let bench = Bench::new(SceneOptions::default());
    let token = bench.gate.with_world(|world| {
        let (now, account) = (world.now(), &bench.scene.service_account);
        let end = Some(now + DAY * days);
        let datadog = &mut world.datadog;
        datadog.create_access_token(now, account, "pipelines", &APPLICATION_SCOPES, end)
    });
    let mut value = bench.current(TOKEN);
    value["serviceAccessToken"] = json!(token.value);
    value["serviceAccessTokenId"] = json!(token.id);
    bench.store(TOKEN, &value);
    bench
}

#[tokio::test(start_paused = true)]
async fn a_token_that_ends_before_its_next_rotation_has_to_be_mended() {
    let bench = bench(80);
    let checkup = bench.checkup(bench.secret(TOKEN)).await;
    assert_eq!(checkup["ok"], false);
    assert_eq!(of_status(&checkup, "failed"), [""; 0], "{checkup:#}");
    assert_eq!(of_status(&checkup, "warning"), ["access_token"]);
    let mut lines = checkup["checks"].as_array().unwrap().iter();
    let line = lines.find(|it| it["status"] == "warning").unwrap();
    assert_eq!(line["error_type"], "TokenEndsTooSoon");
    assert!(line["advice"].as_str().unwrap().contains("rotate-secret"));
    let text = line["text"].as_str().unwrap();
    assert!(text.starts_with("it ends at 2026-06-"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_outlives_its_next_rotation_is_sound() {
    let bench = bench(100);
    let checkup = bench.checkup(bench.secret(TOKEN)).await;
    assert_eq!(checkup["ok"], true, "{checkup:#}");
    assert_eq!(line(&checkup, "access_token")["status"], "ok");
}
