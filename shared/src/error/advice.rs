//! What to do about each problem, in one sentence; the runbooks say more.

use std::borrow::Cow;

use super::problem::{Problem, Role};
use crate::datadog::{DatadogError, DatadogProblem};
use crate::secrets::SecretsProblem;

impl Problem {
    /// What to do, for the person on call.
    #[must_use]
    pub fn advice(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Event(_) => {
                "Invoke the function as Secrets Manager does; the folder events has an example of \
                 every step."
            }
            Self::RotationNotEnabled => {
                "Turn rotation on with this function (aws secretsmanager rotate-secret)."
            }
            Self::NoStagingLabel | Self::NotPending => {
                "This version is not being rotated: start a rotation with rotate-secret."
            }
            Self::NoCurrentValue => {
                "Store a first value (put-secret-value) with the keys in use today, then rotate."
            }
            Self::Binary(_) => "Store the value as SecretString.",
            Self::Malformed {
                role: Role::Current,
                ..
            } => "Store a corrected value (put-secret-value); the README has the three shapes.",
            Self::Malformed {
                role: Role::Pending,
                ..
            } => {
                "Take AWSPENDING off this version (update-secret-version-stage), then rotate again."
            }
            Self::PendingWithoutValue => "Rotate again, beginning with createSecret.",
            Self::Secrets(error) | Self::AdminUnreadable(error) => secrets_advice(&error.problem),
            Self::NoAdminSecret => {
                "Name it by its ARN: field adminSecretArn of the value, tag adminSecretArn of the \
                 secret, or parameter AdminSecretArn of the stack."
            }
            Self::AdminArn => "Give the full ARN, arn:aws:secretsmanager:…, not a name.",
            Self::AdminBinary { .. } | Self::AdminMalformed { .. } => {
                "Check that the ARN is that of a DatadogAdminKey secret, and correct its value."
            }
            Self::AdminRefused { .. } => {
                "Check the pair at Datadog; if it is dead, mint a new one there and store it in \
                 the admin secret."
            }
            Self::ServiceAccountMismatch { .. } => {
                "Name an admin secret of the service account that owns the key; an admin key acts \
                 for its own service account only."
            }
            Self::MissingScopes { .. } => "Add the scopes to the admin application key at Datadog.",
            Self::CurrentKeyDead { .. } => {
                "Mint a key at Datadog by hand and store it with its id (put-secret-value)."
            }
            Self::CurrentKeyNotOwned { .. } => {
                "Store a key of that service account, or correct serviceAccountId."
            }
            Self::CurrentKeyMismatch { .. } => {
                "Store text and id of one and the same key (put-secret-value)."
            }
            Self::OrganisationMismatch { .. } => {
                "Name an admin secret of the organisation that the key belongs to: field or tag \
                 adminSecretArn, else parameter AdminSecretArn of the stack."
            }
            Self::NamesTaken { .. } => {
                "Delete unused keys of these names at Datadog, then rotate again."
            }
            Self::PendingLabelLost => {
                "Somebody stored a value or cancelled the rotation meanwhile: rotate again."
            }
            Self::NewKeyUnusable => {
                "Rotating again resumes; if it stays, look at the key at Datadog."
            }
            Self::NewKeyDiffers { .. } => {
                "Take AWSPENDING off this version, delete its key at Datadog, and rotate again."
            }
            Self::PendingKeyDead { .. } => "The next rotation starts afresh.",
            Self::PromotionRefused => {
                "Somebody stored a value or moved a label meanwhile: rotate again."
            }
            Self::Datadog(error) => return datadog_advice(error),
        })
    }
}

fn secrets_advice(problem: &SecretsProblem) -> &'static str {
    match problem {
        SecretsProblem::AccessDenied(_) => "Grant the function's role what the text names.",
        SecretsProblem::NotFound => "Check the ARN and that the secret holds a value.",
        SecretsProblem::NotSent => "Check the function's region, role and configuration.",
        SecretsProblem::NotConnected | SecretsProblem::TimedOut => {
            "In a VPC the function needs the Secrets Manager endpoint or NAT; rotating again \
             resumes."
        }
        SecretsProblem::Contradiction { .. }
        | SecretsProblem::ResourceExists
        | SecretsProblem::Refused { .. } => {
            "Look at the secret's state (describe-secret); rotating again resumes."
        }
        SecretsProblem::Throttled { .. }
        | SecretsProblem::Unavailable { .. }
        | SecretsProblem::Cut => "Rotating again resumes.",
    }
}

fn datadog_advice(error: &DatadogError) -> Cow<'static, str> {
    Cow::Borrowed(match &error.problem {
        DatadogProblem::Refused { .. } => {
            return error
                .call
                .scope()
                .map_or("Check the admin pair at Datadog.".into(), |scope| {
                    format!(
                        "Probably the admin application key, or the role of its service account, \
                         lacks {scope}; add it at Datadog."
                    )
                    .into()
                });
        }
        DatadogProblem::Quota => {
            "Delete API keys that nobody uses (the sweep can't tell), or have Datadog raise the \
             limit; rotating again resumes."
        }
        DatadogProblem::NameTaken { .. } => {
            "Delete unused keys of this name at Datadog, then rotate again."
        }
        DatadogProblem::NotConnected | DatadogProblem::TimedOut => {
            "In a VPC the function needs a NAT gateway to reach api.<site>; rotating again resumes."
        }
        DatadogProblem::Unexpected { .. } | DatadogProblem::TooLarge => {
            "Look for a proxy between the function and api.<site>; rotating again resumes."
        }
        DatadogProblem::NoTime => "Raise the function's timeout; rotating again resumes.",
        DatadogProblem::NotFound
        | DatadogProblem::Rejected { .. }
        | DatadogProblem::RateLimited { .. }
        | DatadogProblem::Unavailable { .. }
        | DatadogProblem::Cut
        | DatadogProblem::NotSent => "Rotating again resumes.",
    })
}
