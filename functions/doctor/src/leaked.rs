//! `leaked`: deletes the keys of a version that have leaked, and says whether Datadog refuses them.

use std::io::{self, Write};

use datadog_rotation::inspect::checkup::Status;
use datadog_rotation::inspect::leak::{Leak, LeakEnd, LeakedLabel, NotBegun, Progress};
use datadog_rotation::keys::{KeyClass, KeyRef};
use datadog_rotation::secrets::Begun;
use serde::Serialize;

use crate::arguments::Task;
use crate::document::{self, Problem};
use crate::harmless::harmless;
use crate::outside::{Outside, for_one};
use crate::table::{Row, write_heading, write_rows, write_text};

const RESTORABLE: &str = "Datadog keeps a deleted API key for 7 days, and who may write API keys can restore it there with \
                          the same value. See that nobody does.";

const CACHED: &str = "Consumers that have not read the new value are refused from now on: restart those that cache it.";

const NAMED: &str = "This is the version that the tag leakedVersion named already. If another one has leaked, too, take the tag \
                     off (untag-resource) and run this again.";

/// What came of it.
struct Report {
    secret: String,
    leak: Option<Leak>,
    /// `None`: nothing was begun.
    end: Option<LeakEnd>,
    problem: Option<Problem>,
}

/// Deletes the keys and writes what came of it. Answers whether Datadog refuses them all.
///
/// # Errors
/// Those of `out`.
pub(crate) async fn run(
    task: &Task,
    label: LeakedLabel,
    outside: &Outside,
    out: &mut impl Write,
    notes: &mut impl Write,
) -> io::Result<bool> {
    let mut report = Report {
        secret: outside.arns(&task.secrets).await.remove(0),
        leak: None,
        end: None,
        problem: None,
    };
    tokio::select! {
        () = report.fill(label, outside, notes) => {}
        lost = outside.reach.lost() => report.problem = Some(Problem::of(&lost.into())),
    }
    if task.json {
        document::write(out, &Document::of(&report))?;
    } else {
        report.write(out, outside)?;
    }
    Ok(report.is_fine())
}

impl Report {
    async fn fill(&mut self, label: LeakedLabel, outside: &Outside, notes: &mut impl Write) {
        let (inspector, deadline) = (&outside.inspector, for_one(&outside.watch));
        // Boxed, as what follows: each is as large as a step's, and its callers race it with others.
        let leak = match Box::pin(inspector.leak(&self.secret, label, &deadline)).await {
            Ok(leak) => self.leak.insert(leak),
            Err(problem) => {
                self.problem = Some(problem_of(problem, label));
                return;
            }
        };
        // Whatever happens from here on, the tag may be set.
        self.end = Some(LeakEnd::Unknown);
        let say = |progress: Progress<'_>| {
            // There is nobody to tell if this fails.
            let _told = writeln!(notes, "{}", harmless(&text_of(&progress)));
        };
        match Box::pin(inspector.end_leak(leak, &deadline, say)).await {
            Ok(end) => self.end = Some(end),
            Err(failed) => {
                self.problem = Some(Problem::of(&failed.unseen));
                self.end = self.end.take().filter(|_| !failed.is_untouched);
            }
        }
    }

    fn is_fine(&self) -> bool {
        matches!(self.end, Some(LeakEnd::Deleted))
    }

    fn write(&self, out: &mut impl Write, outside: &Outside) -> io::Result<()> {
        let (look, leak) = (outside.look, self.leak.as_ref());
        let (name, kind) = (leak.map(|it| &*it.name), leak.map(|it| it.kind.name()));
        write_heading(out, &self.secret, name, kind, look)?;
        let keys = self.leak.iter().flat_map(Leak::keys);
        let keys: Vec<_> = keys.map(|key| key.to_string()).collect();
        let mut rows = Vec::new();
        for key in &keys {
            let (status, text) = self.verdict(key);
            rows.push(Row {
                cells: vec![look.mark(status), key],
                paragraphs: vec![text.to_owned()],
                status: Some(status),
            });
        }
        write_rows(out, &rows, look)?;
        if let Some(problem) = &self.problem {
            write_text(out, &problem.sentence(), look)?;
        }
        write_text(out, self.state(), look)?;
        if self.leak.as_ref().is_some_and(|it| it.is_named) {
            write_text(out, NAMED, look)?;
        }
        if self.is_fine() {
            write_text(out, CACHED, look)?;
            let has_api_key = |it: &Leak| it.keys().iter().any(|key| key.class == KeyClass::Api);
            if self.leak.as_ref().is_some_and(has_api_key) {
                write_text(out, RESTORABLE, look)?;
            }
        }
        Ok(())
    }

    fn verdict(&self, key: &str) -> (Status, &'static str) {
        let has = |keys: &[KeyRef]| keys.iter().any(|it| it.to_string() == key);
        match &self.end {
            Some(LeakEnd::StillWork(keys)) if has(keys) => (Status::Failed, "still works"),
            Some(LeakEnd::NotPromoted(keys)) if has(keys) => {
                (Status::Failed, "is still AWSCURRENT, and works")
            }
            Some(LeakEnd::Deleted | LeakEnd::StillWork(_) | LeakEnd::NotPromoted(_)) => {
                (Status::Ok, "Datadog refuses it")
            }
            Some(LeakEnd::Unknown) | None => (Status::Unknown, "not known whether it still works"),
        }
    }

    /// Returns what the world is like now, and what is to be done.
    fn state(&self) -> &'static str {
        match &self.end {
            None => "Nothing was changed.",
            Some(LeakEnd::Deleted) => "The leaked keys are deleted.",
            Some(LeakEnd::StillWork(_)) => {
                "The function's log says why the leaked keys were not deleted. Mend that, and run this again: it \
                 goes on with the version that the tag leakedVersion names."
            }
            Some(LeakEnd::NotPromoted(_)) => {
                "The rotation is not over: its function's log says why. The tag leakedVersion is set, so that the \
                 rotation deletes the keys whenever it succeeds."
            }
            Some(LeakEnd::Unknown) => {
                "The tag leakedVersion may be set, and a rotation under way. Run this again: it goes on with the \
                 version that the tag names."
            }
        }
    }
}

