//! Nothing is lost and nothing leaks, whatever dies whenever: every call of a rotation meets every
//! fault, and the next rotation finds everything in order.
//!
//! The figures of `docs/review/crash-safety.md` are the figures of these tests.

#![expect(
    clippy::expect_used,
    reason = "a panic is how a test says that something is wrong"
)]

mod answers;
mod sweeps;
mod tally;

use std::collections::BTreeMap;

use answers::{Outcome, tell_lies, visit_worlds};
use harness::case::{Fault, Setting, Subject};
use harness::figures;
use sweeps::{
    compare, every_fault_at_every_call, is_swept, sweep_double, sweep_in_full, sweep_keyless,
    sweep_single,
};
use tally::Tally;

/// No divisor of the number of faults, so that a sample meets each of them.
const ONE_IN: usize = 5;

/// Likewise, for an answer within seconds.
const FEW: usize = 53;

/// No divisor of the number of faults either.
const WORLDS_ONE_IN: usize = 31;

fn lies(subject: Subject) {
    tell_lies(subject, &Fault::LIES, ONE_IN, Outcome::judge);
}

fn worlds(subject: Subject) {
    visit_worlds(subject, WORLDS_ONE_IN, Outcome::judge);
}

/// What `tests/run --quick` runs.
#[test]
fn a_few_of_each() {
    for subject in Subject::ALL {
        let mut tally = Tally::default();
        every_fault_at_every_call(&mut tally, subject, &Setting::PLAIN, FEW);
        tally.judge();
    }
}

#[test]
fn api_key() {
    sweep_single(Subject::ApiKey);
}

#[test]
fn application_key() {
    sweep_single(Subject::ApplicationKey);
}

#[test]
fn admin_key() {
    sweep_single(Subject::AdminKey);
}

#[test]
fn service_access_token() {
    sweep_single(Subject::ServiceAccessToken);
}

#[test]
fn assisted_admin_key() {
    sweep_single(Subject::AssistedAdminKey);
}

#[test]
fn keyless_api_key() {
    sweep_keyless(Subject::KeylessApiKey);
}

#[test]
fn keyless_application_key() {
    sweep_keyless(Subject::KeylessApplicationKey);
}

#[test]
fn keyless_service_access_token() {
    sweep_keyless(Subject::KeylessServiceAccessToken);
}

#[test]
fn keyless_assisted_admin_key() {
    sweep_keyless(Subject::KeylessAssistedAdminKey);
}

#[test]
fn keyless_admin() {
    sweep_keyless(Subject::KeylessAdmin);
}

#[test]
fn grace_on_demand() {
    std::thread::scope(|scope| {
        for subject in Subject::ON_DEMAND.into_iter().filter(|it| is_swept(*it)) {
            scope.spawn(move || {
                let mut tally = Tally::default();
                every_fault_at_every_call(&mut tally, subject, &Setting::PLAIN, ONE_IN);
                compare(
                    "grace",
                    &format!("by default, {subject}"),
                    &tally.total(subject),
                );
                tell_lies(subject, &Fault::LIES, FEW, Outcome::judge);
                visit_worlds(subject, 2 * WORLDS_ONE_IN, Outcome::judge);
            });
        }
    });
}

#[test]
fn lies_to_an_api_key() {
    lies(Subject::ApiKey);
}

#[test]
fn lies_to_an_application_key() {
    lies(Subject::ApplicationKey);
}

#[test]
fn lies_to_an_admin_key() {
    lies(Subject::AdminKey);
}

#[test]
fn lies_to_a_service_access_token() {
    lies(Subject::ServiceAccessToken);
}

#[test]
fn lies_to_an_assisted_admin_key() {
    lies(Subject::AssistedAdminKey);
}

/// A keyless rotation deals with the answers about keys as every other does: those that it alone hears, and
/// a sample of the others.
#[test]
fn lies_to_keyless_rotations() {
    for subject in Subject::KEYLESS {
        tell_lies(subject, &Fault::LIES_TO_IDENTITIES, ONE_IN, Outcome::judge);
        tell_lies(subject, &Fault::LIES, FEW, Outcome::judge);
    }
}

