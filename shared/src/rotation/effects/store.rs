//! Stores created keys as AWSPENDING.

use std::time::Duration;

use secrecy::SecretString;

use super::delete::{delete_unstored, undo_creation};
use crate::credential::Credential;
use crate::deadline::Deadline;
use crate::error::Problem;
use crate::event::RotationEvent;
use crate::secrets::{Repeats, SecretsProblem};

use crate::rotation::context::{SecretReader, StepContext, TokenLabel};
use crate::rotation::journal::{Entry, Journal};

/// Kept back after a creation for deleting what can't be stored: a pair takes two calls, and Datadog
/// up to ten seconds for each.
pub(super) const TIME_TO_UNDO: Duration = Duration::from_secs(21);

/// How a store ended, if it did not simply succeed.
#[derive(Debug)]
pub(super) enum NotStored {
    /// The version holds another value already: nothing was stored, and nothing ever can be.
    Taken,
    /// Nothing was stored.
    Refused(Problem),
    /// No usable answer: it may be stored or not.
    Unknown(Problem),
}

/// What the token's version holds after the store.
#[derive(Debug)]
pub(in crate::rotation) enum Stored {
    /// The keys that this invocation created.
    Own(Credential),
    /// The keys that another invocation stored first.
    Others(Credential),
    /// Another invocation has promoted the token already.
    Promoted,
}

/// Stores the keys, if the token still carries AWSPENDING. Deletes them by their IDs if they
/// certainly can't be stored; after a lost answer deletes nothing and fails, so that the next
/// invocation sorts it out.
pub(in crate::rotation) async fn store(
    cx: &StepContext<'_>,
    created: Credential,
    journal: &mut Journal,
) -> Result<Stored, Problem> {
    let (reader, token) = (cx.reader, &cx.event.token);
    let deadline = reader.deadline.reserving(TIME_TO_UNDO);
    match reader.label_of(token, &deadline).await {
        Ok(Some(TokenLabel::Pending)) => {}
        Ok(Some(TokenLabel::Current)) => {
            journal.outcome_is("another invocation has finished the rotation");
            delete_unstored(cx, &created.keys(), Some(&created), journal).await?;
            return Ok(Stored::Promoted);
        }
        Ok(None) => {
            let problem = Problem::PendingLabelLost;
            return Err(undo_creation(cx, &created.keys(), Some(&created), problem, journal).await);
        }
        Err(problem) => {
            return Err(undo_creation(cx, &created.keys(), Some(&created), problem, journal).await);
        }
    }
    let current = &cx.secret.current;
    let value = current.value.successor(&current.credential, &created);
    warn_of_stale_aliases(cx);
    match send_pending(reader, cx.event, &value, &deadline).await {
        Ok(()) => {
            journal.note(Entry::Stored);
            journal.outcome_is("created and stored as AWSPENDING");
            Ok(Stored::Own(created))
        }
        Err(NotStored::Taken) => keep_taken(cx, created, journal).await,
        Err(NotStored::Refused(problem)) => {
            Err(undo_creation(cx, &created.keys(), Some(&created), problem, journal).await)
        }
        Err(NotStored::Unknown(problem)) => {
            let keys = created.keys();
            journal.note(Entry::StoreUnknown { keys });
            Err(problem)
        }
    }
}

/// Stores a value as AWSPENDING. Before it is sent again, the labels are read: it would put AWSPENDING back over
/// what a person has stored meanwhile.
pub(super) async fn send_pending(
    reader: SecretReader<'_>,
    event: &RotationEvent,
    value: &SecretString,
    deadline: &Deadline,
) -> Result<(), NotStored> {
    let mut repeats = Repeats::of_an_effect();
    loop {
        #[expect(clippy::disallowed_methods, reason = "this is the one place")]
        let stored = reader.clients.secrets.store_pending(event, value, deadline);
        let Err(error) = stored.await else {
            return Ok(());
        };
        if error.problem == SecretsProblem::ResourceExists {
            return Err(NotStored::Taken);
        }
        let problem = if repeats.wait(&error, deadline).await {
            match reader.label_of(&event.token, deadline).await {
                Ok(Some(_)) => continue,
                Ok(None) => Problem::PendingLabelLost,
                Err(problem) => problem,
            }
        } else {
            error.into()
        };
        return Err(if repeats.is_unknown {
            NotStored::Unknown(problem)
        } else {
            NotStored::Refused(problem)
        });
    }
}

/// The version holds a value already, by Secrets Manager's answer. What it holds is looked at before
/// anything is deleted: it may be this invocation's own.
async fn keep_taken(
    cx: &StepContext<'_>,
    created: Credential,
    journal: &mut Journal,
) -> Result<Stored, Problem> {
    let keys = created.keys();
    journal.note(Entry::StoreUnknown { keys: keys.clone() });
    let stored = cx.reader.stored(&cx.event.token).await?.credential;
    let kept = stored.keys();
    if kept == keys {
        journal.note(Entry::Stored);
        journal.outcome_is("created and stored as AWSPENDING");
        return Ok(Stored::Own(created));
    }
    journal.outcome_is("another invocation stored its keys first");
    let own: Vec<_> = keys.into_iter().filter(|key| !kept.contains(key)).collect();
    delete_unstored(cx, &own, Some(&created), journal).await?;
    journal.note(Entry::Stored);
    Ok(Stored::Others(stored))
}

fn warn_of_stale_aliases(cx: &StepContext<'_>) {
    let current = &cx.secret.current;
    let stale = current.value.stale_aliases(&current.credential);
    if !stale.is_empty() {
        tracing::warn!(
            secret = cx.reader.secret,
            fields = ?stale,
            "fields named like a key hold another one: they were left as they are"
        );
    }
}
