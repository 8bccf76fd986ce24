//! Which admin rotates a secret.

use crate::admin::{Admin, AdminSecret};
use crate::credential::Kind;
use crate::delegation::Delegation;
use crate::error::{AdminTokenDefect, Problem, Role};
use crate::event::RotationEvent;
use crate::key_name::KeyNames;
use crate::protected::ProtectedKeys;
use crate::secrets::{ADMIN_TAG, Description, SecretArn};
use crate::settings::Settings;
use crate::value::SecretValue;
use tokio::sync::OnceCell;

use crate::rotation::context::{
    LoadedSecret, PrefetchedAdmin, SecretReader, StepContext, Version, Versions,
};

/// What acts for a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AdminSource {
    /// An admin secret, by its ARN.
    Secret(NamedBy, SecretArn),
    /// The rotated admin secret's own key pair.
    Itself,
    /// The function's own identity.
    Identity(Box<Delegation>),
}

/// What names an admin secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamedBy {
    /// `adminSecretArn` in the value.
    Field,
    /// The secret's tag `adminSecretArn`.
    Tag,
    /// `ADMIN_SECRET_ARN`.
    Setting,
}

impl<'a> SecretReader<'a> {
    /// Reads labels and values, and beside them the admin that most likely acts.
    pub(crate) async fn begin(self, event: &RotationEvent) -> Result<Versions, Problem> {
        let (versions, prefetched) = tokio::join!(self.versions(event), self.prefetch_admin());
        let versions = versions?;
        if let Some(tag) = versions.description.grace.malformed() {
            return Err(Problem::TagMalformed { tag });
        }
        Ok(Versions {
            prefetched,
            ..versions
        })
    }

