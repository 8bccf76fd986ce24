//! Everything that can stop a step.

use std::fmt;

use super::admin_token::AdminTokenDefect;
use crate::datadog::{DatadogError, DatadogProblem, api_keys};
use crate::event::EventError;
use crate::keys::{KeyClass, KeyId, KeyRef, OrganisationId, ServiceAccountId};
use crate::secrets::{PENDING, PREVIOUS, SecretsError};
use crate::settings::StartError;
use crate::site::Site;
use crate::value::{Flaw, Told, ValueError};

/// Which version of the rotated secret a problem is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Current,
    Pending,
    Previous,
}

impl Role {
    /// Returns the role of the version that carries this label.
    #[must_use]
    pub fn of_label(label: &str) -> Self {
        match label {
            PENDING => Self::Pending,
            PREVIOUS => Self::Previous,
            _ => Self::Current,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Current => "AWSCURRENT",
            Self::Pending => "AWSPENDING",
            Self::Previous => "AWSPREVIOUS",
        })
    }
}

/// What stopped a step.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Nothing was done, in this invocation and all before it.
    #[error("the function can't begin its work: {0}")]
    Start(#[from] StartError),
    #[error("the event was refused: {0}")]
    Event(#[from] EventError),
    #[error("rotation is not enabled for this secret")]
    RotationNotEnabled,
    #[error("the version carries no staging label")]
    NoStagingLabel,
    #[error("the version carries a staging label that is neither AWSPENDING nor AWSCURRENT")]
    NotPending,
    #[error("the secret has no value under AWSCURRENT")]
    NoCurrentValue,
    #[error("the value under {0} is binary")]
    Binary(Role),
    #[error("the value under {role} {source}")]
    Malformed { role: Role, source: ValueError },
    #[error("the secret's tag {tag} can't be read")]
    TagMalformed { tag: &'static str },
    #[error("the version holds no value to be promoted: none, or a copy of AWSCURRENT's")]
    PendingWithoutValue,
    /// Not "empty": its keys can't be known, so that nothing may be deleted by name.
    #[error("a version carries {label}, and Secrets Manager does not find its value")]
    ValueUnreadable { label: &'static str },
    #[error("the replica in {place} could not be brought up to date{}", in_aws_words(message.as_deref()))]
    ReplicaFailed {
        place: String,
        /// AWS's own words.
        message: Option<String>,
    },
    #[error("the replica in {place} does not have the new value yet")]
    ReplicaBehind { place: String },
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    #[error("the secret is marked for deletion")]
    MarkedForDeletion,
    #[error("the secret is a replica; its primary is in {primary}")]
    Replica { primary: String },
    #[error("the value under AWSCURRENT has the fields of none of the types, or of several")]
    UnknownKind,

    #[error("the secret names no admin secret")]
    NoAdminSecret,
    #[error("{by} does not name the admin secret by its full ARN{}", Told(.flaw))]
    AdminArn {
        /// What names it: a field, a tag or a variable.
        by: &'static str,
        flaw: Option<Flaw>,
    },
    #[error("the admin secret can't be read: {0}")]
    AdminUnreadable(#[source] SecretsError),
    #[error("the value of the admin secret {arn} is binary")]
    AdminBinary { arn: String },
    #[error("the value of the admin secret {arn} {source}")]
    AdminMalformed { arn: String, source: ValueError },
    #[error("Datadog's site {site} refuses the key pair of the admin secret {arn}")]
    AdminRefused { arn: String, site: Site },
    #[error("the service access token of the admin secret {arn} {defect}")]
    AdminToken {
        arn: String,
        defect: AdminTokenDefect,
    },
    /// The text that the managed service uses, to the letter.
    #[error(
        "Admin key's serviceAccountId ({admin}) must match the Application key's serviceAccountId \
         ({own})."
    )]
    ServiceAccountMismatch {
        admin: ServiceAccountId,
        own: ServiceAccountId,
    },
    #[error("the admin application key lacks the scopes {}", .missing.join(", "))]
    MissingScopes { missing: Vec<&'static str> },
    #[error("service account {account} lacks the permissions {}", .missing.join(", "))]
    MissingPermissions {
        account: ServiceAccountId,
        missing: Vec<&'static str>,
    },
    #[error("{used} of {allowed} {class}s exist: there is no room for a new one")]
    NoRoom {
        class: KeyClass,
        used: u64,
        allowed: u64,
    },

    #[error("the function's environment {source}")]
    IdentityMalformed { source: ValueError },
    /// 401 or 403 to the proof, or to the token that was handed out for it.
    #[error(
        "{error}; the function was to act as service account {account} of organisation \
         {organisation}"
    )]
    IdentityRefused {
        error: Box<DatadogError>,
        account: ServiceAccountId,
        organisation: OrganisationId,
    },
    #[error(
        "Datadog takes the function for user {user} of organisation {organisation}, and not for \
         service account {account} of organisation {expected}"
    )]
    IdentityMismatch {
        user: ServiceAccountId,
        organisation: OrganisationId,
        account: ServiceAccountId,
        expected: OrganisationId,
    },
    #[error(
        "{error}, though Datadog accepts the function's identity, and service account {account} \
         has {permission}: it does not let a delegated token do this"
    )]
    IdentityForbidden {
        error: Box<DatadogError>,
        account: ServiceAccountId,
        permission: &'static str,
    },
    #[error(
        "no API key secret is named, and Datadog accepts an application key only together with an \
         API key: the application key can't be verified"
    )]
    NoApiKeySecret,
    #[error("the value of the API key secret {arn} {source}")]
    ApiKeySecretMalformed { arn: String, source: ValueError },
    #[error(
        "Datadog refuses the API key of the secret {arn}, which was to verify the application key"
    )]
    ApiKeySecretRefused { arn: String },

    #[error("the current {key} is revoked, or can't be found")]
    CurrentKeyDead { key: KeyRef },
    /// Neither dead nor alive by a word that is known.
    #[error("the current {key} has a status that is not known")]
    CurrentKeyStatusUnknown { key: KeyRef },
    #[error("the current {key} does not belong to service account {expected}")]
    CurrentKeyNotOwned {
        key: KeyRef,
        expected: ServiceAccountId,
    },
    #[error("value and ID of the current {key} are of different keys")]
    CurrentKeyMismatch { key: KeyRef },
    #[error("the current {key} belongs to another organisation than the admin key")]
    OrganisationMismatch { key: KeyRef },
    #[error(
        "with daysToExpiry {days} a token would end while it is needed, for two intervals of the \
         rotation schedule and its window: the least value is {least}"
    )]
    ExpiryTooShort { days: u16, least: u64 },
    #[error("Datadog does not tell the scopes of the {key}")]
    ScopesUnknown { key: KeyRef },
    #[error("the {key} that Datadog created is not what was asked for: {difference}")]
    CreatedKeyDiffers {
        key: KeyRef,
        difference: &'static str,
    },
    #[error("Datadog created the {key}, but its value can't be read from the answer")]
    CreatedKeyUnreadable { key: KeyRef },
    #[error("the answer to the creation of a key shows the key {id}, which is another one")]
    CreatedKeyIsAnother { id: KeyId },
    #[error("the {key} that Datadog created lacks {attribute}, which the current one has")]
    AttributeLost {
        key: KeyRef,
        attribute: &'static str,
    },
    #[error("all names that the version's {class} may have are taken")]
    NamesTaken { class: KeyClass },
    #[error("the version lost AWSPENDING before its value could be stored")]
    PendingLabelLost,
    #[error("Datadog does not accept the new keys yet")]
    NewKeyUnusable,
    #[error("the new {key} is not like the one that it replaces: {difference}")]
    NewKeyDiffers {
        key: KeyRef,
        difference: &'static str,
    },
    #[error("the value in AWSPENDING can't be that of the {key}: {difference}")]
    PendingKeyMismatch {
        key: KeyRef,
        difference: &'static str,
    },
    #[error(
        "the key is in use by an admin secret or a kept version, or looked up by its ID it has no name of an \
         orphaned key: it was not deleted"
    )]
    KeyInUse,
    #[error(
        "whether the secret held the {key} is not known: Datadog refuses its value, and that of a key \
         that should work as well, or fails to tell which key the value is"
    )]
    PossessionUnknown { key: KeyRef },
    #[error(
        "the pending {key} is dead, has leaked, or ends before the next rotation, and can't be replaced under this version"
    )]
    PendingKeyDead { key: KeyRef },
    #[error(
        "AWSCURRENT could not be moved: the version whose value was read may not hold it any more"
    )]
    PromotionRefused,
    #[error("AWSCURRENT, AWSPREVIOUS or AWSPENDING was moved while the step was at work")]
    LabelsMoved,
    #[error("AWSCURRENT was moved, by Secrets Manager's answer, but the version does not carry it")]
    PromotionNotSeen,
    #[error(transparent)]
    Datadog(#[from] DatadogError),
}

