//! Deletes the keys of a version, or orphaned keys: one after the other, those that the secret held.

use std::time::Duration;

use tokio::time::Instant;

use super::key_deletion::{Deletion, KeyDeletion};
use crate::admin::Admin;
use crate::credential::Credential;
use crate::error::{Problem, State};
use crate::keys::{KeyClass, KeyRef};
use crate::protected::{KnownValue, ProtectedKeys, known_value};

use crate::rotation::context::{SeenLabels, StepContext};
use crate::rotation::decide::{Candidates, LAG_OF_KNOWN_KEYS, LAG_OF_NEW_KEYS, deletable};
use crate::rotation::journal::{Entry, Journal};
use crate::rotation::observe::{Possession, owned_possession, possession};

/// Why keys are to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rotation) enum Reason {
    /// A version that is no longer needed names them. The rotation that replaced an application key has
    /// compared its ID with its value.
    Replaced,
    /// A version that is no longer needed names them, and no rotation need have compared anything.
    Unverified,
    /// The same, and nobody should have deleted them yet: they had grace.
    Graced,
    /// No version names them.
    Orphaned,
    /// This invocation created them and can't store them.
    Unstored,
}

/// By what it is decided which keys are to be deleted.
#[derive(Clone, Copy)]
pub(in crate::rotation) struct Grounds<'a> {
    pub reason: Reason,
    /// The credential that holds the keys, if it was read.
    pub old: Option<&'a Credential>,
    /// `None`: whoever has which label, the keys are to go.
    pub labels: Option<SeenLabels<'a>>,
}

/// Deletes those of `candidates` that nothing protects. `kept` are the keys of the kept versions.
pub(in crate::rotation) async fn delete(
    cx: &StepContext<'_>,
    admin: &Admin,
    candidates: Candidates<'_>,
    kept: &ProtectedKeys,
    grounds: Grounds<'_>,
    journal: &mut Journal,
) -> Result<(), Problem> {
    let Grounds { reason, old, .. } = grounds;
    let began = Instant::now();
    let mut doomed = deletable(candidates, kept);
    if reason == Reason::Unstored {
        // An application key can always be listed. So it goes last: if this invocation ends in between, the
        // next one finds it by its name.
        doomed.reverse();
    }
    let mut outcome = Ok(());
    let mut kept = kept.clone();
    kept.confirm(candidates.shown());
    if reason == Reason::Orphaned {
        journal.note(Entry::OrphansFound(doomed.len()));
    }
    for key in doomed {
        let held = held_by_secret(cx, admin, &key, grounds).await?;
        if let Some(left) = held.and_then(|held| left_alone(cx, &key, held)) {
            journal.note(left);
            continue;
        }
        let attempt = KeyDeletion {
            admin,
            key: &key,
            value: old
                .and_then(Credential::api)
                .filter(|api| api.id == key.id)
                .map(|api| &api.key),
            known: match candidates.end_of(&key) {
                Some(end) => KnownValue::End(Some(end)),
                None => known_value(&key, old),
            },
            candidates,
            lag: reason.lag(began.elapsed()),
            kept: &kept,
            labels: grounds.labels.map(|seen| (cx.reader, seen)),
        };
        journal.note(match attempt.send().await {
            Ok(sent) => entry_of(cx, sent, key),
            // One key that can't be deleted must not stop all rotations. The next search finds it again.
            Err(problem) if reason == Reason::Orphaned && problem.is_answered() => {
                tracing::warn!(
                    secret = %cx.reader.secret,
                    %key,
                    %problem,
                    "an orphaned key can't be deleted: delete it at Datadog, or find out why"
                );
                Entry::Undeletable
            }
            // No later invocation need find an API key by its name: each key is tried now.
            Err(problem) if reason == Reason::Unstored => {
                outcome = outcome.and(Err(problem));
                continue;
            }
            Err(problem) => return Err(problem),
        });
    }
    outcome
}

impl Reason {
    /// Returns for how long "not found" proves nothing of a key to be deleted. `spent`: for how long this
    /// invocation has been deleting.
    fn lag(self, spent: Duration) -> Duration {
        match self {
            // The keys grow older while one after the other is deleted.
            Self::Unstored => LAG_OF_NEW_KEYS.saturating_sub(spent).max(LAG_OF_KNOWN_KEYS),
            Self::Replaced | Self::Unverified | Self::Graced => LAG_OF_KNOWN_KEYS,
            // The next search finds it again.
            Self::Orphaned => Duration::ZERO,
        }
    }
}

