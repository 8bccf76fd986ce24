//! Whether a new application key or token is like the one that it replaces.

use super::keys::{is_other_key, patience, propagation_backoff};
use crate::credential::OwnedKey;
use crate::datadog::OwnedKeyDetails;
use crate::error::Problem;
use crate::keys::KeyRef;

use crate::rotation::context::{LoadedSecret, SecretReader};

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
        let new = match new {
            Some(new) => Some(new),
            None => self.find_owned_key(secret, &owned.key).await?,
        };
        let new = new.ok_or_else(|| differs("the service account owns no such key"))?;
        if is_other_key(new.shown.as_deref(), owned.value) {
            return Err(differs("its ID is of another key"));
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

    /// Returns whether the new key differs from the current one at each look of some seconds, by its
    /// value or by its scopes. What makes no difference here is only a reason to try again: no key is
    /// promoted on the last of answers that contradict each other.
    pub(super) async fn differs_for_long(
        &self,
        secret: &LoadedSecret,
        owned: &OwnedKey<'_>,
    ) -> Result<bool, Problem> {
        let Some(current) = secret.current.credential.owned() else {
            return Ok(false);
        };
        let account = secret.admin.service_account();
        let mut backoff = patience();
        while backoff.pause(self.budget).await {
            let (new, old) = tokio::join!(
                secret.admin.owned_key(account, &owned.key),
                secret.admin.owned_key(account, &current.key),
            );
            let (Some(new), Some(old)) = (new?, old?) else {
                return Ok(false);
            };
            let has_other_scopes = match (&new.scopes, &old.scopes) {
                (Some(of_new), Some(of_old)) => of_new != of_old,
                _ => false,
            };
            if !has_other_scopes && !is_other_key(new.shown.as_deref(), owned.value) {
                return Ok(false);
            }
        }
        // A deadline that cut it short leaves it to the next invocation.
        Ok(backoff.is_spent())
    }

    /// Waits for a key of the service account that was not found: it may not be known everywhere.
    async fn find_owned_key(
        &self,
        secret: &LoadedSecret,
        key: &KeyRef,
    ) -> Result<Option<OwnedKeyDetails>, Problem> {
        let mut backoff = propagation_backoff();
        while backoff.pause(self.budget).await {
            let owner = secret.admin.service_account();
            let found = secret.admin.owned_key(owner, key).await?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}
