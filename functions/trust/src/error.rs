//! Why a resource was not made, changed or deleted, and what to do.

use datadog_rotation::datadog::DatadogProblem;
use datadog_rotation::datadog::trust::{MappingKind, TrustRefusal};
use datadog_rotation::error::Problem;
use datadog_rotation::keys::TrustId;
use http::Method;

use crate::context::Unmark;
use crate::leash::NotAllowed;
use crate::properties::PropertyError;

#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    #[error("the event is none of CloudFormation's")]
    Event,
    #[error(
        "the resource type is none of Custom::DatadogIdentityMapping, Custom::DatadogIntakeMapping, Custom::DatadogAwsAccount, Custom::DatadogExternalId"
    )]
    ResourceType,
    #[error("{0}")]
    Property(#[from] PropertyError),
    #[error("{0}")]
    NotAllowed(#[from] NotAllowed),
    #[error(
        "property MetricsConfig names namespace {name:?}, which Datadog does not know{}", nearest.as_ref().map_or_else(String::new, |it| format!(". The nearest one is {it:?}"))
    )]
    Namespace {
        name: String,
        nearest: Option<String>,
    },
    #[error(
        "no admin secret is named: set property AdminSecretArn, or ADMIN_SECRET_ARN of the function"
    )]
    NoAdminSecret,
    #[error(
        "the admin secret holds a service access token, and Datadog documents key pairs alone for this: name an admin secret with a pair. Nothing was changed"
    )]
    TokenAsAdmin,
    #[error("{}", told(.0))]
    Datadog(#[from] Problem),
    #[error(
        "an {kind} of this pattern exists ({id}) and was not made by this resource. Delete it at Datadog, or set OnConflict to adopt; an adopted one stays when the resource goes"
    )]
    MappingExists { kind: MappingKind, id: TrustId },
    #[error(
        "Datadog refuses the {kind} because there is one already, but does not list it. Try the deployment again"
    )]
    MappingUnseen { kind: MappingKind },
    #[error(
        "the role is in {kind} {id} already, by the pattern {pattern}, and Datadog takes one pattern of a role. Use that pattern, or delete the mapping at Datadog"
    )]
    PatternConflicts {
        kind: MappingKind,
        id: TrustId,
        pattern: String,
    },
    #[error(
        "an identity mapping of this pattern exists ({id}) and is for another account. It was not made by this resource: delete it at Datadog, or change ArnPattern"
    )]
    PatternTaken { id: TrustId },
    #[error(
        "the role is in an {kind} already ({id}), and one role can't be in both kinds. Use another role, or delete that mapping"
    )]
    RoleTaken { kind: MappingKind, id: TrustId },
    #[error(
        "the mapping {id} was adopted, and is not this resource's to change. Change it at Datadog; mappings can only be deleted and made again"
    )]
    NotOurs { id: TrustId },
    #[error(
        "the AWS account is integrated already ({id}), and not by this resource. Set OnConflict to adopt; an adopted integration stays when the resource goes"
    )]
    AccountExists { id: TrustId },
    #[error(
        "the AWS account is integrated already ({id}), and {what} there. Adopting changes nothing: make the resource say what is registered, and change it by an update of the stack"
    )]
    AccountDiffers { id: TrustId, what: String },
    #[error(
        "integration {id} has another external ID, and Datadog is not known to change that. Take ExternalId out to keep the one it has, or remove the resource and add it again with the new one"
    )]
    ExternalIdDiffers { id: TrustId },
    #[error(
        "the AWS account is integrated by access key {access_key} ({id}). Datadog does not change that in place: SwitchFromKeys: true deletes the integration and makes it again with the same settings and a role, which can't be undone"
    )]
    KeyBased { id: TrustId, access_key: String },
    #[error(
        "{} The integration by access keys was deleted for the switch. The account is integrated again, as {id}, by role {role} and with its old settings; its external ID is {external_id}. Let the role trust that external ID, revoke access key {access_key} in AWS, and set OnConflict to adopt to go on from there",
        sentence(first)
    )]
    SwitchedWithoutChanges {
        first: Box<TrustError>,
        id: TrustId,
        role: String,
        external_id: String,
        access_key: String,
    },
    #[error(
        "{} The integration by access keys was deleted for the switch, and could not be made again. The AWS account is NOT integrated now. Either correct what the first sentence names and deploy again, or integrate the account at Datadog by hand with role {role}: the log has its settings (search for \"settings before the switch\")",
        sentence(first)
    )]
    SwitchCutShort {
        first: Box<TrustError>,
        role: String,
    },
    #[error(
        "{} The mapping that was to be replaced could not be made again: the role is NOT mapped now. Deploy again, or map {pattern} to {user} at Datadog by hand",
        sentence(problem)
    )]
    NotRestored {
        problem: Box<TrustError>,
        pattern: String,
        user: String,
    },
    #[error(
        "integration {id} was made, but Datadog does not tell its external ID. Try the deployment again"
    )]
    NoExternalId { id: TrustId },
    #[error(
        "two readings of integration {id} differed: somebody is changing it. Try the deployment again"
    )]
    Unsteady { id: TrustId },
    #[error("Datadog says that {id} does not exist, and lists it. Try the deletion again")]
    StillThere { id: TrustId },
    #[error("time ran out. Raise the function's timeout")]
    OutOfTime,
}

