//! The promises of a rotation, and what it means to break one.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crate::gate::CallRecord;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Promise {
    #[serde(rename = "P1")]
    CurrentWorks,
    #[serde(rename = "P2")]
    OnlyOwn,
    #[serde(rename = "P3")]
    NoOrphans,
    #[serde(rename = "P4")]
    Silence,
    /// Reported only when it is broken.
    #[serde(rename = "P6")]
    SameRights,
    /// None of the README's: reported only when it is broken.
    #[serde(rename = "message")]
    Message,
    /// Not one of the README's, but what P1 rests on: reported only when it is broken.
    #[serde(rename = "protection")]
    Protection,
    /// None of the README's, and what IAM would see to: so it is reported only when it is broken.
    #[serde(rename = "role")]
    Role,
}

impl Promise {
    pub const ALL: [Self; 4] = [
        Self::CurrentWorks,
        Self::OnlyOwn,
        Self::NoOrphans,
        Self::Silence,
    ];

    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::CurrentWorks => "P1",
            Self::OnlyOwn => "P2",
            Self::NoOrphans => "P3",
            Self::Silence => "P4",
            Self::SameRights => "P6",
            Self::Message => "message",
            Self::Protection => "protection",
            Self::Role => "role",
        }
    }

    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::CurrentWorks => "AWSCURRENT works at Datadog after every call",
            Self::OnlyOwn => "only keys that the secret held or created are deleted",
            Self::NoOrphans => "every live key that a rotation created is in use",
            Self::Silence => "no key, token or secret value is ever printed",
            Self::SameRights => "a promoted key may do what the replaced one could",
            Self::Message => "a message is of a version that was AWSCURRENT by then",
            Self::Protection => {
                "no DELETE is sent for a key that authenticates it, or that is in use or pending"
            }
            Self::Role => "no call is made that the function's role does not allow",
        }
    }
}

/// P4 in texts that came from somewhere: who said what. A secret is a key's text, a token.
#[must_use]
pub fn leaks<'a>(
    secrets: &[String],
    spoken: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Vec<Breach> {
    let speakers: BTreeSet<_> = spoken
        .into_iter()
        .filter(|(_, text)| secrets.iter().any(|secret| text.contains(secret)))
        .map(|(speaker, _)| speaker)
        .collect();
    let breach = |speaker| Breach {
        promise: Promise::Silence,
        call: None,
        text: format!("{speaker} shows a key or a token"),
    };
    speakers.into_iter().map(breach).collect()
}

/// One way in which a promise was broken. It holds ids and names, never a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Breach {
    pub promise: Promise,
    /// The call after which it showed, where one can be named.
    pub call: Option<String>,
    pub text: String,
}

impl Breach {
    #[must_use]
    pub fn at(promise: Promise, record: &CallRecord, text: String) -> Self {
        Self {
            promise,
            call: Some(record.to_string()),
            text,
        }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.promise.code(), self.text)?;
        match &self.call {
            Some(call) => write!(f, " (after call {call})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_within_a_line_is_a_leak_that_is_told_without_it() {
        let secrets = ["0123456789abcdef".to_owned(), "ddapp_x".to_owned()];
        let spoken = [
            ("one", "created aws-sm-api-key"),
            ("two", "header: \"0123456789abcdef\""),
        ];

        let [leak] = &leaks(&secrets, spoken)[..] else {
            panic!("one leak")
        };

        assert_eq!(leak.to_string(), "P4: two shows a key or a token");
    }
}
