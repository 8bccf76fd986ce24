//! The order of effects, for all secret types. The order is the product.
//!
//! Each effect is preceded by a record of its intent (a key's name in the log, a staging label) and
//! followed by its own record, so that the next invocation can tell what happened. A key is deleted
//! only when no label that must work leads to it. Any step may be invoked twice, late, or beside
//! another invocation of itself; the process may end before and after any call. docs/review/protocol.md has
//! the states, and who cleans up after which death.

use std::collections::BTreeSet;

use crate::admin::{Admin, Reach};
use crate::credential::{ApiPart, Credential, Grace};
use crate::datadog::AppKeyDetails;
use crate::error::Problem;
use crate::event::RotationEvent;
use crate::keys::{KeyClass, KeyRef};
use crate::secrets::CURRENT;

use super::context::{SecretReader, StepContext, TokenVersion, Version};
use super::decide::{
    Candidates, PutAsideBy, api_key_replaced_by, is_left_by_rotation, is_made_by_hand,
    is_orphan_search_due, replaced_by,
};
use super::effects::{
    Reason, Stored, abandon, carry_over, create_keys, delete, promote, promote_copy, store,
};
use super::journal::{Entry, Journal};
use super::observe::{CurrentKeys, PendingKeys};

/// createSecret: create keys like the current ones, store them as AWSPENDING, delete orphaned keys.
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
        journal.outcome_is("a value is stored already");
        if let Some(dead) = reader.find_dead(&cx.secret, pending).await? {
            return Err(abandon(&cx, pending, dead, journal).await);
        }
        return delete_orphans(&cx, &pending.credential, journal).await;
    }
    // Nothing is changed before all of this has been read and found to be what it should.
    let (current, previous) = tokio::join!(
        reader.verify_current(&cx.secret),
        reader.previous(&cx.secret)
    );
    let current = current?;
    previous?;
    if reader.kind.grace() == Grace::None {
        delete_replaced_before(&cx, current.application.as_ref(), journal).await?;
    }
    let created = create_keys(&cx, &current, journal).await?;
    // From the moment at which the token's version holds a value, no other one can be stored there:
    // only then may keys be deleted by the names of that version.
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

/// setSecret: nothing. A created key works at Datadog from birth.
pub(super) fn set(journal: &mut Journal) {
    journal.outcome_is("nothing to set");
}