/// Why a resource was not made, and whether something may be there all the same.
#[derive(Debug)]
pub struct Stop {
    pub error: TrustError,
    /// Nothing was made that is still there.
    pub is_certain: bool,
    /// Another attempt would undo and do again what this one has left in order.
    pub is_final: bool,
    /// What is left to be done once `CloudFormation` knows.
    pub after: Option<Unmark>,
}

impl<E: Into<TrustError>> From<E> for Stop {
    fn from(error: E) -> Self {
        let error = error.into();
        let is_certain = !error.is_unknown();
        Self {
            error,
            is_certain,
            is_final: false,
            after: None,
        }
    }
}

impl Stop {
    /// Something may be there.
    #[must_use]
    pub fn uncertain(error: TrustError) -> Self {
        Self {
            is_certain: false,
            ..Self::from(error)
        }
    }

    /// It is not to be tried again.
    #[must_use]
    pub fn for_good(self) -> Self {
        Self {
            is_final: true,
            ..self
        }
    }
}

impl TrustError {
    #[must_use]
    pub fn refusal(&self) -> Option<&TrustRefusal> {
        match self {
            Self::Datadog(problem) => refusal(problem),
            _ => None,
        }
    }

    /// Returns whether it is a 401 or 403, which may mean nothing: only one that stays is believed.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        use datadog_rotation::secrets::SecretsProblem;
        match self {
            Self::Datadog(Problem::Datadog(error)) => error.problem.is_refusal(),
            Self::Datadog(Problem::AdminRefused { .. }) => true,
            Self::Datadog(Problem::AdminUnreadable(error)) => matches!(
                error.problem,
                SecretsProblem::AccessDenied(_)
                    | SecretsProblem::CredentialsRefused { .. }
                    | SecretsProblem::NotFound
                    | SecretsProblem::Refused { .. }
            ),
            _ => false,
        }
    }

    /// Returns whether another attempt may succeed where this one failed for no reason that is told.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Datadog(Problem::Datadog(error)) => {
                // A refusal of a question other than 401 and 403 means nothing.
                let is_question = *error.call.method() == Method::GET;
                error.problem.is_transient()
                    || !error.problem.is_definite()
                    || matches!(error.problem, DatadogProblem::NotFound)
                    || (is_question && !error.problem.is_refusal())
            }
            Self::Datadog(Problem::AdminUnreadable(error)) => error.is_transient(),
            Self::NotRestored { problem, .. } => problem.may_pass(),
            Self::Unsteady { .. } | Self::NoExternalId { .. } => true,
            _ => false,
        }
    }

    /// Returns whether a creation may have had its effect all the same.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        match self {
            Self::Datadog(Problem::Datadog(error)) => {
                error.call.creates() && !error.problem.is_definite()
            }
            Self::OutOfTime | Self::NoExternalId { .. } => true,
            _ => false,
        }
    }

    /// Returns how much it tells: a refusal says what is wrong, a failure of the service that it failed,
    /// silence nothing.
    #[must_use]
    pub fn weight(&self) -> u8 {
        match self {
            Self::OutOfTime => 0,
            Self::Datadog(Problem::Datadog(error)) => match error.problem {
                DatadogProblem::TimedOut { .. }
                | DatadogProblem::OutOfTime { .. }
                | DatadogProblem::Cut
                | DatadogProblem::NoTime => 0,
                DatadogProblem::NotConnected(_)
                | DatadogProblem::Unavailable { .. }
                | DatadogProblem::RateLimited { .. }
                | DatadogProblem::Unexpected { .. }
                | DatadogProblem::TooLarge => 1,
                _ => 2,
            },
            Self::Datadog(Problem::AdminUnreadable(error)) if error.is_transient() => 0,
            Self::Unsteady { .. } => 1,
            _ => 2,
        }
    }
}

