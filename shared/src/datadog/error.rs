//! What Datadog may answer instead of what it was asked for.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::call::Call;
use super::limits::reset;
use super::trust::TrustRefusal;
use crate::http::TransportError;
use crate::identity::IdentityError;

/// A call that failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("Datadog's {call} failed: {problem}")]
pub struct DatadogError {
    pub call: Call,
    pub problem: DatadogProblem,
}

/// Bodies are read to tell these apart, and then dropped: none is ever shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatadogProblem {
    /// 401, or 403 whatever its body: the credentials are dead, or a scope is missing.
    #[error("refused ({status})")]
    Refused { status: u16 },
    /// 404 in Datadog's own JSON; a 404 of anything in between is [`DatadogProblem::Unexpected`].
    #[error("there is no such thing (404)")]
    NotFound,
    /// 400 or 409 about the name.
    #[error("the name is taken ({status})")]
    NameTaken { status: u16 },
    /// 400 `You have exceeded the maximum number of permitted API keys`.
    #[error("the organisation has as many API keys as it may have (400)")]
    Quota,
    #[error("{0}")]
    Trust(TrustRefusal),
    #[error("refused as wrong ({status})")]
    Rejected { status: u16 },
    #[error("too many requests (429)")]
    RateLimited { reset: Option<Duration> },
    #[error("the service failed ({status})")]
    Unavailable { status: u16 },
    #[error("no connection could be opened")]
    NotConnected,
    #[error("no answer came in time")]
    TimedOut,
    #[error("the connection ended before the answer did")]
    Cut,
    #[error("the answer was larger than 1 MiB")]
    TooLarge,
    #[error("the request could not be put together")]
    NotSent,
    #[error("it was not sent: {0}")]
    NotSigned(#[from] IdentityError),
    #[error("it was not sent: too little time is left to mint a key and store it, or undo it")]
    NoTime,
    /// Not the JSON that Datadog documents: a proxy's page, a cut document, another API.
    #[error("the answer ({status}) {defect}")]
    Unexpected { status: u16, defect: &'static str },
}

impl DatadogProblem {
    pub(super) fn of(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let number = status.as_u16();
        let document: Value = serde_json::from_slice(body).unwrap_or_default();
        let errors = document.get("errors").and_then(Value::as_array);
        let errors = errors.filter(|it| !it.is_empty());
        match number {
            401 | 403 => Self::Refused { status: number },
            404 if errors.is_some() => Self::NotFound,
            404 => Self::Unexpected {
                status: number,
                defect: "is not Datadog's",
            },
            429 => Self::RateLimited {
                reset: reset(headers),
            },
            409 => Self::NameTaken { status: number },
            400 | 422 => {
                let text = errors.map(|it| texts(it)).unwrap_or_default();
                rejected(number, &text)
            }
            402..500 => Self::Rejected { status: number },
            500.. => Self::Unavailable { status: number },
            _ => Self::Unexpected {
                status: number,
                defect: "has a status that the call does not expect",
            },
        }
    }

    /// Whether it is certain that the call had no effect.
    #[must_use]
    pub fn is_definite(&self) -> bool {
        match self {
            Self::Refused { .. }
            | Self::NotFound
            | Self::NameTaken { .. }
            | Self::Quota
            | Self::Rejected { .. }
            | Self::Trust(_)
            | Self::RateLimited { .. }
            | Self::NotConnected
            | Self::NotSent
            | Self::NotSigned(_)
            | Self::NoTime => true,
            Self::Unavailable { .. }
            | Self::TimedOut
            | Self::Cut
            | Self::TooLarge
            | Self::Unexpected { .. } => false,
        }
    }

    /// Whether the same call may succeed in a moment.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::RateLimited { .. }
                | Self::Unavailable { .. }
                | Self::NotConnected
                | Self::TimedOut
                | Self::Cut
        )
    }

    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }
}

/// The texts of an error document: strings, or objects with `title` and `detail`.
fn texts(errors: &[Value]) -> String {
    errors
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" ")
        .to_ascii_lowercase()
}

fn rejected(status: u16, text: &str) -> DatadogProblem {
    let about_name = text.contains("name");
    let taken = [
        "already exist",
        "taken",
        "unique",
        "duplicate",
        "conflict",
        "already",
        "in use",
    ];
    if text.contains("maximum number of permitted") {
        DatadogProblem::Quota
    } else if about_name && taken.iter().any(|word| text.contains(word)) {
        DatadogProblem::NameTaken { status }
    } else {
        DatadogProblem::Rejected { status }
    }
}

impl From<TransportError> for DatadogProblem {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::NotConnected => Self::NotConnected,
            TransportError::TimedOut => Self::TimedOut,
            TransportError::Cut => Self::Cut,
            TransportError::TooLarge => Self::TooLarge,
            TransportError::NotSent => Self::NotSent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(status: u16, body: &str) -> DatadogProblem {
        let status = StatusCode::from_u16(status).unwrap();
        DatadogProblem::of(status, &HeaderMap::new(), body.as_bytes())
    }

    #[test]
    fn refusals_that_look_alike_are_told_apart() {
        let quota = r#"{"errors":["You have exceeded the maximum number of permitted API keys"]}"#;
        assert_eq!(problem(400, quota), DatadogProblem::Quota);
        let taken = r#"{"errors":["An API key with this name already exists"]}"#;
        assert_eq!(
            problem(400, taken),
            DatadogProblem::NameTaken { status: 400 }
        );
        let scopes = r#"{"errors":["Invalid scopes"]}"#;
        assert_eq!(
            problem(400, scopes),
            DatadogProblem::Rejected { status: 400 }
        );
        assert_eq!(problem(409, ""), DatadogProblem::NameTaken { status: 409 });
        assert_eq!(
            problem(403, "<html>"),
            DatadogProblem::Refused { status: 403 }
        );
    }

    #[test]
    fn only_datadogs_own_404_means_gone() {
        assert_eq!(
            problem(404, r#"{"errors":["API key not found"]}"#),
            DatadogProblem::NotFound
        );
        assert!(matches!(
            problem(404, "<html>"),
            DatadogProblem::Unexpected { .. }
        ));
        assert!(matches!(
            problem(404, r#"{"message":"no route"}"#),
            DatadogProblem::Unexpected { .. }
        ));
        for body in ["", r#"[["API key not found"]]"#, r#"{"errors":[]}"#] {
            assert!(matches!(
                problem(404, body),
                DatadogProblem::Unexpected { .. }
            ));
        }
    }

    #[test]
    fn an_effect_is_ruled_out_only_by_a_refusal() {
        assert!(problem(429, "").is_definite());
        assert!(problem(400, "").is_definite());
        assert!(!problem(500, "").is_definite());
        assert!(!problem(302, "").is_definite());
        assert!(!DatadogProblem::from(TransportError::Cut).is_definite());
    }
}
