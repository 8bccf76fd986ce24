//! Edges of Datadog that do not find a new key by its ID yet: 404 does not mean that it is gone.

use std::time::Duration;

use harness::probe::{inventory, left, world};
use sandbox::datadog::Edge;
use sandbox::scene::Admin;

async fn probed(seconds: u64) -> (Vec<String>, Vec<String>, bool) {
    let bench = world(Admin::Pair);
    let before = inventory(&bench);
    bench.gate.with_world(|world| {
        let by_id = Duration::from_secs(seconds);
        world.datadog.settings.edges = vec![Edge {
            by_id,
            ..Edge::default()
        }];
    });
    let told = bench.probe().await;
    let document = told.json();
    let things = document["throwaway"].as_array().unwrap();
    let called_deleted = things.iter().filter(|it| it["state"] == "deleted");
    let called_deleted = called_deleted.map(|it| it["name"].as_str().unwrap().to_owned());
    let called_deleted = called_deleted.collect();
    let living = left(&bench);
    assert_eq!(living.is_empty(), inventory(&bench) == before);
    (living, called_deleted, told.fine)
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_not_found_yet_is_deleted_when_it_is() {
    for seconds in [5, 20] {
        let (living, _, _) = probed(seconds).await;
        assert_eq!(living, Vec::<String>::new(), "{seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn no_living_key_is_called_deleted() {
    for seconds in [5, 20, 40, 55, 300] {
        let (living, called_deleted, is_fine) = probed(seconds).await;
        for name in &living {
            assert!(!called_deleted.contains(name), "{seconds} s: {name}");
        }
        assert!(living.is_empty() || !is_fine, "{seconds} s: {living:?}");
    }
}
