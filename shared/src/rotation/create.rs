//! createSecret: preflight, settle, mint, store, sweep.

use std::collections::BTreeSet;
use std::time::Duration;

use super::inspection::{Version, lag};
use super::preflight::Found;
use super::scene::{Scene, Standing};
use super::{Candidates, Rotation};
use crate::credential::Credential;
use crate::error::{Problem, State};
use crate::secrets::{CURRENT, PENDING, StoreError};

/// Kept back after a mint for deleting what can't be stored: a pair takes two calls, and Datadog up
/// to ten seconds for each.
const TIME_TO_UNDO: Duration = Duration::from_secs(21);

impl Rotation<'_> {
    pub(super) async fn create(&mut self) -> Result<(), Problem> {
        let versions = self.versions().await?;
        if matches!(versions.standing, Standing::Current) {
            self.note = "the version is AWSCURRENT already";
            return Ok(());
        }
        if versions.is_keyless()? {
            return self.carry_over(&versions).await;
        }
        let scene = self.scene_of(versions).await?;
        match &scene.standing {
            Standing::Pending(Some(pending)) => {
                self.state = State::Pending;
                self.note = "a value is stored already";
                self.refuse_dead(&scene, pending).await?;
                self.sweep(&scene, &pending.credential).await
            }
            Standing::Pending(None) | Standing::Current => {
                self.note = "minted and stored as AWSPENDING";
                self.make(&scene).await
            }
        }
    }

    async fn make(&mut self, scene: &Scene) -> Result<(), Problem> {
        let found = self.look_around(scene).await?;
        self.settle(scene, &found).await?;
        let minted = self.mint(scene, &found).await?;
        match self.label_now().await {
            Ok(Some(PENDING)) => {
                let keys = minted.keys();
                let stored = self.store(scene, minted).await?;
                let previous = self.look().previous(scene).await?;
                if stored.keys() != keys || is_sweep_due(scene, &found, &stored, previous) {
                    self.sweep(scene, &stored).await?;
                }
                Ok(())
            }
            Ok(Some(_)) => {
                self.note = "another delivery has finished the rotation";
                self.delete_unstored(scene, &minted).await
            }
            Ok(None) => Err(self.undo(scene, &minted, Problem::PendingLabelLost).await),
            Err(problem) => Err(self.undo(scene, &minted, problem).await),
        }
    }

    /// All that is read before the first effect.
    async fn look_around(&self, scene: &Scene) -> Result<Found, Problem> {
        let look = self.look();
        let (found, previous) = tokio::join!(look.preflight(scene), look.previous(scene));
        let found = found?;
        previous?;
        Ok(found)
    }

    /// AWSCURRENT or AWSPENDING, whichever the token carries: a delivery that was overtaken must
    /// not put its label back.
    pub(super) async fn label_now(&self) -> Result<Option<&'static str>, Problem> {
        let budget = self.budget.reserving(TIME_TO_UNDO);
        let mut lag = lag();
        loop {
            let labels = self
                .tools
                .secrets
                .describe(self.secret(), &budget)
                .await?
                .labels;
            let carried = [CURRENT, PENDING]
                .into_iter()
                .find(|it| labels.carries(self.token(), it));
            if carried.is_some() || !lag.pause(&budget).await {
                return Ok(carried);
            }
        }
    }

    async fn store(&mut self, scene: &Scene, minted: Credential) -> Result<Credential, Problem> {
        let value = scene
            .current
            .value
            .successor(&scene.current.credential, &minted);
        let budget = self.budget.reserving(TIME_TO_UNDO);
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
            .store_pending(self.event, &value, &budget)
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
            let label = self.label_now().await?.ok_or(Problem::PendingLabelLost)?;
            match self.look().labelled(self.token(), label).await? {
                Some(version) => return version,
                None if lag.pause(self.budget).await => {}
                None => return Err(Problem::PendingWithoutValue),
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

/// Whether the list that preflight has read names a key like this secret's that nothing accounts
/// for. Most rotations find none, and are spared the rest of the sweep.
fn is_sweep_due(
    scene: &Scene,
    found: &Found,
    stored: &Credential,
    previous: Option<&Version>,
) -> bool {
    let kept = scene.kept().into_iter().chain([stored]);
    let kept = kept.chain(previous.map(|it| &it.credential));
    let kept = kept
        .flat_map(Credential::keys)
        .chain(scene.admin.own_keys());
    let kept: BTreeSet<_> = kept.collect();
    let mut listed = found.listed.iter().filter(|it| !kept.contains(&it.key));
    listed.any(|it| scene.names.follows_convention(it.key.class, &it.name))
}
