//! The tag `leakedVersion`, where a version's part is not the usual one.

use std::time::Duration;

use datadog_rotation::Kind;
use datadog_rotation::credential::Grace;
use datadog_rotation::secrets::{GRACE_TAG, LEAKED_TAG};
use harness::bench::Bench;
use harness::by_hand::ids;
use harness::stage::edges;
use sandbox::gate::{Call, Edit, Fate};
use sandbox::rotation::{Step, event};
use sandbox::scene::SceneOptions;
use serde_json::json;

/// The types whose replaced keys have grace.
const KINDS: [Kind; 2] = [Kind::ApiKey, Kind::ServiceAccessToken];

fn bench() -> Bench {
    Bench::new(SceneOptions::default())
}

/// finishSecret died after its promotion, and a person has gone back: the leaked version has AWSPENDING still.
#[tokio::test(start_paused = true)]
async fn a_leaked_version_is_not_promoted_again() {
    for kind in Kind::ALL {
        let bench = bench();
        if kind.grace() == Grace::None {
            bench.tag(kind, GRACE_TAG, "1");
        }
        bench.rotate(kind).await.unwrap();
        bench.wait(Duration::from_mins(20)).await;
        let job = bench.begin(kind);
        for step in &Step::ALL[..3] {
            bench.deliver(kind, &job, *step).await.unwrap();
        }
        bench.gate.follow(|call: &Call| {
            if call.operation == "UpdateSecretVersionStage" {
                Fate::KillAfter
            } else {
                Fate::Pass
            }
        });
        let finish = event(&job, Step::FinishSecret);
        assert!(bench.function(kind).deliver(&finish).await.is_none());
        bench.gate.follow(|_: &Call| Fate::Pass);
        bench.give_up(&job);
        let leaked = ids(&bench.current(kind));
        bench.roll_back(kind);
        bench.tag(kind, LEAKED_TAG, &job.token);
        let current = ids(&bench.current(kind));
        bench.wait(Duration::from_mins(20)).await;
        let refused = bench.rotate(kind).await.unwrap_err();
        assert_eq!(refused.error_type, "PendingKeyDead", "{}", refused.message);
        assert!(
            refused.message.contains("Not deleted: "),
            "{}",
            refused.message
        );
        assert_eq!(ids(&bench.current(kind)), current);
        bench.rotate(kind).await.unwrap();
        assert!(!leaked.iter().any(|it| bench.is_live(it)), "{kind:?}");
        bench.assert_kept();
    }
}

/// The replaced token has leaked, and its successor is of this moment: an edge need not know that yet.
#[tokio::test(start_paused = true)]
async fn a_leaked_key_goes_once_every_edge_knows_its_young_successor() {
    for kind in KINDS {
        let bench = bench();
        bench.rotate(kind).await.unwrap();
        bench.wait(Duration::from_mins(20)).await;
        let leaked = ids(&bench.current(kind)).remove(0);
        bench
            .gate
            .with_world(|world| world.datadog.settings.edges = edges([0, 4, 8]));
        bench.rotate(kind).await.unwrap();
        let version = bench.labelled(kind, "AWSPREVIOUS").unwrap();
        bench.tag(kind, LEAKED_TAG, &version);
        let job = bench.begin(kind);
        bench.deliver(kind, &job, Step::CreateSecret).await.unwrap();
        assert!(!bench.is_live(&leaked), "{kind:?}");
        bench.assert_kept();
    }
}

/// AWSCURRENT has leaked; AWSPREVIOUS has not, and keeps its grace whatever a false answer shows of its value.
#[tokio::test(start_paused = true)]
async fn a_leaked_current_version_takes_no_grace_from_the_one_before() {
    for kind in KINDS {
        let bench = bench();
        for _ in 0..2 {
            bench.rotate(kind).await.unwrap();
            bench.wait(Duration::from_hours(1)).await;
        }
        let previous = ids(&bench.value(kind, "AWSPREVIOUS").unwrap()).remove(0);
        let current = bench.labelled(kind, "AWSCURRENT").unwrap();
        bench.tag(kind, LEAKED_TAG, &current);
        let (others, version) = (
            bench.by_hand(kind).to_string(),
            bench.labelled(kind, "AWSPREVIOUS").unwrap(),
        );
        bench.gate.follow(move |call: &Call| {
            if call.operation != "GetSecretValue" {
                return Fate::Pass;
            }
            let (others, version) = (others.clone(), version.clone());
            Fate::Edited(Edit::new(move |body| {
                if body["VersionId"] == json!(version) {
                    body["SecretString"] = json!(others);
                }
            }))
        });
        let job = bench.begin(kind);
        bench.deliver(kind, &job, Step::CreateSecret).await.unwrap();
        assert!(bench.is_live(&previous), "{kind:?}: {}", bench.story());
    }
}
