//! Deletes replaced keys: those that AWSPREVIOUS holds, and after the promotion those that AWSCURRENT
//! held before.
//!
//! A key under AWSPREVIOUS belongs to a rotation, which deletes it, or to a person who moved a label:
//! then it stays. `decide.rs` tells them apart by names and ages. Keys without grace:
//!
//! | the key in AWSCURRENT | AWSPREVIOUS | the key in AWSPREVIOUS |
//! |---|---|---|
//! | bears its own version's name | is older | is the rotation's, which replaced it |
//! | bears its own version's name | is not older | stays: a person moved the labels back |
//! | does not | holds a key of its own version's name | is the rotation's, which created it |
//! | does not | does not | is a person's |
//!
//! The key of the second row is found by its name, as an orphaned key, once its version has no label.
//!
//! Keys with grace, and keys without it by tag alone: finishSecret deletes the key that is under AWSPREVIOUS before the promotion. That key
//! is a person's only if the one in AWSCURRENT was made by hand too.
//!
//! Which keys have grace, their type says, or the tag `graceRotations`. Those of the version that the tag
//! `leakedVersion` names have none: they are deleted whoever moved a label.

use crate::admin::Admin;
use crate::credential::{ApiPart, Credential, Grace};
use crate::datadog::OwnedKeyDetails;
use crate::error::Problem;
use crate::keys::{KeyClass, KeyRef};
use crate::protected::ProtectedKeys;
use crate::secrets::{PENDING, PREVIOUS};

use super::context::{SeenLabels, StepContext, Version};
use super::decide::{
    Candidates, PutAsideBy, graced_key_replaced_by, is_left_by_rotation, is_made_by_hand,
    replaced_by,
};
use super::effects::{Grounds, Reason, delete};
use super::journal::Journal;

/// Deletes AWSPREVIOUS's keys if they have no grace, and an earlier rotation replaced them and ended
/// before it deleted them. `is_current_rotations`: whether a rotation created the keys in AWSCURRENT.
pub(super) async fn delete_replaced_before(
    cx: &StepContext<'_>,
    is_current_rotations: bool,
    journal: &mut Journal,
) -> Result<(), Problem> {
    if previous_grace(cx) != Some(Grace::None) {
        return Ok(());
    }
    if has_leaked_before(cx) {
        return delete_leaked(cx, journal).await;
    }
    let Some(previous) = cx.reader.previous(&cx.secret).await? else {
        return Ok(());
    };
    if is_out_of_reach(cx, previous) {
        return Ok(());
    }
    match replaced_by(is_current_rotations, &cx.secret.current, previous) {
        PutAsideBy::Person => Ok(()),
        // Whose ID stands there a person may have chosen, who moved the label to a value of their own.
        PutAsideBy::Rotation => delete_previous(cx, previous, Reason::Unverified, journal).await,
    }
}

/// Deletes the keys that AWSCURRENT held before the promotion and that have no grace. A pair that is its
/// own admin deletes them with the new pair. `is_compared`: whether this step has compared the ID of their
/// application key with its value. `promoted`: the labels since the promotion.
pub(super) async fn delete_replaced(
    cx: &StepContext<'_>,
    pending: &Version,
    is_compared: bool,
    promoted: SeenLabels<'_>,
    journal: &mut Journal,
) -> Result<(), Problem> {
    let (reader, secret) = (cx.reader, &cx.secret);
    let replaced = &secret.current;
    let grounds = Grounds {
        reason: if is_compared {
            Reason::Replaced
        } else {
            Reason::Unverified
        },
        old: Some(&replaced.credential),
        labels: Some(promoted),
    };
    let mut kept = ProtectedKeys::default();
    kept.add(&pending.credential);
    if secret.rotates_itself {
        let own = reader.admin_secret(secret.description.arn.clone());
        let admin = Admin::of_value(&pending.value, own, pending.created, reader.deadline)?;
        kept.merge(&secret.admin.keys_of_twin().await?);
        delete_keys(cx, &admin, &kept, grounds, journal).await
    } else {
        delete_keys(cx, &secret.admin, &kept, grounds, journal).await
    }
}

