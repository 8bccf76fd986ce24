//! What a step knows before it acts: the secret, its versions, and who may act.

use std::time::{Duration, SystemTime};

use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::admin::Admin;
use crate::clients::Clients;
use crate::credential::{Credential, Grace, Kind};
use crate::deadline::Deadline;
use crate::error::{Problem, Role};
use crate::event::{RotationEvent, VersionId};
use crate::key_name::KeyNames;
use crate::keys::{KeyClass, KeyId};
use crate::protected::ProtectedKeys;
use crate::secrets::{CURRENT, Description, Labels, MAY_LOSE_TAG, PENDING, PREVIOUS, SecretArn};
use crate::value::{SecretValue, ValueError};

/// Reads one secret, for a step or for the doctor.
#[derive(Clone, Copy)]
pub(crate) struct SecretReader<'a> {
    pub kind: Kind,
    pub clients: &'a Clients,
    /// As the event or the doctor names it: an ARN.
    pub secret: &'a str,
    pub deadline: &'a Deadline,
}

impl SecretReader<'_> {
    /// Returns for how long the keys of a version go on working once they are replaced.
    pub(crate) fn grace_of(&self, description: &Description, version: &VersionId) -> Grace {
        let default = self.kind.grace();
        description.grace.of_version(version, default)
    }

    /// Returns the same of the keys that this rotation replaces.
    pub(crate) fn grace_of_replaced(&self, versions: &Versions) -> Grace {
        let grace = |version| self.grace_of(&versions.description, version);
        versions.replaced().map_or(self.kind.grace(), grace)
    }

    /// Returns the time by which versions and keys are old.
    pub(crate) fn now(&self) -> SystemTime {
        self.clients.now(self.deadline)
    }
}

/// A version with a value of the secret's type.
#[derive(Debug)]
pub(crate) struct Version {
    pub id: VersionId,
    pub value: SecretValue,
    pub credential: Credential,
    /// Of keys whose shape nobody knows: what is wrong with them, if Datadog refuses them.
    pub unfamiliar: Option<ValueError>,
    pub created: Option<SystemTime>,
}

impl Version {
    /// Returns whether it names other keys than `other`.
    pub(crate) fn differs_from(&self, other: &Self) -> bool {
        self.credential.keys() != other.credential.keys()
    }

    /// Returns why the version's keys are of no use: where nobody knows their shape, that explains a
    /// refusal.
    pub(crate) fn explain_shape(&self, problem: Problem) -> Problem {
        match (&self.unfamiliar, problem) {
            (Some(source), Problem::CurrentKeyDead { .. } | Problem::CurrentKeyMismatch { .. }) => {
                Problem::Malformed {
                    role: Role::Current,
                    source: source.clone(),
                }
            }
            (_, problem) => problem,
        }
    }

    /// Returns how long it has been stored; `None` if that is not known.
    pub(crate) fn age(&self, now: SystemTime) -> Option<Duration> {
        now.duration_since(self.created?).ok()
    }
}

/// The part that the event's token plays.
#[derive(Debug)]
pub(crate) enum TokenVersion {
    /// It carries AWSCURRENT.
    Current,
    /// It carries AWSPENDING and holds a value.
    Filled(Box<Version>),
    /// It carries AWSPENDING and holds no value.
    Empty,
}

impl TokenVersion {
    pub(crate) fn filled(&self) -> Option<&Version> {
        match self {
            Self::Filled(version) => Some(version),
            Self::Current | Self::Empty => None,
        }
    }
}

/// The labels of one reading, and the values that go with them.
pub(crate) struct Versions {
    pub description: Description,
    pub token: TokenVersion,
    pub current: Version,
    pub prefetched: Option<PrefetchedAdmin>,
}

impl Versions {
    /// Returns the version whose keys this rotation replaces: AWSCURRENT's, or AWSPREVIOUS's once it
    /// has promoted its own.
    pub(crate) fn replaced(&self) -> Option<&VersionId> {
        match self.token {
            TokenVersion::Current => self.description.labels.holder(PREVIOUS),
            TokenVersion::Filled(_) | TokenVersion::Empty => Some(&self.current.id),
        }
    }

    /// Returns whether the secret holds no keys, so that there is nothing to rotate.
    ///
    /// Fails if AWSPENDING is of the other mode: it is from before somebody changed the mode, and
    /// must not undo that.
    pub(crate) fn is_keyless(&self) -> Result<bool, Problem> {
        let is_keyless = self.current.credential.is_keyless();
        match self.token.filled() {
            Some(pending) if pending.credential.is_keyless() != is_keyless => {
                let (role, source) = (Role::Pending, ValueError::OtherMode);
                Err(Problem::Malformed { role, source })
            }
            _ => Ok(is_keyless),
        }
    }
}

