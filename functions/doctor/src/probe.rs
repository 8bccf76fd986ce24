//! `probe`: makes throwaway things at Datadog as the functions would, watches what becomes of them,
//! and deletes them.
//!
//! Each thing is noted and named before the POST that makes it. Work may end at any point: done,
//! out of time, told to stop. What is noted then is deleted, and what can't be is told. Of a
//! process that is killed the next probe finds what is left, by its name.

mod access_tokens;
mod clean_up;
mod document;
mod identity;
mod keys;
mod mappings;
mod name;
mod poll;
mod question;
mod report;
pub(crate) mod signals;
mod throwaway;
mod wire;

use std::cell::RefCell;
use std::io::{self, Write};
use std::time::Duration;

use datadog_rotation::admin::Admin;
use datadog_rotation::clock_skew::ClockSkew;
use datadog_rotation::datadog::DatadogProblem;
use datadog_rotation::deadline::Deadline;
use datadog_rotation::error::Problem;
use datadog_rotation::inspect::orphans::Unseen;
use datadog_rotation::keys::ServiceAccountId;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use crate::arguments::{Command, Task};
use crate::outside::Outside;
use name::Name;
use question::Scope;
pub use question::{Answer, Finding, Question};
pub use report::Report;
use throwaway::Ledger;
pub use throwaway::{Class, Fate, Throwaway};
use wire::Wire;

/// For all questions.
const TIME_TO_WORK: Duration = Duration::from_secs(44);

/// For deleting after them. Both are within a minute.
const TIME_TO_CLEAN: Duration = Duration::from_secs(15);

/// Why a probe has asked no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Done,
    /// Whom it acts as, Datadog does not accept.
    Barred,
    OutOfTime,
    Interrupted,
}

/// One probe at work.
struct Probe<'a, 'n> {
    admin: &'a Admin,
    account: ServiceAccountId,
    /// The AWS account with a role of which mappings are tried.
    aws_account: Option<&'a str>,
    wire: &'a Wire,
    skew: &'a ClockSkew,
    watch: &'a Deadline,
    notebook: &'a Notebook<'n>,
}

/// What a probe has found out so far, whatever ends it.
struct Notebook<'n> {
    findings: RefCell<Vec<Finding>>,
    ledger: Ledger,
    /// Things of other probes that may be at work.
    young: RefCell<Vec<String>>,
    /// Of these classes it is not known what earlier probes have left.
    unlisted: RefCell<Vec<Class>>,
    /// Where names are told before they are used.
    notes: RefCell<&'n mut dyn Write>,
}

/// Does it all and writes what came of it. Answers whether all is fine. `notes` hears the name of
/// each thing before it is made; `stop` ends the work, and a second time the cleaning up.
///
/// # Errors
/// Those of `out`.
pub async fn run(
    task: &Task,
    outside: &Outside,
    out: &mut impl Write,
    notes: &mut impl Write,
    stop: &Notify,
) -> io::Result<bool> {
    let report = report_of(task, outside, notes, stop).await;
    if task.json {
        crate::document::write(out, &document::Document::of(&report))?;
    } else {
        report::write_table(out, &report, outside.look)?;
    }
    Ok(report.is_fine())
}

async fn report_of(task: &Task, outside: &Outside, notes: &mut dyn Write, stop: &Notify) -> Report {
    let (watch, work_ends) = (&outside.watch, Instant::now() + TIME_TO_WORK);
    let wire = Wire::default();
    let mut inspector = outside.inspector.clone();
    inspector.clients.http = wire.listen(inspector.clients.http);
    // A creation is begun only while there is time to undo it, as in a rotation.
    let deadline = lasting(watch, TIME_TO_WORK + TIME_TO_CLEAN);
    let admin = tokio::select! {
        admin = inspector.default_admin(&deadline) => admin.map(Admin::alone),
        () = sleep_until(work_ends) => return Report::nothing(End::OutOfTime, None),
        () = stop.notified() => return Report::nothing(End::Interrupted, None),
        lost = outside.reach.lost() => return Report::nothing(End::Barred, Some(lost.into())),
    };
    let mut admin = match admin {
        Ok(admin) => admin,
        Err(problem) => return Report::nothing(End::Barred, Some(Unseen::from(problem))),
    };
    let notebook = Notebook::new(notes);
    let working = Probe::of(task, outside, &admin, &wire, &notebook);
    let mut unreached = None;
    // Boxed, as what cleans up: each is larger than a step's, and is raced with a signal.
    let end = tokio::select! {
        end = Box::pin(working.work()) => end,
        () = sleep_until(work_ends) => End::OutOfTime,
        () = stop.notified() => End::Interrupted,
        lost = outside.reach.lost() => {
            unreached = Some(lost);
            End::Barred
        }
    };
    // Nothing is made before Datadog has answered.
    if let Some(lost) = unreached {
        return Report::nothing(end, Some(lost.into()));
    }
    admin.renew(&lasting(watch, TIME_TO_CLEAN));
    let cleaning = Probe::of(task, outside, &admin, &wire, &notebook);
    tokio::select! {
        () = Box::pin(cleaning.clean_up()) => {}
        () = sleep(TIME_TO_CLEAN) => {}
        () = told_twice(stop, end) => {}
    }
    let scope = Scope {
        keyless: admin.is_keyless(),
        access_token: admin.is_access_token(),
        mappings: cleaning.aws_account.is_some(),
    };
    Report::of(&admin, scope, end, notebook, wire.limits())
}

