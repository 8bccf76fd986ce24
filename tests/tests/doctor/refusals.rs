//! `datadog-doctor leaked` where Datadog's refusals of a live key prove nothing.

use datadog_rotation::Kind;
use harness::bench::Bench;
use harness::by_hand::ids;
use harness::doctor::CALLER;
use http::StatusCode;
use sandbox::gate::{Call, Fate};
use sandbox::scene::SceneOptions;
use serde_json::json;

const KINDS: [Kind; 3] = [Kind::ApiKey, Kind::ApplicationKey, Kind::ServiceAccessToken];

/// Refuses the first so many of the doctor's trials of a key.
fn refuse(bench: &Bench, times: usize, fate: fn() -> Fate) {
    let mut refused = 0;
    bench.gate.follow(move |call: &Call| {
        let is_trial = ["/validate", "/validate_keys", "/current_user"]
            .iter()
            .any(|it| call.operation.ends_with(it));
        let is_own = call.caller.as_deref() == Some(CALLER);
        if is_own && is_trial && refused < times {
            refused += 1;
            return fate();
        }
        // Nothing is to be ended here: what counts is what is said of the key.
        if call.operation == "TagResource" {
            return Fate::Refuse(StatusCode::FORBIDDEN);
        }
        Fate::Pass
    });
}

async fn told_of(kind: Kind, times: usize, fate: fn() -> Fate) -> serde_json::Value {
    let bench = Bench::new(SceneOptions::default());
    bench.rotate(kind).await.unwrap();
    refuse(&bench, times, fate);
    let told = bench
        .doctor(&["leaked", bench.secret(kind), "--json"])
        .await;
    assert!(!told.fine);
    for id in ids(&bench.current(kind)) {
        assert!(bench.is_live(&id));
    }
    told.json()["error"].clone()
}

/// `check` has the same patience.
#[tokio::test(start_paused = true)]
async fn one_refusal_makes_no_live_key_dead() {
    let once: [fn() -> Fate; 3] = [
        || Fate::Refuse(StatusCode::UNAUTHORIZED),
        || Fate::Refuse(StatusCode::FORBIDDEN),
        || Fate::Html(StatusCode::FORBIDDEN),
    ];
    for kind in KINDS {
        for fate in once {
            let error = told_of(kind, 1, fate).await;
            assert_eq!(
                error["error_type"], "SecretsManagerRefused",
                "{kind:?}: {error:#}"
            );
        }
    }
}

/// A firewall's page says nothing of the key, however often it comes.
#[tokio::test(start_paused = true)]
async fn a_page_that_refuses_everything_leaves_the_key_unknown() {
    for kind in KINDS {
        let error = told_of(kind, usize::MAX, || Fate::Html(StatusCode::FORBIDDEN)).await;
        assert_eq!(error["error_type"], "DatadogUnexpectedAnswer", "{error:#}");
        let text = error["text"].as_str().unwrap();
        assert!(text.contains("not Datadog's"), "{kind:?}: {text}");
    }
}

/// Refusals of Datadog's own that go on for seconds are believed.
#[tokio::test(start_paused = true)]
async fn a_key_that_goes_on_being_refused_is_dead() {
    for kind in KINDS {
        let error = told_of(kind, usize::MAX, || Fate::Refuse(StatusCode::FORBIDDEN)).await;
        assert_eq!(error["error_type"], json!("CurrentKeyDead"), "{error:#}");
    }
}

/// A page that comes once the secret is tagged ends no key either.
#[tokio::test(start_paused = true)]
async fn pages_of_a_firewall_are_no_end_of_a_key() {
    let (bench, kind) = (Bench::new(SceneOptions::default()), Kind::ApiKey);
    bench.rotate(kind).await.unwrap();
    let leaked = ids(&bench.current(kind)).remove(0);
    bench.rotate(kind).await.unwrap();
    let (mut is_tagged, mut trials) = (false, 0);
    bench.gate.follow(move |call: &Call| {
        is_tagged |= call.operation == "TagResource";
        let is_trial = call.caller.as_deref() == Some(CALLER)
            && call.operation == "GET /api/v1/validate"
            && is_tagged;
        trials += usize::from(is_trial);
        // Each look tries the leaked key, and then the current one.
        if is_trial && trials % 2 == 1 {
            Fate::Html(StatusCode::FORBIDDEN)
        } else {
            Fate::Pass
        }
    });
    let told = bench
        .doctor(&["leaked", bench.secret(kind), "--previous", "--json"])
        .await;
    assert!(!told.fine, "{}", told.output);
    assert_eq!(told.json()["state"], "unknown", "{}", told.output);
    assert!(bench.is_live(&leaked));
}
