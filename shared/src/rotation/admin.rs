//! Which admin rotates a secret.

use super::Rotation;
use super::scene::Version;
use crate::admin::Admin;
use crate::credential::Kind;
use crate::delegation::Delegation;
use crate::error::Problem;
use crate::secrets::{Description, is_full_arn};

impl Rotation<'_> {
    /// And whether it is the pair of `current` itself. The value's field goes before the tag. An
    /// admin secret that names no other one rotates itself, whatever the function's default is.
    pub(super) async fn admin(
        &self,
        description: &Description,
        current: &Version,
    ) -> Result<(Admin, bool), Problem> {
        let own = || self.admin_secret(description.arn.clone());
        let named = current
            .value
            .text("adminSecretArn")
            .or_else(|| description.admin_secret_arn.clone());
        let named = match self.tools.kind {
            Kind::AdminKey => named.filter(|arn| *arn != description.arn),
            Kind::ApiKey | Kind::ApplicationKey => named,
        };
        let (mut admin, rotates_itself) = match (named, self.tools.kind) {
            (Some(arn), _) => (self.admin_named(arn).await?, false),
            (None, Kind::AdminKey) => (Admin::of_value(&current.value, own(), self.budget)?, true),
            (None, Kind::ApiKey | Kind::ApplicationKey) => (self.default_admin().await?, false),
        };
        admin
            .provide_witness(self.tools.kind, &current.credential)
            .await?;
        Ok((admin, rotates_itself))
    }

    async fn admin_named(&self, arn: String) -> Result<Admin, Problem> {
        if is_full_arn(&arn) {
            Admin::read(self.admin_secret(arn), self.budget).await
        } else {
            Err(Problem::AdminArn)
        }
    }

    /// Of a secret that names none: the function's own identity, else its admin secret.
    async fn default_admin(&self) -> Result<Admin, Problem> {
        let settings = &self.tools.settings;
        let said = Delegation::of_settings(settings);
        let said = said.map_err(|source| Problem::IdentityMalformed { source })?;
        match (said, settings.admin_secret_arn.clone()) {
            (Some(delegation), _) => Ok(Admin::delegated(delegation, self.means(), self.budget)),
            (None, Some(arn)) => self.admin_named(arn).await,
            (None, None) => Err(Problem::NoAdminSecret),
        }
    }
}
