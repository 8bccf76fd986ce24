//! The configuration check: what the next rotation would fail on. Read-only.

use super::inspection::Inspection;
use super::scene::Scene;
use crate::datadog::{DatadogProblem, Scopes};
use crate::error::Problem;
use crate::value::ValueError;

impl Inspection<'_> {
    pub(super) async fn check(&self, scene: &Scene) -> Result<(), Problem> {
        self.check_admin(scene).await?;
        if self.check_scopes(scene).await?.is_none() {
            tracing::warn!(
                secret = self.secret,
                "the admin application key may not see its own scopes: they were not checked"
            );
        }
        self.preflight(scene).await.map(drop)
    }

    /// Datadog accepts the admin pair.
    pub(super) async fn check_admin(&self, scene: &Scene) -> Result<(), Problem> {
        if scene.admin.is_accepted().await? {
            Ok(())
        } else {
            Err(Problem::AdminRefused {
                arn: scene.admin.secret_arn().to_owned(),
            })
        }
    }

    /// The scopes of the admin application key suffice; `None` if it may not see them.
    pub(super) async fn check_scopes(&self, scene: &Scene) -> Result<Option<Scopes>, Problem> {
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
            return Ok(None);
        };
        let missing = scopes.missing(self.tools.kind.required_scopes());
        if missing.is_empty() {
            Ok(Some(scopes))
        } else {
            Err(Problem::MissingScopes { missing })
        }
    }
}
