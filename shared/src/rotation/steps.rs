//! The order of effects, for all secret types. The order is the product.
//!
//! Each effect is preceded by a record of its intent (a key's name in the log, a staging label) and
//! followed by its own record, so that the next invocation can tell what happened. A key is deleted
//! only when no label that must work leads to it. Any step may be invoked twice, late, or beside
//! another invocation of itself; the process may end before and after any call.
//! docs/review/protocol.md has the states, and who cleans up after which death.
//!
//! Two words: a *replaced* key is one that AWSPREVIOUS holds, or that AWSCURRENT held before the
//! promotion (`replaced.rs`). An *orphaned* key is a live key that no version holds (`orphaned.rs`).

use crate::admin::Reach;
use crate::credential::Grace;
use crate::datadog::AppKeyDetails;
use crate::error::Problem;
use crate::event::RotationEvent;
use crate::secrets::CURRENT;

use super::context::{SecretReader, StepContext, TokenVersion, Version};
use super::effects::{Stored, abandon, carry_over, create_keys, promote, promote_copy, store};
use super::journal::{Entry, Journal};
use super::observe::PendingKeys;
use super::orphaned::{delete_orphans, has_unknown_keys};
use super::replaced::{
    delete_left_by_rotation, delete_replaced, delete_replaced_before, delete_two_generations_back,
};

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
    if matches!(versions.token, TokenVersion::Empty) {
        versions.token = reader.late_value(&event.token).await?;
    }
    if versions.is_keyless()? {
        return promote_copy(reader, event, &versions, journal).await;
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
