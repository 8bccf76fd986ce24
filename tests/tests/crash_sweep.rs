//! Nothing is lost and nothing leaks, whatever dies whenever: every call of a rotation meets every
//! fault, and the next rotation finds everything in order.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a panic is how a test says that something is wrong; the figures go with the run"
)]

use tests::sweep::{Case, Fault, Faults, Healing, Subject, run};

fn cases(subject: Subject) -> impl Iterator<Item = Case> {
    [true, false].into_iter().flat_map(move |reads| {
        [0, 2].into_iter().flat_map(move |later| {
            [true, false].map(|redelivered| Case {
                subject,
                reads,
                later,
                redelivered,
            })
        })
    })
}

fn sweep_single(subject: Subject) {
    let (mut runs, mut same, mut leaks, mut broken) = (0, 0, 0, Vec::new());
    for case in cases(subject) {
        let calls = run(case, &Faults::new()).expect("undisturbed").calls;
        for (number, fault) in (0..calls).flat_map(|n| Fault::ALL.map(|fault| (n, fault))) {
            runs += 1;
            match run(case, &Faults::from([(number, fault)])) {
                Ok(run) => {
                    same += usize::from(run.healing == Healing::Same);
                    leaks += run.leaks;
                }
                Err(it) => broken.push(it),
            }
        }
    }
    println!("{subject:?}: {runs} single faults, {same} healed within the rotation, {leaks} leaks");
    if let Some(first) = broken.iter().min_by_key(|it| it.story.len()) {
        panic!(
            "{} of {runs} broke a promise, the shortest:\n{first:?}",
            broken.len()
        );
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
fn assisted_admin_key() {
    sweep_single(Subject::AssistedAdminKey);
}
