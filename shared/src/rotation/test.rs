//! testSecret: the stored key works; or, without one, the configuration does.

use super::Rotation;
use super::scene::Standing;
use crate::error::{Problem, State};

impl Rotation<'_> {
    pub(super) async fn test(&mut self) -> Result<(), Problem> {
        let versions = self.versions().await?;
        if versions.is_keyless()? {
            self.note = "no keys to prove";
            return Ok(());
        }
        let scene = self.scene_of(versions).await?;
        match &scene.standing {
            // Without a value, or with a copy of the current one, it is no rotation's.
            Standing::Pending(Some(pending)) if pending.differs_from(&scene.current) => {
                self.state = State::Pending;
                self.note = "the new keys work";
                let first = self.first_look(&scene, pending).await;
                self.prove(&scene, pending, first).await.map(drop)
            }
            // RotateImmediately=false: Secrets Manager runs this step alone.
            Standing::Pending(_) | Standing::Current => {
                self.note = "the configuration is sound; nothing was changed";
                self.look().check(&scene).await
            }
        }
    }
}
