//! Whether a new application key or token is like the one that it replaces.

use super::keys::{is_other_key, lag_backoff};
use crate::credential::OwnedKey;
use crate::datadog::OwnedKeyDetails;
use crate::error::Problem;
use crate::keys::KeyRef;

use crate::rotation::context::{LoadedSecret, SecretReader};
use crate::rotation::decide::LAG_OF_NEW_KEYS;

impl SecretReader<'_> {
    /// Returns the current key, if it is there and the new one is like it.
    pub(super) async fn compare(
        &self,
        secret: &LoadedSecret,
        owned: &OwnedKey<'_>,
        new: Option<OwnedKeyDetails>,
        old: Option<OwnedKeyDetails>,
    ) -> Result<Option<OwnedKeyDetails>, Problem> {
        let key = owned.key.clone();
        let differs = |difference| Problem::NewKeyDiffers {
            key: key.clone(),
            difference,
        };
        let mismatch = |difference| Problem::PendingKeyMismatch {
            key: key.clone(),
            difference,
        };
        let is_other = |it: &OwnedKeyDetails| is_other_key(it.shown.as_deref(), owned.value);
        let new = match new {
            Some(new) if !is_other(&new) => Some(new),
            // A mismatch abandons the version: it takes two answers.
            _ => self.find_owned_key(secret, &owned.key).await?,
        };
        let new = new.ok_or_else(|| mismatch("the service account owns no such key"))?;
        if is_other(&new) {
            return Err(mismatch("its ID is of another key"));
        }
        let Some(current) = secret.current.credential.owned() else {
            return Ok(None);
        };
        let Some(old) = old else {
            // Its scopes were copied when it was there to be read; a dead current key is no reason
            // to keep its successor from taking over.
            tracing::warn!(
                secret = self.secret,
                key = %current.key,
                "the current key is gone: scopes not compared again"
            );
            return Ok(None);
        };
        // It is about to be deleted by this ID: whoever moved AWSCURRENT since createSecret must not
        // have put another's ID there.
        if is_other_key(old.shown.as_deref(), current.value) {
            let key = current.key;
            return Err(Problem::CurrentKeyMismatch { key });
        }
        let of_old = old.scopes.as_ref().ok_or_else(|| Problem::ScopesUnknown {
            key: current.key.clone(),
        })?;
        let of_new = new.scopes.as_ref().ok_or_else(|| Problem::ScopesUnknown {
            key: owned.key.clone(),
        })?;
        if of_old == of_new {
            Ok(Some(old))
        } else {
            Err(differs("its scopes are others"))
        }
    }

    /// Looks a key of the service account up again that works. If it is not found it may not be known everywhere.
    async fn find_owned_key(
        &self,
        secret: &LoadedSecret,
        key: &KeyRef,
    ) -> Result<Option<OwnedKeyDetails>, Problem> {
        let mut backoff = lag_backoff(LAG_OF_NEW_KEYS);
        while backoff.pause(self.deadline).await {
            let owner = secret.admin.service_account();
            let found = secret.admin.owned_key(owner, key).await?;
            if found.is_some() {
                return Ok(found);
            }
        }
        // A wait that the deadline cut short proves nothing.
        if backoff.is_spent() {
            Ok(None)
        } else {
            Err(Problem::NewKeyUnusable)
        }
    }
}
