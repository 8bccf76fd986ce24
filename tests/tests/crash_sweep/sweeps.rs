//! Every fault at every call of a rotation, or a sample of them, and pairs of faults.

use std::collections::BTreeMap;

use harness::case::{Case, Faults, Setting, Subject, is_wanted};
use harness::figures;
use harness::sweep::{Healing, run};

use super::ONE_IN;
use super::tally::{COLUMNS, Tally};

/// Seed of the pairs of faults.
const SEED: u64 = 1;

/// By default: every fault at every call in the settings in which every call is a new situation, with
/// redelivery and without in turn; and a sample of the rest.
pub(super) fn sweep_single(subject: Subject) {
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
pub(super) fn sweep_keyless(subject: Subject) {
    let mut tally = Tally::default();
    every_fault_at_every_call(&mut tally, subject, &Setting::PLAIN, ONE_IN);
    compare(
        "keyless-sweep",
        &format!("by default, {subject}"),
        &tally.total(subject),
    );
}

/// By hand, `SUBJECT=ServiceAccessToken` takes one alone.
pub(super) fn is_swept(subject: Subject) -> bool {
    std::env::var("SUBJECT").map_or(true, |only| only == format!("{subject:?}"))
}

pub(super) fn sweep_in_full(
    page: &str,
    subjects: &[Subject],
    settings: fn(Subject) -> Vec<Setting>,
) {
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

pub(super) fn every_fault_at_every_call(
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

pub(super) fn compare(page: &str, part: &str, rows: &str) {
    let page = format!("figures/{page}");
    figures::compare_held(&page, part, &figures::table(&COLUMNS, rows));
}

/// So many pairs of faults, drawn by the seed: the first among the calls of an undisturbed
/// rotation, the second among the calls that follow the first, or among those of the repair.
pub(super) fn sweep_double(subject: Subject, pairs: usize) -> String {
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
