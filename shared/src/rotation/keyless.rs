//! The rotation of an admin secret without keys: nothing to do, and done properly.
//!
//! A step that only said "nothing to do" would leave the version that Secrets Manager has made
//! pending for ever, and every later rotation would be told that this one is not complete. So the
//! value moves on to the new version unchanged. Datadog is not asked: the role of this function
//! need not be one that the organisation has mapped.

use super::Rotation;
use super::inspection::Version;
use super::scene::{Standing, Versions};
use crate::error::{Problem, Role, State};
use crate::keys::KeyRef;
use crate::secrets::{PENDING, StoreError};
use crate::value::ValueError;

impl Versions {
    /// Whether there is no key to rotate. A pending value of the other mode is from before
    /// somebody changed it, and must not undo that.
    pub(super) fn is_keyless(&self) -> Result<bool, Problem> {
        let is_keyless = self.current.credential.is_keyless();
        match &self.standing {
            Standing::Pending(Some(pending)) if pending.credential.is_keyless() != is_keyless => {
                let (role, source) = (Role::Pending, ValueError::OtherMode);
                Err(Problem::Malformed { role, source })
            }
            _ => Ok(is_keyless),
        }
    }
}

impl Rotation<'_> {
    /// createSecret.
    pub(super) async fn carry_over(&mut self, versions: &Versions) -> Result<(), Problem> {
        self.note = "no keys to rotate; the value was carried over as AWSPENDING";
        self.name_displaced(versions).await?;
        if matches!(versions.standing, Standing::Pending(Some(_))) {
            self.state = State::Pending;
            return Ok(());
        }
        match self.label_now().await? {
            Some(PENDING) => self.store_copy(&versions.current).await,
            Some(_) => Ok(()),
            None => Err(Problem::PendingLabelLost),
        }
    }

    async fn store_copy(&mut self, current: &Version) -> Result<(), Problem> {
        let (value, same) = (&current.value, &current.credential);
        let copy = value.successor(same, same);
        let secrets = &self.tools.secrets;
        match secrets.store_pending(self.event, &copy, self.budget).await {
            Ok(()) | Err(StoreError::Taken) => {
                self.state = State::Pending;
                Ok(())
            }
            Err(StoreError::Refused(error)) => Err(error.into()),
            Err(StoreError::Unknown(error)) => {
                self.state = State::StoreUnknown { keys: Vec::new() };
                Err(error.into())
            }
        }
    }

    /// finishSecret.
    pub(super) async fn promote_copy(&mut self, versions: &Versions) -> Result<(), Problem> {
        self.note = "no keys to rotate; the value was carried over";
        match &versions.standing {
            Standing::Current => Ok(()),
            Standing::Pending(None) => Err(Problem::PendingWithoutValue),
            Standing::Pending(Some(pending)) => {
                self.promote(&versions.current.id, &pending.id).await
            }
        }
    }

    /// Keys of before the secret became keyless: whether a way back to them is still wanted, only
    /// a person knows. With this rotation the last label goes that leads to them.
    async fn name_displaced(&self, versions: &Versions) -> Result<(), Problem> {
        let previous = self.look().previous_of(&versions.description).await?;
        let keys = previous.map(|it| it.credential.keys()).unwrap_or_default();
        if !keys.is_empty() {
            let keys: Vec<_> = keys.iter().map(KeyRef::to_string).collect();
            tracing::warn!(
                secret = self.secret(),
                ?keys,
                "keys of the version before may still work: delete them at Datadog if nothing \
                 needs them"
            );
        }
        Ok(())
    }
}
