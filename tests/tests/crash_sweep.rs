//! Nothing is lost and nothing leaks, whatever dies whenever: every call of a rotation meets every
//! fault, and the next rotation finds everything in order.
//!
//! The figures of `docs/crash-safety.md` are the figures of these tests.

#![expect(
    clippy::expect_used,
    reason = "a panic is how a test says that something is wrong"
)]

use std::collections::BTreeMap;

use tests::case::{Case, Faults, Setting, Subject};
use tests::figures;
use tests::sweep::{Healing, run};
use tests::verdict::Broken;

/// Seed of the pairs of faults.
const SEED: u64 = 1;

/// So many broken runs are enough to choose the shortest story from.
const ENOUGH: usize = 10;

#[derive(Clone, Copy, Default)]
struct Figures {
    runs: usize,
    same: usize,
    next: usize,
    leaks: usize,
}

const COLUMNS: [&str; 7] = [
    "type",
    "fault",
    "cases",
    "held",
    "healed by the same rotation",
    "by the next",
    "API keys left",
];

/// What a sweep has counted, by fault or whatever else its rows are.
#[derive(Default)]
struct Tally {
    rows: BTreeMap<String, Figures>,
    broken: Vec<Broken>,
}

impl Tally {
    fn count(&mut self, row: &str, case: Case, faults: &Faults) {
        let figures = self.rows.entry(row.to_owned()).or_default();
        figures.runs += 1;
        match run(case, faults) {
            Ok(run) => {
                match run.healing {
                    Healing::Same => figures.same += 1,
                    Healing::Next => figures.next += 1,
                }
                figures.leaks += run.leaks;
            }
            Err(broken) => self.broken.push(*broken),
        }
        if self.broken.len() == ENOUGH {
            self.judge();
        }
    }

    fn judge(&self) {
        if let Some(first) = self.broken.iter().min_by_key(|it| it.story.len()) {
            let runs: usize = self.rows.values().map(|it| it.runs).sum();
            let broken = self.broken.len();
            panic!("{broken} of {runs} runs broke a promise, the shortest:\n{first:?}");
        }
    }

    /// The rows of a table, a total last: what ran, what held, healed by the rotation itself, by
    /// the next, API keys left.
    fn table(&self, subject: Subject) -> String {
        self.judge();
        let total = self
            .rows
            .values()
            .fold(Figures::default(), |sum, row| Figures {
                runs: sum.runs + row.runs,
                same: sum.same + row.same,
                next: sum.next + row.next,
                leaks: sum.leaks + row.leaks,
            });
        let rows = self.rows.iter().map(|(name, row)| (name.as_str(), *row));
        let rows = rows.chain([("**all**", total)]).map(|(name, row)| {
            let Figures {
                runs,
                same,
                next,
                leaks,
            } = row;
            let held = same + next;
            format!("| {subject} | {name} | {runs} | {held} | {same} | {next} | {leaks} |\n")
        });
        rows.collect()
    }
}

fn sweep_single(subject: Subject) {
    let settings = [&Setting::PLAIN, Setting::troubled(subject)].concat();
    let tally = every_fault_at_every_call(subject, &settings);
    compare("figures/crash-sweep", subject, &tally);
}

/// What a rotation finds is dealt with alike in whose name ever, so that the settings in which
/// every call is a new situation are enough by default.
fn sweep_keyless(subject: Subject) {
    let tally = every_fault_at_every_call(subject, &Setting::PLAIN);
    compare("figures/keyless-sweep", subject, &tally);
}

fn every_fault_at_every_call(subject: Subject, settings: &[Setting]) -> Tally {
    let mut tally = Tally::default();
    for case in Case::all(subject, settings) {
        let calls = run(case, &Faults::new()).expect("undisturbed").calls;
        for number in 0..calls {
            for fault in subject.faults() {
                tally.count(&fault.to_string(), case, &Faults::from([(number, fault)]));
            }
        }
    }
    tally
}

fn compare(page: &str, subject: Subject, tally: &Tally) {
    figures::compare(
        page,
        &format!("single faults, {subject}"),
        &figures::table(&COLUMNS, &tally.table(subject)),
    );
}

/// So many pairs of faults, drawn by the seed.
fn sweep_double(subject: Subject, pairs: usize) -> String {
    let (mut tally, mut random) = (Tally::default(), fastrand::Rng::with_seed(SEED));
    let settings = [&Setting::PLAIN, Setting::troubled(subject)].concat();
    let cases: Vec<_> = Case::all(subject, &settings)
        .into_iter()
        .map(|case| (case, run(case, &Faults::new()).expect("undisturbed").calls))
        .collect();
    for n in 0..pairs {
        let (case, calls) = cases[n % cases.len()];
        let first = random.u64(0..calls);
        let second = first + random.u64(1..=calls);
        let known = subject.faults();
        let mut fault = || known[random.usize(0..known.len())];
        let faults = Faults::from([(first, fault()), (second, fault())]);
        tally.count(&case.setting.to_string(), case, &faults);
    }
    tally.table(subject)
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

#[test]
fn keyless_api_key() {
    sweep_keyless(Subject::KeylessApiKey);
}

#[test]
fn keyless_application_key() {
    sweep_keyless(Subject::KeylessApplicationKey);
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
fn a_sample_of_double_faults() {
    for subject in [Subject::ALL, Subject::KEYLESS].concat() {
        sweep_double(subject, 400);
    }
}

#[test]
#[ignore = "23,000 runs"]
fn keyless_in_trouble() {
    for subject in Subject::KEYLESS {
        every_fault_at_every_call(subject, Setting::troubled(subject)).judge();
    }
}

#[test]
#[ignore = "80,000 runs, 24 minutes of one processor"]
fn double_faults() {
    let tables: Vec<_> = std::thread::scope(|scope| {
        let sweeps = Subject::ALL.map(|it| scope.spawn(move || sweep_double(it, 20_000)));
        sweeps
            .into_iter()
            .map(|it| it.join().expect("held"))
            .collect()
    });
    let mut columns = COLUMNS;
    columns[1] = "what the rotation finds";
    figures::compare(
        "figures/crash-sweep",
        "double faults",
        &figures::table(&columns, &tables.concat()),
    );
}
