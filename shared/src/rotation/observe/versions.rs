//! Versions, their labels and their values.
//!
//! Secrets Manager's readings are inconsistent for some seconds after a change. A reading that
//! contradicts itself is read again before it is an error.

use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::time::Instant;

use super::keys::consistency_backoff;
use crate::credential::Kind;
use crate::deadline::{Backoff, Deadline};
use crate::error::{Problem, Role};
use crate::event::{RotationEvent, Step, VersionId};
use crate::secrets::{
    CURRENT, Description, Labels, PENDING, PREVIOUS, Secrets, SecretsProblem, StoredValue,
};
use crate::value::{SecretValue, ValueError};

use crate::rotation::context::{
    LoadedSecret, SecretReader, SeenLabels, TokenLabel, TokenVersion, Version, Versions,
};

/// Labels that were read within this time need not be read again before a deletion or a promotion.
const FRESH: Duration = Duration::from_secs(2);

/// Why a reading failed.
pub(crate) enum ReadError {
    /// The labels contradict each other or a value, so that the reading is repeated.
    Inconsistent(Problem),
    Failed(Problem),
}

impl<P: Into<Problem>> From<P> for ReadError {
    fn from(problem: P) -> Self {
        Self::Failed(problem.into())
    }
}

/// Returns the result of a reading. Returns `None` after a pause if the reading was inconsistent, so
/// that the caller reads again.
pub(crate) async fn retry_while_inconsistent<T>(
    reading: Result<T, ReadError>,
    backoff: &mut Backoff,
    deadline: &Deadline,
) -> Option<Result<T, Problem>> {
    match reading {
        Ok(found) => Some(Ok(found)),
        Err(ReadError::Inconsistent(_)) if backoff.pause(deadline).await => None,
        Err(ReadError::Inconsistent(problem) | ReadError::Failed(problem)) => Some(Err(problem)),
    }
}

/// Reads a value by version ID *and* label. Returns `None` if Secrets Manager finds none.
pub(crate) async fn read_stored(
    secrets: &Secrets,
    secret: &str,
    version: &VersionId,
    label: &'static str,
    deadline: &Deadline,
) -> Result<Option<StoredValue>, ReadError> {
    let reading = secrets.value(secret, version, label, deadline).await;
    match reading {
        // The answer is another secret's or version's value, or lacks it.
        Ok(Some(stored))
            if stored.is_cut()
                || stored.version.as_ref().is_some_and(|it| it != version)
                || !stored.may_be_of(secret) =>
        {
            Err(ReadError::Inconsistent(Problem::ValueUnreadable { label }))
        }
        Ok(stored) => Ok(stored),
        Err(error) => Err(match error.problem {
            SecretsProblem::Contradiction { .. } => ReadError::Inconsistent(error.into()),
            _ => ReadError::Failed(error.into()),
        }),
    }
}

/// Parses the fields of a value, whatever its type.
pub(crate) fn parse_fields(stored: &StoredValue, role: Role) -> Result<SecretValue, Problem> {
    let text = stored.text.as_ref().ok_or(Problem::Binary(role))?;
    let value = SecretValue::parse(text.expose_secret());
    value.map_err(|source| Problem::Malformed { role, source })
}

