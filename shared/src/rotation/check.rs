//! The configuration check: what the next rotation would fail on. Read-only.

use super::inspection::Inspection;
use super::scene::Scene;
use crate::admin::Reach;
use crate::error::Problem;

impl Inspection<'_> {
    pub(super) async fn check(&self, scene: &Scene) -> Result<(), Problem> {
        scene.admin.must_work().await?;
        let required = self.tools.kind.required_scopes();
        if scene.admin.must_have(required).await? == Reach::Unknown {
            tracing::warn!(
                secret = self.secret,
                "the admin is not shown its own scopes: they were not checked"
            );
        }
        self.preflight(scene).await.map(drop)
    }
}