/// Deletes what is under AWSPREVIOUS, before the promotion takes that label off.
///
/// `current` is the application key in AWSCURRENT.
pub(super) async fn delete_before_promotion(
    cx: &StepContext<'_>,
    current: Option<&OwnedKeyDetails>,
    journal: &mut Journal,
) -> Result<(), Problem> {
    match (cx.reader.kind.grace(), previous_grace(cx)) {
        (_, None) => Ok(()),
        // The tag may be younger than the pending value.
        _ if has_leaked_before(cx) => delete_leaked(cx, journal).await,
        (Grace::None, Some(Grace::None)) => delete_left_by_rotation(cx, current, journal).await,
        // Of a type with grace also without it, by tag: no name would tell whose an API key is, once its
        // label is off, if the admin lacks api_keys_read.
        _ => delete_two_generations_back(cx, journal).await,
    }
}

/// Returns whether the tag `leakedVersion` names the version under AWSPREVIOUS.
fn has_leaked_before(cx: &StepContext<'_>) -> bool {
    let description = &cx.secret.description;
    let previous = description.labels.holder(PREVIOUS);
    previous.is_some_and(|version| description.grace.has_leaked(version))
}

/// Deletes the leaked keys under AWSPREVIOUS, whoever moved that label.
async fn delete_leaked(cx: &StepContext<'_>, journal: &mut Journal) -> Result<(), Problem> {
    let Some(previous) = cx.reader.previous(&cx.secret).await? else {
        return Ok(());
    };
    if is_out_of_reach(cx, previous) {
        return Ok(());
    }
    delete_previous(cx, previous, Reason::Unverified, journal).await
}

/// Returns whether AWSPREVIOUS's keys are another service account's, where this admin can neither find nor
/// delete them. Says so in the log: a promotion takes the last label off the version that names them.
fn is_out_of_reach(cx: &StepContext<'_>, previous: &Version) -> bool {
    let (current, old) = (&cx.secret.current.credential, &previous.credential);
    let is_so = current.service_account() != old.service_account();
    if is_so {
        let keys: Vec<_> = old.keys().iter().map(KeyRef::to_string).collect();
        tracing::warn!(
            secret = cx.reader.secret,
            ?keys,
            "the keys under AWSPREVIOUS are another service account's and stay alive: delete them at \
             Datadog once nobody uses them"
        );
    }
    is_so
}

/// Returns the grace period of the keys under AWSPREVIOUS; `None` if no version carries that label.
fn previous_grace(cx: &StepContext<'_>) -> Option<Grace> {
    let previous = cx.secret.description.labels.holder(PREVIOUS);
    previous.map(|version| cx.grace_of(version))
}

/// Keys with grace, or without it by tag alone: deletes what is under AWSPREVIOUS. A key that a person made and moved there stays.
async fn delete_two_generations_back(
    cx: &StepContext<'_>,
    journal: &mut Journal,
) -> Result<(), Problem> {
    let secret = &cx.secret;
    let Some(previous) = cx.reader.previous(secret).await? else {
        return Ok(());
    };
    if is_out_of_reach(cx, previous) {
        return Ok(());
    }
    let (current, old) = (&secret.current.credential, &previous.credential);
    let Some((current, old)) = current.telling_key().zip(old.telling_key()) else {
        return Ok(());
    };
    let (class, made_as) = (current.class, secret.admin.key_name(&current).await?);
    // Who made the older key matters only if the current one was made by hand.
    if is_made_by_hand(&secret.names, class, &made_as) {
        let old = secret.admin.key_name(&old).await?;
        if graced_key_replaced_by(&secret.names, class, &made_as, &old) == PutAsideBy::Person {
            return Ok(());
        }
    }
    delete_previous(cx, previous, Reason::Graced, journal).await
}

