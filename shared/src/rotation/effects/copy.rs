//! Rotates an admin secret without keys: copies its value to the new version, and promotes that.
//!
//! If the steps did nothing, the version would stay AWSPENDING for ever. Secrets Manager would then
//! answer each later rotation that this one is not complete. Datadog is not asked: the organisation
//! need not have mapped the role of this function.

use super::promote::promote;
use super::store::{NotStored, send_pending};
use crate::error::Problem;
use crate::event::RotationEvent;
use crate::keys::KeyRef;

use crate::rotation::context::{SecretReader, TokenLabel, TokenVersion, Version, Versions};
use crate::rotation::journal::{Entry, Journal};

/// createSecret: stores the value of AWSCURRENT as AWSPENDING.
pub(in crate::rotation) async fn carry_over(
    reader: SecretReader<'_>,
    event: &RotationEvent,
    versions: &Versions,
    journal: &mut Journal,
) -> Result<(), Problem> {
    name_replaced(reader, versions).await?;
    if versions.token.filled().is_some() {
        journal.note(Entry::Stored);
        journal.outcome_is("no keys to rotate; a value is stored already");
        return Ok(());
    }
    match reader.label_of(&event.token, reader.deadline).await? {
        Some(TokenLabel::Pending) => store_copy(reader, event, &versions.current, journal).await,
        Some(TokenLabel::Current) => {
            journal.outcome_is("another invocation has finished the rotation");
            Ok(())
        }
        None => Err(Problem::PendingLabelLost),
    }
}

async fn store_copy(
    reader: SecretReader<'_>,
    event: &RotationEvent,
    current: &Version,
    journal: &mut Journal,
) -> Result<(), Problem> {
    let (value, same) = (&current.value, &current.credential);
    let copy = value.successor(same, same);
    match send_pending(reader, event, &copy, reader.deadline).await {
        Ok(()) => {
            journal.note(Entry::Stored);
            journal.outcome_is("no keys to rotate; the value was carried over as AWSPENDING");
            Ok(())
        }
        Err(NotStored::Taken) => {
            journal.note(Entry::Stored);
            journal.outcome_is("no keys to rotate; a value is stored already");
            Ok(())
        }
        Err(NotStored::Refused(problem)) => Err(problem),
        Err(NotStored::Unknown(problem)) => {
            journal.note(Entry::StoreUnknown { keys: Vec::new() });
            Err(problem)
        }
    }
}

/// finishSecret: promotes the copy.
pub(in crate::rotation) async fn promote_copy(
    reader: SecretReader<'_>,
    event: &RotationEvent,
    versions: &Versions,
    journal: &mut Journal,
) -> Result<(), Problem> {
    journal.outcome_is("no keys to rotate");
    match &versions.token {
        TokenVersion::Current => Ok(()),
        TokenVersion::Empty => Err(Problem::PendingWithoutValue),
        TokenVersion::Filled(_) => {
            let (from, seen) = (&versions.current.id, (&versions.description).into());
            let promoted = promote(reader, event, from, seen, journal).await;
            promoted.map(drop)
        }
    }
}

/// Names the keys of before the secret became keyless: whether a way back to them is still wanted,
/// only a person knows. With this rotation the last label goes that leads to them.
async fn name_replaced(reader: SecretReader<'_>, versions: &Versions) -> Result<(), Problem> {
    let previous = reader.previous_of(&versions.description).await?;
    let keys = previous.map(|it| it.credential.keys()).unwrap_or_default();
    if !keys.is_empty() {
        let keys: Vec<_> = keys.iter().map(KeyRef::to_string).collect();
        tracing::warn!(
            secret = reader.secret,
            ?keys,
            "keys of the version before may still work: delete them at Datadog if nothing needs them"
        );
    }
    Ok(())
}
