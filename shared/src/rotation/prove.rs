//! Proof that a stored key works and is like the one that it replaces; and what to do if it
//! never will.

use std::time::Duration;

use super::preflight::is_other_key;
use super::scene::{Scene, Version};
use super::{Candidates, Rotation};
use crate::admin::Lookup;
use crate::budget::Backoff;
use crate::credential::AppPart;
use crate::datadog::Status;
use crate::error::{Problem, State};
use crate::keys::{KeyClass, KeyRef};
use crate::secrets::PREVIOUS;

/// A fresh key may answer 401 or 403 for some seconds; 30 s is the most that is waited for it.
fn propagation() -> Backoff {
    Backoff::new(
        Duration::from_millis(500),
        Duration::from_secs(8),
        Duration::from_secs(30),
    )
}

impl Rotation<'_> {
    /// The pending keys work, belong to the service account, and may do what the current ones
    /// may. Keys that are provably dead are given up.
    pub(super) async fn prove(&mut self, scene: &Scene, pending: &Version) -> Result<(), Problem> {
        let mut backoff = propagation();
        let is_old = pending.is_old(self.budget.now());
        let mut looked = false;
        while !scene.admin.validate(&pending.credential).await? {
            if !looked && let Some(dead) = self.dead_by_id(scene, pending, is_old).await? {
                return Err(self.give_up(scene, pending, dead).await);
            }
            looked = true;
            if !backoff.pause(self.budget).await {
                return Err(match self.dead(scene, pending).await? {
                    Some(dead) => self.give_up(scene, pending, dead).await,
                    None => Problem::NewKeyUnusable,
                });
            }
        }
        match pending.credential.application() {
            Some(part) => self.prove_alike(scene, pending, part).await,
            None => Ok(()),
        }
    }

    async fn prove_alike(
        &mut self,
        scene: &Scene,
        pending: &Version,
        part: &AppPart,
    ) -> Result<(), Problem> {
        let key = KeyRef {
            class: KeyClass::Application,
            id: part.id.clone(),
        };
        let owner = scene.admin.service_account();
        let mut backoff = propagation();
        let new = loop {
            match scene.admin.app_key(owner, &part.id).await? {
                Some(details) => break details,
                None if pending.is_old(self.budget.now()) => {
                    return Err(self.give_up(scene, pending, key).await);
                }
                None if backoff.pause(self.budget).await => {}
                None => return Err(self.give_up(scene, pending, key).await),
            }
        };
        if is_other_key(new.last4.as_deref(), part.key.expose()) {
            return Err(Problem::NewKeyDiffers {
                key,
                difference: "its id is of another key",
            });
        }
        let Some(current) = scene.current.credential.application() else {
            return Ok(());
        };
        match scene.admin.app_key(owner, &current.id).await? {
            Some(old) if old.scopes != new.scopes => Err(Problem::NewKeyDiffers {
                key,
                difference: "its scopes are others",
            }),
            Some(_) => Ok(()),
            // Its scopes were copied when it was there to be read; a dead current key is no
            // reason to keep its successor from taking over.
            None => {
                tracing::warn!(
                    secret = self.secret(),
                    "the current application key is gone: scopes not compared again"
                );
                Ok(())
            }
        }
    }

    /// For createSecret, before anything else is done with a value that is stored already.
    pub(super) async fn refuse_dead(
        &mut self,
        scene: &Scene,
        pending: &Version,
    ) -> Result<(), Problem> {
        let is_old = pending.is_old(self.budget.now());
        if let Some(dead) = self.dead_by_id(scene, pending, is_old).await? {
            return Err(self.give_up(scene, pending, dead).await);
        }
        if is_old
            && let Some(api) = pending.credential.api()
            && matches!(scene.admin.api_key(&api.id).await?, Lookup::Unreadable)
        {
            let mut backoff = propagation();
            while !scene.admin.validate_api_key(&api.key).await? {
                if backoff.pause(self.budget).await {
                    continue;
                }
                if let Some(dead) = self.dead_by_refusal(scene, pending).await? {
                    return Err(self.give_up(scene, pending, dead).await);
                }
                break;
            }
        }
        Ok(())
    }

    async fn dead(&self, scene: &Scene, pending: &Version) -> Result<Option<KeyRef>, Problem> {
        match self.dead_by_id(scene, pending, true).await? {
            Some(dead) => Ok(Some(dead)),
            None => self.dead_by_refusal(scene, pending).await,
        }
    }

    /// A key that is revoked, or whose id is not found; the latter proves something only of a
    /// key that is old enough, or was waited for, to be known everywhere: `is_known`.
    async fn dead_by_id(
        &self,
        scene: &Scene,
        pending: &Version,
        is_known: bool,
    ) -> Result<Option<KeyRef>, Problem> {
        if let Some(part) = pending.credential.application() {
            let owner = scene.admin.service_account();
            if scene.admin.app_key(owner, &part.id).await?.is_none() && is_known {
                return Ok(Some(KeyRef {
                    class: KeyClass::Application,
                    id: part.id.clone(),
                }));
            }
        }
        if let Some(part) = pending.credential.api() {
            let is_dead = match scene.admin.api_key(&part.id).await? {
                Lookup::Gone => is_known,
                Lookup::Found(details) => details.status == Status::Revoked,
                Lookup::Unreadable => false,
            };
            if is_dead {
                return Ok(Some(KeyRef {
                    class: KeyClass::Api,
                    id: part.id.clone(),
                }));
            }
        }
        Ok(None)
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
            && scene.admin.own_api_key_works().await?;
        Ok(is_dead.then(|| KeyRef {
            class: KeyClass::Api,
            id: part.id.clone(),
        }))
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
        let previous = self.labelled(scene, PREVIOUS).await?;
        let mut kept = vec![&scene.current.credential];
        if let Some(Ok(previous)) = &previous {
            kept.push(&previous.credential);
        }
        let (keys, old) = (pending.credential.keys(), Some(&pending.credential));
        self.retire(&scene.admin, Candidates::Named(&keys), &kept, old)
            .await?;
        Ok(self
            .tools
            .secrets
            .abandon(self.secret(), &pending.id, self.budget)
            .await?)
    }
}
