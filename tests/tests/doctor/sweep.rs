//! What `datadog-doctor orphans --delete` deletes, the next rotation would have deleted: the same
//! world twice, whatever has happened in it.

use std::collections::BTreeSet;
use std::time::Duration;

use datadog_rotation::Kind;
use fastrand::Rng;
use harness::bench::{Bench, DOCUMENTED_SCOPES};
use harness::by_hand::ids;
use sandbox::gate::{Call, Fate};
use sandbox::rotation::{Step, event};
use sandbox::scene::{ADMIN_SCOPES, SceneOptions, token};
use sandbox::secrets_manager::Secret;
use serde_json::json;

/// Worlds for each type.
const SEEDS: u64 = 60;

/// A world with a history that the seed draws.
async fn world(kind: Kind, seed: u64) -> Bench {
    let mut random = Rng::with_seed(seed);
    let scopes = [&ADMIN_SCOPES[..], &DOCUMENTED_SCOPES];
    let bench = Bench::new(SceneOptions {
        admin_scopes: scopes[usize::from(random.u8(0..4) == 0)],
        ..SceneOptions::default()
    });
    for _ in 0..random.usize(3..12) {
        happen(&bench, kind, &mut random).await;
    }
    bench.gate.follow(|_: &Call| Fate::Pass);
    bench.gate.forget_calls();
    bench
}

async fn happen(bench: &Bench, kind: Kind, random: &mut Rng) {
    match random.u8(0..10) {
        // Whether it succeeds is the history's own affair.
        0 | 1 => drop(bench.rotate(kind).await),
        2 | 3 => die_after_a_mint(bench, kind, random.usize(1..3)).await,
        4 => drop(bench.create(kind).await),
        5 => bench.store(kind, &bench.by_hand(kind)),
        6 if bench.labelled(kind, "AWSPREVIOUS").is_some() => bench.roll_back(kind),
        7 if random.u8(0..4) == 0 => {
            let sound = bench.by_hand(kind);
            bench.store(kind, &json!({ "note": "no key" }));
            bench.store(kind, &sound);
        }
        8 => plant(bench, kind, random),
        _ => bench.wait(Duration::from_mins(random.u64(1..40))).await,
    }
}

async fn die_after_a_mint(bench: &Bench, kind: Kind, nth: usize) {
    let mut minted = 0;
    bench.gate.follow(move |call: &Call| {
        let is_mint = call.operation.starts_with("POST ");
        minted += usize::from(is_mint);
        if is_mint && minted == nth {
            Fate::KillAfter
        } else {
            Fate::Pass
        }
    });
    let job = bench.begin(kind);
    let function = bench.function(kind);
    function.deliver(&event(&job, Step::CreateSecret)).await;
    bench.give_up(&job);
    bench.gate.follow(|_: &Call| Fate::Pass);
}

/// A key that bears the name of a version, known or not.
fn plant(bench: &Bench, kind: Kind, random: &mut Rng) {
    let mut versions = bench.gate.with_world(|world| {
        let secret = world.secrets_manager.secret(bench.secret(kind));
        let versions = secret.into_iter().flat_map(Secret::versions);
        versions.map(|it| it.id().to_owned()).collect::<Vec<_>>()
    });
    versions.push(token("forgotten"));
    let version = random.choice(&versions).expect("a version");
    let class = *random.choice(kind.classes()).expect("a class");
    let age = Duration::from_mins(random.u64(0..40));
    let _id = bench.plant(kind, class, version, age);
}

/// The ids of the keys that calls have deleted.
fn deleted(bench: &Bench) -> BTreeSet<String> {
    let calls = bench.gate.calls().into_iter();
    let deletions =
        calls.filter(|it| it.changed_something && it.call.operation.starts_with("DELETE "));
    deletions.filter_map(|it| it.call.subject).collect()
}

#[tokio::test(start_paused = true)]
async fn it_deletes_nothing_that_a_sweep_would_not() {
    let (mut compared, mut both) = (0, 0);
    for kind in Kind::ALL {
        for seed in 0..SEEDS {
            let by_doctor = {
                let bench = world(kind, seed).await;
                bench
                    .doctor(&["orphans", bench.secret(kind), "--json", "--delete"])
                    .await;
                deleted(&bench)
            };
            let bench = world(kind, seed).await;
            let displaced = bench.value(kind, "AWSPREVIOUS");
            let displaced: BTreeSet<_> = displaced.iter().flat_map(ids).collect();
            let swept = bench.create(kind).await;
            let by_rotation = deleted(&bench);
            let what = format!("{} {seed}: {by_doctor:?} {by_rotation:?}", kind.name());
            assert!(by_doctor.is_disjoint(&displaced), "{what}");
            if swept.is_ok() {
                assert!(
                    by_doctor.is_subset(&by_rotation),
                    "{what}\n{}",
                    bench.story()
                );
                compared += 1;
                both += usize::from(!by_doctor.is_empty());
            }
        }
    }
    let enough = "too few worlds in which anything is deleted";
    assert!(
        compared > 100 && both > 20,
        "{enough}: {both} of {compared}"
    );
}
