//! Every invocation keeps its deadline, whatever the services' pace and the function's time-out: it is
//! not at work any more by then, it creates nothing that could be neither stored nor undone, and the
//! next rotation finds everything in order. All of it without `api_keys_read`.
//!
//! The figures of `docs/figures/time.md` are the figures of these tests.

#![expect(
    clippy::expect_used,
    reason = "a panic is how a test says that something is wrong"
)]

use std::time::Duration;

use harness::case::{Case, Faults, Setting, Subject};
use harness::figures;
use harness::pace::{End, Pace, run};
use harness::sweep;
use sandbox::gate::Service;

/// Seconds: around what a call takes, what a mint needs, and what the template gives.
const TIMEOUTS: [u64; 8] = [2, 10, 35, 41, 45, 55, 120, 300];

/// Milliseconds: below and above the time-out of an attempt, 5 s for Secrets Manager, 10 s for
/// Datadog.
const PAUSES: [u64; 6] = [0, 500, 2_000, 4_900, 9_900, 12_000];

/// What is run at each of the time-outs.
fn paces(calls: u64) -> Vec<(&'static str, Vec<Pace>)> {
    let pauses = PAUSES.map(Duration::from_millis);
    let slow = pauses.map(|secrets_manager| {
        pauses.map(|datadog| Pace::Slow {
            secrets_manager,
            datadog,
        })
    });
    let once = |call| [pauses[3], pauses[4]].map(|by| Pace::SlowOnce { call, by });
    let services = [Service::SecretsManager, Service::Datadog];
    let throttled = |from| services.map(|service| Pace::Throttled { from, service });
    let silent = |from| services.map(|service| Pace::Silent { from, service });
    vec![
        ("every call slow", slow.concat()),
        ("one call slow", (0..calls).flat_map(once).collect()),
        (
            "throttled from one call on",
            (0..calls).flat_map(throttled).collect(),
        ),
        (
            "no answer from one call on",
            (0..calls).flat_map(silent).collect(),
        ),
    ]
}

/// Time-outs close to each other, so that one of them leaves just enough for the mint.
fn unstorable() -> impl Iterator<Item = (Pace, u64)> {
    let pauses = [4_900, 9_900].map(Duration::from_millis);
    let paces = pauses
        .map(|datadog| [Pace::Unstorable { datadog }, Pace::Unlabelled { datadog }])
        .concat();
    paces
        .into_iter()
        .flat_map(|pace| (41..200).step_by(3).map(move |timeout| (pace, timeout)))
}

fn sweep(subject: Subject) {
    let case = Case {
        subject,
        setting: Setting::Later,
        reads: false,
        redelivered: false,
    };
    let row = |name: &str, runs: &mut dyn Iterator<Item = (Pace, u64)>| {
        let ends: Vec<_> = runs
            .map(|(pace, timeout)| run(case, pace, Duration::from_secs(timeout)))
            .map(|end| end.unwrap_or_else(|broken| panic!("{broken:?}")))
            .collect();
        let (runs, done) = (
            ends.len(),
            ends.iter().filter(|it| **it == End::Done).count(),
        );
        let failed = runs - done;
        format!("| {subject} | {name} | {runs} | {runs} | {done} | {failed} |\n")
    };
    let calls = sweep::run(case, &Faults::new()).expect("undisturbed").calls;
    let mut rows = String::new();
    for (name, paces) in paces(calls) {
        let mut runs = paces
            .into_iter()
            .flat_map(|pace| TIMEOUTS.map(|timeout| (pace, timeout)));
        rows += &row(name, &mut runs);
    }
    rows += &row("Datadog slow, nothing can be stored", &mut unstorable());
    let columns = ["type", "pace", "runs", "held", "done", "gave up in time"];
    figures::compare_held(
        subject.page("figures/time"),
        &subject.to_string(),
        &figures::table(&columns, &rows),
    );
}

/// Of the paces, those that keep a function at work for as long as it may be, and pauses that add up.
fn long_runs(subject: Subject) {
    let case = Case {
        subject,
        setting: Setting::Later,
        reads: true,
        redelivered: false,
    };
    let calls = sweep::run(case, &Faults::new()).expect("undisturbed").calls;
    let paces = (0..calls).flat_map(|from| {
        [Service::SecretsManager, Service::Datadog]
            .map(|service| {
                [
                    Pace::Throttled { from, service },
                    Pace::Silent { from, service },
                ]
            })
            .concat()
    });
    for pace in paces {
        let end = run(case, pace, Duration::from_mins(90));
        end.unwrap_or_else(|broken| panic!("{broken:?}"));
    }
}

/// Whatever Lambda allows: what is 15 minutes old may be taken for orphaned.
#[test]
fn an_invocation_of_90_minutes_ends_within_14() {
    for subject in Subject::ALL {
        long_runs(subject);
    }
}

#[test]
fn api_key() {
    sweep(Subject::ApiKey);
}

#[test]
fn application_key() {
    sweep(Subject::ApplicationKey);
}

#[test]
fn admin_key() {
    sweep(Subject::AdminKey);
}

#[test]
fn service_access_token() {
    sweep(Subject::ServiceAccessToken);
}

#[test]
fn assisted_admin_key() {
    sweep(Subject::AssistedAdminKey);
}

#[test]
fn grace_on_demand() {
    for subject in Subject::ON_DEMAND {
        sweep(subject);
    }
}
