//! Parts of the documentation that a test has counted or recorded.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::{env, fs};

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs");

/// One test at a time rewrites a page.
static PEN: Mutex<()> = Mutex::new(());

/// A table in Markdown; `rows` has a line for each of its rows.
#[must_use]
pub fn table(columns: &[&str], rows: &str) -> String {
    let rules = "---|".repeat(columns.len());
    format!("| {} |\n|{rules}\n{rows}", columns.join(" | "))
}

/// The fields that `docs/logs.md` lists.
#[must_use]
pub fn fields_of_logs() -> BTreeSet<&'static str> {
    let page = include_str!("../../docs/logs.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| row.split('`').next()).collect()
}

/// Compares what was counted with what `docs/<page>.md` says between `<!-- part -->` and the next
/// comment. With `UPDATE_FIGURES` set, writes it there instead.
pub fn compare(page: &str, part: &str, counted: &str) {
    let _pen = PEN.lock().unwrap_or_else(PoisonError::into_inner);
    let path = format!("{DOCS}/{page}.md");
    let text = fs::read_to_string(&path).expect("the page");
    let marker = format!("<!-- {part} -->\n");
    let begin = text.find(&marker).expect("the part's marker") + marker.len();
    let length = text[begin..].find("<!--").expect("the part's end");
    let said = &text[begin..begin + length];
    if env::var_os("UPDATE_FIGURES").is_some() {
        let text = [&text[..begin], counted, &text[begin + length..]].concat();
        fs::write(&path, text).expect("the page is written");
        return;
    }
    assert!(
        said == counted,
        "{path} says of {part:?}:\n{said}\nand counted was:\n{counted}\nIf the new figures are \
         right, write them with UPDATE_FIGURES=1."
    );
}