fn problem_of(problem: NotBegun, label: LeakedLabel) -> Problem {
    let label = label.name();
    let refused = Problem::refused;
    match problem {
        NotBegun::Unseen(unseen) => Problem::of(&unseen),
        NotBegun::NoFunction => refused(
            "RotationNotEnabled",
            "the managed service rotates the secret, and does not know the tag leakedVersion"
                .to_owned(),
            "Rotate it twice (rotate-secret), or delete the key at Datadog once consumers have another one.",
        ),
        NotBegun::NoKeys => refused(
            "SecretMalformed",
            format!("{label} holds no key"),
            "Name the secret that holds the leaked key.",
        ),
        NotBegun::Keyless(keys) => {
            let keys: Vec<_> = keys.iter().map(ToString::to_string).collect();
            let keys = keys.join(", ");
            refused(
                "SecretMalformed",
                format!(
                    "AWSCURRENT holds no keys, so that no rotation deletes the old ones: {keys}"
                ),
                "Delete them at Datadog by their IDs.",
            )
        }
        NotBegun::RefusedOnTheWay => refused(
            "DatadogUnexpectedAnswer",
            "a key was refused by an answer that is not Datadog's: whether the keys work is not known".to_owned(),
            "Look for a proxy or a firewall between here and Datadog; then run this again.",
        ),
        NotBegun::NoVersion => refused(
            "ValueUnreadable",
            format!("no version with keys of this type carries {label}"),
            "Look at the secret's versions (describe-secret).",
        ),
    }
}

fn text_of(progress: &Progress<'_>) -> String {
    match progress {
        Progress::Tagged => "tagged the secret: leakedVersion names the version".to_owned(),
        Progress::Rotating(Begun::Anew) => "a rotation has begun; waiting for it".to_owned(),
        Progress::Rotating(Begun::Resumed(error)) => {
            format!("an earlier rotation is not over; waiting for it ({error})")
        }
        Progress::Promoted(version) => {
            format!("AWSCURRENT is version {version}; trying the leaked keys")
        }
    }
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Document<'a> {
    command: &'static str,
    ok: bool,
    secret: &'a str,
    name: Option<&'a str>,
    r#type: Option<&'static str>,
    label: Option<&'static str>,
    version: Option<&'a str>,
    /// `deleted`, `still_works`, `not_promoted`, `unknown`, or null: nothing was changed.
    state: Option<&'static str>,
    keys: Vec<Key>,
    error: Option<&'a Problem>,
}

#[derive(Debug, Serialize)]
struct Key {
    class: &'static str,
    id: String,
    /// Null: not known.
    works: Option<bool>,
}

impl<'a> Document<'a> {
    fn of(report: &'a Report) -> Self {
        let leak = report.leak.as_ref();
        let keys = leak.into_iter().flat_map(Leak::keys).map(|key| Key {
            class: key.class.word(),
            works: match report.verdict(&key.to_string()).0 {
                Status::Ok => Some(false),
                Status::Failed => Some(true),
                Status::Warning | Status::Unknown => None,
            },
            id: key.id.to_string(),
        });
        Self {
            command: "leaked",
            ok: report.is_fine(),
            secret: &report.secret,
            name: leak.map(|it| &*it.name),
            r#type: leak.map(|it| it.kind.name()),
            label: leak.map(|it| it.label.name()),
            version: leak.map(|it| it.version.as_str()),
            state: report.end.as_ref().map(|end| match end {
                LeakEnd::Deleted => "deleted",
                LeakEnd::StillWork(_) => "still_works",
                LeakEnd::NotPromoted(_) => "not_promoted",
                LeakEnd::Unknown => "unknown",
            }),
            keys: keys.collect(),
            error: report.problem.as_ref(),
        }
    }
}
