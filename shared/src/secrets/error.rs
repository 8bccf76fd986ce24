//! What Secrets Manager may answer instead of what it was asked for.

mod code;

use std::error::Error;
use std::fmt;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;

use super::ATTEMPT_TIMEOUT;
use crate::http::{ConnectError, Seconds, TransportError};
use crate::words::told;
use code::{Meaning, meaning};

/// A call that failed, and on which secret.
#[derive(Clone, Debug, thiserror::Error)]
#[error("Secrets Manager's {call} of {secret}{version} failed: {problem}")]
pub struct SecretsError {
    pub call: &'static str,
    pub secret: String,
    /// Empty, or the version that was asked for, in words.
    pub version: Box<str>,
    pub problem: SecretsProblem,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretsProblem {
    /// AWS's own text, which names role, action, resource and the policy at fault.
    #[error("{0}")]
    AccessDenied(String),
    /// AWS does not believe the credentials, or not any more.
    #[error("AWS refuses the credentials that the call was signed with ({code}){reason}")]
    CredentialsRefused { code: String, reason: Reason },
    #[error("there is no such secret, or no value under that label (ResourceNotFoundException)")]
    NotFound,
    #[error(
        "the version does not carry the label, or the secret is in no state for it ({code}){reason}"
    )]
    Contradiction { code: String, reason: Reason },
    #[error("the version holds another value (ResourceExistsException)")]
    ResourceExists,
    #[error("refused ({code}){reason}")]
    Refused { code: String, reason: Reason },
    #[error("throttled ({code})")]
    Throttled { code: String },
    #[error("the service failed ({status})")]
    Unavailable { status: u16 },
    #[error("no answer came in time")]
    TimedOut,
    /// The invocation had less time left than an answer may take: nothing can be laid to the network.
    #[error("no answer came within the {} that were left", Seconds(*.after))]
    OutOfTime { after: Duration },
    #[error(transparent)]
    NotConnected(Box<ConnectError>),
    #[error("the connection ended before the answer did, or the answer made no sense")]
    Cut,
    #[error("the request could not be signed: there are no AWS credentials")]
    NoCredentials,
    #[error("the request could not be made: there is no region, or the input is not valid")]
    NotSent,
}

/// What AWS says of a refusal in its own words, where these are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reason(Option<Box<str>>);

impl Reason {
    /// Returns whether AWS's words have this part.
    #[must_use]
    pub fn says(&self, part: &str) -> bool {
        self.0
            .as_ref()
            .is_some_and(|text| text.to_ascii_lowercase().contains(part))
    }
}

impl From<&str> for Reason {
    fn from(text: &str) -> Self {
        Self((!text.is_empty()).then(|| told(text, LONGEST_REASON).into()))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |text| write!(f, ": {text}"))
    }
}

/// The longest texts of AWS name two ARNs and a policy.
const LONGEST_REASON: usize = 1000;

impl SecretsError {
    /// Returns whether it is certain that the call had no effect.
    #[must_use]
    pub fn is_definite(&self) -> bool {
        !matches!(
            self.problem,
            SecretsProblem::Unavailable { .. }
                | SecretsProblem::TimedOut
                | SecretsProblem::OutOfTime { .. }
                | SecretsProblem::Cut
        )
    }

    /// The same of an `UpdateSecretVersionStage`. It fails where the label is not on the version that
    /// it is to leave; with which code is not documented, and may be that of a version not named.
    pub(super) fn of_label(mut self) -> Self {
        match self.problem {
            SecretsProblem::Refused { code, reason } if code == "InvalidParameterException" => {
                self.problem = SecretsProblem::Contradiction { code, reason };
            }
            problem => self.problem = problem,
        }
        self
    }

    #[must_use]
    pub fn is_throttled(&self) -> bool {
        matches!(self.problem, SecretsProblem::Throttled { .. })
    }

    /// Returns whether the same call may succeed in a moment.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match &self.problem {
            SecretsProblem::NotConnected(error) => error.is_transient(),
            SecretsProblem::OutOfTime { .. } => false,
            SecretsProblem::Throttled { .. } => true,
            _ => !self.is_definite(),
        }
    }
}

impl SecretsProblem {
    pub(super) fn of<E>(call: &str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata,
    {
        match error {
            SdkError::ServiceError(error) => {
                Self::of_answer(call, error.err(), error.raw().status().as_u16())
            }
            SdkError::TimeoutError(_) => Self::TimedOut,
            SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
                Some(error) => Self::of_connector(error),
                None => Self::NotSent,
            },
            SdkError::ConstructionFailure(_) => Self::NotSent,
            _ => Self::Cut,
        }
    }

    /// No answer came within `waited`, which was all the time that there was.
    pub(super) fn of_deadline(waited: Duration) -> Self {
        if waited < ATTEMPT_TIMEOUT {
            Self::OutOfTime { after: waited }
        } else {
            Self::TimedOut
        }
    }

