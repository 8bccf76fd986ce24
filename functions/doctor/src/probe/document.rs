//! What a probe prints for programs. Members are added, never renamed; each is always there.

use serde::Serialize;

use super::question::Finding;
use super::report::{Report, by_hand};
use super::throwaway::Throwaway;
use super::wire::RateLimit;
use crate::document::Problem;
use crate::who::Who;

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
    limits: Vec<Limit<'a>>,
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

#[derive(Debug, Serialize)]
struct Limit<'a> {
    name: &'a str,
    requests: u64,
    period_seconds: Option<u64>,
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
            limits: report.limits.iter().map(Limit::of).collect(),
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

impl<'a> Limit<'a> {
    fn of(limit: &'a RateLimit) -> Self {
        Self {
            name: &limit.name,
            requests: limit.requests,
            period_seconds: limit.period_seconds,
        }
    }
}
