//! What a step finds: the secret, the versions in play, and the admin who may act.

use std::time::{Duration, SystemTime};

use super::{Rotation, text_of};
use crate::admin::Admin;
use crate::budget::Backoff;
use crate::credential::{Credential, Kind};
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

/// A reading of the labels that a later call contradicted.
struct Lagging(Problem);

impl Rotation<'_> {
    /// Reads all that a step goes by, and refuses what it must not work on. No effect.
    pub(super) async fn scene(&self) -> Result<Scene, Problem> {
        let (description, standing, current) = self.versions().await?;
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

    async fn versions(&self) -> Result<(Description, Standing, Version), Problem> {
        let mut lag = lag();
        loop {
            let description = self
                .tools
                .secrets
                .describe(self.secret(), self.budget)
                .await?;
            if !description.rotation_enabled && self.event.step != Step::TestSecret {
                return Err(Problem::RotationNotEnabled);
            }
            match self.versions_of(&description).await {
                Ok((standing, current)) => return Ok((description, standing, current)),
                Err(Ok(Lagging(problem))) => {
                    if !lag.pause(self.budget).await {
                        return Err(problem);
                    }
                }
                Err(Err(problem)) => return Err(problem),
            }
        }
    }

    async fn versions_of(
        &self,
        description: &Description,
    ) -> Result<(Standing, Version), Result<Lagging, Problem>> {
        let (labels, token) = (&description.labels, self.token());
        if !labels.is_staged(token) {
            return Err(Ok(Lagging(Problem::NoStagingLabel)));
        }
        if !labels.carries(token, CURRENT) && !labels.carries(token, PENDING) {
            return Err(Ok(Lagging(Problem::NotPending)));
        }
        let current = labels
            .holder(CURRENT)
            .ok_or(Ok(Lagging(Problem::NoCurrentValue)))?;
        let stored = self.read(current, CURRENT).await?;
        let stored = stored.ok_or(Ok(Lagging(Problem::NoCurrentValue)))?;
        let current_version = self.parsed(current, &stored, Role::Current).map_err(Err)?;
        if current == token {
            return Ok((Standing::Current, current_version));
        }
        let pending = match self.read(token, PENDING).await? {
            Some(stored) => {
                let pending = self.parsed(token, &stored, Role::Pending).map_err(Err)?;
                Some(Box::new(pending))
            }
            None => None,
        };
        Ok((Standing::Pending(pending), current_version))
    }

    /// A value by version id *and* label.
    async fn read(
        &self,
        version: &VersionId,
        label: &str,
    ) -> Result<Option<StoredValue>, Result<Lagging, Problem>> {
        let stored = self
            .tools
            .secrets
            .value(self.secret(), version, label, self.budget)
            .await;
        stored.map_err(|error| match error.problem {
            SecretsProblem::Contradiction { .. } => Ok(Lagging(error.into())),
            _ => Err(error.into()),
        })
    }

    fn parsed(&self, id: &VersionId, stored: &StoredValue, role: Role) -> Result<Version, Problem> {
        let text = text_of(stored).ok_or(Problem::Binary(role))?;
        let malformed = |source| Problem::Malformed { role, source };
        let value = SecretValue::parse(text).map_err(malformed)?;
        let credential = value.credential(self.tools.kind).map_err(malformed)?;
        Ok(Version {
            id: id.clone(),
            value,
            credential,
            created: stored.created,
        })
    }

    /// What carries `label`, by the labels that the step began with, or by new ones if those are
    /// contradicted. A value that is none of this type's is `Err(())`: it names keys that can't be
    /// known, so nothing must be concluded from it.
    pub(super) async fn labelled(
        &self,
        scene: &Scene,
        label: &str,
    ) -> Result<Option<Result<Version, ()>>, Problem> {
        let mut lag = lag();
        let mut labels = scene.description.labels.clone();
        loop {
            let Some(version) = labels.holder(label) else {
                return Ok(None);
            };
            match self.readable(version, label).await {
                Ok(found) => return Ok(found),
                Err(Ok(Lagging(problem))) if !lag.pause(self.budget).await => return Err(problem),
                Err(Ok(Lagging(_))) => {}
                Err(Err(problem)) => return Err(problem),
            }
            let described = self.tools.secrets.describe(self.secret(), self.budget);
            labels = described.await?.labels;
        }
    }

    async fn readable(
        &self,
        version: &VersionId,
        label: &str,
    ) -> Result<Option<Result<Version, ()>>, Result<Lagging, Problem>> {
        let stored = self.read(version, label).await?;
        Ok(stored.map(|stored| self.parsed(version, &stored, Role::Current).map_err(drop)))
    }

    /// The same for a version whose labels were read a moment ago; a contradiction is an error.
    pub(super) async fn labelled_as(
        &self,
        version: &VersionId,
        label: &str,
    ) -> Result<Option<Result<Version, ()>>, Problem> {
        self.readable(version, label)
            .await
            .map_err(|error| match error {
                Ok(Lagging(problem)) | Err(problem) => problem,
            })
    }

    async fn admin(
        &self,
        description: &Description,
        current: &Version,
    ) -> Result<(Admin, bool), Problem> {
        let named = current
            .value
            .text("adminSecretArn")
            .or_else(|| description.admin_secret_arn.clone());
        let arn = match self.tools.kind {
            Kind::AdminKey => named.filter(|arn| *arn != description.arn),
            Kind::ApiKey | Kind::ApplicationKey => {
                let default = || self.tools.settings.admin_secret_arn.clone();
                Some(named.or_else(default).ok_or(Problem::NoAdminSecret)?)
            }
        };
        match arn {
            None => {
                let own = self.own_secret(description.arn.clone());
                Ok((Admin::of_value(&current.value, own, self.budget)?, true))
            }
            Some(arn) if is_secret_arn(&arn) => {
                Ok((Admin::read(self.own_secret(arn), self.budget).await?, false))
            }
            Some(_) => Err(Problem::AdminArn),
        }
    }

    pub(super) async fn previous(&self, scene: &Scene) -> Result<Option<Version>, Problem> {
        match self.labelled(scene, PREVIOUS).await? {
            Some(Ok(version)) => Ok(Some(version)),
            Some(Err(())) => {
                tracing::warn!(
                    secret = self.secret(),
                    "the value under AWSPREVIOUS is none of this type: its keys are left alone"
                );
                Ok(None)
            }
            None => Ok(None),
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

/// Full ARNs only: names would be looked up in the function's own account and region.
fn is_secret_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    matches!(parts[..], ["arn", _, "secretsmanager", region, account, "secret", name]
        if !region.is_empty() && !account.is_empty() && !name.is_empty())
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}
