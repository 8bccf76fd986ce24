//! What a step finds: the secret, the versions in play, and the admin who may act.

use std::time::{Duration, SystemTime};

use secrecy::ExposeSecret;

use super::Rotation;
use crate::admin::Admin;
use crate::budget::Backoff;
use crate::credential::Credential;
use crate::error::{Problem, Role};
use crate::event::{Step, VersionId};
use crate::key_name::KeyNames;
use crate::retire::YOUNGEST_STRAY;
use crate::secrets::{CURRENT, Description, PENDING, PREVIOUS, SecretsProblem, StoredValue};
use crate::value::SecretValue;

/// Labels lag: for so long a reading that contradicts itself is read again.
pub(super) fn lag() -> Backoff {
    Backoff::new(
        Duration::from_millis(250),
        Duration::from_secs(1),
        Duration::from_secs(4),
    )
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

/// The part that the token's version plays.
#[derive(Debug)]
pub(super) enum Standing {
    /// It carries AWSCURRENT.
    Current,
    /// It carries AWSPENDING and may hold a value.
    Pending(Option<Box<Version>>),
}

pub(super) struct Scene {
    pub description: Description,
    pub names: KeyNames,
    pub standing: Standing,
    pub current: Version,
    pub admin: Admin,
    /// Whether the admin's pair is the one of `current`.
    pub rotates_itself: bool,
}

/// Why a version was not read.
enum Unread {
    /// The labels contradict themselves or a version: they lag, and are to be read again.
    Lagging(Problem),
    Failed(Problem),
}

impl<P: Into<Problem>> From<P> for Unread {
    fn from(problem: P) -> Self {
        Self::Failed(problem.into())
    }
}

/// What the labels say, and the values that go with them.
pub(super) struct Versions {
    pub description: Description,
    pub standing: Standing,
    pub current: Version,
}

impl Rotation<'_> {
    /// Reads all that a step goes by, and refuses what it must not work on. No effect.
    pub(super) async fn scene_of(&self, versions: Versions) -> Result<Scene, Problem> {
        let Versions {
            description,
            standing,
            current,
        } = versions;
        let names = KeyNames::new(self.tools.kind, &description.arn, &description.name);
        let (admin, rotates_itself) = self.admin(&description, &current).await?;
        let scene = Scene {
            description,
            names,
            standing,
            current,
            admin,
            rotates_itself,
        };
        scene.refuse_other_accounts()?;
        Ok(scene)
    }

    /// The secret, if it is one to rotate and the token one of its rotation.
    pub(super) async fn described(&self) -> Result<Description, Problem> {
        let mut lag = lag();
        loop {
            match self.description().await {
                Ok(description) => return Ok(description),
                Err(Unread::Lagging(_)) if lag.pause(self.budget).await => {}
                Err(Unread::Lagging(problem) | Unread::Failed(problem)) => return Err(problem),
            }
        }
    }

    async fn description(&self) -> Result<Description, Unread> {
        let described = self.tools.secrets.describe(self.secret(), self.budget);
        let description = described.await?;
        if !description.rotation_enabled && self.event.step != Step::TestSecret {
            return Err(Problem::RotationNotEnabled.into());
        }
        let (labels, token) = (&description.labels, self.token());
        if !labels.is_staged(token) {
            return Err(Unread::Lagging(Problem::NoStagingLabel));
        }
        if !labels.carries(token, CURRENT) && !labels.carries(token, PENDING) {
            return Err(Unread::Lagging(Problem::NotPending));
        }
        Ok(description)
    }

    pub(super) async fn versions(&self) -> Result<Versions, Problem> {
        let mut lag = lag();
        loop {
            match self.versions_at_once().await {
                Ok(versions) => return Ok(versions),
                Err(Unread::Lagging(_)) if lag.pause(self.budget).await => {}
                Err(Unread::Lagging(problem) | Unread::Failed(problem)) => return Err(problem),
            }
        }
    }

    /// From one reading of the labels.
    async fn versions_at_once(&self) -> Result<Versions, Unread> {
        let (description, token) = (self.description().await?, self.token());
        let none = || Unread::Lagging(Problem::NoCurrentValue);
        let holder = description.labels.holder(CURRENT).ok_or_else(none)?;
        let current = self.read(holder, CURRENT).await?.ok_or_else(none)??;
        let standing = if holder == token {
            Standing::Current
        } else {
            let pending = self.read(token, PENDING).await?.transpose()?;
            Standing::Pending(pending.map(Box::new))
        };
        Ok(Versions {
            description,
            standing,
            current,
        })
    }

    /// A value by version id *and* label: `None` if the version holds none, and within it why it
    /// is none of this type's.
    async fn read(
        &self,
        version: &VersionId,
        label: &str,
    ) -> Result<Option<Result<Version, Problem>>, Unread> {
        let reading = self
            .tools
            .secrets
            .value(self.secret(), version, label, self.budget);
        match reading.await {
            Ok(stored) => {
                let role = if label == PENDING {
                    Role::Pending
                } else {
                    Role::Current
                };
                Ok(stored.map(|stored| self.parsed(version, &stored, role)))
            }
            Err(error) => Err(match error.problem {
                SecretsProblem::Contradiction { .. } => Unread::Lagging(error.into()),
                _ => Unread::Failed(error.into()),
            }),
        }
    }

    fn parsed(&self, id: &VersionId, stored: &StoredValue, role: Role) -> Result<Version, Problem> {
        let text = stored.text.as_ref().ok_or(Problem::Binary(role))?;
        let malformed = |source| Problem::Malformed { role, source };
        let value = SecretValue::parse(text.expose_secret()).map_err(malformed)?;
        let credential = value.credential(self.tools.kind).map_err(malformed)?;
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
            match self.read(version, label).await {
                Ok(found) => return Ok(found),
                Err(Unread::Lagging(_)) if lag.pause(self.budget).await => {}
                Err(Unread::Lagging(problem) | Unread::Failed(problem)) => return Err(problem),
            }
        }
    }

    /// What carries AWSPREVIOUS by the reading of the labels that the step began with. A value
    /// that is none of this type's names keys that can't be known, and is left alone.
    pub(super) async fn previous(&self, scene: &Scene) -> Result<Option<Version>, Problem> {
        self.previous_of(&scene.description).await
    }

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
                tracing::warn!(secret = self.secret(), %problem, "AWSPREVIOUS is left alone");
                Ok(None)
            }
        }
    }
}

impl Scene {
    /// The credentials of AWSCURRENT and, if it holds one, of AWSPENDING.
    pub(super) fn kept(&self) -> Vec<&Credential> {
        let pending = match &self.standing {
            Standing::Pending(Some(pending)) => Some(&pending.credential),
            Standing::Pending(None) | Standing::Current => None,
        };
        let current = Some(&self.current.credential);
        [current, pending].into_iter().flatten().collect()
    }

    /// An admin key acts for its own service account only: against privilege escalation.
    fn refuse_other_accounts(&self) -> Result<(), Problem> {
        let pending = match &self.standing {
            Standing::Pending(Some(pending)) => pending.credential.service_account(),
            Standing::Pending(None) | Standing::Current => None,
        };
        let admin = self.admin.service_account();
        let mut own = self
            .current
            .credential
            .service_account()
            .into_iter()
            .chain(pending);
        own.find(|own| *own != admin).map_or(Ok(()), |own| {
            Err(Problem::ServiceAccountMismatch {
                admin: admin.clone(),
                own: own.clone(),
            })
        })
    }
}
