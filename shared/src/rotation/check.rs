//! The configuration check: what the next rotation would fail on. Read-only.

use super::Rotation;
use super::scene::Scene;
use crate::error::Problem;

impl Rotation<'_> {
    pub(super) async fn check(&self, scene: &Scene) -> Result<(), Problem> {
        scene.admin.must_work().await?;
        scene
            .admin
            .must_have(self.tools.kind.required_scopes())
            .await?;
        self.preflight(scene).await.map(drop)
    }
}
