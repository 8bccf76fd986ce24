//! The value of a rotation that is not over.

use super::{Check, Checkup};
use crate::error::Problem;
use crate::rotation::context::{LoadedSecret, SecretReader, Version};
use crate::secrets::{CURRENT, PENDING};

/// Tries the pending keys as createSecret would: it fails on a dead one.
pub(super) async fn examine_pending(
    to: &mut Checkup,
    reader: SecretReader<'_>,
    secret: &LoadedSecret,
) {
    let labels = &secret.description.labels;
    let pending = labels.holder(PENDING);
    let Some(version) = pending.filter(|it| !labels.carries(it, CURRENT)) else {
        return;
    };
    let stored = reader.labelled(version, PENDING).await;
    let stored = stored.and_then(Option::transpose);
    let Some(Some(pending)) = to.take(Check::Versions, stored) else {
        return;
    };
    let found = find_dead(reader, secret, &pending).await;
    let _none = to.take(Check::Versions, found);
}

async fn find_dead(
    reader: SecretReader<'_>,
    secret: &LoadedSecret,
    pending: &Version,
) -> Result<(), Problem> {
    let has_keys = !pending.credential.is_keyless() && !secret.current.credential.is_keyless();
    if !has_keys || !pending.differs_from(&secret.current) {
        return Ok(());
    }
    secret.refuse_other_account(pending)?;
    match reader.find_dead(secret, pending).await? {
        Some(dead) => Err(Problem::PendingKeyDead { key: dead.0 }),
        None => Ok(()),
    }
}
