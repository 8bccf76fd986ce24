//! Nothing is lost and nothing leaks, whatever dies whenever: every call of a rotation meets every
//! fault, and the next rotation finds everything in order.
//!
//! The figures of `docs/review/crash-safety.md` are the figures of these tests.

#![expect(
    clippy::expect_used,
    reason = "a panic is how a test says that something is wrong"
)]

use std::collections::BTreeMap;

use harness::case::{Case, Fault, Faults, Setting, Subject, is_wanted};
use harness::figures;
use harness::sweep::{Healing, run};
use harness::verdict::Broken;

/// Seed of the pairs of faults.
const SEED: u64 = 1;

/// No divisor of the number of faults, so that a sample meets each of them.
const ONE_IN: usize = 5;

/// Likewise, for an answer within seconds.
const FEW: usize = 53;

/// So many broken runs are enough to choose the shortest story from.
const ENOUGH: usize = 10;

#[derive(Clone, Copy, Default)]
struct Figures {
    runs: usize,
    same: usize,
    next: usize,
    leaks: usize,
    /// Runs in which every fault has met a call.
    met: usize,
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
        // A broken run has met its faults too: the sweep fails, and its figures are not read.
        match run(case, faults) {
            Ok(run) => {
                match run.healing {
                    Healing::Same => figures.same += 1,
                    Healing::Next => figures.next += 1,
                }
                figures.leaks += run.leaks;
                figures.met += usize::from(run.met == faults.len());
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
            met: sum.met + row.met,
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
        ..
    } = figures;
    let held = same + next;
    format!("| {subject} | {name} | {runs} | {held} | {same} | {next} | {leaks} |\n")
}

/// By default: every fault at every call in the settings in which every call is a new situation, with
/// redelivery and without in turn; and a sample of the rest.
fn sweep_single(subject: Subject) {
    let mut tally = Tally::default();
    every_fault_at_every_call(&mut tally, subject, &Setting::PLAIN, 2);
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

/// By hand, `SUBJECT=ServiceAccessToken` takes one alone.
fn is_swept(subject: Subject) -> bool {
    std::env::var("SUBJECT").map_or(true, |only| only == format!("{subject:?}"))
}

fn sweep_in_full(page: &str, subjects: &[Subject], settings: fn(Subject) -> Vec<Setting>) {
    std::thread::scope(|scope| {
        for subject in subjects.iter().copied().filter(|it| is_swept(*it)) {
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
    let faults = subject.faults();
    // So that every call meets other faults than the one before it.
    let apart = faults.len() + usize::from(faults.len().is_multiple_of(one_in));
    for (offset, case) in Case::all(subject, settings).into_iter().enumerate() {
        let calls = run(case, &Faults::new()).expect("undisturbed").calls;
        for (first, number) in (offset..).step_by(apart).zip(0..calls) {
            for (n, &fault) in (first..).zip(&faults) {
                if n.is_multiple_of(one_in) && is_wanted(&fault) {
                    tally.count(&fault.to_string(), case, &Faults::from([(number, fault)]));
                }
            }
        }
    }
}

fn compare(page: &str, part: &str, rows: &str) {
    let page = format!("figures/{page}");
    figures::compare_held(&page, part, &figures::table(&COLUMNS, rows));
}

/// So many pairs of faults, drawn by the seed: the first among the calls of an undisturbed
/// rotation, the second among the calls that follow the first, or among those of the repair.
fn sweep_double(subject: Subject, pairs: usize) -> String {
    let (mut tally, mut random) = (Tally::default(), fastrand::Rng::with_seed(SEED));
    let settings = [&Setting::PLAIN, Setting::troubled(subject)].concat();
    let cases: Vec<_> = Case::all(subject, &settings)
        .into_iter()
        .map(|case| (case, run(case, &Faults::new()).expect("undisturbed").calls))
        .collect();
    let known = subject.faults();
    let mut calls_after = BTreeMap::new();
    for n in 0..pairs {
        let (case, calls) = cases[n % cases.len()];
        let mut fault = || known[random.usize(0..known.len())];
        let (one, other) = (fault(), fault());
        let first = random.u64(0..calls);
        let alone = Faults::from([(first, one)]);
        let last = *calls_after.entry((case, first, one)).or_insert_with(|| {
            let run = run(case, &alone).expect("one fault");
            match run.healing {
                Healing::Same => run.calls,
                Healing::Next => run.calls + run.repair,
            }
        });
        // A fault at the very last call leaves no other.
        let second = random.u64(first + 1..last.max(first + 2));
        let faults = Faults::from([(first, one), (second, other)]);
        tally.count(&case.setting.to_string(), case, &faults);
    }
    tally.judge();
    let rows = tally.rows.iter().map(|(name, it)| {
        format!(
            "| {subject} | {name} | {} | {} | {} | {} | {} | {} |\n",
            it.runs, it.met, it.runs, it.same, it.next, it.leaks
        )
    });
    rows.collect()
}

/// What one fault, or one world, has come to.
#[derive(Default)]
struct Outcome {
    runs: usize,
    broken: Vec<Broken>,
}

impl Outcome {
    fn count(&mut self, case: Case, faults: &Faults) {
        self.runs += 1;
        self.broken.extend(run(case, faults).err().map(|it| *it));
    }

    /// Fails unless every run has held.
    fn judge(&self, subject: Subject, by: &str) {
        if let Some(broken) = self.broken.iter().min_by_key(|it| it.story.len()) {
            let (count, runs) = (self.broken.len(), self.runs);
            panic!("{subject}, {by}: {count} of {runs} runs broke, for example:\n{broken:?}");
        }
    }
}

/// Each lie at each call that it can meet, in every one of so many situations.
fn tell_lies(subject: Subject, one_in: usize, judge: impl Fn(&Outcome, Subject, &str)) {
    let cases: Vec<_> = Case::all(subject, &Setting::PLAIN)
        .into_iter()
        .map(|case| (case, run(case, &Faults::new()).expect("undisturbed")))
        .collect();
    for fault in Fault::LIES.into_iter().filter(is_wanted) {
        let by = format!("{fault:?}");
        let mut outcome = Outcome::default();
        let meetings = cases.iter().flat_map(|(case, undisturbed)| {
            let operations = (0..).zip(&undisturbed.operations);
            let meetings = operations.filter(|(_, operation)| fault.can_meet(operation));
            meetings.map(|(number, _)| (*case, number))
        });
        let meetings: Vec<_> = meetings.collect();
        // What few calls can meet, they all meet.
        let one_in = if meetings.len() <= FEW { 1 } else { one_in };
        for (case, number) in meetings.into_iter().step_by(one_in) {
            outcome.count(case, &Faults::from([(number, fault)]));
        }
        judge(&outcome, subject, &by);
    }
}

/// Each world undisturbed, and a sample of the single faults in it.
fn visit_worlds(subject: Subject, one_in: usize, judge: impl Fn(&Outcome, Subject, &str)) {
    for setting in Setting::worlds(subject).into_iter().filter(is_wanted) {
        let by = format!("{setting:?}");
        let mut outcome = Outcome::default();
        let mut met = 0;
        for case in Case::all(subject, &[setting]) {
            let (calls, operations) = match run(case, &Faults::new()) {
                Ok(run) => (run.calls, run.operations),
                Err(broken) => {
                    outcome.broken.push(*broken);
                    (0, Vec::new())
                }
            };
            outcome.runs += 1;
            // What was created can't be stored: it is undone in this world too.
            for number in (0..)
                .zip(&operations)
                .filter(|(_, it)| *it == "PutSecretValue")
                .map(|it| it.0)
            {
                outcome.count(case, &Faults::from([(number, Fault::Refused(404))]));
            }
            for number in 0..calls {
                // A message may be lost at no other call than its own.
                let is_message = usize::try_from(number)
                    .is_ok_and(|it| operations.get(it).is_some_and(|it| it == "Publish"));
                for fault in Fault::ALL {
                    met += 1;
                    if is_message || met % one_in == 0 {
                        outcome.count(case, &Faults::from([(number, fault)]));
                    }
                }
            }
        }
        judge(&outcome, subject, &by);
    }
}

/// No divisor of the number of faults either.
const WORLDS_ONE_IN: usize = 31;

fn lies(subject: Subject) {
    tell_lies(subject, ONE_IN, Outcome::judge);
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
                tell_lies(subject, FEW, Outcome::judge);
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
                tell_lies(subject, ONE_IN, tell);
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
