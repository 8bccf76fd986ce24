//! What `--json` prints. Members are added, never renamed; each is always there.

use std::io::{self, Write};

use datadog_rotation::inspect::checkup;
use datadog_rotation::inspect::orphans::Unseen;
use datadog_rotation::keys::KeyClass;
use datadog_rotation::timestamp::timestamp;
use serde::Serialize;

use crate::harmless::harmless_json;
use crate::orphans::{FoundKey, Report, Seen, Summary};

#[derive(Debug, Serialize)]
pub struct Checkups<'a> {
    command: &'static str,
    ok: bool,
    secrets: Vec<Checkup<'a>>,
}

#[derive(Debug, Serialize)]
struct Checkup<'a> {
    secret: &'a str,
    name: Option<&'a str>,
    r#type: Option<&'static str>,
    ok: bool,
    checks: Vec<Finding<'a>>,
}

#[derive(Debug, Serialize)]
struct Finding<'a> {
    check: &'static str,
    status: &'static str,
    text: &'a str,
    error_type: Option<&'static str>,
    advice: Option<&'a str>,
}

#[derive(Debug, Serialize)]
pub struct Orphans<'a> {
    command: &'static str,
    ok: bool,
    delete: bool,
    summary: Summary,
    secrets: Vec<Searched<'a>>,
}

#[derive(Debug, Serialize)]
struct Searched<'a> {
    secret: &'a str,
    name: Option<&'a str>,
    r#type: Option<&'static str>,
    unlisted: Vec<&'static str>,
    cut: Vec<&'static str>,
    error: Option<Problem>,
    keys: Vec<Key<'a>>,
}

#[derive(Debug, Serialize)]
struct Key<'a> {
    class: &'static str,
    id: &'a str,
    name: &'a str,
    created: Option<String>,
    age_seconds: Option<u64>,
    state: &'static str,
    reason: String,
    deleted: Option<bool>,
    error: Option<Problem>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Problem {
    error_type: &'static str,
    text: String,
    advice: String,
}

/// One document, and a line feed.
///
/// # Errors
/// Those of the output.
pub fn write(out: &mut impl Write, document: &impl Serialize) -> io::Result<()> {
    let document = serde_json::to_string_pretty(document)?;
    writeln!(out, "{}", harmless_json(&document))
}

impl<'a> Checkups<'a> {
    #[must_use]
    pub fn of(checkups: &'a [checkup::Checkup]) -> Self {
        Self {
            command: "check",
            ok: checkups.iter().all(checkup::Checkup::is_ok),
            secrets: checkups.iter().map(Checkup::of).collect(),
        }
    }
}

impl<'a> Checkup<'a> {
    fn of(checkup: &'a checkup::Checkup) -> Self {
        let checks = checkup.findings.iter().map(|finding| Finding {
            check: finding.check.word(),
            status: finding.status.word(),
            text: &finding.text,
            error_type: finding.error_type,
            advice: finding.advice.as_deref(),
        });
        Self {
            secret: &checkup.secret,
            name: checkup.name.as_deref(),
            r#type: checkup.kind.map(datadog_rotation::Kind::name),
            ok: checkup.is_ok(),
            checks: checks.collect(),
        }
    }
}

impl<'a> Orphans<'a> {
    #[must_use]
    pub fn of(report: &'a Report) -> Self {
        let summary = report.summary();
        Self {
            command: "orphans",
            ok: summary.is_fine(),
            delete: report.deleted,
            summary,
            secrets: report
                .seen
                .iter()
                .map(|it| Searched::of(it, report))
                .collect(),
        }
    }
}

impl<'a> Searched<'a> {
    fn of(seen: &'a Seen, report: &Report) -> Self {
        match &seen.found {
            Ok(found) => Self {
                secret: &seen.secret,
                name: Some(found.search.name()),
                r#type: Some(found.search.kind().name()),
                unlisted: found
                    .search
                    .unlisted()
                    .map(KeyClass::word)
                    .into_iter()
                    .collect(),
                cut: found.search.cut().iter().map(|it| it.word()).collect(),
                error: None,
                keys: found.keys.iter().map(|it| Key::of(it, report)).collect(),
            },
            Err(unseen) => Self {
                secret: &seen.secret,
                name: None,
                r#type: None,
                unlisted: Vec::new(),
                cut: Vec::new(),
                error: Some(Problem::of(unseen)),
                keys: Vec::new(),
            },
        }
    }
}

impl<'a> Key<'a> {
    fn of(key: &'a FoundKey, report: &Report) -> Self {
        let listed = &key.orphan.key;
        Self {
            class: listed.key.class.word(),
            id: listed.key.id.as_str(),
            name: &listed.name,
            created: listed.created.map(timestamp),
            age_seconds: key.age(report.now).map(|it| it.as_secs()),
            state: key.word(),
            reason: key.reason(),
            deleted: report
                .deleted
                .then_some(matches!(key.deleted, Some(Ok(())))),
            error: match &key.deleted {
                Some(Err(unseen)) => Some(Problem::of(unseen)),
                Some(Ok(())) | None => None,
            },
        }
    }
}

impl Problem {
    /// Returns what is not Datadog's or Secrets Manager's to say.
    pub(crate) fn refused(error_type: &'static str, text: String, advice: &str) -> Self {
        Self {
            error_type,
            text,
            advice: advice.to_owned(),
        }
    }

    pub(crate) fn sentence(&self) -> String {
        let Self {
            error_type,
            text,
            advice,
        } = self;
        format!("{error_type}: {text}. {advice}")
    }

    pub(crate) fn of(unseen: &Unseen) -> Self {
        Self {
            error_type: unseen.error_type(),
            text: unseen.text(),
            advice: unseen.advice(),
        }
    }
}
