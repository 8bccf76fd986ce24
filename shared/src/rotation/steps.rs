//! Runs the four steps, and orders the effects of each, for all secret types. An order within one
//! effect stands with that effect: `effects/abandon.rs` deletes a dead version's keys before it takes
//! AWSPENDING off.
//!
//! The process may end before and after any call, and any step may run twice, late, or beside another
//! invocation of itself. Three things outlive the process: the labels of versions, their values, and
//! the names of keys. Each effect is written so that the next invocation can tell from these how far
//! this one came. A key is deleted only when no label that must work leads to it.
//! docs/review/protocol.md has the states, and who cleans up after which death.
//!
//! A *replaced* key is one that AWSPREVIOUS holds, or that AWSCURRENT held before the promotion
//! (`replaced.rs`). An *orphaned* key is a live key that a rotation of this secret created and none of
//! AWSCURRENT, AWSPENDING and AWSPREVIOUS holds (`orphaned.rs`). A *keyless* secret holds no keys: its
//! value is copied and promoted.

use std::time::SystemTime;

use crate::admin::Reach;
use crate::credential::Grace;
use crate::datadog::OwnedKeyDetails;
use crate::error::Problem;
use crate::event::RotationEvent;
use crate::secrets::CURRENT;

use super::context::{SecretReader, StepContext, TokenVersion, Version};
use super::decide::is_current_rotations;
use super::effects::{
    Stored, abandon, announce, announce_again, carry_over, create_keys, promote, promote_copy,
    store,
};
use super::journal::{Entry, Journal};
use super::observe::{PendingKeys, shows_end_of};
use super::orphaned::{delete_orphans, has_unknown_keys};
use super::replaced::{delete_before_promotion, delete_replaced, delete_replaced_before};

/// Runs createSecret: creates keys like the current ones, stores them as AWSPENDING, and deletes
/// orphaned keys. First it deletes keys without grace that an earlier rotation replaced and left under
/// AWSPREVIOUS.
pub(super) async fn create(
    reader: SecretReader<'_>,
    event: &RotationEvent,
    journal: &mut Journal,
) -> Result<(), Problem> {
    let versions = reader.begin(event).await?;
    if matches!(versions.token, TokenVersion::Current) {
        journal.outcome_is("the version is AWSCURRENT already");
        return Ok(());
    }
    if versions.is_keyless()? {
        return carry_over(reader, event, &versions, journal).await;
    }
    let cx = reader.context(event, versions).await?;
    if let Some(pending) = cx.token.filled() {
        journal.note(Entry::Stored);
        refuse_unwanted(&cx, pending, journal).await?;
        journal.outcome_is("a value is stored already");
        if let Some(dead) = reader.find_dead(&cx.secret, pending).await? {
            return Err(abandon(&cx, pending, dead.into(), journal).await);
        }
        return delete_orphans(&cx, &pending.credential, journal).await;
    }
    // Nothing is changed before all of this has been read and found to be what it should.
    let (current, previous) = tokio::join!(
        reader.verify_current(&cx.secret),
        reader.previous(&cx.secret)
    );
    let current = current?;
    // Boxed: few admins are a token.
    Box::pin(reader.verify_admin_token(&cx.secret.admin, current.scopes_to_hand_on())).await?;
    previous?;
    let secret = &cx.secret;
    let is_rotations = is_current_rotations(&secret.names, current.telling_name(), &secret.current);
    delete_replaced_before(&cx, is_rotations, journal).await?;
    let created = create_keys(&cx, &current, journal).await?;
    // Once the token's version holds a value, no other value can be stored there. So only now may keys
    // be deleted by the names of that version: nobody can store one of them any more.
    match store(&cx, created, journal).await? {
        Stored::Promoted => Ok(()),
        Stored::Others(stored) => delete_orphans(&cx, &stored, journal).await,
        Stored::Own(stored) => {
            let previous = reader.previous(&cx.secret).await?;
            if has_unknown_keys(&cx, &current, &stored, previous) {
                delete_orphans(&cx, &stored, journal).await?;
            }
            Ok(())
        }
    }
}

