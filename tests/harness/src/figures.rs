//! Parts of the documentation that a test has counted or recorded.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::{env, fs};

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");

/// One test at a time rewrites a page.
static PEN: Mutex<()> = Mutex::new(());

/// A table in Markdown; `rows` has a line for each of its rows.
#[must_use]
pub fn table(columns: &[&str], rows: &str) -> String {
    let rules = "---|".repeat(columns.len());
    format!("| {} |\n|{rules}\n{rows}", columns.join(" | "))
}

/// The fields that `docs/reference/logs.md` lists.
#[must_use]
pub fn fields_of_logs() -> BTreeSet<&'static str> {
    let page = include_str!("../../../docs/reference/logs.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| row.split('`').next()).collect()
}

/// Compares what was counted with what `docs/<page>.md` says between `<!-- part -->` and the next
/// comment. With `UPDATE_FIGURES` set, writes it there instead.
pub fn compare(page: &str, part: &str, counted: &str) {
    compare_by(page, part, counted, |said, counted| said == counted);
}

/// The same of a sweep, whose rows begin with two words, the runs, and how many of them held: each
/// row is there, all of its runs held, and they are at least nine tenths of those that the page tells. A
/// change of the engine's calls makes a few more or fewer, and need not edit the page.
pub fn compare_held(page: &str, part: &str, counted: &str) {
    compare_by(page, part, counted, |said, counted| {
        let (said, counted) = (runs(said), runs(counted));
        let is_held = |(_, runs, held): &Runs| runs == held;
        said.len() == counted.len()
            && said.iter().zip(&counted).all(|(said, counted)| {
                said.0 == counted.0 && is_held(counted) && counted.1 * 10 >= said.1 * 9
            })
    });
}

/// The same of a table of which `cells` alone have to be as the page says: what a row is about, and what
/// came of it. The others tell what was counted when the page was written.
pub fn compare_cells(page: &str, part: &str, counted: &str, cells: &[usize]) {
    let of_each = |table: &str| -> Vec<Vec<String>> {
        let rows = table.lines().skip(2).filter(|line| !line.is_empty());
        rows.map(|row| {
            let row: Vec<_> = row.split('|').skip(1).map(str::trim).collect();
            cells.iter().map(|at| row[*at].to_owned()).collect()
        })
        .collect()
    };
    compare_by(page, part, counted, |said, counted| {
        of_each(said) == of_each(counted)
    });
}

/// What a row is about, its runs, and those that held.
type Runs = (String, u64, u64);

fn runs(table: &str) -> Vec<Runs> {
    let rows = table.lines().skip(2).map(|row| {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let number = |at: usize| cells[at].parse().expect("a number");
        (cells[1..3].join(" "), number(3), number(4))
    });
    rows.collect()
}

fn compare_by(page: &str, part: &str, counted: &str, is_so: impl Fn(&str, &str) -> bool) {
    let _pen = PEN.lock().unwrap_or_else(PoisonError::into_inner);
    let path = format!("{DOCS}/{page}.md");
    let text = fs::read_to_string(&path).expect("the page");
    let marker = format!("<!-- {part} -->\n");
    let found = text.find(&marker);
    let begin = found.unwrap_or_else(|| panic!("{path} has no line {marker:?}: write it by hand"));
    let begin = begin + marker.len();
    let length = text[begin..].find("<!--").expect("the part's end");
    let said = &text[begin..begin + length];
    if env::var_os("UPDATE_FIGURES").is_some() {
        let text = [&text[..begin], counted, &text[begin + length..]].concat();
        fs::write(&path, text).expect("the page is written");
        return;
    }
    assert!(
        is_so(said, counted),
        "{path} says of {part:?}:\n{said}\nand counted was:\n{counted}\nIf the new figures are \
         right, write them with UPDATE_FIGURES=1."
    );
}
