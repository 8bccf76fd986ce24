//! What a probe has come to, for people and for programs.

use std::io::{self, Write};

use datadog_rotation::admin::Admin;
use datadog_rotation::rotation::strays::Unseen;
use serde::Serialize;

use super::question::{Answer, Finding, Question, Scope};
use super::throwaway::{Class, Fate, Throwaway};
use super::{End, Notebook};
use crate::document::Problem;
use crate::table::{Row, write_rows, write_text};

#[derive(Debug)]
pub struct Report {
    /// `None`: there was nobody to act as.
    who: Option<Who>,
    error: Option<Unseen>,
    end: End,
    findings: Vec<Finding>,
    things: Vec<Throwaway>,
    young: Vec<String>,
    unlisted: Vec<Class>,
}

#[derive(Clone, Debug, Serialize)]
struct Who {
    keyless: bool,
    service_account: String,
    site: String,
}

impl Report {
    pub(super) fn nothing(end: End, error: Option<Unseen>) -> Self {
        Self {
            who: None,
            error,
            end,
            findings: Vec::new(),
            things: Vec::new(),
            young: Vec::new(),
            unlisted: Vec::new(),
        }
    }

    pub(super) fn of(admin: &Admin, scope: Scope, end: End, notebook: Notebook<'_>) -> Self {
        let mut findings = notebook.findings.into_inner();
        for question in Question::ALL {
            if question.is_of(scope) && findings.iter().all(|it| it.question != question) {
                findings.push(Finding {
                    question,
                    answer: Answer::Unknown,
                    seen: end.reason().to_owned(),
                    follows: None,
                });
            }
        }
        findings.sort_by_key(|it| it.question);
        let mut things = notebook.ledger.all();
        things.retain(|it| it.fate != Fate::Refused);
        Self {
            who: Some(Who {
                keyless: admin.is_keyless(),
                service_account: admin.service_account().to_string(),
                site: admin.site().to_string(),
            }),
            error: None,
            end,
            findings,
            things,
            young: notebook.young.into_inner(),
            unlisted: notebook.unlisted.into_inner(),
        }
    }

    /// Every question was put, nothing is left, and no rotation would fail.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        let fails = |it: &Finding| it.answer == Answer::No && it.question.is_needed();
        self.end == End::Done
            && !self.things.iter().any(Throwaway::is_left)
            && !self.findings.iter().any(fails)
    }
}

impl End {
    /// A stable word, listed in the documentation.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Barred => "barred",
            Self::OutOfTime => "out_of_time",
            Self::Interrupted => "interrupted",
        }
    }

    /// Why a question was not put.
    fn reason(self) -> &'static str {
        match self {
            Self::Done | Self::Barred => "not asked, because of the above",
            Self::OutOfTime => "not asked: the time was up",
            Self::Interrupted => "not asked: interrupted",
        }
    }
}

/// # Errors
/// Those of the output.
pub(super) fn write_table(out: &mut impl Write, report: &Report) -> io::Result<()> {
    if let Some(error) = &report.error {
        let text = format!(
            "{}: {} {}",
            error.error_type(),
            error.text(),
            error.advice()
        );
        return write_text(out, &text);
    }
    if let Some(who) = &report.who {
        let by = if who.keyless {
            "keyless"
        } else {
            "with its pair of keys"
        };
        let (account, site) = (&who.service_account, &who.site);
        writeln!(out, "service account {account} at {site}, {by}")?;
    }
    let answers: Vec<_> = report
        .findings
        .iter()
        .map(|it| (shown(it.answer), it))
        .collect();
    let rows: Vec<_> = answers
        .iter()
        .map(|(answer, it)| row_of(answer, it))
        .collect();
    write_rows(out, &rows)?;
    let things = report.things.iter().chain([]);
    let things: Vec<_> = things.map(row_of_thing).collect();
    if !things.is_empty() {
        writeln!(out, "throwaway")?;
        write_rows(out, &things)?;
    }
    write_text(out, &summary(report))
}

