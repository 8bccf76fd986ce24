//! What people read: plain text, in 100 columns where words allow it.

use std::io::{self, Write};
use std::time::Duration;

use datadog_rotation::inspect::checkup::{Checkup, Finding};

use crate::orphans::{Found, FoundKey, Report, Seen};

const COLUMNS: usize = 100;

/// What a check can't see.
const UNTRIED: &str = "Not tried: PutSecretValue and UpdateSecretVersionStage, which change \
                       something, and the role of the rotation function.";

const UNLISTED: &str = "API keys can't be listed without the scope api_keys_read: orphaned ones are \
                        not seen.";

/// Some words in front, and a text beside them.
pub(crate) struct Row<'a> {
    pub(crate) cells: Vec<&'a str>,
    pub(crate) paragraphs: Vec<String>,
}

/// # Errors
/// Those of the output.
pub(crate) fn write_checkups(out: &mut impl Write, checkups: &[Checkup]) -> io::Result<()> {
    for checkup in checkups {
        let kind = checkup.kind.map(datadog_rotation::Kind::name);
        write_heading(out, &checkup.secret, checkup.name.as_deref(), kind)?;
        let rows: Vec<_> = checkup.findings.iter().map(row_of_finding).collect();
        write_rows(out, &rows)?;
    }
    let failing = checkups.iter().filter(|it| !it.is_ok()).count();
    let total = checkups.len();
    write_text(
        out,
        &format!("Rotation would fail for {failing} of {total}. {UNTRIED}"),
    )
}

fn row_of_finding(finding: &Finding) -> Row<'_> {
    let text = match finding.error_type {
        Some(error_type) => format!("{error_type}: {}", finding.text),
        None => finding.text.clone(),
    };
    Row {
        cells: vec![finding.status.word(), finding.check.word()],
        paragraphs: [Some(text), finding.advice.clone()]
            .into_iter()
            .flatten()
            .collect(),
    }
}

/// # Errors
/// Those of the output.
pub(crate) fn write_orphans(out: &mut impl Write, report: &Report) -> io::Result<()> {
    for Seen { secret, found } in &report.seen {
        match found {
            Ok(found) => write_found(out, secret, found, report)?,
            Err(unseen) => {
                write_heading(out, secret, None, None)?;
                let row = Row {
                    cells: vec!["not looked at"],
                    paragraphs: vec![
                        format!("{}: {}", unseen.error_type(), unseen.text()),
                        unseen.advice(),
                    ],
                };
                write_rows(out, &[row])?;
            }
        }
    }
    let it = report.summary();
    let text = format!(
        "{} orphaned keys: {} deletable, {} of no known version, {} undecided; {} deleted. {} young. \
         {} of {} secrets not looked at.",
        it.orphans,
        it.deletable,
        it.unknown_version,
        it.undecided,
        it.deleted,
        it.young,
        it.not_searched,
        it.secrets
    );
    write_text(out, &text)
}

fn write_found(
    out: &mut impl Write,
    secret: &str,
    found: &Found,
    report: &Report,
) -> io::Result<()> {
    let (name, kind) = (found.search.name(), found.search.kind().name());
    write_heading(out, secret, Some(name), Some(kind))?;
    let mut rows: Vec<_> = found
        .keys
        .iter()
        .map(|key| Row {
            cells: vec![mark(key)],
            paragraphs: paragraphs(key, report),
        })
        .collect();
    if found.search.unlisted().is_some() {
        rows.push(Row {
            cells: vec!["not listed"],
            paragraphs: vec![UNLISTED.to_owned()],
        });
    }
    if rows.is_empty() {
        rows.push(Row {
            cells: vec!["none"],
            paragraphs: vec!["There is no orphaned key.".to_owned()],
        });
    }
    write_rows(out, &rows)
}

fn mark(key: &FoundKey) -> &'static str {
    match &key.deleted {
        Some(Ok(())) => "deleted",
        Some(Err(_)) => "not deleted",
        None => key.word(),
    }
}

