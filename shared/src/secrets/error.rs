//! What Secrets Manager may answer instead of what it was asked for.

use std::error::Error;

use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;

use crate::http::TransportError;

/// A call that failed, and on which secret.
#[derive(Clone, Debug, thiserror::Error)]
#[error("Secrets Manager's {call} of {secret} failed: {problem}")]
pub struct SecretsError {
    pub call: &'static str,
    pub secret: String,
    pub problem: SecretsProblem,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretsProblem {
    /// AWS's own text, which names role, action, resource and the policy at fault.
    #[error("{0}")]
    AccessDenied(String),
    #[error("there is no such secret, or no value under that label (ResourceNotFoundException)")]
    NotFound,
    #[error("the version does not carry the label, or the secret is in no state for it ({code})")]
    Contradiction { code: String },
    #[error("the version holds another value (ResourceExistsException)")]
    ResourceExists,
    #[error("refused ({code})")]
    Refused { code: String },
    #[error("throttled ({code})")]
    Throttled { code: String },
    #[error("the service failed ({status})")]
    Unavailable { status: u16 },
    #[error("no answer came in time")]
    TimedOut,
    #[error("no connection could be opened")]
    NotConnected,
    #[error("the connection ended before the answer did, or the answer made no sense")]
    Cut,
    #[error("the request could not be made: no region, no credentials or no valid input")]
    NotSent,
}

impl SecretsError {
    /// Whether it is certain that the call had no effect.
    #[must_use]
    pub fn is_definite(&self) -> bool {
        !matches!(
            self.problem,
            SecretsProblem::Unavailable { .. } | SecretsProblem::TimedOut | SecretsProblem::Cut
        )
    }

    /// The same of an `UpdateSecretVersionStage`. It fails where the label is not on the version that
    /// it is to leave; with which code is not documented, and may be that of a version not named.
    pub(super) fn of_label(mut self) -> Self {
        match self.problem {
            SecretsProblem::Refused { code } if code == "InvalidParameterException" => {
                self.problem = SecretsProblem::Contradiction { code };
            }
            problem => self.problem = problem,
        }
        self
    }

    #[must_use]
    pub fn is_throttled(&self) -> bool {
        matches!(self.problem, SecretsProblem::Throttled { .. })
    }

    /// Whether the same call may succeed in a moment.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        !self.is_definite()
            || matches!(
                self.problem,
                SecretsProblem::Throttled { .. } | SecretsProblem::NotConnected
            )
    }
}

impl SecretsProblem {
    pub(super) fn of<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Self {
        match error {
            SdkError::ServiceError(error) => {
                Self::of_answer(error.err(), error.raw().status().as_u16())
            }
            SdkError::TimeoutError(_) => Self::TimedOut,
            SdkError::DispatchFailure(failure) if failure.is_timeout() => Self::TimedOut,
            SdkError::DispatchFailure(failure) => failure
                .as_connector_error()
                .map_or(Self::NotSent, Self::of_connector),
            SdkError::ConstructionFailure(_) => Self::NotSent,
            _ => Self::Cut,
        }
    }

    fn of_answer(error: &impl ProvideErrorMetadata, status: u16) -> Self {
        let code = plain(error.code().unwrap_or("no error code"), 100);
        match code.as_str() {
            // A success whose body could not be read: it may well have had its effect.
            _ if status < 400 => Self::Cut,
            "AccessDeniedException" | "AccessDenied" => {
                Self::AccessDenied(plain(error.message().unwrap_or("access denied"), 1000))
            }
            "ResourceNotFoundException" => Self::NotFound,
            "InvalidRequestException" => Self::Contradiction { code },
            "ResourceExistsException" => Self::ResourceExists,
            _ if is_throttling(status, &code) => Self::Throttled { code },
            _ if status >= 500 => Self::Unavailable { status },
            _ => Self::Refused { code },
        }
    }

    fn of_connector(error: &ConnectorError) -> Self {
        let causes = std::iter::successors(Some(error as &(dyn Error + 'static)), |error| {
            (*error).source()
        });
        match causes
            .into_iter()
            .find_map(|error| error.downcast_ref::<TransportError>())
        {
            Some(TransportError::NotConnected) => Self::NotConnected,
            Some(TransportError::TimedOut) => Self::TimedOut,
            Some(TransportError::NotSent) => Self::NotSent,
            // Not of our transport: the SDK has come to no request, for want of credentials.
            None if error.is_other() => Self::NotSent,
            Some(TransportError::Cut | TransportError::TooLarge) | None => Self::Cut,
        }
    }
}

/// What the SDK takes for throttling and leaves to us ([`super::unthrottled`]), except for
/// `LimitExceededException`, which here is about the number of versions.
fn is_throttling(status: u16, code: &str) -> bool {
    let words = [
        "Throttl",
        "TooManyRequests",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "SlowDown",
    ];
    status == 429 || words.iter().any(|it| code.contains(it))
}

/// Text from outside, made fit for one log line.
fn plain(text: &str, longest: usize) -> String {
    text.chars()
        .filter(|it| !it.is_control())
        .take(longest)
        .collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_secretsmanager::error::ErrorMetadata;

    use super::{SecretsProblem, plain};

    #[test]
    fn throttling_is_told_from_failure_and_from_a_limit() {
        let of = |status, code| {
            let answer = ErrorMetadata::builder().code(code).build();
            SecretsProblem::of_answer(&answer, status)
        };
        for (status, code) in [
            (400, "ThrottlingException"),
            (400, "RequestLimitExceeded"),
            (503, "SlowDown"),
            (429, "Unheard"),
        ] {
            let problem = of(status, code);
            assert!(
                matches!(problem, SecretsProblem::Throttled { .. }),
                "{problem}"
            );
        }
        let failed = SecretsProblem::Unavailable { status: 503 };
        assert_eq!(of(503, "InternalServiceError"), failed);
        let code = "LimitExceededException".to_owned();
        assert_eq!(of(400, &code), SecretsProblem::Refused { code });
    }

    #[test]
    fn texts_from_outside_fit_one_line_of_the_log() {
        assert_eq!(plain("no\r\n\u{1b}[2Jaccess", 11), "no[2Jaccess");
        assert_eq!(plain(&"x".repeat(2000), 1000).len(), 1000);
    }
}
