//! Why a resource was not made, changed or deleted, and what to do.

use datadog_rotation::datadog::trust::{MappingKind, TrustRefusal};
use datadog_rotation::datadog::{Call, DatadogProblem};
use datadog_rotation::error::Problem;
use datadog_rotation::keys::TrustId;

use crate::properties::PropertyError;

#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    #[error("the event is none of CloudFormation's")]
    Event,
    #[error(
        "the resource type is none of Custom::DatadogIdentityMapping, Custom::DatadogIntakeMapping, Custom::DatadogAwsAccount"
    )]
    ResourceType,
    #[error("{0}")]
    Property(#[from] PropertyError),
    #[error(
        "no admin secret is named: set property AdminSecretArn, or ADMIN_SECRET_ARN of the function"
    )]
    NoAdminSecret,
    #[error("{}", told(.0))]
    Datadog(#[from] Problem),
    #[error(
        "an {kind} of this pattern exists ({id}) and was not made by this resource. Delete it at Datadog, or set OnConflict to adopt; an adopted one stays when the resource goes"
    )]
    MappingExists { kind: MappingKind, id: TrustId },
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
        "the AWS account is integrated by access key {access_key} ({id}). Datadog does not change that in place: SwitchFromKeys: true deletes the integration and makes it again with the same settings and a role, which can't be undone"
    )]
    KeyBased { id: TrustId, access_key: String },
    #[error(
        "the integration by access keys was deleted and could not be made again: {problem} The AWS account is NOT integrated now. Its settings are in the log (settings before the switch): try the deployment again, or integrate the account by hand with them"
    )]
    SwitchCutShort { problem: Box<TrustError> },
    #[error(
        "{problem} The mapping that was to be replaced could not be made again: the role is NOT mapped now"
    )]
    NotRestored { problem: Box<TrustError> },
    #[error("time ran out. Raise the function's timeout")]
    OutOfTime,
}

/// Why a resource was not made, and whether something may be there all the same.
#[derive(Debug)]
pub struct Stop {
    pub error: TrustError,
    /// Nothing was made that is still there.
    pub is_certain: bool,
}

impl<E: Into<TrustError>> From<E> for Stop {
    fn from(error: E) -> Self {
        let error = error.into();
        let is_certain = !error.is_unknown();
        Self { error, is_certain }
    }
}

impl TrustError {
    #[must_use]
    pub fn refusal(&self) -> Option<TrustRefusal> {
        match self {
            Self::Datadog(problem) => refusal(problem),
            _ => None,
        }
    }

    /// Whether another attempt may succeed.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Datadog(Problem::Datadog(error)) => {
                error.problem.is_transient() || !error.problem.is_definite()
            }
            Self::Datadog(Problem::AdminUnreadable(error)) => error.is_transient(),
            Self::NotRestored { problem } => problem.may_pass(),
            _ => false,
        }
    }

    /// Whether a creation may have had its effect all the same.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        match self {
            Self::Datadog(Problem::Datadog(error)) => {
                error.call.creates() && !error.problem.is_definite()
            }
            Self::OutOfTime => true,
            _ => false,
        }
    }
}

/// What Datadog has refused in words that are known.
#[must_use]
pub fn refusal(problem: &Problem) -> Option<TrustRefusal> {
    match problem {
        Problem::Datadog(error) => match error.problem {
            DatadogProblem::Trust(refusal) => Some(refusal),
            _ => None,
        },
        _ => None,
    }
}

/// The problem, and what to do about those of which more is known here than in general.
fn told(problem: &Problem) -> String {
    let text = problem.to_string();
    let stop = if text.ends_with('.') { "" } else { "." };
    let Problem::Datadog(error) = problem else {
        return format!("{text}{stop} {}", problem.advice());
    };
    let Call::Trust(call) = &error.call else {
        return format!("{text}{stop} {}", problem.advice());
    };
    let advice = match error.problem {
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
        DatadogProblem::Trust(TrustRefusal::NotIntegrated) => {
            "Integrate the AWS account first: Custom::DatadogAwsAccount, with DependsOn".to_owned()
        }
        DatadogProblem::Trust(TrustRefusal::Conflicting { .. }) => {
            "Have resources of type Custom::DatadogAwsAccount wait for each other (DependsOn)"
                .to_owned()
        }
        DatadogProblem::Trust(_) | DatadogProblem::Rejected { .. } => {
            "See docs/trust.md; Datadog's own text is not shown".to_owned()
        }
        DatadogProblem::NoTime => "Raise the function's timeout".to_owned(),
        _ => "Try the deployment again".to_owned(),
    };
    format!("{text}{stop} {advice}")
}