#[test]
fn worlds_of_an_api_key() {
    worlds(Subject::ApiKey);
}

#[test]
fn worlds_of_an_application_key() {
    worlds(Subject::ApplicationKey);
}

#[test]
fn worlds_of_an_admin_key() {
    worlds(Subject::AdminKey);
}

#[test]
fn worlds_of_a_service_access_token() {
    worlds(Subject::ServiceAccessToken);
}

#[test]
fn worlds_of_an_assisted_admin_key() {
    worlds(Subject::AssistedAdminKey);
}

#[test]
fn worlds_of_keyless_rotations() {
    for subject in Subject::KEYLESS {
        worlds(subject);
    }
}

/// A token in the admin secret is dealt with by the same orders: every fault at every call, in a sample.
#[test]
fn rotations_by_a_token() {
    for subject in Subject::BY_TOKEN {
        let mut tally = Tally::default();
        every_fault_at_every_call(&mut tally, subject, &Setting::PLAIN, ONE_IN);
        tally.judge();
    }
}

/// Prints what breaks which promise; of one type if `SUBJECT` names it.
#[test]
#[ignore = "a survey, which fails at nothing"]
#[expect(clippy::print_stdout, reason = "what it prints is what it is for")]
fn what_breaks() {
    let tell = |outcome: &Outcome, subject: Subject, by: &str| {
        let mut breaks = BTreeMap::<String, usize>::new();
        for broken in &outcome.broken {
            *breaks
                .entry(broken.what.chars().take(70).collect())
                .or_default() += 1;
        }
        let (count, runs) = (outcome.broken.len(), outcome.runs);
        println!("{subject:?} {by}: {count} of {runs} {breaks:?}");
        if let Some(shortest) = outcome.broken.iter().min_by_key(|it| it.story.len()) {
            println!("    {}: {}", shortest.run, shortest.what);
        }
    };
    std::thread::scope(|scope| {
        for subject in Subject::ALL.into_iter().filter(|it| is_swept(*it)) {
            scope.spawn(move || {
                visit_worlds(subject, WORLDS_ONE_IN, tell);
                tell_lies(subject, &Fault::LIES, ONE_IN, tell);
            });
        }
    });
}

#[test]
fn a_sample_of_double_faults() {
    for subject in [Subject::ALL, Subject::KEYLESS].concat() {
        sweep_double(subject, 200);
    }
    for subject in Subject::ON_DEMAND {
        sweep_double(subject, 100);
    }
}

#[test]
#[ignore = "37,000 runs"]
fn single_faults() {
    let all = |subject| [&Setting::PLAIN, Setting::troubled(subject)].concat();
    sweep_in_full("crash-sweep", &Subject::ALL, all);
}

#[test]
#[ignore = "42,000 runs"]
fn single_faults_of_grace_on_demand() {
    let all = |subject| [&Setting::PLAIN, Setting::troubled(subject)].concat();
    sweep_in_full("grace", &Subject::ON_DEMAND, all);
}

#[test]
#[ignore = "12,000 runs"]
fn keyless_single_faults() {
    sweep_in_full("keyless-sweep", &Subject::KEYLESS, |_| {
        Setting::PLAIN.into()
    });
}

#[test]
#[ignore = "23,000 runs"]
fn keyless_in_trouble() {
    for subject in Subject::KEYLESS {
        let mut tally = Tally::default();
        every_fault_at_every_call(&mut tally, subject, Setting::troubled(subject), 1);
        tally.judge();
    }
}

#[test]
#[ignore = "20,000 pairs and what they are drawn from"]
fn double_faults() {
    let tables: Vec<_> = std::thread::scope(|scope| {
        let sweeps = Subject::ALL.map(|it| scope.spawn(move || sweep_double(it, 5_000)));
        sweeps
            .into_iter()
            .map(|it| it.join().expect("held"))
            .collect()
    });
    let columns = [
        "type",
        "what the rotation finds",
        "cases",
        "both met",
        "held",
        "healed by the same rotation",
        "by the next",
        "API keys left",
    ];
    figures::compare(
        "figures/crash-sweep",
        "double faults",
        &figures::table(&columns, &tables.concat()),
    );
}
