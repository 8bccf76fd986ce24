//! Every key as a bar through time: a row for each key, a column for each rotation.

use console::{Alignment, pad_str, style};
use sandbox::ledger::Standing;

use super::look::{self, short};
use super::report::{KeyReport, Report};

/// Columns for each step; a rotation has four.
const STEP: usize = 2;
const ROTATION: usize = 4 * STEP;
const BEFORE: usize = 6;
/// Columns of a key's ID and class.
const LABEL: usize = 20;

pub(crate) fn lines(report: &Report) -> Vec<String> {
    let mut lines = header(report);
    let mut secret = "";
    for key in &report.keys {
        if key.secret != secret {
            secret = &key.secret;
            lines.push(format!("  {}", style(secret).bold()));
        }
        lines.push(row(key));
    }
    lines.push(String::new());
    lines.push(legend());
    lines
}

fn header(report: &Report) -> Vec<String> {
    let numbers = report.rotations.iter().enumerate();
    let numbers = numbers.map(|(index, _)| format!("{}", index + 1));
    let secrets = report.rotations.iter().map(|rotation| &rotation.secret);
    let secrets = secrets.map(|name| name.rsplit('/').next().unwrap_or_default().to_owned());
    vec![
        header_line("", &numbers.collect::<Vec<_>>()),
        header_line("before", &secrets.collect::<Vec<_>>()),
    ]
}

fn header_line(before: &str, rotations: &[String]) -> String {
    let mut cells = vec![format!("{:LABEL$}{before:<BEFORE$}", "")];
    cells.extend(rotations.iter().map(|cell| {
        pad_str(cell, ROTATION, Alignment::Left, Some(look::glyphs().cut)).into_owned()
    }));
    style(cells.join(look::glyphs().column)).dim().to_string()
}

fn row(key: &KeyReport) -> String {
    let label = format!("    {} {}", short(&key.id), style(key.class).dim());
    let mut row = pad_str(&label, LABEL, Alignment::Left, None).into_owned();

    let mut last = None;
    row += &bar(&mut last, key.before, BEFORE);
    for rotation in &key.rotations {
        row += &style(look::glyphs().column).dim().to_string();
        for &standing in rotation {
            row += &bar(&mut last, standing, STEP);
        }
    }
    row
}

/// A revoked key is marked where it ended, and its row stays empty from there on.
fn bar(last: &mut Option<Standing>, standing: Option<Standing>, width: usize) -> String {
    let ended_before = *last == Some(Standing::Revoked);
    *last = standing;
    match standing {
        None => " ".repeat(width),
        Some(Standing::Revoked) if ended_before => " ".repeat(width),
        Some(standing) => look::stretch(standing, width).to_string(),
    }
}

fn legend() -> String {
    let legend: Vec<_> = [
        (Standing::Pending, "pending"),
        (Standing::Current, "current"),
        (Standing::Previous, "previous"),
        (Standing::Revoked, "revoked"),
        (Standing::Minted, "without a label"),
    ]
    .into_iter()
    .map(|(standing, text)| {
        let sample = look::stretch(standing, STEP);
        format!("{sample} {}", style(text).dim())
    })
    .collect();
    format!("    {}", legend.join("   "))
}
