//! What can be learnt of a secret without any effect: the steps look before they act, and the
//! doctor does nothing but look.

use std::time::{Duration, SystemTime};

use secrecy::ExposeSecret;

use super::Tools;
use super::scene::Scene;
use crate::admin::{Admin, AdminSecret};
use crate::budget::{Backoff, Budget};
use crate::credential::{Credential, Kind};
use crate::error::{Problem, Role};
use crate::event::VersionId;
use crate::retire::YOUNGEST_STRAY;
use crate::secrets::{
    ADMIN_TAG, Description, PENDING, PREVIOUS, Secrets, SecretsProblem, StoredValue, is_secret_arn,
};
use crate::value::SecretValue;

/// A look at one secret.
#[derive(Clone, Copy)]
pub(super) struct Inspection<'a> {
    pub(super) tools: &'a Tools,
    pub(super) secret: &'a str,
    pub(super) budget: &'a Budget,
}

/// A version with a value of the secret's type.
#[derive(Debug)]
pub(super) struct Version {
    pub id: VersionId,
    pub value: SecretValue,
    pub credential: Credential,
    pub created: Option<SystemTime>,
}

impl Version {
    /// Whether it names another key than `other`.
    pub(super) fn differs_from(&self, other: &Self) -> bool {
        self.credential.keys() != other.credential.keys()
    }

    /// Whether it is old enough that no delivery which made it can still be running.
    pub(super) fn is_old(&self, now: SystemTime) -> bool {
        let age = self
            .created
            .and_then(|created| now.duration_since(created).ok());
        age.is_some_and(|age| age >= YOUNGEST_STRAY)
    }
}

/// Why something was not read.
pub(super) enum Unread {
    /// The labels contradict themselves or a version: they lag, and are to be read again.
    Lagging(Problem),
    Failed(Problem),
}

impl<P: Into<Problem>> From<P> for Unread {
    fn from(problem: P) -> Self {
        Self::Failed(problem.into())
    }
}

/// Labels lag: for so long a reading that contradicts itself is read again.
pub(super) fn lag() -> Backoff {
    Backoff::new(
        Duration::from_millis(250),
        Duration::from_secs(1),
        Duration::from_secs(4),
    )
}

/// What a reading comes to; `None`, a while later, if it lags and is to be read again.
pub(super) async fn settled<T>(
    reading: Result<T, Unread>,
    lag: &mut Backoff,
    budget: &Budget,
) -> Option<Result<T, Problem>> {
    match reading {
        Ok(found) => Some(Ok(found)),
        Err(Unread::Lagging(_)) if lag.pause(budget).await => None,
        Err(Unread::Lagging(problem) | Unread::Failed(problem)) => Some(Err(problem)),
    }
}

/// What a version holds, by its id *and* label; `None` if it holds no value.
pub(super) async fn stored(
    secrets: &Secrets,
    secret: &str,
    version: &VersionId,
    label: &str,
    budget: &Budget,
) -> Result<Option<StoredValue>, Unread> {
    let reading = secrets.value(secret, version, label, budget).await;
    reading.map_err(|error| match error.problem {
        SecretsProblem::Contradiction { .. } => Unread::Lagging(error.into()),
        _ => Unread::Failed(error.into()),
    })
}

/// What named an admin secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NamedBy {
    /// `adminSecretArn` in the value.
    Field,
    /// The secret's tag `adminSecretArn`.
    Tag,
    /// `ADMIN_SECRET_ARN`.
    Setting,
    /// Nothing: an admin secret that rotates itself.
    Itself,
}

