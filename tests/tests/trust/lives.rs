//! Whole lives of stacks. Every call of each meets every fault.

use std::collections::BTreeMap;
use std::time::Duration;

use harness::case::Fault;
use harness::figures;
use harness::trust::case::{Case, Resource};
use harness::trust::sweep::{Life, run, run_twice};
use harness::verdict::Broken;

/// So many broken runs are enough to choose the shortest story from.
const ENOUGH: usize = 10;

/// How many seconds a call of one of two deliveries waits while the other goes on: none, less than
/// an attempt at a call may take, and more.
const HELD: [u64; 3] = [0, 4, 25];

#[derive(Clone, Copy, Default)]
struct Figures {
    runs: usize,
    unmoved: usize,
    left: usize,
    stuck: usize,
    lost: usize,
}

/// What a sweep has counted, by fault.
#[derive(Default)]
struct Tally {
    rows: BTreeMap<String, Figures>,
    broken: Vec<Broken>,
}

impl Tally {
    fn count(&mut self, row: &str, life: Result<Life, Box<Broken>>) {
        let figures = self.rows.entry(row.to_owned()).or_default();
        figures.runs += 1;
        match life {
            Ok(life) => {
                figures.unmoved += usize::from(life.is_undisturbed);
                figures.left += life.left;
                figures.stuck += usize::from(life.is_stuck);
                figures.lost += usize::from(life.loses_settings);
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
            panic!("{broken} of {runs} lives broke a promise, the shortest:\n{first:?}");
        }
    }

    fn table(&self) -> String {
        self.judge();
        let total = self
            .rows
            .values()
            .fold(Figures::default(), |sum, row| Figures {
                runs: sum.runs + row.runs,
                unmoved: sum.unmoved + row.unmoved,
                left: sum.left + row.left,
                stuck: sum.stuck + row.stuck,
                lost: sum.lost + row.lost,
            });
        let rows = self.rows.iter().map(|(name, row)| (name.as_str(), *row));
        let rows = rows.chain([("**all**", total)]).map(|(name, row)| {
            let Figures {
                runs,
                unmoved,
                left,
                stuck,
                lost,
            } = row;
            let other = runs - unmoved;
            format!("| {name} | {runs} | {unmoved} | {other} | {left} | {stuck} | {lost} |\n")
        });
        figures::table(
            &[
                "fault",
                "lives",
                "went as undisturbed",
                "otherwise",
                "left at Datadog",
                "rollback left to a person",
                "settings in the log alone",
            ],
            &rows.collect::<String>(),
        )
    }
}

fn sweep(resource: Resource) {
    let mut tally = Tally::default();
    for case in Case::all(resource) {
        let life = run(case, None, false).expect("undisturbed");
        assert!(life.is_undisturbed, "{case:?}");
        for at in 0..life.calls {
            for fault in Fault::ALL {
                let disturbance = Some((at, fault));
                tally.count(&fault.to_string(), run(case, disturbance, false));
                if matches!(fault, Fault::KillBefore | Fault::KillAfter) {
                    let row = format!("{fault}, environment lost");
                    tally.count(&row, run(case, disturbance, true));
                }
            }
            for held in HELD {
                let row = format!("every event twice at once, the call held for {held} s");
                let life = run_twice(case, at, Duration::from_secs(held));
                tally.count(&row, life);
            }
        }
    }
    figures::compare("figures/trust-sweep", resource.name(), &tally.table());
}

#[test]
fn identity_mappings() {
    sweep(Resource::Identity);
}

#[test]
fn intake_mappings() {
    sweep(Resource::Intake);
}

#[test]
fn aws_accounts() {
    sweep(Resource::Account);
}