/// Runs setSecret: does nothing. A key needs no more than its creation; testSecret waits until it works.
pub(super) fn set(journal: &mut Journal) {
    journal.outcome_is("nothing to set");
}

/// Runs testSecret: verifies the stored keys. If none are stored, checks the configuration. Changes
/// nothing, unless it abandons the version.
pub(super) async fn test(
    reader: SecretReader<'_>,
    event: &RotationEvent,
    journal: &mut Journal,
) -> Result<(), Problem> {
    let mut versions = reader.begin(event).await?;
    if matches!(versions.token, TokenVersion::Empty) {
        versions.token = reader.late_value(&event.token).await?;
    }
    if versions.is_keyless()? {
        journal.outcome_is("no keys to verify");
        return Ok(());
    }
    let cx = reader.context(event, versions).await?;
    match cx.token.filled() {
        Some(pending) if pending.differs_from(&cx.secret.current) => {
            journal.note(Entry::Stored);
            // The keys' age counts from this step's begin. A version's CreatedDate is assumed to be the
            // time of its value; if it were that of RotateSecret, the keys could be minutes younger.
            let since = Some(cx.reader.deadline.began_at());
            verify_or_abandon(&cx, pending, since, journal).await?;
            // A version's value never changes: that finishSecret need not look again.
            match reader.confirm_api_key_id(&cx.secret, pending).await {
                Ok(()) => {}
                Err(problem @ Problem::PendingKeyMismatch { .. }) => {
                    return Err(abandon(&cx, pending, problem, journal).await);
                }
                Err(problem) => return Err(problem),
            }
            journal.outcome_is("the new keys work");
            Ok(())
        }
        // RotateImmediately=false: Secrets Manager runs this step alone, with no value under the
        // token or with a copy of the current one.
        _ => {
            check_configuration(&cx).await?;
            journal.outcome_is("the configuration is sound; nothing was changed");
            Ok(())
        }
    }
}

/// Runs finishSecret: verifies the new keys once more, promotes them, and deletes old ones.
///
/// Keys with grace go on working when they are replaced: what is under AWSPREVIOUS is deleted before the
/// promotion, which takes the label off that leads to it. Keys without grace are deleted after the
/// promotion that replaces them. The secret's type decides, unless a tag says otherwise.
pub(super) async fn finish(
    reader: SecretReader<'_>,
    event: &RotationEvent,
    journal: &mut Journal,
) -> Result<(), Problem> {
    let mut versions = reader.begin(event).await?;
    announce_again(reader, event, &versions, journal).await;
    let has_grace = reader.grace_of_replaced(&versions) == Grace::OneRotation;
    if has_grace && matches!(versions.token, TokenVersion::Current) {
        // Invoked again after the promotion: AWSPREVIOUS is the key with grace by now.
        journal.outcome_is("the version is AWSCURRENT already");
        return Ok(());
    }
    if matches!(versions.token, TokenVersion::Empty) {
        versions.token = reader.late_value(&event.token).await?;
    }
    if versions.is_keyless()? {
        return promote_copy(reader, event, &versions, journal).await;
    }
    let cx = reader.context(event, versions).await?;
    let pending = match &cx.token {
        TokenVersion::Current => return finish_again(&cx, journal).await,
        TokenVersion::Empty => {
            warn_of_keys_not_stored(&cx);
            return Err(Problem::PendingWithoutValue);
        }
        TokenVersion::Filled(pending) => pending,
    };
    refuse_unwanted(&cx, pending, journal).await?;
    journal.note(Entry::Stored);
    let current = verify_or_abandon(&cx, pending, pending.created, journal).await?;
    let (from, seen) = (&cx.secret.current.id, (&cx.secret.description).into());
    delete_before_promotion(&cx, current.as_ref(), journal).await?;
    let promoted = promote(reader, event, from, seen, journal).await?;
    announce(&cx, &promoted, journal).await;
    if has_grace {
        return Ok(());
    }
    let described = reader.wait_for_replicas(promoted).await?;
    if !described.labels.carries(&event.token, CURRENT) {
        return Err(Problem::LabelsMoved);
    }
    // Only an ID whose key shows the end of its value has been compared.
    let replaced = cx.secret.current.credential.owned();
    let compared = current.zip(replaced);
    let is_compared = compared.is_some_and(|(key, it)| shows_end_of(&key, it.value));
    delete_replaced(&cx, pending, is_compared, (&described).into(), journal).await
}

