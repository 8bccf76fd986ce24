//! Key texts, which are never printed, and the identifiers, which are.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// An API key: 32 hexadecimal digits.
#[derive(Clone, Debug)]
pub struct ApiKey(SecretString);

impl ApiKey {
    /// The shape in words, for messages that must not quote the text.
    pub const SHAPE: &'static str = "an API key of 32 hexadecimal digits";

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_hex(text, 32).then(|| Self(text.into()))
    }

    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// An application key: `ddapp_` and 34 alphanumerics, or the older 40 hexadecimal digits.
#[derive(Clone, Debug)]
pub struct AppKey(SecretString);

impl AppKey {
    pub const SHAPE: &'static str =
        "an application key of `ddapp_` and 34 alphanumerics, or of 40 hexadecimal digits";

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let new_form = text.strip_prefix("ddapp_").is_some_and(|rest| {
            rest.len() == 34 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
        (new_form || is_hex(text, 40)).then(|| Self(text.into()))
    }

    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Datadog's id of a key: a UUID, kept in lower case so that ids compare whoever typed them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

/// The id of a service account: a UUID, likewise in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAccountId(String);

/// The id of a mapping, or of an AWS account's registration: a UUID, likewise in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrustId(String);

/// The id of an organisation: a UUID, likewise in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganisationId(String);

impl KeyId {
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_uuid(text).then(|| Self(text.to_ascii_lowercase()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ServiceAccountId {
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_uuid(text).then(|| Self(text.to_ascii_lowercase()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl OrganisationId {
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_uuid(text).then(|| Self(text.to_ascii_lowercase()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TrustId {
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_uuid(text).then(|| Self(text.to_ascii_lowercase()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TrustId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ServiceAccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for OrganisationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The two classes of key that Datadog keeps apart.
///
/// Ordered as they are retired: the application key first, for it carries the authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyClass {
    Application,
    Api,
}

/// One key at Datadog, by class and id: all that it takes to delete it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyRef {
    pub class: KeyClass,
    pub id: KeyId,
}

impl fmt::Display for KeyClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Application => "application key",
            Self::Api => "API key",
        })
    }
}

impl fmt::Display for KeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.class, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::{ApiKey, AppKey, KeyId};

    #[test]
    fn keys_are_told_by_their_shape() {
        assert!(ApiKey::parse(&"0aF".repeat(11)[..32]).is_some());
        assert!(ApiKey::parse(&"0".repeat(31)).is_none());
        assert!(ApiKey::parse(&"g".repeat(32)).is_none());
        assert!(AppKey::parse(&"0".repeat(40)).is_some());
        assert!(AppKey::parse(&format!("ddapp_{}", "Zz9".repeat(12)[..34].to_owned())).is_some());
        assert!(AppKey::parse(&format!("ddapp_{}", "_".repeat(34))).is_none());
        assert!(AppKey::parse(&"é".repeat(20)).is_none());
        assert!(KeyId::parse("8A3F7C2E-0000-4000-8000-000000000000").is_some());
        assert!(KeyId::parse("8a3f7c2e00004000800000000000000000000").is_none());
    }

    #[test]
    fn debug_shows_no_key() {
        let text = "0123456789abcdef0123456789abcdef";
        let shown = format!("{:?}", ApiKey::parse(text));
        assert!(!shown.contains(text), "{shown}");
    }
}
