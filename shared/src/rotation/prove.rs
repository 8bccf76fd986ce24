//! Proof that a stored key works and is like the one that it replaces; and what to do if it
//! never will.

use std::time::Duration;

use super::inspection::Version;
use super::preflight::is_other_key;
use super::scene::Scene;
use super::{Candidates, Rotation};
use crate::admin::Lookup;
use crate::budget::Backoff;
use crate::credential::{AppPart, Credential};
use crate::datadog::{AppKeyDetails, Status};
use crate::error::{Problem, State};
use crate::keys::{KeyClass, KeyRef};
use crate::secrets::PENDING;

/// A fresh key may answer 401 or 403 for some seconds; 30 s is the most that is waited for it.
fn propagation() -> Backoff {
    Backoff::new(
        Duration::from_millis(500),
        Duration::from_secs(8),
        Duration::from_secs(30),
    )
}

/// Whether the pending keys work, and what is known of the application keys.
#[derive(Debug)]
pub(super) struct FirstLook {
    works: Result<bool, Problem>,
    new: Result<Option<AppKeyDetails>, Problem>,
    current: Result<Option<AppKeyDetails>, Problem>,
}

impl Rotation<'_> {
    /// What a proof begins with, asked for at once.
    pub(super) async fn first_look(&self, scene: &Scene, pending: &Version) -> FirstLook {
        let admin = &scene.admin;
        let details = |credential: &Credential| {
            let id = credential.application().map(|it| it.id.clone());
            async move {
                match id {
                    Some(id) => admin.app_key(admin.service_account(), &id).await,
                    None => Ok(None),
                }
            }
        };
        let (works, new, current) = tokio::join!(
            admin.validate(&pending.credential),
            details(&pending.credential),
            details(&scene.current.credential),
        );
        FirstLook {
            works,
            new,
            current,
        }
    }

    /// The pending keys work, belong to the service account, and may do what the current ones
    /// may. Keys that are provably dead are given up. Answers what is known of the current
    /// application key.
    pub(super) async fn prove(
        &mut self,
        scene: &Scene,
        pending: &Version,
        first: FirstLook,
    ) -> Result<Option<AppKeyDetails>, Problem> {
        let (mut works, mut backoff) = (first.works?, propagation());
        while !works {
            if let Some(dead) = self.revoked(scene, pending).await? {
                return Err(self.give_up(scene, pending, dead).await);
            }
            if !backoff.pause(self.budget).await {
                let dead = self.dead(scene, pending, &backoff).await?;
                return Err(self.unusable(scene, pending, dead).await);
            }
            works = scene.admin.validate(&pending.credential).await?;
        }
        match pending.credential.application() {
            Some(part) => {
                let (new, current) = (first.new?, first.current?);
                self.prove_alike(scene, part, new, current).await
            }
            None => Ok(None),
        }
    }

    async fn prove_alike(
        &mut self,
        scene: &Scene,
        part: &AppPart,
        new: Option<AppKeyDetails>,
        old: Option<AppKeyDetails>,
    ) -> Result<Option<AppKeyDetails>, Problem> {
        let class = KeyClass::Application;
        let key = KeyRef {
            class,
            id: part.id.clone(),
        };
        let new = match new {
            Some(new) => Some(new),
            None => self.known_app_key(scene, part).await?,
        };
        let Some(new) = new else {
            let difference = "the service account owns no such key";
            return Err(Problem::NewKeyDiffers { key, difference });
        };
        if is_other_key(new.last4.as_deref(), part.key.expose()) {
            let difference = "its id is of another key";
            return Err(Problem::NewKeyDiffers { key, difference });
        }
        let Some(current) = scene.current.credential.application() else {
            return Ok(None);
        };
        match &old {
            // It is about to be deleted by this id: whoever moved AWSCURRENT since createSecret
            // must not have put another's id there.
            Some(old) if is_other_key(old.last4.as_deref(), current.key.expose()) => {
                let key = current.key_ref();
                return Err(Problem::CurrentKeyMismatch { key });
            }
            Some(old) if old.scopes != new.scopes => {
                let difference = "its scopes are others";
                return Err(Problem::NewKeyDiffers { key, difference });
            }
            Some(_) => {}
            // Its scopes were copied when it was there to be read; a dead current key is no
            // reason to keep its successor from taking over.
            None => tracing::warn!(
                secret = self.secret(),
                "the current application key is gone: scopes not compared again"
            ),
        }
        Ok(old)
    }

    /// An application key of the service account that was not found, waited for while it may not
    /// be known everywhere.
    async fn known_app_key(
        &self,
        scene: &Scene,
        part: &AppPart,
    ) -> Result<Option<AppKeyDetails>, Problem> {
        let mut backoff = propagation();
        while backoff.pause(self.budget).await {
            let owner = scene.admin.service_account();
            let found = scene.admin.app_key(owner, &part.id).await?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    async fn unusable(
        &mut self,
        scene: &Scene,
        pending: &Version,
        dead: Option<KeyRef>,
    ) -> Problem {
        match dead {
            Some(dead) => self.give_up(scene, pending, dead).await,
            None => Problem::NewKeyUnusable,
        }
    }

    /// For createSecret, before anything else is done with a value that is stored already. Most
    /// often it is sound, and one look at each key tells.
    pub(super) async fn refuse_dead(
        &mut self,
        scene: &Scene,
        pending: &Version,
    ) -> Result<(), Problem> {
        let mut backoff = propagation();
        while self.looks_dead(scene, pending).await? {
            if let Some(dead) = self.revoked(scene, pending).await? {
                return Err(self.give_up(scene, pending, dead).await);
            }
            if backoff.pause(self.budget).await {
                continue;
            }
            return match self.dead(scene, pending, &backoff).await? {
                Some(dead) => Err(self.give_up(scene, pending, dead).await),
                // testSecret will tell.
                None => Ok(()),
            };
        }
        Ok(())
    }

    /// A key is not found, or, where API keys can't be looked up, is refused though its version
    /// is old.
    async fn looks_dead(&self, scene: &Scene, pending: &Version) -> Result<bool, Problem> {
        if self.missing(scene, pending).await?.is_some() {
            return Ok(true);
        }
        let Some(part) = pending.credential.api() else {
            return Ok(false);
        };
        Ok(match scene.admin.api_key(&part.id).await? {
            Lookup::Found(details) => details.status == Status::Revoked,
            Lookup::Gone => true,
            Lookup::Unreadable => {
                pending.is_old(self.budget.now())
                    && !scene.admin.validate_api_key(&part.key).await?
            }
        })
    }

    /// A key that Datadog still shows, and calls revoked.
    async fn revoked(&self, scene: &Scene, pending: &Version) -> Result<Option<KeyRef>, Problem> {
        let Some(part) = pending.credential.api() else {
            return Ok(None);
        };
        let found = scene.admin.api_key(&part.id).await?;
        let is_revoked = matches!(found, Lookup::Found(it) if it.status == Status::Revoked);
        Ok(is_revoked.then(|| part.key_ref()))
    }

    /// A key whose id is not found. That proves something only of a key that was waited for.
    async fn missing(&self, scene: &Scene, pending: &Version) -> Result<Option<KeyRef>, Problem> {
        if let Some(part) = pending.credential.application() {
            let owner = scene.admin.service_account();
            if scene.admin.app_key(owner, &part.id).await?.is_none() {
                return Ok(Some(part.key_ref()));
            }
        }
        let Some(part) = pending.credential.api() else {
            return Ok(None);
        };
        let is_missing = matches!(scene.admin.api_key(&part.id).await?, Lookup::Gone);
        Ok(is_missing.then(|| part.key_ref()))
    }

    /// What is provably dead, after a whole back-off: one that the invocation's time has cut
    /// short proves nothing.
    async fn dead(
        &self,
        scene: &Scene,
        pending: &Version,
        waited: &Backoff,
    ) -> Result<Option<KeyRef>, Problem> {
        if !waited.is_spent() {
            return Ok(None);
        }
        match self.missing(scene, pending).await? {
            Some(dead) => Ok(Some(dead)),
            None => self.dead_by_refusal(scene, pending).await,
        }
    }

    /// Without `api_keys_read`, and after a whole back-off of refusals: an API key of an old
    /// version that Datadog refuses while it accepts the admin's own.
    async fn dead_by_refusal(
        &self,
        scene: &Scene,
        pending: &Version,
    ) -> Result<Option<KeyRef>, Problem> {
        let Some(part) = pending.credential.api() else {
            return Ok(None);
        };
        let is_dead = pending.is_old(self.budget.now())
            && matches!(scene.admin.api_key(&part.id).await?, Lookup::Unreadable)
            && !scene.admin.validate_api_key(&part.key).await?
            && scene.admin.control_works().await?;
        Ok(is_dead.then(|| part.key_ref()))
    }

    /// A stored value can't be replaced under its token: what else it holds is retired and
    /// AWSPENDING is taken off, so that the next rotation starts afresh.
    async fn give_up(&mut self, scene: &Scene, pending: &Version, key: KeyRef) -> Problem {
        match self.abandon(scene, pending).await {
            Ok(()) => {
                self.state = State::Abandoned;
                Problem::PendingKeyDead { key }
            }
            Err(problem) => problem,
        }
    }

    async fn abandon(&mut self, scene: &Scene, pending: &Version) -> Result<(), Problem> {
        let previous = self.look().previous(scene).await?;
        let mut kept = vec![&scene.current.credential];
        kept.extend(previous.map(|it| &it.credential));
        let (keys, old) = (pending.credential.keys(), Some(&pending.credential));
        self.retire(&scene.admin, Candidates::Named(&keys), &kept, old)
            .await?;
        let secrets = &self.tools.secrets;
        let removed = secrets
            .abandon(self.secret(), &pending.id, self.budget)
            .await;
        let Err(error) = removed else {
            return Ok(());
        };
        // It may have taken effect all the same, before its answer was lost or it was tried again.
        let labels = secrets.describe(self.secret(), self.budget).await?.labels;
        if labels.carries(&pending.id, PENDING) {
            Err(error.into())
        } else {
            Ok(())
        }
    }
}