    /// Reads the rest of what a step goes by. Refuses what it must not work on. No effect.
    pub(crate) async fn context(
        self,
        event: &'a RotationEvent,
        versions: Versions,
    ) -> Result<StepContext<'a>, Problem> {
        let Versions {
            description,
            token,
            current,
            prefetched,
        } = versions;
        let source = self.choose_admin(&description, &current.value)?;
        let secret = self.load(&source, description, current, prefetched).await?;
        secret.refuse_other_account(&secret.current)?;
        if let Some(pending) = token.filled() {
            secret.refuse_other_account(pending)?;
        }
        Ok(StepContext {
            reader: self,
            event,
            secret,
            token,
        })
    }

    /// Makes the admin ready to act, and joins it with what was read of the secret.
    pub(crate) async fn load(
        &self,
        source: &AdminSource,
        description: Description,
        current: Version,
        prefetched: Option<PrefetchedAdmin>,
    ) -> Result<LoadedSecret, Problem> {
        let (mut admin, rotates_itself) = self
            .admin(source, &description, &current, prefetched)
            .await?;
        admin
            .provide_companion(self.kind, &current.credential)
            .await?;
        Ok(LoadedSecret {
            names: KeyNames::new(self.kind, &description.arn, &description.name),
            description,
            current,
            admin,
            rotates_itself,
            previous: OnceCell::new(),
        })
    }

    /// Most secrets name the function's default or nothing: it is read while they are.
    async fn prefetch_admin(&self) -> Option<PrefetchedAdmin> {
        let settings = &self.clients.settings;
        let arn = settings.admin_secret_arn.as_deref();
        let arn = arn.filter(|_| self.kind != Kind::AdminKey && settings.delegation.is_silent())?;
        let arn = SecretArn::parse(arn)?;
        let admin = Admin::read(self.admin_secret(arn.clone()), self.deadline).await;
        Some(PrefetchedAdmin { arn, admin })
    }

    /// Says what acts: the value's field goes before the tag. An admin secret that names no other
    /// one rotates itself, whatever the function's default is.
    pub(crate) fn choose_admin(
        &self,
        description: &Description,
        current: &SecretValue,
    ) -> Result<AdminSource, Problem> {
        let role = Role::Current;
        let field = current.name(ADMIN_TAG);
        let field = field.map_err(|source| Problem::Malformed { role, source })?;
        let tag = description.admin_secret_arn.clone();
        let named = field.map(|arn| (NamedBy::Field, arn));
        let named = named.or_else(|| tag.map(|arn| (NamedBy::Tag, arn)));
        match (named, self.kind) {
            (Some((by, arn)), _) => choose_secret(by, &arn),
            (None, Kind::AdminKey) => Ok(AdminSource::Itself),
            (None, _) => default_source(&self.clients.settings),
        }
    }

    /// Makes the admin of this source ready to act. Returns too whether it is the rotated secret itself.
    ///
    /// An ARN may be spelt in more than one way, and a replica has another one: what Secrets Manager
    /// answers tells whether two are one secret. A pair that is the one in AWSCURRENT acts for itself too,
    /// whatever the answer says. If it is another secret's as well, that one must go on working.
    pub(crate) async fn admin(
        &self,
        source: &AdminSource,
        description: &Description,
        current: &Version,
        prefetched: Option<PrefetchedAdmin>,
    ) -> Result<(Admin, bool), Problem> {
        let itself = || {
            let own = self.admin_secret(description.arn.clone());
            let admin = Admin::of_value(&current.value, own, current.created, self.deadline);
            admin.map(|admin| (admin, true))
        };
        match source {
            AdminSource::Itself => itself(),
            AdminSource::Secret(_, arn)
                if *arn == description.arn && self.kind == Kind::ServiceAccessToken =>
            {
                let (arn, defect) = (arn.to_string(), AdminTokenDefect::Itself);
                Err(Problem::AdminToken { arn, defect })
            }
            AdminSource::Secret(_, arn) if *arn == description.arn => itself(),
            AdminSource::Secret(_, arn) => {
                let (mut admin, answered, others) = match prefetched {
                    Some(it) if it.arn == *arn => {
                        let (admin, answered) = it.admin?;
                        (admin, answered, ProtectedKeys::default())
                    }
                    other => {
                        let secret = self.admin_secret(arn.clone());
                        let (admin, answered) = Admin::read(secret, self.deadline).await?;
                        (
                            admin,
                            answered,
                            other.map(|it| it.keys()).unwrap_or_default(),
                        )
                    }
                };
                let is_itself = answered.is_same_secret(&description.arn);
                let keys = admin.own_keys();
                let is_current = !keys.is_empty() && keys == current.credential.keys();
                if self.kind == Kind::AdminKey && (is_current || is_itself) {
                    let (mut admin, rotates_itself) = itself()?;
                    if !is_itself {
                        admin.note_twin(self.admin_secret(arn.clone()));
                    }
                    return Ok((admin, rotates_itself));
                }
                admin.must_suit(self.kind, &current.credential, is_itself)?;
                admin.protect(&others);
                Ok((admin, false))
            }
            AdminSource::Identity(delegation) => {
                let delegation = Delegation::clone(delegation);
                let admin = Admin::delegated(delegation, self.clients.clone(), self.deadline);
                Ok((admin, false))
            }
        }
    }

    pub(crate) fn admin_secret(&self, arn: SecretArn) -> AdminSecret {
        let clients = self.clients.clone();
        AdminSecret { arn, clients }
    }
}

/// Says what acts for a secret that names nothing: the function's own identity, else its admin
/// secret.
pub(crate) fn default_source(settings: &Settings) -> Result<AdminSource, Problem> {
    let said = Delegation::of_settings(settings);
    let said = said.map_err(|source| Problem::IdentityMalformed { source })?;
    match (said, settings.admin_secret_arn.clone()) {
        (Some(delegation), _) => Ok(AdminSource::Identity(delegation.into())),
        (None, Some(arn)) => choose_secret(NamedBy::Setting, &arn),
        (None, None) => Err(Problem::NoAdminSecret),
    }
}

fn choose_secret(by: NamedBy, text: &str) -> Result<AdminSource, Problem> {
    if let Some(arn) = SecretArn::parse(text) {
        return Ok(AdminSource::Secret(by, arn));
    }
    let by = match by {
        NamedBy::Field => "the field adminSecretArn of the value",
        NamedBy::Tag => "the tag adminSecretArn of the secret",
        NamedBy::Setting => "the variable ADMIN_SECRET_ARN",
    };
    Err(Problem::admin_arn(by, text))
}
