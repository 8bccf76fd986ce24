//! How often a replaced key is deleted while an edge of Datadog still refuses its successor.
//!
//! The figures of `docs/figures/edges.md` are the figures of this test.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a panic is how a test says that something is wrong"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use datadog_rotation::Kind;
use harness::bench::Bench;
use harness::figures;
use harness::stage::edges;
use sandbox::credential::{keys_labelled, keys_of};
use sandbox::datadog::EdgeChoice;
use sandbox::gate::CallRecord;
use sandbox::scene::SceneOptions;
use sandbox::world::World;
use tokio::time::Instant;

const ROTATIONS: u64 = 1_000;

/// What was counted while one success was proof that a new key works everywhere.
const BEFORE: [(Kind, Counted); 3] = [
    (
        Kind::ApiKey,
        Counted {
            succeeded: 1_000,
            early: 0,
            median: 3.0,
            most: 17.0,
        },
    ),
    (
        Kind::ApplicationKey,
        Counted {
            succeeded: 1_000,
            early: 790,
            median: 7.0,
            most: 18.0,
        },
    ),
    (
        Kind::AdminKey,
        Counted {
            succeeded: 655,
            early: 468,
            median: 7.5,
            most: 18.0,
        },
    ),
];

/// What the rotations of one type came to; the seconds are those of a whole rotation.
#[derive(Clone, Copy, Debug)]
struct Counted {
    succeeded: usize,
    early: usize,
    median: f64,
    most: f64,
}

/// One rotation.
#[derive(Clone, Copy, Debug)]
struct Run {
    succeeded: bool,
    took: Duration,
    /// A key that the secret held was deleted while an edge refused the key in use.
    was_early: bool,
}

/// Whether this call deleted a key of the secret while an edge refused one in AWSCURRENT.
fn is_early(world: &World, record: &CallRecord, arn: &str) -> bool {
    let Some(secret) = world.secrets_manager.secret(arn) else {
        return false;
    };
    let mut held = secret.versions().flat_map(keys_of);
    let mut current = keys_labelled(secret, "AWSCURRENT").into_iter();
    record.changed_something
        && record.call.operation.starts_with("DELETE ")
        && held.any(|key| Some(&key.id) == record.call.subject.as_ref())
        && current.any(|key| !world.datadog.is_usable_everywhere(world.now(), &key.text))
}

async fn rotate(kind: Kind, seed: u64) -> Run {
    let bench = Bench::new(SceneOptions::default());
    // So that there is a previous key to delete for API keys too.
    bench.rotate(kind).await.expect("nothing is in its way");
    bench.wait(Duration::from_mins(20)).await;
    bench.gate.with_world(|world| {
        world.datadog.settings.edges = edges([0, 5, 10]);
        world.datadog.settings.edge_choice = EdgeChoice::Drawn(seed);
    });
    let early = Arc::new(Mutex::new(false));
    let (found, arn) = (Arc::clone(&early), bench.secret(kind).to_owned());
    bench.gate.watch(move |world, record| {
        *found.lock().unwrap() |= is_early(world, record, &arn);
    });
    let begun = Instant::now();
    let succeeded = bench.rotate(kind).await.is_ok();
    Run {
        succeeded,
        took: begun.elapsed(),
        was_early: *early.lock().unwrap(),
    }
}

fn count(kind: Kind) -> Counted {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let runs: Vec<_> = (0..ROTATIONS)
        .map(|seed| runtime.block_on(rotate(kind, seed)))
        .collect();
    let count = |of: fn(&Run) -> bool| runs.iter().filter(|run| of(run)).count();
    let mut seconds: Vec<_> = runs.iter().map(|run| run.took.as_secs_f64()).collect();
    seconds.sort_by(f64::total_cmp);
    Counted {
        succeeded: count(|it| it.succeeded),
        early: count(|it| it.was_early),
        median: seconds[seconds.len() / 2],
        most: seconds[seconds.len() - 1],
    }
}

fn rows(kind: Kind, before: Counted, now: Counted) -> String {
    let row = |name, of: &dyn Fn(Counted) -> String| {
        let (kind, before, now) = (kind.name(), of(before), of(now));
        format!("| {kind} | {name} | {before} | {now} |\n")
    };
    [
        row("deleted too early", &|it| it.early.to_string()),
        row("succeeded", &|it| it.succeeded.to_string()),
        row("seconds, median", &|it| format!("{:.1}", it.median)),
        row("seconds, most", &|it| format!("{:.1}", it.most)),
    ]
    .concat()
}

#[test]
#[ignore = "3,000 rotations"]
fn early_deletions() {
    let rows = BEFORE.map(|(kind, before)| rows(kind, before, count(kind)));
    let columns = [
        "secret type",
        "of 1,000 rotations",
        "one success is proof (before)",
        "today",
    ];
    figures::compare(
        "figures/edges",
        "early deletions",
        &figures::table(&columns, &rows.concat()),
    );
}
