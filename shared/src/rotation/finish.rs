//! finishSecret: promote, and retire what the type's rule says.

use super::scene::{Scene, Standing, Version, lag};
use super::{Candidates, Rotation};
use crate::admin::{Admin, Lookup};
use crate::credential::Grace;
use crate::error::{Problem, State};
use crate::keys::KeyClass;
use crate::secrets::{CURRENT, SecretsError};

impl Rotation<'_> {
    pub(super) async fn finish(&mut self) -> Result<(), Problem> {
        let scene = self.scene().await?;
        match &scene.standing {
            Standing::Current => self.finish_again(&scene).await,
            Standing::Pending(None) => Err(Problem::PendingWithoutValue),
            Standing::Pending(Some(pending)) => {
                self.state = State::Pending;
                self.prove(&scene, pending).await?;
                match self.tools.kind.grace() {
                    Grace::OneRotation => self.retire_then_promote(&scene, pending).await,
                    Grace::None => self.promote_then_retire(&scene, pending).await,
                }
            }
        }
    }

    /// Delivered again after the promotion.
    async fn finish_again(&mut self, scene: &Scene) -> Result<(), Problem> {
        self.state = State::Promoted;
        self.note = "the version is AWSCURRENT already";
        match (
            self.tools.kind.grace(),
            scene.current.credential.application(),
        ) {
            // AWSPREVIOUS is the grace key by now.
            (Grace::OneRotation, _) | (Grace::None, None) => Ok(()),
            (Grace::None, Some(part)) => {
                let details = scene.admin.app_key(&part.service_account, &part.id).await?;
                self.retire_previous(scene, details.as_ref()).await
            }
        }
    }

    /// Two generations live: the one before the current one goes, while its label still finds it.
    async fn retire_then_promote(
        &mut self,
        scene: &Scene,
        pending: &Version,
    ) -> Result<(), Problem> {
        self.note = "promoted; the key two generations back is gone";
        if let Some(previous) = self.previous(scene).await?
            && !self.is_hand_made(scene).await?
        {
            let keys = previous.credential.keys();
            let kept = scene.kept();
            let old = Some(&previous.credential);
            self.retire(&scene.admin, Candidates::Named(&keys), &kept, old)
                .await?;
        }
        self.promote(scene, pending).await
    }

    /// Whether the current API key is known to be no rotation's, neither ours nor the managed
    /// service's: then a person displaced AWSPREVIOUS, and what they put aside is theirs. (If it
    /// is a key that we minted, the next sweep finds it.)
    async fn is_hand_made(&self, scene: &Scene) -> Result<bool, Problem> {
        let Some(api) = scene.current.credential.api() else {
            return Ok(false);
        };
        Ok(match scene.admin.api_key(&api.id).await? {
            Lookup::Found(details) => !scene.names.follows_convention(KeyClass::Api, &details.name),
            Lookup::Gone | Lookup::Unreadable => false,
        })
    }

    /// No instant at which AWSCURRENT is dead: first the new pair is current, then the old one
    /// goes, with the new one's authority if the secret is its own admin.
    async fn promote_then_retire(
        &mut self,
        scene: &Scene,
        pending: &Version,
    ) -> Result<(), Problem> {
        self.note = "promoted; the displaced keys are gone";
        self.promote(scene, pending).await?;
        let keys = scene.current.credential.keys();
        let (kept, old) = ([&pending.credential], Some(&scene.current.credential));
        let candidates = Candidates::Named(&keys);
        if scene.rotates_itself {
            let own = self.own_secret(scene.description.arn.clone());
            let admin = Admin::of_value(&pending.value, own, self.budget)?;
            self.retire(&admin, candidates, &kept, old).await
        } else {
            self.retire(&scene.admin, candidates, &kept, old).await
        }
    }

    /// Moves AWSCURRENT from the version whose value was read, and from no other.
    async fn promote(&mut self, scene: &Scene, pending: &Version) -> Result<(), Problem> {
        self.state = State::PromotionUnknown;
        let (from, to) = (&scene.current.id, &pending.id);
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
                if error.is_definite() {
                    self.state = State::Pending;
                }
                let contradicted = matches!(
                    error.problem,
                    crate::secrets::SecretsProblem::Contradiction { .. }
                );
                return Err(if contradicted {
                    Problem::PromotionRefused
                } else {
                    error.into()
                });
            }
        }
    }
}