/// testSecret: verify the stored keys; without any, check the configuration. No effect, unless a
/// pending key is dead.
pub(super) async fn test(
    reader: SecretReader<'_>,
    event: &RotationEvent,
    journal: &mut Journal,
) -> Result<(), Problem> {
    let mut versions = reader.begin(event).await?;
    if versions.is_keyless()? {
        journal.outcome_is("no keys to verify");
        return Ok(());
    }
    if matches!(versions.token, TokenVersion::Empty) {
        versions.token = reader.late_value(&event.token).await?;
    }
    let cx = reader.context(event, versions).await?;
    match cx.token.filled() {
        Some(pending) if pending.differs_from(&cx.secret.current) => {
            journal.note(Entry::Stored);
            verify_or_abandon(&cx, pending, journal).await?;
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

/// finishSecret: verify once more, promote, and delete what the type's rule says.
///
/// API keys (grace): delete the key two generations back while its label still finds it, then
/// promote. Other types: promote, then delete the replaced keys. At no instant is AWSCURRENT dead.
pub(super) async fn finish(
    reader: SecretReader<'_>,
    event: &RotationEvent,
    journal: &mut Journal,
) -> Result<(), Problem> {
    let mut versions = reader.begin(event).await?;
    let has_grace = reader.kind.grace() == Grace::OneRotation;
    if has_grace && matches!(versions.token, TokenVersion::Current) {
        // Invoked again after the promotion: AWSPREVIOUS is the key with grace by now.
        journal.outcome_is("the version is AWSCURRENT already");
        return Ok(());
    }
    if versions.is_keyless()? {
        return promote_copy(reader, event, &versions, journal).await;
    }
    if matches!(versions.token, TokenVersion::Empty) {
        versions.token = reader.late_value(&event.token).await?;
    }
    let cx = reader.context(event, versions).await?;
    let pending = match &cx.token {
        TokenVersion::Current => return finish_again(&cx, journal).await,
        TokenVersion::Empty => return Err(Problem::PendingWithoutValue),
        TokenVersion::Filled(pending) => pending,
    };
    journal.note(Entry::Stored);
    let replaced = verify_or_abandon(&cx, pending, journal).await?;
    let from = &cx.secret.current.id;
    if has_grace {
        delete_two_generations_back(&cx, journal).await?;
        promote(reader, event, from, journal).await.map(drop)
    } else {
        delete_left_by_rotation(&cx, replaced.as_ref(), journal).await?;
        let promoted = promote(reader, event, from, journal).await?;
        let described = reader.wait_for_replicas(promoted).await?;
        if !described.labels.carries(&event.token, CURRENT) {
            return Err(Problem::LabelsMoved);
        }
        delete_replaced(&cx, pending, journal).await
    }
}

/// finishSecret, invoked again after the promotion, for types without grace.
async fn finish_again(cx: &StepContext<'_>, journal: &mut Journal) -> Result<(), Problem> {
    journal.note(Entry::Promoted);
    let secret = &cx.secret;
    let Some(part) = secret.current.credential.application() else {
        return Ok(());
    };
    let current = secret
        .admin
        .app_key(&part.service_account, &part.id)
        .await?;
    delete_replaced_before(cx, current.as_ref(), journal).await
}

/// Verifies the pending keys, and abandons them if one is dead. Returns the application key in
/// AWSCURRENT, if there is one.
async fn verify_or_abandon(
    cx: &StepContext<'_>,
    pending: &Version,
    journal: &mut Journal,
) -> Result<Option<AppKeyDetails>, Problem> {
    match cx.reader.verify_pending(&cx.secret, pending).await? {
        PendingKeys::Verified { current } => Ok(current),
        PendingKeys::Dead(dead) => Err(abandon(cx, pending, dead, journal).await),
    }
}

/// Types without grace: deletes AWSPREVIOUS's keys, which an earlier rotation replaced and could not
/// delete any more.
async fn delete_replaced_before(
    cx: &StepContext<'_>,
    current: Option<&AppKeyDetails>,
    journal: &mut Journal,
) -> Result<(), Problem> {
    let Some(previous) = cx.reader.previous(&cx.secret).await? else {
        return Ok(());
    };
    let secret = &cx.secret;
    match replaced_by(&secret.names, current, &secret.current, previous) {
        PutAsideBy::Person => Ok(()),
        PutAsideBy::Rotation => delete_previous(cx, previous, journal).await,
    }
}

/// Types without grace, after the promotion: deletes the keys that AWSCURRENT held, with the new
/// pair if the secret is its own admin.
async fn delete_replaced(
    cx: &StepContext<'_>,
    pending: &Version,
    journal: &mut Journal,
) -> Result<(), Problem> {
    let (reader, secret) = (cx.reader, &cx.secret);
    let (replaced, kept) = (&secret.current, pending.credential.keys());
    if secret.rotates_itself {
        let own = reader.admin_secret(secret.description.arn.clone());
        let admin = Admin::of_value(&pending.value, own, pending.created, reader.budget)?;
        delete_version(cx, &admin, replaced, kept, journal).await
    } else {
        delete_version(cx, &secret.admin, replaced, kept, journal).await
    }
}

/// API keys: deletes the one before the current one, while its label still finds it, unless a person
/// put it aside and it is theirs.
async fn delete_two_generations_back(
    cx: &StepContext<'_>,
    journal: &mut Journal,
) -> Result<(), Problem> {
    let secret = &cx.secret;
    let Some(previous) = cx.reader.previous(secret).await? else {
        return Ok(());
    };
    let (Some(current), Some(old)) = (secret.current.credential.api(), previous.credential.api())
    else {
        return Ok(());
    };
    let current = secret.admin.api_key(&current.id).await?;
    // Only beside a current key that a person made does it matter who made the other one.
    if is_made_by_hand(&secret.names, &current) {
        let old = secret.admin.api_key(&old.id).await?;
        if api_key_replaced_by(&secret.names, &current, &old) == PutAsideBy::Person {
            return Ok(());
        }
    }
    delete_previous(cx, previous, journal).await
}

/// Types without grace, before the promotion: deletes keys that a rotation created for AWSPREVIOUS's
/// version and a person then put aside. `current` is the application key in AWSCURRENT: if a
/// rotation created that, createSecret has seen to an older AWSPREVIOUS already, and the keys of a newer
/// one bear names by which the next search finds them.
async fn delete_left_by_rotation(
    cx: &StepContext<'_>,
    current: Option<&AppKeyDetails>,
    journal: &mut Journal,
) -> Result<(), Problem> {
    let (class, secret) = (KeyClass::Application, &cx.secret);
    let is_rotations =
        |key: &AppKeyDetails| secret.names.bears(class, &key.name, &secret.current.id);
    if current.is_some_and(is_rotations) {
        return Ok(());
    }
    let Some(previous) = cx.reader.previous(secret).await? else {
        return Ok(());
    };
    let Some(part) = previous.credential.application() else {
        return Ok(());
    };
    if previous.credential.service_account() != secret.current.credential.service_account() {
        return Ok(());
    }
    let old = secret
        .admin
        .app_key(&part.service_account, &part.id)
        .await?;
    if !is_left_by_rotation(&secret.names, old.as_ref(), &secret.current, previous) {
        return Ok(());
    }
    look_again(cx).await?;
    // The application key, by whose name a pair is known, goes last: an invocation that finds half of
    // the work done must still know the other half for a rotation's.
    let kept = cx.current_and_pending();
    let api: Vec<KeyRef> = previous
        .credential
        .api()
        .map(ApiPart::key_ref)
        .into_iter()
        .collect();
    delete_keys(
        cx,
        &secret.admin,
        &api,
        &kept,
        &previous.credential,
        journal,
    )
    .await?;
    delete_version(cx, &secret.admin, previous, kept, journal).await
}

async fn delete_previous(
    cx: &StepContext<'_>,
    previous: &Version,
    journal: &mut Journal,
) -> Result<(), Problem> {
    look_again(cx).await?;
    let kept = cx.current_and_pending();
    delete_version(cx, &cx.secret.admin, previous, kept, journal).await
}

/// Before what AWSPREVIOUS holds is deleted: waits for the replicas, and makes sure that the labels
/// are where they were.
async fn look_again(cx: &StepContext<'_>) -> Result<(), Problem> {
    let described = cx.secret.description.clone();
    cx.reader.wait_for_replicas(described).await?;
    cx.reader.confirm_labels(&cx.secret).await
}

async fn delete_version(
    cx: &StepContext<'_>,
    admin: &Admin,
    version: &Version,
    kept: Vec<KeyRef>,
    journal: &mut Journal,
) -> Result<(), Problem> {
    let keys = version.credential.keys();
    delete_keys(cx, admin, &keys, &kept, &version.credential, journal).await
}

async fn delete_keys(
    cx: &StepContext<'_>,
    admin: &Admin,
    keys: &[KeyRef],
    kept: &[KeyRef],
    old: &Credential,
    journal: &mut Journal,
) -> Result<(), Problem> {
    let kept = kept.iter().cloned().collect();
    let why = (Reason::Replaced, Some(old));
    delete(cx, admin, Candidates::Named(keys), &kept, why, journal).await
}

/// Deletes keys that this secret's rotations created and no version holds. In this order: versions
/// with labels, their values, list of keys, delete. Only once the token's version is known to hold
/// `stored`.
async fn delete_orphans(
    cx: &StepContext<'_>,
    stored: &Credential,
    journal: &mut Journal,
) -> Result<(), Problem> {
    let (reader, secret) = (cx.reader, &cx.secret);
    // The age of a key counts from before anything is read: the search may itself take long.
    let now = reader.budget.now();
    let secrets = &reader.clients.secrets;
    let labels = secrets.versions(reader.secret, reader.budget).await?;
    let current = &secret.current;
    let known = [
        (&cx.event.token, stored),
        (&current.id, &current.credential),
    ];
    let kept = reader.kept_by(&known, &labels).await?;
    if kept.unreadable.is_some() {
        return Ok(());
    }
    let (listed, _) = reader.list(secret).await?;
    let candidates = Candidates::Orphans {
        listed: &listed,
        names: &secret.names,
        versions: &kept.versions,
        filled: Some(&cx.event.token),
        now,
    };
    let why = (Reason::Orphaned, None);
    delete(cx, &secret.admin, candidates, &kept.keys, why, journal).await
}

/// Returns whether the list that was read before the creation names a key like this secret's that
/// nothing accounts for.
fn has_unknown_keys(
    cx: &StepContext<'_>,
    current: &CurrentKeys,
    stored: &Credential,
    previous: Option<&Version>,
) -> bool {
    let mut known: BTreeSet<KeyRef> = cx.current_and_pending().into_iter().collect();
    known.extend(stored.keys());
    known.extend(previous.into_iter().flat_map(|it| it.credential.keys()));
    known.extend(cx.secret.admin.own_keys());
    is_orphan_search_due(&cx.secret.names, &current.listed, &known)
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
    reader.verify_current(&cx.secret).await.map(drop)
}
