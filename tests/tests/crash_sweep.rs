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

/// No divisor of the number of faults, so that a sample meets each of them.
const ONE_IN: usize = 5;

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
        let rows = self.rows.iter();
        let rows = rows.map(|(name, figures)| row(subject, name, figures));
        rows.chain([self.total(subject)]).collect()
    }

    fn total(&self, subject: Subject) -> String {
        self.judge();
        let rows = self.rows.values();
        let total = rows.fold(Figures::default(), |sum, row| Figures {
            runs: sum.runs + row.runs,
            same: sum.same + row.same,
            next: sum.next + row.next,
            leaks: sum.leaks + row.leaks,
        });
        row(subject, "**all**", &total)
    }
}

fn row(subject: Subject, name: &str, figures: &Figures) -> String {
    let Figures {
        runs,
        same,
        next,
        leaks,
    } = figures;
    let held = same + next;
    format!("| {subject} | {name} | {runs} | {held} | {same} | {next} | {leaks} |\n")
}

/// By default: the settings in which every call is a new situation, and a sample of the rest.
fn sweep_single(subject: Subject) {
    let mut tally = Tally::default();
    every_fault_at_every_call(&mut tally, subject, &Setting::PLAIN, 1);
    every_fault_at_every_call(&mut tally, subject, Setting::troubled(subject), ONE_IN);
    compare(
        "crash-sweep",
        &format!("by default, {subject}"),
        &tally.total(subject),
    );
}

/// What a rotation finds is dealt with alike in whose name ever.
fn sweep_keyless(subject: Subject) {
    let mut tally = Tally::default();
    every_fault_at_every_call(&mut tally, subject, &Setting::PLAIN, ONE_IN);
    compare(
        "keyless-sweep",
        &format!("by default, {subject}"),
        &tally.total(subject),
    );
}

fn sweep_in_full(page: &str, subjects: &[Subject], settings: fn(Subject) -> Vec<Setting>) {
    std::thread::scope(|scope| {
        for &subject in subjects {
            scope.spawn(move || {
                let mut tally = Tally::default();
                every_fault_at_every_call(&mut tally, subject, &settings(subject), 1);
                compare(
                    page,
                    &format!("single faults, {subject}"),
                    &tally.table(subject),
                );
            });
        }
    });
}

fn every_fault_at_every_call(
    tally: &mut Tally,
    subject: Subject,
    settings: &[Setting],
    one_in: usize,
) {
    let mut met = 0;
    for case in Case::all(subject, settings) {
        let calls = run(case, &Faults::new()).expect("undisturbed").calls;
        for number in 0..calls {
            for fault in subject.faults() {
                met += 1;
                if met % one_in == 0 {
                    tally.count(&fault.to_string(), case, &Faults::from([(number, fault)]));
                }
            }
        }
    }
}

fn compare(page: &str, part: &str, rows: &str) {
    let page = format!("figures/{page}");
    figures::compare(&page, part, &figures::table(&COLUMNS, rows));
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
#[ignore = "37,000 runs"]
fn single_faults() {
    let all = |subject| [&Setting::PLAIN, Setting::troubled(subject)].concat();
    sweep_in_full("crash-sweep", &Subject::ALL, all);
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
#[ignore = "80,000 runs, half an hour of one processor"]
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
