//! What to do about a problem, for somebody at a keyboard instead of a function with its role.

use crate::datadog::DatadogProblem;
use crate::error::Problem;
use crate::secrets::SecretsProblem;

const AGAIN: &str = "Try again in a while.";

/// Returns what to do instead of, or as, the error itself says.
pub(in crate::inspect) fn advice(problem: &Problem) -> String {
    let own = match problem {
        Problem::Secrets(error) | Problem::AdminUnreadable(error) => of_aws(&error.problem),
        Problem::Datadog(error) => of_datadog(&error.problem),
        Problem::NoAdminSecret => Some(
            "Name it by its ARN: field adminSecretArn of the value, tag adminSecretArn of the \
             secret, --admin-secret here and parameter AdminSecretArn of the stack.",
        ),
        Problem::UnknownKind => Some(
            "Store a corrected value (put-secret-value; docs/reference/secrets.md has the fields), or say \
             which type is meant with --type.",
        ),
        _ => None,
    };
    own.map_or_else(|| problem.advice().into_owned(), str::to_owned)
}

fn of_aws(problem: &SecretsProblem) -> Option<&'static str> {
    Some(match problem {
        SecretsProblem::AccessDenied(_) => {
            "The identity that looks needs it, and the function's role to rotate."
        }
        SecretsProblem::NoCredentials
        | SecretsProblem::CredentialsRefused { .. }
        | SecretsProblem::NotSent => {
            "Look for AWS credentials in the environment: eval \"$(aws configure \
             export-credentials --format env)\"."
        }
        SecretsProblem::NotConnected(error) if error.is_of_tls() || error.is_of_proxy() => {
            return None;
        }
        SecretsProblem::NotConnected(_) | SecretsProblem::TimedOut => {
            "Look for a proxy or a missing route here; a function in a VPC needs the Secrets \
             Manager endpoint or NAT."
        }
        SecretsProblem::Throttled { .. }
        | SecretsProblem::OutOfTime { .. }
        | SecretsProblem::Unavailable { .. }
        | SecretsProblem::Cut => AGAIN,
        SecretsProblem::NotFound
        | SecretsProblem::Contradiction { .. }
        | SecretsProblem::ResourceExists
        | SecretsProblem::Refused { .. } => return None,
    })
}

fn of_datadog(problem: &DatadogProblem) -> Option<&'static str> {
    Some(match problem {
        DatadogProblem::NotConnected(error) if error.is_of_tls() || error.is_of_proxy() => {
            return None;
        }
        DatadogProblem::NotConnected(_) | DatadogProblem::TimedOut { .. } => {
            "Look for a proxy or a missing route here; a function in a VPC needs a NAT gateway to \
             reach api.<site>."
        }
        DatadogProblem::Unexpected { .. } | DatadogProblem::TooLarge => {
            "Look for a proxy between this machine and api.<site>."
        }
        DatadogProblem::RateLimited { .. }
        | DatadogProblem::OutOfTime { .. }
        | DatadogProblem::Unavailable { .. }
        | DatadogProblem::Cut => AGAIN,
        _ => return None,
    })
}
