//! What Datadog may answer instead of what it was asked for.

mod mention;

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::ATTEMPT_TIMEOUT;
use super::call::Call;
use super::limits::reset;
use super::refusal::TrustRefusal;
use crate::http::{ConnectError, Seconds, TransportError};
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
    /// 400 `You have exceeded the maximum number of permitted API keys`, or application keys: the call
    /// tells which.
    #[error("there are as many keys of this class as there may be (400)")]
    Quota,
    #[error("{0}")]
    Trust(TrustRefusal),
    #[error("refused as wrong ({status}){}", Mentioned(.mentions))]
    Rejected {
        status: u16,
        /// Words of the request that Datadog's text repeats.
        mentions: Vec<String>,
    },
    #[error("too many requests (429)")]
    RateLimited { reset: Option<Duration> },
    #[error("the service failed ({status})")]
    Unavailable { status: u16 },
    #[error(transparent)]
    NotConnected(Box<ConnectError>),
    #[error("no answer came within {}", Seconds(*.after))]
    TimedOut { after: Duration },
    /// The last attempt had less time than an answer may take: nothing can be laid to the network.
    #[error("no answer came within the {} that were left{}", Seconds(*.after), Before(.before))]
    OutOfTime {
        after: Duration,
        /// What an attempt before it came to.
        before: Option<Box<Self>>,
    },
    #[error("the connection ended before the answer did")]
    Cut,
    #[error("the answer was larger than 1 MiB")]
    TooLarge,
    #[error("the request could not be put together")]
    NotSent,
    #[error("it was not sent: {0}")]
    NotSigned(#[from] IdentityError),
    #[error("it was not sent: too little time is left to create a key and store it, or undo it")]
    NoTime,
    /// Not the JSON that Datadog documents: a proxy's page, a cut document, another API.
    #[error("the answer ({status}) {defect}")]
    Unexpected { status: u16, defect: &'static str },
}

impl DatadogProblem {
    /// Returns what an answer to this call says that is no success.
    pub(super) fn of_answer(
        call: &Call,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Self {
        let refusal = call
            .is_about_trust()
            .then(|| TrustRefusal::of(status, body));
        refusal.flatten().map_or_else(
            || Self::of(status, headers, body).mentioning(call.body(), body),
            Self::Trust,
        )
    }

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
            // Datadog has no proxies: it is one of ours that has not taken the request.
            407 => Self::Unexpected {
                status: number,
                defect: "is a proxy's, which wants a user name and password",
            },
            402..500 => Self::Rejected {
                status: number,
                mentions: Vec::new(),
            },
            500.. => Self::Unavailable { status: number },
            _ => Self::Unexpected {
                status: number,
                defect: "has a status that the call does not expect",
            },
        }
    }

    /// Returns whether it is certain that the call had no effect.
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
            | Self::NotConnected(_)
            | Self::NotSent
            | Self::NotSigned(_)
            | Self::NoTime => true,
            Self::Unavailable { .. }
            | Self::TimedOut { .. }
            | Self::OutOfTime { .. }
            | Self::Cut
            | Self::TooLarge
            | Self::Unexpected { .. } => false,
        }
    }

    /// Returns whether the same call may succeed in a moment. A certificate or a proxy that refuses does so
    /// again.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::NotConnected(error) => error.is_transient(),
            Self::RateLimited { .. }
            | Self::Unavailable { .. }
            | Self::TimedOut { .. }
            | Self::Cut => true,
            _ => false,
        }
    }

    /// Returns the problem of an attempt that came after another one. One that had no time left tells of
    /// the one before: that is the one to be mended.
    pub(super) fn after(self, before: Option<Self>) -> Self {
        match self {
            Self::OutOfTime { after, .. } => Self::OutOfTime {
                after,
                before: before.map(Box::new),
            },
            problem => problem,
        }
    }

    /// Returns the same with the words of the request `sent` that the answer repeats.
    pub(super) fn mentioning(mut self, sent: &[u8], answer: &[u8]) -> Self {
        if let Self::Rejected { mentions, .. } = &mut self {
            *mentions = mention::mentions(sent, answer);
        }
        self
    }

    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }
}

/// Returns the texts of an error document: strings, or objects with `title` and `detail`.
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
        DatadogProblem::Rejected {
            status,
            mentions: Vec::new(),
        }
    }
}

impl From<TransportError> for DatadogProblem {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::NotConnected(error) => Self::NotConnected(error.into()),
            TransportError::TimedOut { after } if after < ATTEMPT_TIMEOUT => Self::OutOfTime {
                after,
                before: None,
            },
            TransportError::TimedOut { after } => Self::TimedOut { after },
            TransportError::Cut => Self::Cut,
            TransportError::TooLarge => Self::TooLarge,
            TransportError::NotSent => Self::NotSent,
        }
    }
}

struct Mentioned<'a>(&'a [String]);

impl fmt::Display for Mentioned<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        write!(f, "; Datadog's text mentions {}", self.0.join(", "))
    }
}

struct Before<'a>(&'a Option<Box<DatadogProblem>>);

impl fmt::Display for Before<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(before) => write!(f, "; before that: {before}"),
            None => Ok(()),
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
        let mentions = Vec::new();
        let status = 400;
        assert_eq!(
            problem(400, scopes),
            DatadogProblem::Rejected { status, mentions }
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

    #[test]
    fn only_a_name_is_taken() {
        for text in [
            "the organisation is already suspended",
            "the name is too long",
        ] {
            let body = format!(r#"{{"errors":["{text}"]}}"#);
            let problem = problem(400, &body);
            assert!(
                !matches!(problem, DatadogProblem::NameTaken { .. }),
                "{text}"
            );
        }
    }
}
