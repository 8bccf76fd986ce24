//! The stable word for each problem.

use super::admin_token::AdminTokenDefect;
use super::problem::{Problem, Role};
use crate::datadog::DatadogProblem;
use crate::event::EventError;
use crate::http::ConnectError;
use crate::secrets::SecretsProblem;
use crate::value::ValueError;

impl Problem {
    /// Returns a stable word, listed in `docs/reference/errors.md`.
    #[must_use]
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::Start(_) => "SettingMalformed",
            Self::Event(EventError::UnknownStep) => "UnknownStep",
            Self::Event(_) => "InvalidEvent",
            Self::RotationNotEnabled => "RotationNotEnabled",
            Self::NoStagingLabel => "NoStagingLabel",
            Self::NotPending => "NotPending",
            Self::NoCurrentValue => "NoCurrentValue",
            Self::Binary(_) => "SecretBinary",
            Self::Malformed {
                source:
                    ValueError::NotJson
                    | ValueError::ByteOrderMark
                    | ValueError::BareKey
                    | ValueError::QuotedObject
                    | ValueError::NotAnObject,
                ..
            } => "SecretNotJson",
            Self::Malformed {
                role: Role::Current,
                source: ValueError::TokenOfAdmin,
            } => "AdminTokenForbidden",
            Self::Malformed { .. } | Self::UnknownKind => "SecretMalformed",
            Self::TagMalformed { .. } => "TagMalformed",
            Self::PendingWithoutValue => "PendingWithoutValue",
            Self::ValueUnreadable { .. } => "ValueUnreadable",
            Self::ReplicaFailed { .. } => "ReplicaFailed",
            Self::ReplicaBehind { .. } => "ReplicaBehind",
            Self::Secrets(error) => secrets_error_type(&error.problem),
            Self::MarkedForDeletion | Self::Replica { .. } => "SecretsManagerRefused",
            Self::NoAdminSecret => "NoAdminSecret",
            Self::AdminArn { .. } => "AdminSecretArnInvalid",
            Self::AdminUnreadable(error) => match secrets_error_type(&error.problem) {
                "AccessDenied" => "AdminSecretAccessDenied",
                "SecretNotFound" => "AdminSecretNotFound",
                other => other,
            },
            Self::AdminMalformed {
                source: ValueError::UnknownSite { .. },
                ..
            }
            | Self::IdentityMalformed {
                source: ValueError::UnknownSite { .. },
            } => "UnknownSite",
            Self::AdminBinary { .. } | Self::AdminMalformed { .. } => "AdminSecretMalformed",
            Self::AdminRefused { .. } => "AdminKeyRefused",
            Self::AdminToken { defect, .. } => admin_token_error_type(defect),
            Self::ServiceAccountMismatch { .. } => "ServiceAccountMismatch",
            Self::NoRoom { .. } => "DatadogKeyQuota",
            Self::MissingScopes { .. } | Self::MissingPermissions { .. } => "MissingScope",
            Self::IdentityMalformed { .. } => "IdentityMalformed",
            Self::IdentityRefused { .. } => "IdentityRefused",
            Self::IdentityMismatch { .. } => "IdentityMismatch",
            Self::IdentityForbidden { .. } => "IdentityForbidden",
            Self::NoApiKeySecret => "NoApiKeySecret",
            Self::ApiKeySecretMalformed { .. } => "ApiKeySecretMalformed",
            Self::ApiKeySecretRefused { .. } => "ApiKeySecretRefused",
            Self::CurrentKeyDead { .. } => "CurrentKeyDead",
            Self::CurrentKeyStatusUnknown { .. } => "CurrentKeyStatusUnknown",
            Self::CurrentKeyNotOwned { .. } => "CurrentKeyNotOwned",
            Self::CurrentKeyMismatch { .. } => "CurrentKeyMismatch",
            Self::OrganisationMismatch { .. } => "OrganisationMismatch",
            Self::ExpiryTooShort { .. } => "ExpiryTooShort",
            Self::ScopesUnknown { .. } => "ScopesUnknown",
            Self::CreatedKeyIsAnother { .. } => "DatadogUnexpectedAnswer",
            Self::CreatedKeyUnreadable { .. } => "NewKeyUnreadable",
            Self::AttributeLost { .. } => "AttributeLost",
            Self::NamesTaken { .. } => "KeyNameTaken",
            Self::PendingLabelLost => "PendingLabelLost",
            Self::NewKeyUnusable => "NewKeyUnusable",
            Self::CreatedKeyDiffers { .. }
            | Self::NewKeyDiffers { .. }
            | Self::PendingKeyMismatch { .. } => "NewKeyDiffers",
            Self::KeyInUse => "KeyInUse",
            Self::PossessionUnknown { .. } => "PossessionUnknown",
            Self::PendingKeyDead { .. } => "PendingKeyDead",
            Self::PromotionRefused => "PromotionRefused",
            Self::LabelsMoved => "LabelsMoved",
            Self::PromotionNotSeen => "PromotionNotSeen",
            Self::Datadog(error) => datadog_error_type(&error.problem),
        }
    }
}