impl Inspection<'_> {
    /// A value by version id *and* label: `None` if the version holds none, and within it why it
    /// is none of this type's.
    pub(super) async fn read(
        &self,
        version: &VersionId,
        label: &str,
    ) -> Result<Option<Result<Version, Problem>>, Unread> {
        let secrets = &self.tools.secrets;
        let stored = stored(secrets, self.secret, version, label, self.budget).await?;
        let role = if label == PENDING {
            Role::Pending
        } else {
            Role::Current
        };
        Ok(stored.map(|stored| self.parsed(version, &stored, role)))
    }

    pub(super) fn parsed(
        &self,
        id: &VersionId,
        stored: &StoredValue,
        role: Role,
    ) -> Result<Version, Problem> {
        let value = value_of(stored, role)?;
        let credential = value
            .credential(self.tools.kind)
            .map_err(|source| Problem::Malformed { role, source })?;
        let (id, created) = (id.clone(), stored.created);
        Ok(Version {
            id,
            value,
            credential,
            created,
        })
    }

    /// The value of a version that carries a label by a reading of a moment ago. Never that of
    /// another version, whoever carries the label by now: a contradiction that stays is an error.
    pub(super) async fn labelled(
        &self,
        version: &VersionId,
        label: &str,
    ) -> Result<Option<Result<Version, Problem>>, Problem> {
        let mut lag = lag();
        loop {
            let reading = self.read(version, label).await;
            if let Some(settled) = settled(reading, &mut lag, self.budget).await {
                return settled;
            }
        }
    }

    /// What carries AWSPREVIOUS by the reading of the labels that the step began with. A value
    /// that is none of this type's names keys that can't be known, and is left alone.
    pub(super) async fn previous(&self, scene: &Scene) -> Result<Option<Version>, Problem> {
        let Some(holder) = scene.description.labels.holder(PREVIOUS) else {
            return Ok(None);
        };
        match self.labelled(holder, PREVIOUS).await?.transpose() {
            Ok(previous) => Ok(previous),
            Err(problem) => {
                tracing::warn!(secret = self.secret, %problem, "AWSPREVIOUS is left alone");
                Ok(None)
            }
        }
    }

    /// The admin secret of a secret, and what names it.
    pub(super) fn admin_named(
        &self,
        description: &Description,
        current: &SecretValue,
    ) -> Result<(NamedBy, String), Problem> {
        let field = current.text(ADMIN_TAG).map(|arn| (NamedBy::Field, arn));
        let tag = description.admin_secret_arn.clone();
        let named = field.or_else(|| tag.map(|arn| (NamedBy::Tag, arn)));
        let (by, arn) = match self.tools.kind {
            Kind::AdminKey => match named.filter(|(_, arn)| *arn != description.arn) {
                Some(named) => named,
                None => return Ok((NamedBy::Itself, description.arn.clone())),
            },
            Kind::ApiKey | Kind::ApplicationKey => {
                let setting = self.tools.settings.admin_secret_arn.clone();
                let setting = setting.map(|arn| (NamedBy::Setting, arn));
                named.or(setting).ok_or(Problem::NoAdminSecret)?
            }
        };
        if is_secret_arn(&arn) {
            Ok((by, arn))
        } else {
            Err(Problem::AdminArn)
        }
    }

    /// The admin by the secret that [`Self::admin_named`] found.
    pub(super) async fn admin(
        &self,
        by: NamedBy,
        arn: String,
        current: &SecretValue,
    ) -> Result<Admin, Problem> {
        let secret = self.admin_secret(arn);
        if by == NamedBy::Itself {
            Admin::of_value(current, secret, self.budget)
        } else {
            Admin::read(secret, self.budget).await
        }
    }

    pub(super) fn admin_secret(&self, arn: String) -> AdminSecret {
        AdminSecret {
            secrets: self.tools.secrets.in_region_of(&arn),
            arn,
            http: self.tools.http.clone(),
            settings: self.tools.settings.clone(),
        }
    }
}

/// A value's fields, whatever the type.
pub(super) fn value_of(stored: &StoredValue, role: Role) -> Result<SecretValue, Problem> {
    let text = stored.text.as_ref().ok_or(Problem::Binary(role))?;
    let value = SecretValue::parse(text.expose_secret());
    value.map_err(|source| Problem::Malformed { role, source })
}
