//! Settle: what an earlier rotation displaced and could not retire any more.

use super::inspection::Version;
use super::preflight::Found;
use super::scene::Scene;
use super::{Candidates, Rotation};
use crate::credential::Grace;
use crate::datadog::AppKeyDetails;
use crate::error::Problem;
use crate::keys::KeyClass;

impl Rotation<'_> {
    /// For types without grace: AWSPREVIOUS's keys should be gone.
    pub(super) async fn settle(&mut self, scene: &Scene, found: &Found) -> Result<(), Problem> {
        if self.tools.kind.grace() == Grace::None {
            self.retire_previous(scene, found.application.as_ref())
                .await?;
        }
        Ok(())
    }

    /// Retires AWSPREVIOUS's keys, but only if a rotation displaced them: the current key bears
    /// the name of its own version, and AWSPREVIOUS's version is older. Otherwise a person moved
    /// the labels, and what they put aside is theirs.
    ///
    /// A pair goes by its application key, whose name can always be read.
    pub(super) async fn retire_previous(
        &mut self,
        scene: &Scene,
        current: Option<&AppKeyDetails>,
    ) -> Result<(), Problem> {
        let is_minted = current.is_some_and(|key| {
            scene
                .names
                .bears(KeyClass::Application, &key.name, &scene.current.id)
        });
        if !is_minted {
            return Ok(());
        }
        let Some(previous) = self.look().previous(scene).await? else {
            return Ok(());
        };
        if is_older(previous, &scene.current) && owned_alike(previous, &scene.current) {
            let keys = previous.credential.keys();
            let kept = scene.kept();
            let old = Some(&previous.credential);
            self.retire(&scene.admin, Candidates::Named(&keys), &kept, old)
                .await?;
        }
        Ok(())
    }
}

pub(super) fn is_older(previous: &Version, current: &Version) -> bool {
    previous
        .created
        .zip(current.created)
        .is_some_and(|(previous, current)| previous < current)
}

/// An application key of another service account is out of this admin's reach.
pub(super) fn owned_alike(one: &Version, other: &Version) -> bool {
    one.credential.service_account() == other.credential.service_account()
}