fn shown(answer: Answer) -> String {
    match answer.ms() {
        Some(ms) => format!("{ms} ms"),
        None => answer.word().to_owned(),
    }
}

fn row_of<'a>(answer: &'a str, finding: &Finding) -> Row<'a> {
    let paragraphs = [Some(finding.seen.clone()), finding.follows.clone()];
    Row {
        cells: vec![answer, finding.question.word()],
        paragraphs: paragraphs.into_iter().flatten().collect(),
    }
}

fn row_of_thing(thing: &Throwaway) -> Row<'_> {
    let id = thing.id.as_deref().unwrap_or("id not known");
    let old = if thing.is_old {
        "left by an earlier probe"
    } else {
        ""
    };
    let mut paragraphs = vec![format!("{} ({id}) {old}", thing.name)];
    if thing.is_left() {
        paragraphs.extend(thing.trouble.clone());
        paragraphs.push(by_hand(thing));
    }
    Row {
        cells: vec![thing.word(), thing.class.word()],
        paragraphs,
    }
}

/// What is to be done about a thing that is left.
fn by_hand(thing: &Throwaway) -> String {
    let (class, place) = (thing.class, thing.class.place());
    let what = match thing.fate {
        Fate::Unknown => format!("It may be there. Look for the {class} of this name at Datadog"),
        _ => format!("Delete this {class} at Datadog"),
    };
    format!("{what} ({place}), or let a probe delete it in five minutes.")
}

fn summary(report: &Report) -> String {
    let count = |fate| report.things.iter().filter(|it| it.fate == fate).count();
    let mut text = format!(
        "{} deleted, {} left, {} perhaps left.",
        count(Fate::Deleted),
        count(Fate::Made),
        count(Fate::Unknown)
    );
    if report.end != End::Done {
        text += &format!(" The probe is not complete: {}.", report.end.word());
    }
    if !report.young.is_empty() {
        text += &format!(
            " Another probe may be at work with {}.",
            report.young.join(", ")
        );
    }
    for class in &report.unlisted {
        text += &format!(" What earlier probes have left of {class}s is not known.");
    }
    text
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
pub(super) struct Document<'a> {
    command: &'static str,
    ok: bool,
    end: &'static str,
    error: Option<Problem>,
    admin: Option<Who>,
    answers: Vec<Answered<'a>>,
    throwaway: Vec<Thing<'a>>,
    young: &'a [String],
    unlisted: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct Answered<'a> {
    question: &'static str,
    answer: &'static str,
    ms: Option<u64>,
    seen: &'a str,
    follows: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Thing<'a> {
    class: &'static str,
    name: &'a str,
    id: Option<&'a str>,
    state: &'static str,
    earlier: bool,
    trouble: Option<&'a str>,
    advice: Option<String>,
}

impl<'a> Document<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        Self {
            command: "probe",
            ok: report.is_fine(),
            end: report.end.word(),
            error: report.error.as_ref().map(Problem::of),
            admin: report.who.clone(),
            answers: report.findings.iter().map(Answered::of).collect(),
            throwaway: report.things.iter().map(Thing::of).collect(),
            young: &report.young,
            unlisted: report.unlisted.iter().map(|it| it.word()).collect(),
        }
    }
}

impl<'a> Answered<'a> {
    fn of(finding: &'a Finding) -> Self {
        Self {
            question: finding.question.word(),
            answer: finding.answer.word(),
            ms: finding.answer.ms(),
            seen: &finding.seen,
            follows: finding.follows.as_deref(),
        }
    }
}

impl<'a> Thing<'a> {
    fn of(thing: &'a Throwaway) -> Self {
        Self {
            class: thing.class.word(),
            name: &thing.name,
            id: thing.id.as_deref(),
            state: thing.word(),
            earlier: thing.is_old,
            trouble: thing.trouble.as_deref().filter(|_| thing.is_left()),
            advice: thing.is_left().then(|| by_hand(thing)),
        }
    }
}