    fn of_answer(call: &str, error: &impl ProvideErrorMetadata, status: u16) -> Self {
        let code = told(error.code().unwrap_or("no error code"), 100);
        let meaning = meaning(&code, status);
        let reason = match error.message() {
            Some(text) if code::keeps_reason(call, meaning) => Reason::from(code::harmless(text)),
            _ => Reason::default(),
        };
        match meaning {
            Meaning::Unreadable => Self::Cut,
            Meaning::Denied => {
                let text = reason.0.unwrap_or_else(|| "access denied".into());
                Self::AccessDenied(text.into())
            }
            Meaning::Credentials => Self::CredentialsRefused { code, reason },
            Meaning::NotFound => Self::NotFound,
            Meaning::State => Self::Contradiction { code, reason },
            Meaning::Exists => Self::ResourceExists,
            Meaning::Throttled => Self::Throttled { code },
            Meaning::Failed => Self::Unavailable { status },
            Meaning::Limit | Meaning::Key | Meaning::Other => Self::Refused { code, reason },
        }
    }

    fn of_connector(error: &ConnectorError) -> Self {
        let causes = std::iter::successors(Some(error as &(dyn Error + 'static)), |&error| {
            error.source()
        });
        let mut transport = None;
        for cause in causes {
            // A provider that asks somebody for credentials may fail for want of an answer: even so
            // it is credentials that are wanting.
            if cause.is::<CredentialsError>() {
                return Self::NoCredentials;
            }
            transport = transport.or_else(|| cause.downcast_ref::<TransportError>());
        }
        match transport {
            Some(TransportError::NotConnected(error)) => {
                Self::NotConnected(Box::new(error.clone()))
            }
            Some(TransportError::TimedOut { .. }) => Self::TimedOut,
            Some(TransportError::NotSent) => Self::NotSent,
            None if error.is_timeout() => Self::TimedOut,
            // Not of our transport: the SDK has come to no request.
            None if error.is_other() => Self::NotSent,
            Some(TransportError::Cut | TransportError::TooLarge) | None => Self::Cut,
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_secretsmanager::error::ErrorMetadata;

    use super::*;

    fn of(call: &str, status: u16, code: &str, message: &str) -> SecretsProblem {
        let answer = ErrorMetadata::builder().code(code).message(message).build();
        SecretsProblem::of_answer(call, &answer, status)
    }

    #[test]
    fn throttling_is_told_from_failure_and_from_a_limit() {
        let of = |status, code| of("GetSecretValue", status, code, "");
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
        let reason = Reason::default();
        assert_eq!(of(400, &code), SecretsProblem::Refused { code, reason });
    }

    /// A text about a parameter may quote it, and one of `PutSecretValue` is the value.
    #[test]
    fn words_about_the_input_of_a_store_are_not_kept() {
        let quoting = "Value 'hush hush' at 'secretString' failed to satisfy constraint";
        for code in [
            "ValidationException",
            "InvalidParameterException",
            "Unheard",
        ] {
            let stored = of("PutSecretValue", 400, code, quoting).to_string();
            assert_eq!(stored, format!("refused ({code})"));
            let read = of("DescribeSecret", 400, code, "no such thing").to_string();
            assert_eq!(read, format!("refused ({code}): no such thing"));
        }
    }

    #[test]
    fn words_that_give_a_reason_are_kept() {
        for (code, words) in [
            (
                "ExpiredTokenException",
                "The security token included in the request is expired",
            ),
            (
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            ),
            (
                "InvalidRequestException",
                "You can't perform this operation on the secret because it was marked for deletion.",
            ),
            (
                "EncryptionFailure",
                "Secrets Manager can't encrypt the protected secret text using the provided KMS key.",
            ),
        ] {
            let told = of("PutSecretValue", 400, code, words).to_string();
            assert!(told.contains(code) && told.ends_with(words), "{told}");
        }
    }

    /// Some services write the request that was signed into this text, with the session's token in it.
    #[test]
    fn the_request_that_was_signed_is_cut_off() {
        let text = "The request signature we calculated does not match the signature you provided. \
                    Check your AWS Secret Access Key.\n\nThe Canonical String for this request should \
                    have been\n'POST\n/\n\nx-amz-security-token:hush hush";
        let told = of("GetSecretValue", 403, "SignatureDoesNotMatch", text).to_string();
        assert!(
            told.ends_with("Check your AWS Secret Access Key."),
            "{told}"
        );
    }

    fn error(problem: SecretsProblem) -> SecretsError {
        SecretsError {
            call: "PutSecretValue",
            secret: "s".to_owned(),
            version: Box::default(),
            problem,
        }
    }

    #[test]
    fn what_may_pass_is_told_from_what_is_said_for_good() {
        let throttled = error(of("PutSecretValue", 400, "ThrottlingException", ""));
        assert!(throttled.is_throttled() && throttled.is_transient());
        for problem in [
            SecretsProblem::Unavailable { status: 503 },
            SecretsProblem::TimedOut,
            SecretsProblem::Cut,
        ] {
            let error = error(problem);
            assert!(error.is_transient() && !error.is_throttled(), "{error:?}");
        }
        for problem in [
            SecretsProblem::OutOfTime {
                after: ATTEMPT_TIMEOUT,
            },
            SecretsProblem::NotSent,
            SecretsProblem::ResourceExists,
        ] {
            let error = error(problem);
            assert!(!error.is_transient() && !error.is_throttled(), "{error:?}");
        }
    }

    #[test]
    fn an_attempt_that_had_its_time_is_no_matter_of_the_deadline() {
        assert_eq!(
            SecretsProblem::of_deadline(ATTEMPT_TIMEOUT),
            SecretsProblem::TimedOut
        );
        let after = ATTEMPT_TIMEOUT.saturating_sub(Duration::from_millis(1));
        assert_eq!(
            SecretsProblem::of_deadline(after),
            SecretsProblem::OutOfTime { after }
        );
    }
}
