//! What becomes of a question.

use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;

use crate::http::TransportError;

/// Why there is no answer. No text of Lambda's is repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FunctionsError {
    /// There is no such function, or it has no policy.
    #[error("Lambda does not find it")]
    NotFound,
    #[error("Lambda does not let the identity that looks")]
    AccessDenied,
    #[error("there are no AWS credentials to sign with")]
    NoCredentials,
    #[error("the request could not be signed")]
    Unsigned,
    #[error("there is no time left")]
    NoTime,
    #[error("Lambda can't be reached: {0}")]
    Transport(#[from] TransportError),
    #[error("Lambda refused it ({status} {code})")]
    Refused { status: u16, code: String },
    #[error("Lambda is busy or failed (status {status})")]
    Unavailable { status: u16 },
    /// A proxy's page, or an answer that was cut.
    #[error("the answer is not that of Lambda (status {status})")]
    Unexpected { status: u16 },
}

impl FunctionsError {
    /// Returns whether the same question may be answered if it is asked again.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Unavailable { .. } => true,
            Self::Transport(error) => {
                matches!(error, TransportError::TimedOut { .. } | TransportError::Cut)
            }
            _ => false,
        }
    }
}

/// What names an error where the header is missing.
#[derive(Deserialize)]
struct ErrorBody {
    #[serde(rename = "__type")]
    code: String,
}

/// Returns the body of a success. A refusal counts only if it has Lambda's own code: a proxy's 404 must
/// not pass for a function that is gone.
pub(super) fn judge(answer: http::Response<Bytes>) -> Result<Bytes, FunctionsError> {
    let status = answer.status();
    if status == StatusCode::OK {
        return Ok(answer.into_body());
    }
    let number = status.as_u16();
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return Err(FunctionsError::Unavailable { status: number });
    }
    Err(match (number, code(&answer)) {
        (404, Some(code)) if code == "ResourceNotFoundException" => FunctionsError::NotFound,
        (403, Some(code)) if code.starts_with("AccessDenied") => FunctionsError::AccessDenied,
        (400..500, Some(code)) => FunctionsError::Refused {
            status: number,
            code,
        },
        _ => FunctionsError::Unexpected { status: number },
    })
}

/// Returns the word of AWS's that names the error.
fn code(answer: &http::Response<Bytes>) -> Option<String> {
    let header = answer.headers().get("x-amzn-errortype");
    let code = match header {
        Some(code) => code.to_str().ok()?.to_owned(),
        None => {
            serde_json::from_slice::<ErrorBody>(answer.body())
                .ok()?
                .code
        }
    };
    // "Code", "Code:https://…" or "namespace#Code".
    let code = code.split(':').next()?.rsplit('#').next()?;
    let is_word =
        (1..=64).contains(&code.len()) && code.bytes().all(|it| it.is_ascii_alphanumeric());
    is_word.then(|| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, header: Option<&str>, body: &'static str) -> FunctionsError {
        let mut answer = http::Response::builder().status(status);
        if let Some(code) = header {
            answer = answer.header("x-amzn-ErrorType", code);
        }
        judge(answer.body(Bytes::from_static(body.as_bytes())).unwrap()).unwrap_err()
    }

    #[test]
    fn lambdas_refusals_are_told_from_a_proxys() {
        let gone = "ResourceNotFoundException";
        assert_eq!(judged(404, Some(gone), "{}"), FunctionsError::NotFound);
        let body = r#"{"__type":"ResourceNotFoundException","message":"x"}"#;
        assert_eq!(judged(404, None, body), FunctionsError::NotFound);
        assert_eq!(
            judged(404, None, "<html>"),
            FunctionsError::Unexpected { status: 404 }
        );
        let denied = "AccessDeniedException:http://internal.amazon.com/coral/";
        assert_eq!(judged(403, Some(denied), ""), FunctionsError::AccessDenied);
        let refused = judged(403, Some("UnrecognizedClientException"), "");
        assert!(matches!(refused, FunctionsError::Refused { .. }));
        assert!(judged(503, None, "").may_pass());
        assert!(!refused.may_pass());
    }
}
