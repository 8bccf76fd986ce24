//! What becomes of a message.

use bytes::Bytes;
use http::StatusCode;

use crate::http::TransportError;

/// Why a message is not known to have arrived. No text of SNS's is repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    #[error("the function has no AWS credentials to sign with")]
    NoCredentials,
    #[error("the request could not be signed")]
    Unsigned,
    #[error("the invocation has no time left for it")]
    NoTime,
    #[error("SNS can't be reached: {0}")]
    Transport(#[from] TransportError),
    /// The topic has certainly not got it.
    #[error("SNS refused it ({status} {code})")]
    Refused { status: u16, code: String },
    #[error("SNS is busy or failed (status {status})")]
    Unavailable { status: u16 },
    /// A proxy's page, or an answer that was cut.
    #[error("the answer is not that of SNS (status {status})")]
    Unexpected { status: u16 },
}

impl TopicError {
    /// Returns whether the same message may arrive if it is sent again.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::NoCredentials | Self::Unsigned | Self::NoTime | Self::Refused { .. } => false,
            Self::Transport(_) | Self::Unavailable { .. } | Self::Unexpected { .. } => true,
        }
    }

    /// Returns what to do, for the person on call.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Refused { code, .. } if code == "NotFound" => {
                "check that the topic exists in the account and region of its ARN"
            }
            Self::Refused { code, .. } if code.starts_with("KMS") => {
                "let the function's role use the topic's KMS key (kms:GenerateDataKey, kms:Decrypt)"
            }
            Self::Refused { .. } => {
                "let the function's role publish to the topic (sns:Publish), and in another account the \
                 topic's policy too"
            }
            Self::NoTime => "raise the function's timeout",
            Self::NoCredentials | Self::Unsigned => "check that the function has a role",
            Self::Transport(_) | Self::Unavailable { .. } | Self::Unexpected { .. } => {
                "in a VPC the function needs the SNS endpoint or NAT"
            }
        }
    }
}

/// SNS's codes for who asks too often.
const THROTTLED: [&str; 4] = [
    "Throttled",
    "Throttling",
    "ThrottlingException",
    "KMSThrottling",
];

/// Reads an answer. A 200 counts if it says what only SNS can.
pub(super) fn judge(answer: &http::Response<Bytes>) -> Result<(), TopicError> {
    let status = answer.status();
    let text = String::from_utf8_lossy(answer.body());
    let (code, number) = (between(&text, "<Code>", "</Code>"), status.as_u16());
    if status == StatusCode::OK {
        let message = between(&text, "<MessageId>", "</MessageId>");
        let is_whole = text.contains("<PublishResponse") && message.is_some();
        return if is_whole {
            Ok(())
        } else {
            Err(TopicError::Unexpected { status: number })
        };
    }
    let is_busy = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    match code {
        Some(code) if is_busy || THROTTLED.contains(&code) => {
            Err(TopicError::Unavailable { status: number })
        }
        Some(code) if status.is_client_error() => Err(TopicError::Refused {
            status: number,
            code: code.to_owned(),
        }),
        _ => Err(TopicError::Unexpected { status: number }),
    }
}

/// Returns the word between two marks. Anything but letters, digits, dots and hyphens is none of SNS's.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(begin)?;
    let (word, _) = rest.split_once(end)?;
    let is_word = (1..=64).contains(&word.len())
        && word
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || it == b'.' || it == b'-');
    is_word.then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, body: &str) -> Result<(), TopicError> {
        let answer = http::Response::builder().status(status);
        judge(&answer.body(Bytes::from(body.to_owned())).unwrap())
    }

    #[test]
    fn only_what_sns_says_counts() {
        let id = "94f20ce6-13c5-43a0-9a9e-ca52d816e90b";
        let done = format!(
            "<PublishResponse><PublishResult><MessageId>{id}</MessageId></PublishResult></PublishResponse>"
        );
        assert_eq!(judged(200, &done), Ok(()));
        let unexpected = Err(TopicError::Unexpected { status: 200 });
        for other in [
            "",
            "<html></html>",
            "{\"status\":\"error\"}",
            &done[..40],
            "<PublishResponse/>",
        ] {
            assert_eq!(judged(200, other), unexpected, "{other}");
        }
    }

    #[test]
    fn refusals_are_told_from_what_may_pass() {
        let error = |code: &str| format!("<ErrorResponse><Error><Code>{code}</Code></Error>");
        let may_pass = |status, body: &str| judged(status, body).unwrap_err().may_pass();
        assert!(may_pass(500, &error("InternalFailure")));
        assert!(may_pass(503, "<html></html>"));
        assert!(may_pass(429, &error("Throttled")));
        assert!(may_pass(400, &error("KMSThrottling")));
        // An edge or a proxy on the way.
        assert!(may_pass(403, "<html>AuthorizationError</html>"));
        assert!(may_pass(403, &error("Not a code: it is too long a text")));
        for code in ["AuthorizationError", "NotFound", "KMSDisabled"] {
            let refused = judged(403, &error(code)).unwrap_err();
            assert!(!refused.may_pass(), "{code}");
            assert!(refused.to_string().contains(code), "{refused}");
        }
    }
}
