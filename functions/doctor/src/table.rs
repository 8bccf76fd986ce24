//! What people read: text in the columns that there are, where words allow it.

use std::io::{self, Write};
use std::time::Duration;

use datadog_rotation::inspect::checkup::{Checkup, Finding, Status};
use datadog_rotation::inspect::orphans::OrphanState;

use crate::harmless::harmless;
use crate::look::Look;
use crate::orphans::{Found, FoundKey, Report, Seen};

/// What a check can't see.
const UNTRIED: &str = "Not tried: PutSecretValue and UpdateSecretVersionStage, which change \
                       something, and the role of the rotation function.";

const UNLISTED: &str = "API keys can't be listed without the scope api_keys_read: orphaned ones are \
                        not seen.";

/// Some words in front, and a text beside them.
pub(crate) struct Row<'a> {
    pub(crate) cells: Vec<&'a str>,
    pub(crate) paragraphs: Vec<String>,
    /// Whose colour the first word has.
    pub(crate) status: Option<Status>,
}

/// # Errors
/// Those of the output.
pub(crate) fn write_checkups(
    out: &mut impl Write,
    checkups: &[Checkup],
    look: Look,
) -> io::Result<()> {
    for checkup in checkups {
        let kind = checkup.kind.map(datadog_rotation::Kind::name);
        write_heading(out, &checkup.secret, checkup.name.as_deref(), kind, look)?;
        let seen = checkup.findings.iter().filter(|it| it.is_seen);
        let mut rows: Vec<_> = seen.map(|it| row_of_finding(it, look)).collect();
        rows.extend(row_of_unseen(checkup, look));
        write_rows(out, &rows, look)?;
    }
    let count = |status| checkups.iter().filter(|it| it.outcome() == status).count();
    let (failing, total) = (count(Status::Failed), checkups.len());
    let to_be_mended = match count(Status::Warning) {
        0 => String::new(),
        some => format!("{some} of {total} needs mending all the same. "),
    };
    let unseen = match count(Status::Unknown) {
        0 => String::new(),
        some => format!("{some} of {total} could not be looked at in full from here. "),
    };
    let text =
        format!("Rotation would fail for {failing} of {total}. {to_be_mended}{unseen}{UNTRIED}");
    write_text(out, &text, look)
}

fn row_of_finding(finding: &Finding, look: Look) -> Row<'_> {
    let text = match finding.error_type {
        Some(error_type) => format!("{error_type}: {}", finding.text),
        None => finding.text.clone(),
    };
    Row {
        cells: vec![look.mark(finding.status), finding.check.word()],
        paragraphs: [Some(text), finding.advice.clone()]
            .into_iter()
            .flatten()
            .collect(),
        status: Some(finding.status),
    }
}

/// One row for all checks that something before them stands in the way of.
fn row_of_unseen(checkup: &Checkup, look: Look) -> Option<Row<'_>> {
    let unseen = checkup.findings.iter().filter(|it| !it.is_seen);
    let words: Vec<_> = unseen.map(|it| it.check.word()).collect();
    let count = words.len();
    (count > 0).then(|| Row {
        cells: vec![look.mark(Status::Unknown), "the rest"],
        paragraphs: vec![format!("not looked at yet ({count}): {}", words.join(", "))],
        status: Some(Status::Unknown),
    })
}