impl SecretReader<'_> {
    /// Reads the labels, and the values of AWSCURRENT and of the event's version that belong to
    /// those labels.
    pub(crate) async fn versions(&self, event: &RotationEvent) -> Result<Versions, Problem> {
        let mut backoff = consistency_backoff();
        loop {
            let reading = self.versions_once(event).await;
            let done = retry_while_inconsistent(reading, &mut backoff, self.deadline).await;
            if let Some(versions) = done {
                return versions;
            }
        }
    }

    /// Reads labels and values at once. A value counts only if the labels name its version.
    async fn versions_once(&self, event: &RotationEvent) -> Result<Versions, ReadError> {
        let token = &event.token;
        let (description, current, pending) = tokio::join!(
            self.rotated(event),
            self.read_current(),
            self.read(token, PENDING),
        );
        let description = description?;
        let none = || ReadError::Inconsistent(Problem::NoCurrentValue);
        let holder = description.labels.holder(CURRENT).ok_or_else(none)?;
        let current = match current? {
            Some((version, current)) if version == *holder => current,
            _ => self.read(holder, CURRENT).await?.ok_or_else(none)?,
        };
        let current = current?;
        let token = if holder == token {
            TokenVersion::Current
        } else {
            match pending?.transpose()? {
                Some(version) => TokenVersion::Filled(version.into()),
                None => TokenVersion::Empty,
            }
        };
        Ok(Versions {
            description,
            token,
            current,
            prefetched: None,
        })
    }

    /// Reads the token's value again for some seconds: it may have been stored a moment ago.
    pub(crate) async fn late_value(&self, token: &VersionId) -> Result<TokenVersion, Problem> {
        Ok(match self.labelled(token, PENDING).await? {
            Some(version) => TokenVersion::Filled(version?.into()),
            None => TokenVersion::Empty,
        })
    }

    /// Describes the secret. Fails if rotation is off, or if the token carries neither AWSPENDING nor
    /// AWSCURRENT.
    async fn rotated(&self, event: &RotationEvent) -> Result<Description, ReadError> {
        let described = self.clients.secrets.describe(self.secret, self.deadline);
        let description = described.await?;
        // The configuration check runs before rotation is turned on.
        if !description.rotation_enabled && event.step != Step::TestSecret {
            return Err(Problem::RotationNotEnabled.into());
        }
        let (labels, token) = (&description.labels, &event.token);
        if !labels.is_staged(token) {
            return Err(ReadError::Inconsistent(Problem::NoStagingLabel));
        }
        if !labels.carries(token, CURRENT) && !labels.carries(token, PENDING) {
            return Err(ReadError::Inconsistent(Problem::NotPending));
        }
        Ok(description)
    }

    /// Reads whether the token carries AWSCURRENT or AWSPENDING now. If another invocation has gone
    /// on meanwhile, this one must not move the label back. `deadline` may be earlier than the reader's.
    pub(crate) async fn label_of(
        &self,
        token: &VersionId,
        deadline: &Deadline,
    ) -> Result<Option<TokenLabel>, Problem> {
        let mut backoff = consistency_backoff();
        loop {
            let labels = self.labels(deadline).await?;
            let carried = [TokenLabel::Current, TokenLabel::Pending]
                .into_iter()
                .find(|it| labels.carries(token, it.name()));
            if carried.is_some() || !backoff.pause(deadline).await {
                return Ok(carried);
            }
        }
    }

    /// Reads the labels once.
    pub(crate) async fn labels(&self, deadline: &Deadline) -> Result<Labels, Problem> {
        let described = self.clients.secrets.describe(self.secret, deadline).await?;
        Ok(described.labels)
    }

    /// Reads a value by version ID and label. Returns `None` if the version holds none, and
    /// `Some(Err(…))` if the value is not of this secret type.
    async fn read(
        &self,
        version: &VersionId,
        label: &'static str,
    ) -> Result<Option<Result<Version, Problem>>, ReadError> {
        let secrets = &self.clients.secrets;
        let stored = read_stored(secrets, self.secret, version, label, self.deadline).await?;
        let role = Role::of_label(label);
        Ok(stored.map(|stored| self.parse(version, &stored, role)))
    }

    /// Reads the value under AWSCURRENT, whichever version carries that label.
    async fn read_current(
        &self,
    ) -> Result<Option<(VersionId, Result<Version, Problem>)>, ReadError> {
        let secrets = &self.clients.secrets;
        match secrets.current_value(self.secret, self.deadline).await {
            // The labels tell which version to read instead.
            Ok(stored) if stored.is_cut() || !stored.may_be_of(self.secret) => Ok(None),
            Ok(stored) => Ok(stored.version.clone().map(|version| {
                let parsed = self.parse(&version, &stored, Role::Current);
                (version, parsed)
            })),
            Err(error) if error.problem == SecretsProblem::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Parses a stored value as one of this secret type.
    pub(crate) fn parse(
        &self,
        id: &VersionId,
        stored: &StoredValue,
        role: Role,
    ) -> Result<Version, Problem> {
        let value = parse_fields(stored, role)?;
        let read = value.stored_credential(self.kind);
        let (credential, unfamiliar) = read.map_err(|source| {
            // That it lacks a pair would say too little.
            let is_token = self.kind == Kind::AdminKey && value.holds_admin_token();
            let told = if is_token {
                ValueError::TokenOfAdmin
            } else {
                source
            };
            Problem::Malformed { role, source: told }
        })?;
        Ok(Version {
            id: id.clone(),
            value,
            credential,
            unfamiliar,
            created: stored.created,
        })
    }

    /// Reads the value of a version that carried a label a moment ago, and never that of another
    /// version. Returns `None` if the label has left the version since.
    ///
    /// If Secrets Manager finds no value, the version is read again. If it finds none at last, the
    /// version is unreadable and not empty: its keys can't be known. That is an error.
    pub(crate) async fn labelled(
        &self,
        version: &VersionId,
        label: &'static str,
    ) -> Result<Option<Result<Version, Problem>>, Problem> {
        let mut backoff = consistency_backoff();
        loop {
            let reading = match self.read(version, label).await {
                Ok(Some(found)) => Ok(found),
                Ok(None) => Err(ReadError::Inconsistent(Problem::ValueUnreadable { label })),
                Err(error) => Err(error),
            };
            match retry_while_inconsistent(reading, &mut backoff, self.deadline).await {
                None => {}
                Some(Ok(found)) => return Ok(Some(found)),
                Some(Err(problem @ Problem::ValueUnreadable { .. })) => {
                    // A pending version holds no value until createSecret has stored one.
                    let is_empty = label == PENDING
                        || !self.labels(self.deadline).await?.carries(version, label);
                    return if is_empty { Ok(None) } else { Err(problem) };
                }
                Some(Err(problem)) => return Err(problem),
            }
        }
    }

    /// Reads the value of a version that is known to hold one: the token's own.
    pub(crate) async fn stored(&self, token: &VersionId) -> Result<Version, Problem> {
        let label = self.label_of(token, self.deadline).await?;
        let label = label.ok_or(Problem::PendingLabelLost)?;
        match self.labelled(token, label.name()).await? {
            Some(version) => version,
            None => Err(Problem::PendingWithoutValue),
        }
    }

    /// Reads the labels again, if they were asked for over two seconds ago. Fails if the token has lost AWSPENDING
    /// and is not AWSCURRENT: a person has given its rotation up, and the next one deletes its keys.
    pub(crate) async fn confirm_pending(
        &self,
        token: &VersionId,
        seen: &mut SeenLabels<'_>,
    ) -> Result<(), Problem> {
        if seen.asked_at.elapsed() < FRESH {
            return Ok(());
        }
        let asked_at = Instant::now();
        let carried = self.label_of(token, self.deadline).await?;
        seen.asked_at = asked_at;
        carried.map(drop).ok_or(Problem::LabelsMoved)
    }

    /// Reads the labels again, if they were asked for over two seconds ago. Fails if one was moved: the key to be
    /// deleted may be in use by now.
    pub(crate) async fn confirm_labels(&self, seen: &mut SeenLabels<'_>) -> Result<(), Problem> {
        if seen.asked_at.elapsed() < FRESH {
            return Ok(());
        }
        let mut backoff = consistency_backoff();
        loop {
            let asked_at = Instant::now();
            let labels = self.labels(self.deadline).await?;
            let is_unmoved = |label| labels.holder(label) == seen.labels.holder(label);
            // Secrets Manager takes AWSPENDING off what was promoted.
            let is_promoted = seen.labels.holder(PENDING) == seen.labels.holder(CURRENT);
            let is_tidied = is_promoted && labels.holder(PENDING).is_none();
            // By two readings of different moments, two versions may have it.
            let may_be_told = seen.labels.holder(PENDING).is_some();
            let is_waiting = !may_be_told || is_tidied || is_unmoved(PENDING);
            if is_unmoved(CURRENT) && is_unmoved(PREVIOUS) && is_waiting {
                seen.asked_at = asked_at;
                return Ok(());
            }
            if !backoff.pause(self.deadline).await {
                return Err(Problem::LabelsMoved);
            }
        }
    }

    /// Returns the version that carried AWSPREVIOUS when the step began. Reads it once.
    pub(crate) async fn previous<'s>(
        &self,
        secret: &'s LoadedSecret,
    ) -> Result<Option<&'s Version>, Problem> {
        let reading = || self.previous_of(&secret.description);
        let previous = secret.previous.get_or_try_init(reading).await?;
        Ok(previous.as_ref())
    }

    /// Reads AWSPREVIOUS. Returns `None` with a warning if its value is not of this secret type: its
    /// keys can't be known, and are left alone.
    pub(crate) async fn previous_of(
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