/// The admin of the secret that `ADMIN_SECRET_ARN` names, read before it is known whether that is
/// the one.
pub(crate) struct PrefetchedAdmin {
    pub arn: SecretArn,
    pub admin: Result<(Admin, SecretArn), Problem>,
}

impl PrefetchedAdmin {
    /// Returns the keys of an admin that was read and is not the one that acts.
    pub(crate) fn keys(&self) -> ProtectedKeys {
        let admin = self.admin.as_ref().ok();
        admin
            .map(|(admin, _)| admin.known_keys())
            .unwrap_or_default()
    }
}

/// A secret that was read, and the admin that acts for it.
#[derive(Debug)]
pub(crate) struct LoadedSecret {
    pub description: Description,
    pub names: KeyNames,
    pub current: Version,
    pub admin: Admin,
    /// Whether the admin's key pair is the one in AWSCURRENT.
    pub rotates_itself: bool,
    /// Whatever carries AWSPREVIOUS by `description`; read once, by `SecretReader::previous`.
    pub previous: OnceCell<Option<Version>>,
}

/// The labels by which somebody decided whose keys are to be deleted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeenLabels<'a> {
    pub labels: &'a Labels,
    /// When they were asked for.
    pub asked_at: Instant,
}

impl<'a> From<&'a Description> for SeenLabels<'a> {
    fn from(described: &'a Description) -> Self {
        Self {
            labels: &described.labels,
            asked_at: described.asked_at,
        }
    }
}

impl LoadedSecret {
    /// Returns whether the secret's owner has said, by a field or tag, that a new API key may lack it.
    pub(crate) fn may_lose(&self, attribute: &str) -> bool {
        let field = self.current.value.text(MAY_LOSE_TAG);
        let said = [field, self.description.may_lose.clone()];
        said.iter()
            .flatten()
            .flat_map(|it| it.split([',', ' ']))
            .any(|it| it == attribute)
    }

    /// Refuses a version of another service account than the admin's. Otherwise whoever may write
    /// the secret could have a key made for any service account.
    pub(crate) fn refuse_other_account(&self, version: &Version) -> Result<(), Problem> {
        let admin = self.admin.service_account();
        match version.credential.service_account() {
            Some(own) if own != admin => Err(Problem::ServiceAccountMismatch {
                admin: admin.clone(),
                own: own.clone(),
            }),
            _ => Ok(()),
        }
    }
}

/// All that one step of a rotation goes by.
pub(crate) struct StepContext<'a> {
    pub reader: SecretReader<'a>,
    pub event: &'a RotationEvent,
    pub secret: LoadedSecret,
    pub token: TokenVersion,
}

impl StepContext<'_> {
    /// Returns for how long the keys of a version go on working once they are replaced.
    pub(crate) fn grace_of(&self, version: &VersionId) -> Grace {
        self.reader.grace_of(&self.secret.description, version)
    }

    /// Returns whether the secret's owner says that the keys of this version have leaked.
    pub(crate) fn has_leaked(&self, version: &Version) -> bool {
        self.secret.description.grace.has_leaked(&version.id)
    }

    /// Returns whether a key of this ID was read in this invocation, so that it can't be new.
    pub(crate) fn was_there_before(&self, id: &KeyId) -> bool {
        self.known_keys().keys().iter().any(|key| key.id == *id)
    }

    /// Returns whether a name recomputes from a version whose value this invocation has read, or from
    /// the event's token.
    pub(crate) fn is_named_by_rotation(&self, class: KeyClass, name: &str) -> bool {
        let previous = self.secret.previous.get().into_iter().flatten();
        let mut versions = previous
            .map(|it| &it.id)
            .chain([&self.secret.current.id, &self.event.token]);
        versions.any(|version| self.secret.names.bears(class, name, version))
    }

    /// Returns the keys of all versions and admins that this invocation has read.
    pub(crate) fn known_keys(&self) -> ProtectedKeys {
        let previous = self.secret.previous.get().into_iter().flatten();
        let mut keys = self.secret.admin.known_keys();
        keys.merge(&self.kept());
        for version in previous {
            keys.add(&version.credential);
        }
        keys
    }

    /// Returns the keys of AWSCURRENT and, if it holds a value, of AWSPENDING, which must stay.
    pub(crate) fn kept(&self) -> ProtectedKeys {
        let mut kept = ProtectedKeys::default();
        kept.add(&self.secret.current.credential);
        if let Some(pending) = self.token.filled() {
            kept.add(&pending.credential);
        }
        kept
    }
}

/// AWSCURRENT or AWSPENDING, whichever the token carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenLabel {
    Current,
    Pending,
}

impl TokenLabel {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Current => CURRENT,
            Self::Pending => PENDING,
        }
    }
}