fn admin_token_error_type(defect: &AdminTokenDefect) -> &'static str {
    match defect {
        AdminTokenDefect::Refused(_) => "AdminKeyRefused",
        AdminTokenDefect::Ends(_) => "AdminTokenEnds",
        AdminTokenDefect::Forbidden => "AdminTokenForbidden",
        AdminTokenDefect::Itself => "AdminTokenItself",
        AdminTokenDefect::LacksScopes(_) => "AdminTokenScopes",
    }
}

fn secrets_error_type(problem: &SecretsProblem) -> &'static str {
    match problem {
        SecretsProblem::AccessDenied(_) => "AccessDenied",
        SecretsProblem::CredentialsRefused { .. } | SecretsProblem::NoCredentials => {
            "AwsCredentialsInvalid"
        }
        SecretsProblem::NotFound => "SecretNotFound",
        SecretsProblem::Contradiction { .. }
        | SecretsProblem::ResourceExists
        | SecretsProblem::Refused { .. }
        | SecretsProblem::NotSent => "SecretsManagerRefused",
        SecretsProblem::Throttled { .. } => "SecretsManagerThrottled",
        SecretsProblem::Unavailable { .. } | SecretsProblem::Cut => "SecretsManagerUnavailable",
        SecretsProblem::NotConnected(error) => {
            connect_error_type(error).unwrap_or("SecretsManagerUnreachable")
        }
        SecretsProblem::TimedOut => "SecretsManagerUnreachable",
        SecretsProblem::OutOfTime { .. } => "NotEnoughTime",
    }
}

fn datadog_error_type(problem: &DatadogProblem) -> &'static str {
    match problem {
        DatadogProblem::Refused { .. } => "DatadogForbidden",
        DatadogProblem::NotFound => "DatadogNotFound",
        DatadogProblem::OutOfTime {
            before: Some(before),
            ..
        } => datadog_error_type(before),
        DatadogProblem::NoTime | DatadogProblem::OutOfTime { .. } => "NotEnoughTime",
        DatadogProblem::NotSigned(_) => "IdentityUnavailable",
        DatadogProblem::NameTaken { .. } => "KeyNameTaken",
        DatadogProblem::Quota => "DatadogKeyQuota",
        DatadogProblem::Rejected { .. } | DatadogProblem::Trust(_) | DatadogProblem::NotSent => {
            "DatadogRejected"
        }
        DatadogProblem::RateLimited { .. } => "DatadogRateLimited",
        DatadogProblem::Unavailable { .. } | DatadogProblem::Cut => "DatadogUnavailable",
        DatadogProblem::NotConnected(error) => {
            connect_error_type(error).unwrap_or("DatadogUnreachable")
        }
        DatadogProblem::TimedOut { .. } => "DatadogUnreachable",
        DatadogProblem::TooLarge | DatadogProblem::Unexpected { .. } => "DatadogUnexpectedAnswer",
    }
}

/// Of what stands between the function and either service.
fn connect_error_type(error: &ConnectError) -> Option<&'static str> {
    if error.is_of_proxy() {
        Some("ProxyFailed")
    } else if error.is_of_tls() {
        Some("TlsFailed")
    } else {
        None
    }
}
