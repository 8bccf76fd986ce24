//! The configuration check: what the next rotation would fail on. Read-only.

use super::Rotation;
use super::scene::Scene;
use crate::datadog::DatadogProblem;
use crate::error::Problem;
use crate::value::ValueError;

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
        let own = scene.admin.own_scopes().await.map_err(|error| {
            let arn = scene.admin.secret_arn().to_owned();
            let (field, shape) = ("adminAppKeyId", "the id of a key of its service account");
            match error.problem {
                DatadogProblem::NotFound => Problem::AdminMalformed {
                    arn,
                    source: ValueError::IllFormed { field, shape },
                },
                _ => error.into(),
            }
        })?;
        let Some(scopes) = own else {
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