impl Problem {
    /// Of an admin secret that something names otherwise than by its full ARN.
    #[must_use]
    pub fn admin_arn(by: &'static str, text: &str) -> Self {
        // A name or a part of an ARN has any length.
        let flaw = Some(Flaw::of(text)).filter(|it| !matches!(it, Flaw::Length(_)));
        Self::AdminArn { by, flaw }
    }

    /// Returns whether Datadog lets nobody who asks so do this: a permission is missing, or it is kept from
    /// delegated tokens.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        match self {
            Self::Datadog(error) => error.problem.is_refusal(),
            Self::MissingPermissions { .. } | Self::IdentityForbidden { .. } => true,
            _ => false,
        }
    }

    /// Returns whether Datadog itself answered 404.
    #[must_use]
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Datadog(error) if error.problem == DatadogProblem::NotFound)
    }

    /// Returns whether it is the function's identity that Datadog refuses, so that a pair might do. API
    /// keys are read for better knowledge only, and no pair is fetched for that.
    #[must_use]
    pub fn refuses_identity(&self) -> bool {
        match self {
            Self::IdentityRefused { .. } => true,
            Self::IdentityForbidden { error, .. } => {
                !error.call.is(&api_keys::GET) && !error.call.is(&api_keys::LIST)
            }
            _ => false,
        }
    }
}

fn in_aws_words(message: Option<&str>) -> String {
    message
        .map(|it| format!(" (AWS says: {it})"))
        .unwrap_or_default()
}
