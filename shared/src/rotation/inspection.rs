//! What can be learnt of a secret without any effect: the steps look before they act, and the
//! doctor does nothing but look.

use std::time::{Duration, SystemTime};

use secrecy::ExposeSecret;

use super::Tools;
use super::scene::Scene;
use crate::budget::{Backoff, Budget};
use crate::credential::Credential;
use crate::error::{Problem, Role};
use crate::event::VersionId;
use crate::retire::YOUNGEST_STRAY;
use crate::secrets::{Description, PENDING, PREVIOUS, Secrets, SecretsProblem, StoredValue};
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

    /// The value under AWSCURRENT, before it is known which version carries that: `None` if there
    /// is none.
    pub(super) async fn read_current(
        &self,
    ) -> Result<Option<(VersionId, Result<Version, Problem>)>, Unread> {
        let secrets = &self.tools.secrets;
        match secrets.current_value(self.secret, self.budget).await {
            Ok(stored) => Ok(stored.version.clone().map(|version| {
                let parsed = self.parsed(&version, &stored, Role::Current);
                (version, parsed)
            })),
            Err(error) if error.problem == SecretsProblem::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
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

    /// What carries AWSPREVIOUS by the reading of the labels that the step began with. Read once.
    pub(super) async fn previous<'s>(
        &self,
        scene: &'s Scene,
    ) -> Result<Option<&'s Version>, Problem> {
        let reading = || self.previous_of(&scene.description);
        let previous = scene.previous.get_or_try_init(reading).await?;
        Ok(previous.as_ref())
    }

    /// A value that is none of this type's names keys that can't be known, and is left alone.
    pub(super) async fn previous_of(
        &self,
        description: &Description,
    ) -> Result<Option<Version>, Problem> {
        let Some(holder) = description.labels.holder(PREVIOUS) else {
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
}

/// A value's fields, whatever the type.
pub(super) fn value_of(stored: &StoredValue, role: Role) -> Result<SecretValue, Problem> {
    let text = stored.text.as_ref().ok_or(Problem::Binary(role))?;
    let value = SecretValue::parse(text.expose_secret());
    value.map_err(|source| Problem::Malformed { role, source })
}
