//! What a probe has come to, for people and for programs.

use std::collections::BTreeSet;
use std::io::{self, Write};

use datadog_rotation::admin::Admin;
use datadog_rotation::inspect::checkup::Status;
use datadog_rotation::inspect::orphans::Unseen;

use super::question::{Answer, Finding, Question, Scope};
use super::throwaway::{Class, Fate, Throwaway};
use super::wire::RateLimit;
use super::{End, Notebook};
use crate::harmless::harmless;
use crate::look::Look;
use crate::table::{Row, write_rows, write_text};
use crate::who::Who;

#[derive(Debug)]
pub struct Report {
    /// `None`: there was nobody to act as.
    pub(super) who: Option<Who>,
    pub(super) error: Option<Unseen>,
    pub(super) end: End,
    pub(super) findings: Vec<Finding>,
    pub(super) things: Vec<Throwaway>,
    pub(super) young: Vec<String>,
    pub(super) unlisted: Vec<Class>,
    pub(super) limits: BTreeSet<RateLimit>,
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
            limits: BTreeSet::new(),
        }
    }

    pub(super) fn of(
        admin: &Admin,
        scope: Scope,
        end: End,
        notebook: Notebook<'_>,
        limits: BTreeSet<RateLimit>,
    ) -> Self {
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
            who: Some(Who::of(admin)),
            error: None,
            end,
            findings,
            things,
            young: notebook.young.into_inner(),
            unlisted: notebook.unlisted.into_inner(),
            limits,
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
    /// Returns a stable word, listed in the documentation.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Barred => "barred",
            Self::OutOfTime => "out_of_time",
            Self::Interrupted => "interrupted",
        }
    }

    /// Returns why a question was not put.
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
pub(super) fn write_table(out: &mut impl Write, report: &Report, look: Look) -> io::Result<()> {
    if let Some(error) = &report.error {
        let text = format!(
            "{}: {} {}",
            error.error_type(),
            error.text(),
            error.advice()
        );
        return write_text(out, &text, look);
    }
    if let Some(who) = &report.who {
        writeln!(out, "{}", harmless(&who.to_string()))?;
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
    write_rows(out, &rows, look)?;
    let things: Vec<_> = report.things.iter().map(row_of_thing).collect();
    if !things.is_empty() {
        writeln!(out, "throwaway")?;
        write_rows(out, &things, look)?;
    }
    write_text(out, &summary(report), look)
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
        status: Some(match finding.answer {
            Answer::No if finding.question.is_needed() => Status::Failed,
            Answer::No => Status::Warning,
            Answer::Unknown => Status::Unknown,
            _ => Status::Ok,
        }),
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
        status: Some(if thing.is_left() {
            Status::Failed
        } else {
            Status::Ok
        }),
    }
}

/// Returns what is to be done about a thing that is left.
pub(super) fn by_hand(thing: &Throwaway) -> String {
    let (class, place) = (thing.class, thing.class.place());
    let what = match thing.fate {
        Fate::Unknown | Fate::NotFound => {
            format!("It may be there. Look for the {class} of this name at Datadog")
        }
        _ => format!("Delete this {class} at Datadog"),
    };
    format!("{what} ({place}), or let a probe delete it in five minutes.")
}

fn summary(report: &Report) -> String {
    let count = |fate| report.things.iter().filter(|it| it.fate == fate).count();
    let mut sentences = vec![format!(
        "{} deleted, {} left, {} perhaps left.",
        count(Fate::Deleted),
        count(Fate::Made),
        count(Fate::Unknown) + count(Fate::NotFound)
    )];
    if report.end != End::Done {
        let end = report.end.word();
        sentences.push(format!("The probe is not complete: {end}."));
    }
    if !report.young.is_empty() {
        let young = report.young.join(", ");
        sentences.push(format!("Another probe may be at work with {young}."));
    }
    let unlisted = report.unlisted.iter();
    sentences
        .extend(unlisted.map(|it| format!("What earlier probes have left of {it}s is not known.")));
    sentences.extend(report.limits.iter().map(|limit| {
        let (name, requests) = (&limit.name, limit.requests);
        match limit.period_seconds {
            Some(seconds) => format!("Rate limit {name}: {requests} in {seconds} s."),
            None => format!("Rate limit {name}: {requests}."),
        }
    }));
    sentences.join(" ")
}
