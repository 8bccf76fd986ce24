//! createSecret: preflight, settle, mint, store, sweep.

use super::scene::{Scene, Standing, Version, lag};
use super::{Candidates, Rotation};
use crate::credential::Credential;
use crate::error::{Problem, Role, State};
use crate::secrets::{CURRENT, PENDING, StoreError};

impl Rotation<'_> {
    pub(super) async fn create(&mut self) -> Result<(), Problem> {
        let scene = self.scene().await?;
        let stored = match &scene.standing {
            Standing::Current => {
                self.note = "the version is AWSCURRENT already";
                return Ok(());
            }
            Standing::Pending(Some(pending)) => {
                self.state = State::Pending;
                self.note = "a value is stored already";
                self.refuse_dead(&scene, pending).await?;
                pending.credential.clone()
            }
            Standing::Pending(None) => {
                self.note = "minted and stored as AWSPENDING";
                self.make(&scene).await?
            }
        };
        self.sweep(&scene, &stored).await
    }

    /// Answers the credential that the version holds in the end, which may be another
    /// delivery's.
    async fn make(&mut self, scene: &Scene) -> Result<Credential, Problem> {
        let found = self.preflight(scene).await?;
        self.settle(scene, &found).await?;
        let minted = self.mint(scene, &found).await?;
        match self.still_pending().await {
            Ok(true) => {}
            Ok(false) => return Err(self.undo(scene, &minted, Problem::PendingLabelLost).await),
            Err(problem) => return Err(self.undo(scene, &minted, problem).await),
        }
        self.store(scene, minted).await
    }

    /// Whether the token still carries AWSPENDING, and not AWSCURRENT: a delivery that was
    /// overtaken must not put its label back.
    async fn still_pending(&self) -> Result<bool, Problem> {
        let mut lag = lag();
        loop {
            let labels = self
                .tools
                .secrets
                .describe(self.secret(), self.budget)
                .await?
                .labels;
            if labels.carries(self.token(), CURRENT) {
                return Ok(false);
            }
            if labels.carries(self.token(), PENDING) {
                return Ok(true);
            }
            if !lag.pause(self.budget).await {
                return Ok(false);
            }
        }
    }

    async fn store(&mut self, scene: &Scene, minted: Credential) -> Result<Credential, Problem> {
        let value = scene
            .current
            .value
            .successor(&scene.current.credential, &minted);
        let stale = scene.current.value.stale_aliases(&scene.current.credential);
        if !stale.is_empty() {
            tracing::warn!(
                secret = self.secret(),
                fields = ?stale,
                "fields named like a key hold another one: they were left as they are"
            );
        }
        match self
            .tools
            .secrets
            .store_pending(self.event, &value, self.budget)
            .await
        {
            Ok(()) => {
                self.state = State::Pending;
                Ok(minted)
            }
            Err(StoreError::Taken) => {
                self.note = "another delivery stored its keys first";
                self.delete_unstored(scene, &minted).await?;
                self.state = State::Pending;
                Ok(self.stored().await?.credential)
            }
            Err(StoreError::Refused(error)) => Err(self.undo(scene, &minted, error.into()).await),
            Err(StoreError::Unknown(error)) => {
                self.state = State::StoreUnknown {
                    keys: minted.keys(),
                };
                Err(error.into())
            }
        }
    }

    /// The value that the token's version is known to hold.
    async fn stored(&self) -> Result<Version, Problem> {
        let mut lag = lag();
        loop {
            let label = {
                let labels = self
                    .tools
                    .secrets
                    .describe(self.secret(), self.budget)
                    .await?
                    .labels;
                if labels.carries(self.token(), CURRENT) {
                    CURRENT
                } else {
                    PENDING
                }
            };
            let found = self.labelled_as(self.token(), label).await;
            match found {
                Ok(Some(Ok(version))) => return Ok(version),
                Ok(Some(Err(()))) => {
                    let source = crate::value::ValueError::NotJson;
                    return Err(Problem::Malformed {
                        role: Role::Pending,
                        source,
                    });
                }
                Ok(None) | Err(Problem::Secrets(_)) if lag.pause(self.budget).await => {}
                Ok(None) => return Err(Problem::PendingWithoutValue),
                Err(problem) => return Err(problem),
            }
        }
    }

    /// Deletes keys that were minted and can't be stored, and answers why they can't.
    pub(super) async fn undo(
        &mut self,
        scene: &Scene,
        minted: &Credential,
        problem: Problem,
    ) -> Problem {
        if let Err(undo) = self.delete_unstored(scene, minted).await {
            tracing::error!(secret = self.secret(), problem = %undo, "minted keys not deleted");
        }
        problem
    }

    /// By id, and only what this very delivery minted.
    pub(super) async fn delete_unstored(
        &mut self,
        scene: &Scene,
        minted: &Credential,
    ) -> Result<(), Problem> {
        let keys = minted.keys();
        self.state = State::Unstored { keys: keys.clone() };
        let kept = [&scene.current.credential];
        self.retire(&scene.admin, Candidates::Named(&keys), &kept, Some(minted))
            .await?;
        self.state = State::Undone;
        Ok(())
    }
}
