//! The configuration check: what the next rotation would fail on. Read-only.

use super::Rotation;
use super::scene::Scene;
use crate::error::Problem;

impl Rotation<'_> {
    pub(super) async fn check(&self, scene: &Scene) -> Result<(), Problem> {
        if !scene.admin.is_accepted().await? {
            return Err(Problem::AdminRefused {
                arn: scene.admin.secret_arn().to_owned(),
            });
        }
        self.check_scopes(scene).await?;
        self.preflight(scene).await.map(drop)
    }

    async fn check_scopes(&self, scene: &Scene) -> Result<(), Problem> {
        let Some(scopes) = scene.admin.own_scopes().await? else {
            tracing::warn!(
                secret = self.secret(),
                "the admin application key may not see its own scopes: they were not checked"
            );
            return Ok(());
        };
        let missing = scopes.missing(self.tools.kind.required_scopes());
        if missing.is_empty() {
            Ok(())
        } else {
            Err(Problem::MissingScopes { missing })
        }
    }
}