fn entry_of(cx: &StepContext<'_>, sent: Deletion, key: KeyRef) -> Entry {
    match sent {
        Deletion::Deleted => Entry::Deleted(key),
        Deletion::Gone => Entry::Gone(key),
        Deletion::Protected => {
            tracing::warn!(
                secret = cx.reader.secret,
                %key,
                "the key is left alone: an admin secret or a version in use names it, or holds its value"
            );
            Entry::Protected
        }
        Deletion::Misnamed => {
            tracing::warn!(
                secret = cx.reader.secret,
                %key,
                "the key is left alone: a list gave it the name of an orphaned key, and the key itself has another"
            );
            Entry::Protected
        }
    }
}

/// Returns whether the secret held the key; `None` where nothing need be asked.
async fn held_by_secret(
    cx: &StepContext<'_>,
    admin: &Admin,
    key: &KeyRef,
    grounds: Grounds<'_>,
) -> Result<Option<Possession>, Problem> {
    let lag = match grounds.reason {
        // No version names it.
        Reason::Orphaned | Reason::Unstored => return Ok(None),
        // Its ID was compared with its value.
        Reason::Replaced if key.class == KeyClass::Application => return Ok(None),
        // Most often an earlier rotation has deleted it.
        Reason::Replaced | Reason::Unverified => Duration::ZERO,
        Reason::Graced => LAG_OF_KNOWN_KEYS,
    };
    let Some(old) = grounds.old else {
        return Ok(None);
    };
    let held = match old.api().filter(|it| it.key_ref() == *key) {
        Some(api) => possession(cx, admin, api).await,
        None => owned_possession(cx, admin, old, lag).await,
    };
    held.map(Some)
}

/// Says in the log that a key is left alive, unless the secret held it.
fn left_alone(cx: &StepContext<'_>, key: &KeyRef, held: Possession) -> Option<Entry> {
    let secret = cx.reader.secret;
    match held {
        Possession::Works | Possession::Held => None,
        Possession::Gone => Some(Entry::Gone(key.clone())),
        Possession::NotHeld => {
            tracing::warn!(
                secret,
                %key,
                "the key is left alone: the value beside its ID does not show that the secret held it"
            );
            Some(Entry::Protected)
        }
        Possession::Untold => {
            tracing::warn!(
                secret,
                %key,
                "the key is left alive: the value beside its ID works, but Datadog does not tell \
                 whose it is. If it is an API key, give the admin api_keys_read: the next rotation then \
                 deletes the key by its name, if a rotation created it"
            );
            Some(Entry::Unproven)
        }
    }
}

/// Deletes by their IDs the keys that this invocation created and can't store. Returns `problem`, the
/// reason why they can't be stored, also if the deletion fails: that is logged. `created` has the
/// keys' values, where they could be read.
pub(in crate::rotation) async fn undo_creation(
    cx: &StepContext<'_>,
    keys: &[KeyRef],
    created: Option<&Credential>,
    problem: Problem,
    journal: &mut Journal,
) -> Problem {
    if let Err(undo) = delete_unstored(cx, keys, created, journal).await {
        let left = match journal.state() {
            State::Unstored { keys, .. } => keys,
            _ => keys.to_vec(),
        };
        let keys: Vec<_> = left.iter().map(ToString::to_string).collect();
        tracing::error!(
            secret = cx.reader.secret,
            ?keys,
            problem = %undo,
            "keys that were created and not stored could not be deleted"
        );
    }
    problem
}

/// Deletes the keys that this invocation created, because another one has stored its own first.
pub(in crate::rotation) async fn delete_unstored(
    cx: &StepContext<'_>,
    keys: &[KeyRef],
    created: Option<&Credential>,
    journal: &mut Journal,
) -> Result<(), Problem> {
    let (kept, grounds) = (
        cx.known_keys(),
        Grounds {
            reason: Reason::Unstored,
            old: created,
            labels: None,
        },
    );
    let (admin, candidates) = (&cx.secret.admin, Candidates::Named(keys));
    delete(cx, admin, candidates, &kept, grounds, journal).await?;
    journal.note(Entry::CreationUndone);
    Ok(())
}
