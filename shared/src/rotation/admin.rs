//! Which admin rotates a secret.

use super::examiner::Examiner;
use super::inspection::{Inspection, Version};
use crate::admin::{Admin, AdminSecret, Means};
use crate::budget::Budget;
use crate::credential::Kind;
use crate::datadog::Limits;
use crate::delegation::Delegation;
use crate::error::{Problem, Role};
use crate::secrets::{ADMIN_TAG, Description, is_secret_arn};
use crate::settings::Settings;
use crate::value::SecretValue;

/// Who is to act for a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// Another secret, by its ARN.
    Secret(NamedBy, String),
    /// An admin secret that rotates itself.
    Itself,
    /// The function's own identity.
    Identity(Box<Delegation>),
}

/// What names an admin secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NamedBy {
    /// `adminSecretArn` in the value.
    Field,
    /// The secret's tag `adminSecretArn`.
    Tag,
    /// `ADMIN_SECRET_ARN`.
    Setting,
}

/// The admin of the secret that `ADMIN_SECRET_ARN` names, read before it is known whether that is
/// the one.
pub(super) struct Likely {
    arn: String,
    admin: Result<Admin, Problem>,
}

impl Inspection<'_> {
    /// Most secrets name the function's default or nothing: it is read while they are.
    pub(super) async fn likely_admin(&self) -> Option<Likely> {
        let settings = &self.tools.settings;
        let arn = settings.admin_secret_arn.clone();
        let arn = arn.filter(|arn| {
            self.tools.kind != Kind::AdminKey
                && settings.delegation.is_silent()
                && is_secret_arn(arn)
        })?;
        let admin = Admin::read(self.admin_secret(arn.clone()), self.budget).await;
        Some(Likely { arn, admin })
    }

    /// The value's field goes before the tag. An admin secret that names no other one rotates
    /// itself, whatever the function's default is.
    pub(super) fn choose_admin(
        &self,
        description: &Description,
        current: &SecretValue,
    ) -> Result<Choice, Problem> {
        let role = Role::Current;
        let field = current.name(ADMIN_TAG);
        let field = field.map_err(|source| Problem::Malformed { role, source })?;
        let field = field.map(|arn| (NamedBy::Field, arn));
        let tag = description.admin_secret_arn.clone();
        let named = field.or_else(|| tag.map(|arn| (NamedBy::Tag, arn)));
        match (named, self.tools.kind) {
            (Some((_, arn)), Kind::AdminKey) if arn == description.arn => Ok(Choice::Itself),
            (Some((by, arn)), _) => choose_secret(by, arn),
            (None, Kind::AdminKey) => Ok(Choice::Itself),
            (None, Kind::ApiKey | Kind::ApplicationKey) => default_choice(&self.tools.settings),
        }
    }

    /// The admin chosen, ready to act.
    pub(super) async fn admin(
        &self,
        choice: &Choice,
        description: &Description,
        current: &Version,
        likely: Option<Likely>,
    ) -> Result<Admin, Problem> {
        let mut admin = match choice {
            Choice::Secret(_, arn) => match likely {
                Some(likely) if likely.arn == *arn => likely.admin?,
                _ => Admin::read(self.admin_secret(arn.clone()), self.budget).await?,
            },
            Choice::Itself => {
                let own = self.admin_secret(description.arn.clone());
                Admin::of_value(&current.value, own, self.budget)?
            }
            Choice::Identity(delegation) => {
                let delegation = Delegation::clone(delegation);
                Admin::delegated(delegation, self.tools.means(), self.budget)
            }
        };
        admin
            .provide_witness(self.tools.kind, &current.credential)
            .await?;
        Ok(admin)
    }

    pub(super) fn admin_secret(&self, arn: String) -> AdminSecret {
        let means = self.tools.means();
        AdminSecret { arn, means }
    }
}

/// Of a secret that names none: the function's own identity, else its admin secret.
fn default_choice(settings: &Settings) -> Result<Choice, Problem> {
    let said = Delegation::of_settings(settings);
    let said = said.map_err(|source| Problem::IdentityMalformed { source })?;
    match (said, settings.admin_secret_arn.clone()) {
        (Some(delegation), _) => Ok(Choice::Identity(delegation.into())),
        (None, Some(arn)) => choose_secret(NamedBy::Setting, arn),
        (None, None) => Err(Problem::NoAdminSecret),
    }
}

impl Examiner {
    /// The admin of secrets that name none.
    pub async fn default_admin(&self, budget: &Budget) -> Result<Admin, Problem> {
        let means = Means {
            secrets: self.secrets.clone(),
            http: self.http.clone(),
            limits: Limits::default(),
            settings: self.settings.clone(),
            identity: self.identity.clone(),
        };
        match default_choice(&self.settings)? {
            Choice::Identity(delegation) => Ok(Admin::delegated(*delegation, means, budget)),
            Choice::Secret(_, arn) => Admin::read(AdminSecret { arn, means }, budget).await,
            Choice::Itself => Err(Problem::NoAdminSecret),
        }
    }
}

fn choose_secret(by: NamedBy, arn: String) -> Result<Choice, Problem> {
    if is_secret_arn(&arn) {
        Ok(Choice::Secret(by, arn))
    } else {
        let by = match by {
            NamedBy::Field => "the field adminSecretArn of the value",
            NamedBy::Tag => "the tag adminSecretArn of the secret",
            NamedBy::Setting => "the variable ADMIN_SECRET_ARN",
        };
        Err(Problem::admin_arn(by, &arn))
    }
}
