//! Deletes orphaned keys: live keys that a rotation of this secret created and none of AWSCURRENT, AWSPENDING and
//! AWSPREVIOUS holds.

use std::collections::BTreeSet;

use tokio::time::Instant;

use crate::credential::Credential;
use crate::error::Problem;
use crate::keys::KeyRef;

use super::context::{SeenLabels, StepContext, Version};
use super::decide::{Candidates, is_orphan_search_due};
use super::effects::{Grounds, Reason, delete};
use super::journal::Journal;
use super::observe::CurrentKeys;

/// Deletes orphaned keys. In this order: read which versions have these labels, then their values, list the
/// keys, delete. Only once the token's version is known to hold `stored`.
pub(super) async fn delete_orphans(
    cx: &StepContext<'_>,
    stored: &Credential,
    journal: &mut Journal,
) -> Result<(), Problem> {
    let (reader, secret) = (cx.reader, &cx.secret);
    // The age of a key counts from before anything is read: the search may itself take long.
    let now = reader.now();
    let is_replicated = is_replicated(cx).await?;
    let secrets = &reader.clients.secrets;
    let asked_at = Instant::now();
    let mut labels = secrets.versions(reader.secret, reader.deadline).await?;
    labels.merge(&secret.description.labels);
    let current = &secret.current;
    let known = [
        (&cx.event.token, stored),
        (&current.id, &current.credential),
    ];
    let mut kept = reader.kept_by(&known, &labels).await?;
    if kept.unreadable.is_some() {
        return Ok(());
    }
    if !is_replicated {
        kept.versions.clear();
    }
    let in_use = reader.in_use(secret, &labels);
    let listed = reader.list(secret).await?.keys;
    let candidates = Candidates::Orphans {
        listed: &listed,
        names: &secret.names,
        versions: &kept.versions,
        in_use: &in_use,
        filled: Some(&cx.event.token),
        now,
    };
    let labels = &labels;
    let grounds = Grounds {
        reason: Reason::Orphaned,
        old: None,
        labels: Some(SeenLabels { labels, asked_at }),
    };
    delete(cx, &secret.admin, candidates, &kept.keys, grounds, journal).await
}

/// Returns whether every replica has what the secret has. Which key another one serves is not known:
/// it may be a key of any earlier version.
async fn is_replicated(cx: &StepContext<'_>) -> Result<bool, Problem> {
    let described = cx.secret.description.clone();
    match cx.reader.wait_for_replicas(described).await {
        Ok(_) => Ok(true),
        Err(problem @ (Problem::ReplicaFailed { .. } | Problem::ReplicaBehind { .. })) => {
            tracing::warn!(
                secret = %cx.reader.secret,
                %problem,
                "orphaned keys of earlier versions are left to a later rotation: the replica may \
                 serve one of them"
            );
            Ok(false)
        }
        Err(problem) => Err(problem),
    }
}

/// Returns whether the list that was read before the creation names a key like this secret's that
/// nothing accounts for.
pub(super) fn has_unknown_keys(
    cx: &StepContext<'_>,
    current: &CurrentKeys,
    stored: &Credential,
    previous: Option<&Version>,
) -> bool {
    let mut known: BTreeSet<KeyRef> = cx.kept().keys().clone();
    known.extend(stored.keys());
    known.extend(previous.into_iter().flat_map(|it| it.credential.keys()));
    known.extend(cx.secret.admin.own_keys());
    is_orphan_search_due(&cx.secret.names, &current.listed, &known)
}