/// # Errors
/// Those of the output.
pub(crate) fn write_orphans(out: &mut impl Write, report: &Report, look: Look) -> io::Result<()> {
    for Seen { secret, found } in &report.seen {
        match found {
            Ok(found) => write_found(out, secret, found, report, look)?,
            Err(unseen) => {
                write_heading(out, secret, None, None, look)?;
                let row = Row {
                    cells: vec!["not looked at"],
                    paragraphs: vec![
                        format!("{}: {}", unseen.error_type(), unseen.text()),
                        unseen.advice(),
                    ],
                    status: Some(Status::Failed),
                };
                write_rows(out, &[row], look)?;
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
    write_text(out, &text, look)
}

fn write_found(
    out: &mut impl Write,
    secret: &str,
    found: &Found,
    report: &Report,
    look: Look,
) -> io::Result<()> {
    let (name, kind) = (found.search.name(), found.search.kind().name());
    write_heading(out, secret, Some(name), Some(kind), look)?;
    let mut rows: Vec<_> = found
        .keys
        .iter()
        .map(|key| Row {
            cells: vec![mark(key)],
            paragraphs: paragraphs(key, report),
            status: Some(status(key)),
        })
        .collect();
    if found.search.unlisted().is_some() {
        rows.push(Row {
            cells: vec!["not listed"],
            paragraphs: vec![UNLISTED.to_owned()],
            status: Some(Status::Warning),
        });
    }
    for class in found.search.cut() {
        rows.push(Row {
            cells: vec!["cut"],
            paragraphs: vec![format!(
                "Datadog lists more {class}s than could be read: orphaned ones among the rest are not seen."
            )],
            status: Some(Status::Warning),
        });
    }
    if rows.is_empty() {
        rows.push(Row {
            cells: vec!["none"],
            paragraphs: vec!["There is no orphaned key.".to_owned()],
            status: Some(Status::Ok),
        });
    }
    write_rows(out, &rows, look)
}

fn status(key: &FoundKey) -> Status {
    match (&key.deleted, key.orphan.state) {
        (Some(Ok(())), _) => Status::Ok,
        (Some(Err(_)), _) => Status::Failed,
        (None, OrphanState::Young) => Status::Unknown,
        (None, _) => Status::Warning,
    }
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
        listed.name.clone(),
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

pub(crate) fn write_heading(
    out: &mut impl Write,
    secret: &str,
    name: Option<&str>,
    kind: Option<&str>,
    look: Look,
) -> io::Result<()> {
    if let Some(name) = name {
        let kind = kind.unwrap_or("type not known");
        writeln!(out, "{} ({kind})", look.bold(&harmless(name)))?;
    }
    writeln!(out, "{}", look.dim(&harmless(secret)))
}

pub(crate) fn write_rows(out: &mut impl Write, rows: &[Row<'_>], look: Look) -> io::Result<()> {
    let columns = rows.iter().map(|row| row.cells.len()).max();
    let widths: Vec<_> = (0..columns.unwrap_or_default())
        .map(|at| {
            let cells = rows.iter().filter_map(|row| row.cells.get(at));
            cells
                .map(|cell| harmless(cell).chars().count())
                .max()
                .unwrap_or_default()
        })
        .collect();
    let indent = 2 + widths.iter().map(|width| width + 2).sum::<usize>();
    for row in rows {
        write!(out, "  ")?;
        for (at, (cell, width)) in row.cells.iter().zip(&widths).enumerate() {
            let padded = format!("{:width$}", harmless(cell));
            match row.status {
                Some(status) if at == 0 => write!(out, "{}  ", look.coloured(status, &padded))?,
                _ => write!(out, "{padded}  ")?,
            }
        }
        let lines = row.paragraphs.iter();
        let lines = lines.flat_map(|it| wrapped(&harmless(it), look.columns - indent));
        for (at, line) in lines.enumerate() {
            let indent = if at == 0 { 0 } else { indent };
            writeln!(out, "{:indent$}{line}", "")?;
        }
    }
    writeln!(out)
}

pub(crate) fn write_text(out: &mut impl Write, text: &str, look: Look) -> io::Result<()> {
    wrapped(&harmless(text), look.columns)
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
            status: Some(Status::Ok),
        };
        let (mut out, look) = (Vec::new(), Look::PLAIN);
        write_rows(&mut out, &[row("ok"), row("failed")], look).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0].find("word"), Some(13));
        assert_eq!(lines[1].find("word"), Some(13));
        assert_eq!(lines[2], "             more");
        assert!(lines.iter().all(|it| it.len() <= look.columns), "{text}");
    }

    fn printed(look: Look) -> String {
        let row = |status| Row {
            cells: vec![look.mark(status), "check"],
            paragraphs: vec!["word ".repeat(60)],
            status: Some(status),
        };
        let all = [Status::Ok, Status::Warning, Status::Failed, Status::Unknown];
        let mut out = Vec::new();
        write_rows(&mut out, &all.map(row), look).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn colour_and_signs_are_for_who_can_show_them() {
        let plain = printed(Look::PLAIN);
        assert!(plain.is_ascii() && !plain.contains('\u{1b}'), "{plain}");
        assert!(plain.contains("warning"));
        let signs = printed(Look {
            has_signs: true,
            ..Look::PLAIN
        });
        assert!(
            !signs.contains('\u{1b}') && !signs.contains("warning"),
            "{signs}"
        );
        for sign in ["✔  check", "▲  check", "✖  check", "?  check"] {
            assert!(signs.contains(sign), "{signs}");
        }
        let coloured = printed(Look {
            has_colour: true,
            has_signs: true,
            ..Look::PLAIN
        });
        assert!(coloured.contains("\u{1b}[32m✔\u{1b}[0m"), "{coloured:?}");
    }

    #[test]
    fn lines_are_as_wide_as_there_is_room() {
        for columns in [60, 80, 140] {
            let text = printed(Look {
                columns,
                ..Look::PLAIN
            });
            let longest = text.lines().map(|it| it.trim_end().len()).max().unwrap();
            assert!(
                longest <= columns && longest > columns - 6,
                "{columns}: {longest}"
            );
        }
    }
}