/// What ends the cleaning up: to be told to stop once more than what has ended the work.
async fn told_twice(stop: &Notify, end: End) {
    if end != End::Interrupted {
        stop.notified().await;
    }
    stop.notified().await;
}

/// So long from now. A deadline is a second early.
fn lasting(watch: &Deadline, time: Duration) -> Deadline {
    Deadline::new(watch.now(), time + Duration::from_secs(1))
}

impl<'a, 'n> Probe<'a, 'n> {
    fn of(
        task: &'a Task,
        outside: &'a Outside,
        admin: &'a Admin,
        wire: &'a Wire,
        notebook: &'a Notebook<'n>,
    ) -> Self {
        Self {
            admin,
            account: admin.service_account().clone(),
            aws_account: match &task.command {
                Command::Probe { mappings } => mappings.as_deref(),
                Command::Check
                | Command::Orphans { .. }
                | Command::Leaked(_)
                | Command::Trust { .. } => None,
            },
            wire,
            skew: &outside.skew,
            watch: &outside.watch,
            notebook,
        }
    }

    async fn work(&self) -> End {
        if !self.ask_who().await {
            return End::Barred;
        }
        self.clear_up_after_others().await;
        tokio::join!(
            self.ask_about_keys(),
            self.ask_about_access_tokens(),
            self.ask_about_mappings()
        );
        End::Done
    }

    /// Returns a name, after Datadog's clock if this machine's is ahead.
    fn name(&self) -> Name {
        Name::new(self.skew.corrected(self.watch.now()))
    }

    fn say(&self, question: Question, answer: Answer, seen: impl Into<String>) {
        self.notebook.say(Finding {
            question,
            answer,
            seen: seen.into(),
            follows: None,
        });
    }

    fn deny(&self, question: Question, seen: impl Into<String>, follows: impl Into<String>) {
        self.notebook.say(Finding {
            question,
            answer: Answer::No,
            seen: seen.into(),
            follows: Some(follows.into()),
        });
    }

    /// What a failure comes to: a refusal is an answer.
    fn fail(&self, question: Question, seen: String, problem: &Problem) {
        if is_refusal(problem) {
            self.deny(question, seen, problem.advice());
        } else {
            self.say(question, Answer::Unknown, problem.to_string());
        }
    }
}

impl<'n> Notebook<'n> {
    fn new(notes: &'n mut dyn Write) -> Self {
        Self {
            findings: RefCell::default(),
            ledger: Ledger::default(),
            young: RefCell::default(),
            unlisted: RefCell::default(),
            notes: RefCell::new(notes),
        }
    }

    fn say(&self, finding: Finding) {
        self.findings.borrow_mut().push(finding);
    }

    /// Notes a thing and tells its name, before the POST that makes it.
    fn begin(&self, class: Class, name: &str) -> usize {
        let at = self.ledger.begin(class, name);
        let mut notes = self.notes.borrow_mut();
        // Nobody may be listening; what is made is deleted all the same.
        let _told = writeln!(notes, "making {class} {name}").and_then(|()| notes.flush());
        at
    }
}

/// Datadog has said no.
fn is_refusal(problem: &Problem) -> bool {
    match problem {
        Problem::Datadog(error) => matches!(
            error.problem,
            DatadogProblem::Refused { .. }
                | DatadogProblem::NotFound
                | DatadogProblem::NameTaken { .. }
                | DatadogProblem::Quota
                | DatadogProblem::Trust(_)
                | DatadogProblem::Rejected { .. }
        ),
        Problem::MissingPermissions { .. }
        | Problem::MissingScopes { .. }
        | Problem::IdentityForbidden { .. }
        | Problem::IdentityRefused { .. }
        | Problem::AdminToken { .. }
        | Problem::AdminRefused { .. } => true,
        _ => false,
    }
}