/// Keys without grace: deletes those that a rotation created and a person then moved to AWSPREVIOUS.
///
/// `current` is the application key in AWSCURRENT. If a rotation created it, nothing is to do here:
/// createSecret has dealt with an older AWSPREVIOUS, and the next search finds the keys of a newer
/// one by their names.
async fn delete_left_by_rotation(
    cx: &StepContext<'_>,
    current: Option<&OwnedKeyDetails>,
    journal: &mut Journal,
) -> Result<(), Problem> {
    let (class, secret) = (KeyClass::Application, &cx.secret);
    let is_rotations =
        |key: &OwnedKeyDetails| secret.names.bears(class, &key.name, &secret.current.id);
    if current.is_some_and(is_rotations) {
        return Ok(());
    }
    let Some(previous) = cx.reader.previous(secret).await? else {
        return Ok(());
    };
    let Some(part) = previous.credential.application() else {
        return Ok(());
    };
    if is_out_of_reach(cx, previous) {
        return Ok(());
    }
    let old = secret
        .admin
        .app_key(&part.service_account, &part.id)
        .await?;
    if !is_left_by_rotation(&secret.names, old.as_ref(), &secret.current, previous) {
        return Ok(());
    }
    wait_for_replicas(cx).await?;
    // A pair is recognised by its application key's name. So that key goes last: if this invocation
    // ends in between, the next one must still recognise the other half.
    let kept = cx.kept();
    let api: Vec<KeyRef> = previous
        .credential
        .api()
        .map(ApiPart::key_ref)
        .into_iter()
        .collect();
    let grounds = grounds_of(cx, previous, Reason::Replaced);
    let named = Candidates::Named(&api);
    delete(cx, &secret.admin, named, &kept, grounds, journal).await?;
    delete_keys(cx, &secret.admin, &kept, grounds, journal).await
}

async fn delete_previous(
    cx: &StepContext<'_>,
    previous: &Version,
    reason: Reason,
    journal: &mut Journal,
) -> Result<(), Problem> {
    wait_for_replicas(cx).await?;
    if reason != Reason::Graced {
        cx.reader.wait_for_young_current(&cx.secret).await?;
    }
    let grounds = grounds_of(cx, previous, reason);
    delete_keys(cx, &cx.secret.admin, &cx.kept(), grounds, journal).await
}

/// Before AWSPREVIOUS's keys are deleted: a replica may serve them.
async fn wait_for_replicas(cx: &StepContext<'_>) -> Result<(), Problem> {
    let described = cx.secret.description.clone();
    cx.reader.wait_for_replicas(described).await.map(drop)
}

/// The keys under AWSPREVIOUS are its version's by the labels that the step began with.
fn grounds_of<'a>(cx: &'a StepContext<'_>, previous: &'a Version, reason: Reason) -> Grounds<'a> {
    Grounds {
        reason,
        old: Some(&previous.credential),
        labels: Some((&cx.secret.description).into()),
    }
}

async fn delete_keys(
    cx: &StepContext<'_>,
    admin: &Admin,
    kept: &ProtectedKeys,
    grounds: Grounds<'_>,
    journal: &mut Journal,
) -> Result<(), Problem> {
    let keys = grounds.old.map(Credential::keys).unwrap_or_default();
    let mut kept = kept.clone();
    // Another rotation has begun: a person may have gone back to the replaced keys by it.
    let holder = grounds.labels.and_then(|seen| seen.labels.holder(PENDING));
    if let Some(another) = holder.filter(|it| **it != cx.event.token) {
        match cx.reader.labelled(another, PENDING).await? {
            None => {}
            Some(Ok(version)) => kept.add(&version.credential),
            Some(Err(problem)) => {
                let secret = cx.reader.secret;
                tracing::warn!(secret, %problem, "AWSPENDING may name the replaced keys: they are left alone");
                return Ok(());
            }
        }
    }
    delete(cx, admin, Candidates::Named(&keys), &kept, grounds, journal).await
}