fn paragraphs(key: &FoundKey, report: &Report) -> Vec<String> {
    let listed = &key.orphan.key;
    let age = match key.age(report.now) {
        Some(age) => format!("{} old", rounded(age)),
        None => "of unknown age".to_owned(),
    };
    let mut paragraphs = vec![
        format!("{}, {age}", listed.key),
        // Whoever may make keys may name them as they like.
        listed.name.escape_debug().to_string(),
        key.reason(),
    ];
    if let Some(Err(unseen)) = &key.deleted {
        paragraphs.push(format!("{}: {}", unseen.error_type(), unseen.text()));
        paragraphs.push(unseen.advice());
    }
    paragraphs
}

/// In the largest unit that leaves at least two.
fn rounded(age: Duration) -> String {
    let minutes = age.as_secs() / 60;
    match minutes {
        0..120 => format!("{minutes} min"),
        120..2880 => format!("{} h", minutes / 60),
        _ => format!("{} days", minutes / 1440),
    }
}

fn write_heading(
    out: &mut impl Write,
    secret: &str,
    name: Option<&str>,
    kind: Option<&str>,
) -> io::Result<()> {
    if let Some(name) = name {
        writeln!(out, "{name} ({})", kind.unwrap_or("type not known"))?;
    }
    writeln!(out, "{secret}")
}

pub(crate) fn write_rows(out: &mut impl Write, rows: &[Row<'_>]) -> io::Result<()> {
    let columns = rows.iter().map(|row| row.cells.len()).max();
    let widths: Vec<_> = (0..columns.unwrap_or_default())
        .map(|at| {
            let cells = rows.iter().filter_map(|row| row.cells.get(at));
            cells.map(|cell| cell.len()).max().unwrap_or_default()
        })
        .collect();
    let indent = 2 + widths.iter().map(|width| width + 2).sum::<usize>();
    for row in rows {
        write!(out, "  ")?;
        for (cell, width) in row.cells.iter().zip(&widths) {
            write!(out, "{cell:width$}  ")?;
        }
        let lines = row.paragraphs.iter();
        let lines = lines.flat_map(|it| wrapped(it, COLUMNS - indent));
        for (at, line) in lines.enumerate() {
            let indent = if at == 0 { 0 } else { indent };
            writeln!(out, "{:indent$}{line}", "")?;
        }
    }
    writeln!(out)
}

pub(crate) fn write_text(out: &mut impl Write, text: &str) -> io::Result<()> {
    wrapped(text, COLUMNS)
        .iter()
        .try_for_each(|line| writeln!(out, "{line}"))
}

/// Lines of at most so many characters. A longer word has a line of its own: an ARN is to be
/// copied whole.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_wrapped_and_never_cut() {
        assert_eq!(wrapped("aa bb cc", 5), ["aa bb", "cc"]);
        assert_eq!(wrapped("a bbbbbbbb c", 5), ["a", "bbbbbbbb", "c"]);
        assert_eq!(wrapped("", 5), [""; 0]);
    }

    #[test]
    fn ages_are_rounded_down() {
        let minutes = |it| rounded(Duration::from_mins(it));
        assert_eq!(
            [minutes(119), minutes(121), minutes(2881)],
            ["119 min", "2 h", "2 days"]
        );
    }

    #[test]
    fn texts_stand_beside_their_words() {
        let row = |cell| Row {
            cells: vec![cell, "x"],
            paragraphs: vec!["word ".repeat(20), "more".to_owned()],
        };
        let mut out = Vec::new();
        write_rows(&mut out, &[row("ok"), row("failed")]).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0].find("word"), Some(13));
        assert_eq!(lines[1].find("word"), Some(13));
        assert_eq!(lines[2], "             more");
        assert!(lines.iter().all(|it| it.len() <= COLUMNS), "{text}");
    }
}