/// Names the keys that createSecret may have created for a version without a value. If it was told that it had stored
/// them, it has named them where nobody looks for trouble.
fn warn_of_keys_not_stored(cx: &StepContext<'_>) {
    for key in cx.secret.current.credential.keys() {
        let name = cx.secret.names.name(key.class, &cx.event.token, 0, "*");
        tracing::warn!(
            secret = cx.reader.secret,
            version = cx.event.token.as_str(),
            class = %key.class,
            name,
            "the version holds no value: if createSecret has succeeded, a key of this name may be left at \
             Datadog (in place of the asterisk it has the day), which the next rotation deletes if it may list it"
        );
    }
}

/// Deletes replaced keys without grace, if an earlier finishSecret promoted and ended before it had.
async fn finish_again(cx: &StepContext<'_>, journal: &mut Journal) -> Result<(), Problem> {
    // Since the promotion its keys may have died: then the replaced ones may be the last that work.
    cx.reader.current_must_work(&cx.secret).await?;
    journal.note(Entry::Promoted);
    // The event's version is AWSCURRENT: its rotation created the keys in it.
    delete_replaced_before(cx, true, journal).await
}

/// Abandons a version that nobody wants to have promoted. It holds the current keys: `RotateImmediately=false` left
/// them there, or a person stored them. Or the tag `leakedVersion` names it.
async fn refuse_unwanted(
    cx: &StepContext<'_>,
    pending: &Version,
    journal: &mut Journal,
) -> Result<(), Problem> {
    if !pending.differs_from(&cx.secret.current) {
        return Err(abandon(cx, pending, Problem::PendingWithoutValue, journal).await);
    }
    match pending.credential.telling_key() {
        Some(key) if cx.has_leaked(pending) => {
            Err(abandon(cx, pending, Problem::PendingKeyDead { key }, journal).await)
        }
        _ => Ok(()),
    }
}

/// Verifies the pending keys, and abandons them if one is dead or not the value's. Returns the application key in
/// AWSCURRENT, if there is one. `since`: a time at which the pending keys were there.
async fn verify_or_abandon(
    cx: &StepContext<'_>,
    pending: &Version,
    since: Option<SystemTime>,
    journal: &mut Journal,
) -> Result<Option<OwnedKeyDetails>, Problem> {
    match cx.reader.verify_pending(&cx.secret, pending, since).await {
        Ok(PendingKeys::Verified { current }) => Ok(current),
        Ok(PendingKeys::Dead(dead)) => Err(abandon(cx, pending, dead.into(), journal).await),
        Err(problem @ Problem::PendingKeyMismatch { .. }) => {
            Err(abandon(cx, pending, problem, journal).await)
        }
        Err(problem) => Err(problem),
    }
}

/// Checks what the next rotation would fail on. Read-only.
async fn check_configuration(cx: &StepContext<'_>) -> Result<(), Problem> {
    let (reader, admin) = (cx.reader, &cx.secret.admin);
    admin.must_work().await?;
    let required = reader.kind.required_scopes();
    if admin.must_have(required).await? == Reach::Unknown {
        tracing::warn!(
            secret = reader.secret,
            "the admin is not shown its own scopes: they were not checked"
        );
    }
    let current = reader.verify_current(&cx.secret).await?;
    // Boxed, as in createSecret.
    let verified = reader.verify_admin_token(admin, current.scopes_to_hand_on());
    if Box::pin(verified).await? == Reach::Unknown {
        tracing::warn!(
            secret = reader.secret,
            "the admin's token is not shown to itself: whether it ends was not checked"
        );
    }
    Ok(())
}
