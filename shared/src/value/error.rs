//! What is wrong with a value.

use std::fmt;

use super::flaw::{Flaw, Type};
use crate::site::SiteDefect;

/// What is wrong with a value, or with the variables that say the same. Names the field and what is
/// wrong with its text, never the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    #[error("is not JSON")]
    NotJson,
    #[error("begins with a byte order mark: store it without one")]
    ByteOrderMark,
    #[error("is a key by itself, and must be a JSON object that holds it")]
    BareKey,
    #[error(
        "is a JSON string with an object in it: it was put into quotation marks once too often"
    )]
    QuotedObject,
    #[error("is JSON, but not an object")]
    NotAnObject,
    #[error("lacks `{0}`")]
    Missing(&'static str),
    #[error("has a `{field}` that is {found}, and must be a string")]
    NotAString { field: &'static str, found: Type },
    #[error("has a `{field}` that is not {shape}{}", Told(.flaw))]
    IllFormed {
        field: &'static str,
        shape: &'static str,
        /// What can be seen of it without knowing what it should have been.
        flaw: Option<Flaw>,
    },
    #[error("has a `{field}` that {defect}")]
    UnknownSite {
        field: &'static str,
        defect: SiteDefect,
    },
    #[error("has a `{field}` that is not a whole number from {least} to {most}")]
    NotInRange {
        field: &'static str,
        least: u16,
        most: u16,
    },
    #[error("has both keys and `orgUuid`, and must have one of the two")]
    KeysAndIdentity,
    #[error(
        "holds a service access token, which does not rotate as an admin secret: Datadog lets no such \
         token create application keys"
    )]
    TokenOfAdmin,
    #[error("holds keys and AWSCURRENT none, or the other way round")]
    OtherMode,
}

impl ValueError {
    /// Of a text that has not this shape. The text itself is not kept.
    #[must_use]
    pub fn ill_formed(field: &'static str, shape: &'static str, text: &str) -> Self {
        Self::IllFormed {
            field,
            shape,
            flaw: Some(Flaw::of(text)),
        }
    }
}

/// A flaw behind the sentence that it explains.
pub(crate) struct Told<'a>(pub(crate) &'a Option<Flaw>);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |flaw| write!(f, ": it {flaw}"))
    }
}
