//! Sweep: keys that this secret's rotations minted and no version holds.

use super::inspection::{Inspection, Version};
use super::scene::Scene;
use super::{Candidates, Rotation};
use crate::credential::Credential;
use crate::error::Problem;
use crate::event::VersionId;
use crate::keys::KeyClass;
use crate::log::DETAIL;
use crate::retire::ListedKey;
use crate::secrets::{CURRENT, Labels, PENDING, PREVIOUS};

/// The values that must not lose a key, and the versions whose names may be looked for.
pub(super) struct Kept {
    pub credentials: Vec<Credential>,
    pub versions: Vec<VersionId>,
    /// The label whose value may name any key, so that no version's names are looked for.
    pub unreadable: Option<&'static str>,
}

impl Rotation<'_> {
    /// In this order: versions with labels, their values, list of keys, delete. Only after the
    /// token's version is known to hold `stored`: from then on nothing else can be stored there.
    pub(super) async fn sweep(
        &mut self,
        scene: &Scene,
        stored: &Credential,
    ) -> Result<(), Problem> {
        // The age floor counts from before anything is read: a sweep may itself take long.
        let now = self.budget.now();
        let labels = self
            .tools
            .secrets
            .versions(self.secret(), self.budget)
            .await?;
        let current = &scene.current;
        let known = [(self.token(), stored), (&current.id, &current.credential)];
        let kept = self.look().kept_by(&known, &labels).await?;
        let (listed, _) = self.look().list(scene).await?;
        let candidates = Candidates::Strays {
            listed: &listed,
            names: &scene.names,
            versions: &kept.versions,
            filled: Some(self.token()),
            now,
        };
        let credentials: Vec<&Credential> = kept.credentials.iter().collect();
        self.retire(&scene.admin, candidates, &credentials, None)
            .await
    }
}

impl Inspection<'_> {
    /// `known` are versions whose values have been read: a version's value never changes.
    pub(super) async fn kept_by(
        &self,
        known: &[(&VersionId, &Credential)],
        labels: &Labels,
    ) -> Result<Kept, Problem> {
        let mut credentials: Vec<_> = known.iter().map(|(_, it)| (*it).clone()).collect();
        let mut versions: Vec<VersionId> = labels.versions().cloned().collect();
        let mut unreadable = None;
        for label in [CURRENT, PENDING, PREVIOUS] {
            let Some(holder) = labels.holder(label) else {
                continue;
            };
            if known.iter().any(|(version, _)| *version == holder) {
                continue;
            }
            match self.labelled(holder, label).await? {
                Some(Ok(Version { credential, .. })) => credentials.push(credential),
                Some(Err(problem)) => {
                    tracing::warn!(
                        %problem,
                        secret = self.secret,
                        label,
                        "the value is none of this type, and may name any key: no stray key of \
                         other versions is looked for"
                    );
                    versions.clear();
                    unreadable = Some(label);
                }
                None => {}
            }
        }
        Ok(Kept {
            credentials,
            versions,
            unreadable,
        })
    }

    /// The keys that begin like this secret's, and whether API keys are among what could be
    /// listed.
    pub(super) async fn list(&self, scene: &Scene) -> Result<(Vec<ListedKey>, bool), Problem> {
        let (mut listed, mut is_whole) = (Vec::new(), true);
        for class in self.tools.kind.classes() {
            match class {
                KeyClass::Application => listed.extend(self.list_app_keys(scene).await?),
                KeyClass::Api => {
                    let keys = scene.admin.api_keys(&scene.names.stem(*class)).await?;
                    if keys.is_none() {
                        tracing::info!(target: DETAIL, "API keys can't be listed without api_keys_read");
                        is_whole = false;
                    }
                    listed.extend(keys.into_iter().flatten().map(ListedKey::from));
                }
            }
        }
        Ok((listed, is_whole))
    }

    pub(super) async fn list_app_keys(&self, scene: &Scene) -> Result<Vec<ListedKey>, Problem> {
        let (owner, stem) = (
            scene.admin.service_account(),
            scene.names.stem(KeyClass::Application),
        );
        let keys = scene.admin.app_keys(owner, &stem).await?;
        Ok(keys.into_iter().map(ListedKey::from).collect())
    }
}
