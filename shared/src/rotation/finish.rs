//! finishSecret: promote, and retire what the type's rule says.

use super::inspection::{Version, lag};
use super::scene::{Scene, Standing};
use super::settle::owned_alike;
use super::{Candidates, Rotation};
use crate::admin::{Admin, Lookup};
use crate::credential::Grace;
use crate::datadog::{ApiKeyDetails, AppKeyDetails};
use crate::error::{Problem, State};
use crate::event::VersionId;
use crate::keys::{KeyClass, KeyRef};
use crate::secrets::{CURRENT, PREVIOUS, SecretsError, SecretsProblem};

impl Rotation<'_> {
    pub(super) async fn finish(&mut self) -> Result<(), Problem> {
        let versions = self.versions().await?;
        let is_grace = self.tools.kind.grace() == Grace::OneRotation;
        if is_grace && matches!(versions.standing, Standing::Current) {
            // Delivered again after the promotion: AWSPREVIOUS is the grace key by now.
            self.note = "the version is AWSCURRENT already";
            return Ok(());
        }
        if versions.is_keyless()? {
            return self.promote_copy(&versions).await;
        }
        let scene = self.scene_of(versions).await?;
        match &scene.standing {
            Standing::Current => self.finish_again(&scene).await,
            Standing::Pending(None) => Err(Problem::PendingWithoutValue),
            Standing::Pending(Some(pending)) => {
                self.state = State::Pending;
                if is_grace {
                    self.note = "promoted; the key two generations back is gone";
                    let (first, displacer) =
                        tokio::join!(self.first_look(&scene, pending), self.displacer(&scene));
                    self.prove(&scene, pending, first).await?;
                    self.retire_unless_put_aside(&scene, displacer?).await?;
                    self.promote(&scene.current.id, &pending.id).await
                } else {
                    let first = self.first_look(&scene, pending).await;
                    let replaced = self.prove(&scene, pending, first).await?;
                    self.retire_orphans(&scene, replaced.as_ref()).await?;
                    self.promote_then_retire(&scene, pending).await
                }
            }
        }
    }

    /// Delivered again after the promotion, for types without grace.
    async fn finish_again(&mut self, scene: &Scene) -> Result<(), Problem> {
        self.state = State::Promoted;
        self.note = "the version is AWSCURRENT already";
        let Some(part) = scene.current.credential.application() else {
            return Ok(());
        };
        let details = scene.admin.app_key(&part.service_account, &part.id).await?;
        self.retire_previous(scene, details.as_ref()).await
    }

    /// API keys: two generations live. The one before the current one goes while its label still
    /// finds it, unless a person displaced it and it is theirs.
    async fn retire_unless_put_aside(
        &mut self,
        scene: &Scene,
        displacer: Option<Lookup<ApiKeyDetails>>,
    ) -> Result<(), Problem> {
        match (self.look().previous(scene).await?, displacer) {
            (Some(previous), Some(displacer))
                if !self.is_put_aside(scene, previous, &displacer).await? =>
            {
                self.retire_version(scene, previous).await
            }
            _ => Ok(()),
        }
    }

    /// The current API key, if there is one that it has displaced. Reads AWSPREVIOUS beside it.
    async fn displacer(&self, scene: &Scene) -> Result<Option<Lookup<ApiKeyDetails>>, Problem> {
        let current = scene.current.credential.api();
        let Some(current) = current.filter(|_| scene.description.labels.holder(PREVIOUS).is_some())
        else {
            return Ok(None);
        };
        let look = self.look();
        let (previous, found) =
            tokio::join!(look.previous(scene), scene.admin.api_key(&current.id));
        match previous? {
            Some(_) => Ok(Some(found?)),
            None => Ok(None),
        }
    }

    /// Whether a person made both the current API key, so that it was they who displaced the
    /// previous one, and the previous one. Rotations' keys bear names of the convention, those of
    /// the managed service too. Without `api_keys_read` labels have to do.
    async fn is_put_aside(
        &self,
        scene: &Scene,
        previous: &Version,
        displacer: &Lookup<ApiKeyDetails>,
    ) -> Result<bool, Problem> {
        let is_a_persons = |key: &Lookup<ApiKeyDetails>| match key {
            Lookup::Found(it) => !scene.names.follows_convention(KeyClass::Api, &it.name),
            Lookup::Gone | Lookup::Unreadable => false,
        };
        match previous.credential.api() {
            Some(api) if is_a_persons(displacer) => {
                Ok(is_a_persons(&scene.admin.api_key(&api.id).await?))
            }
            _ => Ok(false),
        }
    }

    /// Types without grace: keys that a rotation minted for AWSPREVIOUS's version and a person
    /// displaced. With the promotion the version loses its last label, and once it is purged
    /// nothing leads to its keys any more. `current` is the application key in AWSCURRENT: if a
    /// rotation minted that, createSecret has settled already.
    async fn retire_orphans(
        &mut self,
        scene: &Scene,
        current: Option<&AppKeyDetails>,
    ) -> Result<(), Problem> {
        let class = KeyClass::Application;
        if current.is_some_and(|key| scene.names.bears(class, &key.name, &scene.current.id)) {
            return Ok(());
        }
        let Some(previous) = self.look().previous(scene).await? else {
            return Ok(());
        };
        let Some(part) = previous.credential.application() else {
            return Ok(());
        };
        if !owned_alike(previous, &scene.current) {
            return Ok(());
        }
        match scene.admin.app_key(&part.service_account, &part.id).await? {
            Some(key) if scene.names.bears(class, &key.name, &previous.id) => {}
            _ => return Ok(()),
        }
        // The application key, by whose name a pair is known, goes last: a delivery that finds
        // half of the work done must still know the other half for a rotation's.
        self.retire_api_half(scene, previous).await?;
        self.retire_version(scene, previous).await
    }

    async fn retire_api_half(&mut self, scene: &Scene, version: &Version) -> Result<(), Problem> {
        let keys = version.credential.keys();
        let api: Vec<KeyRef> = keys
            .into_iter()
            .filter(|key| key.class == KeyClass::Api)
            .collect();
        let (kept, old) = (scene.kept(), Some(&version.credential));
        self.retire(&scene.admin, Candidates::Named(&api), &kept, old)
            .await
    }

    async fn retire_version(&mut self, scene: &Scene, version: &Version) -> Result<(), Problem> {
        let (keys, kept) = (version.credential.keys(), scene.kept());
        let old = Some(&version.credential);
        self.retire(&scene.admin, Candidates::Named(&keys), &kept, old)
            .await
    }

    /// No instant at which AWSCURRENT is dead: first the new pair is current, then the old one
    /// goes, with the new one's authority if the secret is its own admin.
    async fn promote_then_retire(
        &mut self,
        scene: &Scene,
        pending: &Version,
    ) -> Result<(), Problem> {
        self.note = "promoted; the displaced keys are gone";
        self.promote(&scene.current.id, &pending.id).await?;
        let keys = scene.current.credential.keys();
        let (kept, old) = ([&pending.credential], Some(&scene.current.credential));
        let candidates = Candidates::Named(&keys);
        if scene.rotates_itself {
            let own = self.look().admin_secret(scene.description.arn.clone());
            let admin = Admin::of_value(&pending.value, own, self.budget)?;
            self.retire(&admin, candidates, &kept, old).await
        } else {
            self.retire(&scene.admin, candidates, &kept, old).await
        }
    }

    /// Moves AWSCURRENT from the version whose value was read, and from no other.
    pub(super) async fn promote(
        &mut self,
        from: &VersionId,
        to: &VersionId,
    ) -> Result<(), Problem> {
        self.state = State::PromotionUnknown;
        let moved = self
            .tools
            .secrets
            .promote(self.secret(), from, to, self.budget)
            .await;
        if let Err(error) = moved {
            self.confirm_promotion(error).await?;
        }
        self.state = State::Promoted;
        Ok(())
    }

    /// Refused, or its answer lost: AWSCURRENT on our token is success all the same.
    async fn confirm_promotion(&mut self, error: SecretsError) -> Result<(), Problem> {
        let mut lag = lag();
        loop {
            let labels = self
                .tools
                .secrets
                .describe(self.secret(), self.budget)
                .await?
                .labels;
            if labels.carries(self.token(), CURRENT) {
                return Ok(());
            }
            if !lag.pause(self.budget).await {
                let contradicted = matches!(error.problem, SecretsProblem::Contradiction { .. });
                // A contradiction may answer the second try of a promotion that took effect.
                if error.is_definite() && !contradicted {
                    self.state = State::Pending;
                }
                return Err(if contradicted {
                    Problem::PromotionRefused
                } else {
                    error.into()
                });
            }
        }
    }
}