/// Returns the error's text, ended.
#[must_use]
pub fn sentence(error: &TrustError) -> String {
    let text = error.to_string();
    let stop = if text.ends_with('.') { "" } else { "." };
    format!("{text}{stop}")
}

/// Returns what Datadog has refused.
#[must_use]
pub fn refusal(problem: &Problem) -> Option<&TrustRefusal> {
    match problem {
        Problem::Datadog(error) => match &error.problem {
            DatadogProblem::Trust(refusal) => Some(refusal),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the problem, and what to do about those of which more is known here than in general.
fn told(problem: &Problem) -> String {
    let text = problem.to_string();
    let stop = if text.ends_with('.') { "" } else { "." };
    let Problem::Datadog(error) = problem else {
        return format!("{text}{stop} {}", problem.advice());
    };
    let call = &error.call;
    if !call.is_about_trust() {
        return format!("{text}{stop} {}", problem.advice());
    }
    let advice = match &error.problem {
        DatadogProblem::Refused { .. } => format!(
            "The admin key's owner needs the permission {}, and the key, if it is scoped, that \
             scope; to map a role to a service account, all that the service account may",
            call.permissions().join(" (elsewhere named ")
                + if call.permissions().len() > 1 {
                    ")"
                } else {
                    ""
                }
        ),
        DatadogProblem::Trust(refusal) => advice_on(*refusal).to_owned(),
        DatadogProblem::Rejected { mentions, .. } if mentions.is_empty() => {
            "Datadog gave no reason that can be shown. Compare the resource's properties with the \
             tables in docs/reference/trust.md"
                .to_owned()
        }
        DatadogProblem::Rejected { .. } => "Correct what Datadog mentions".to_owned(),
        DatadogProblem::NoTime => "Raise the function's timeout".to_owned(),
        _ => "Try the deployment again".to_owned(),
    };
    format!("{text}{stop} {advice}.")
}

fn advice_on(refusal: TrustRefusal) -> &'static str {
    match refusal {
        TrustRefusal::NotIntegrated => {
            "Integrate the AWS account first: Custom::DatadogAwsAccount, with DependsOn"
        }
        TrustRefusal::Conflicting { .. } => {
            "Have resources of type Custom::DatadogAwsAccount wait for each other (DependsOn)"
        }
        TrustRefusal::ExternalId => {
            "Datadog takes an external ID that it issued within the last 48 hours: change Serial of \
             Custom::DatadogExternalId to have a new one, or take ExternalId out"
        }
        TrustRefusal::Exists | TrustRefusal::KeysAndRole | TrustRefusal::Partition => {
            "Compare the resource's properties with what is registered at Datadog"
        }
    }
}
