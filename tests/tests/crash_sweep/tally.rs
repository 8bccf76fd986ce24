//! What a sweep of faults has come to, in rows of a table.

use std::collections::BTreeMap;

use harness::case::{Case, Faults, Subject};
use harness::sweep::{Healing, run};
use harness::verdict::Broken;

/// So many broken runs are enough to choose the shortest story from.
const ENOUGH: usize = 10;

#[derive(Clone, Copy, Default)]
pub(super) struct Figures {
    pub(super) runs: usize,
    pub(super) same: usize,
    pub(super) next: usize,
    pub(super) leaks: usize,
    /// Runs in which every fault has met a call.
    pub(super) met: usize,
}

pub(super) const COLUMNS: [&str; 7] = [
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
pub(super) struct Tally {
    pub(super) rows: BTreeMap<String, Figures>,
    broken: Vec<Broken>,
}

impl Tally {
    pub(super) fn count(&mut self, row: &str, case: Case, faults: &Faults) {
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

    pub(super) fn judge(&self) {
        if let Some(first) = self.broken.iter().min_by_key(|it| it.story.len()) {
            let runs: usize = self.rows.values().map(|it| it.runs).sum();
            let broken = self.broken.len();
            panic!("{broken} of {runs} runs broke a promise, the shortest:\n{first:?}");
        }
    }

    /// The rows of a table, a total last: what ran, what held, healed by the rotation itself, by
    /// the next, API keys left.
    pub(super) fn table(&self, subject: Subject) -> String {
        let rows = self.rows.iter();
        let rows = rows.map(|(name, figures)| row(subject, name, figures));
        rows.chain([self.total(subject)]).collect()
    }

    pub(super) fn total(&self, subject: Subject) -> String {
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
