//! What was explored, as rows of `docs/figures/explorer.md`.

use std::{env, fs};

use harness::figures;

use crate::explored::Explored;
use crate::plan::Plan;

const PAGE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../docs/figures/explorer.md"
);

const COLUMNS: [&str; 7] = [
    "explored",
    "states",
    "transitions",
    "longest path",
    "rests",
    "exhausted",
    "seconds",
];

/// A row of the figures.
#[derive(Clone, Debug)]
pub struct Row {
    states: usize,
    is_exhausted: bool,
    text: String,
}

#[must_use]
pub fn row(plan: &Plan, explored: &Explored) -> Row {
    let Explored {
        states,
        transitions,
        longest,
        rests,
        open,
        took,
        ..
    } = explored;
    let exhausted = match open {
        0 => "yes".to_owned(),
        open => format!("**no**: time ended with {open} branches open"),
    };
    let seconds = took.as_secs_f64();
    Row {
        states: *states,
        is_exhausted: *open == 0,
        text: format!(
            "| {plan} | {states} | {transitions} | {longest} | {rests} | {exhausted} | {seconds:.1} |\n"
        ),
    }
}

/// Panics with the story if a promise was broken.
#[track_caller]
pub fn assert_kept(plan: &Plan, explored: &Explored) {
    if let Some(violation) = &explored.violation {
        panic!(
            "{plan}\n{} (after {} transitions)\n{}",
            violation.what, violation.length, violation.story
        );
    }
}

/// With `UPDATE_FIGURES` set, writes the rows. Otherwise asserts that the page has each row, and that everything that it says
/// was exhausted is so again (unless `ONLY` leaves some out), in no fewer than half as many states: another order of effects has
/// other figures, a search that no longer looks has few.
#[track_caller]
pub fn assert_explored(part: &str, rows: &[Row]) {
    if env::var_os("UPDATE_FIGURES").is_some() {
        let texts: String = rows.iter().map(|it| it.text.as_str()).collect();
        figures::compare("figures/explorer", part, &figures::table(&COLUMNS, &texts));
        return;
    }
    if env::var_os("ONLY").is_some() {
        return;
    }
    let page = fs::read_to_string(PAGE).expect("the page");
    for row in rows {
        let name = row.text.split(" | ").next().expect("a name");
        let said = page
            .lines()
            .find(|line| line.starts_with(&format!("{name} |")));
        let said = said.unwrap_or_else(|| panic!("{part}: {PAGE} has no row {name}"));
        let cells: Vec<_> = said.split(" | ").collect();
        let states: usize = cells[1].parse().expect("a number of states");
        assert!(
            row.states * 2 >= states,
            "{part}: only {} states, and {PAGE} says:\n{said}",
            row.states
        );
        assert!(
            row.is_exhausted || cells[5] != "yes",
            "{part}: time ended first, and {PAGE} says:\n{said}"
        );
    }
}
