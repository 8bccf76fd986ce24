//! What `datadog-doctor check` says of a rotation that is not over.

use std::time::Duration;

use datadog_rotation::Kind;
use harness::bench::{Bench, DOCUMENTED_SCOPES};
use harness::by_hand::ids;
use harness::doctor::line;
use sandbox::gate::{Call, Fate};
use sandbox::scene::SceneOptions;

/// A rotation that has stored a value under AWSPENDING, and went no further.
async fn unfinished(kind: Kind, scopes: &[&str]) -> Bench {
    let bench = Bench::new(SceneOptions {
        admin_scopes: scopes,
        ..SceneOptions::default()
    });
    bench.rotate(kind).await.unwrap();
    bench.gate.follow(|call: &Call| {
        if call.operation == "UpdateSecretVersionStage" {
            Fate::Refuse(http::StatusCode::FORBIDDEN)
        } else {
            Fate::Pass
        }
    });
    let job = bench.begin(kind);
    assert!(bench.carry_on(kind, &job).await.is_err());
    bench.give_up(&job);
    bench.gate.follow(|_: &Call| Fate::Pass);
    bench.wait(Duration::from_mins(20)).await;
    bench
}

#[tokio::test(start_paused = true)]
async fn a_dead_pending_key_is_told_before_the_rotation_fails_on_it() {
    for kind in Kind::ALL {
        for scopes in [&DOCUMENTED_SCOPES[..], &sandbox::scene::ADMIN_SCOPES] {
            let bench = unfinished(kind, scopes).await;
            let checkup = bench.checkup(bench.secret(kind)).await;
            assert_eq!(checkup["ok"], true, "{kind:?}: {checkup:#}");
            let pending = bench.value(kind, "AWSPENDING").expect("a pending value");
            let current = ids(&bench.current(kind));
            let dead = ids(&pending).into_iter().find(|it| !current.contains(it));
            bench.revoke(&dead.expect("a new key"));
            bench.wait(Duration::from_mins(2)).await;
            let checkup = bench.checkup(bench.secret(kind)).await;
            assert_eq!(checkup["ok"], false, "{kind:?}: {checkup:#}");
            let lines = checkup["checks"].as_array().unwrap();
            let failed = lines.iter().find(|it| it["status"] == "failed");
            assert_eq!(failed.unwrap()["error_type"], "PendingKeyDead");
            assert_eq!(failed.unwrap()["check"], "versions");
            let _first = line(&checkup, "versions");
            let job = bench.begin(kind);
            let failure = bench.carry_on(kind, &job).await.unwrap_err();
            assert_eq!(failure.error_type, "PendingKeyDead", "{kind:?}");
        }
    }
}
