//! Key values, which are never printed, and the IDs, which are.

use std::fmt;
use std::marker::PhantomData;

use secrecy::{ExposeSecret, SecretString};

/// An API key: 32 hexadecimal digits.
#[derive(Clone, Debug)]
pub struct ApiKey(SecretString);

impl ApiKey {
    /// The shape in words, for messages that must not quote the value.
    pub const SHAPE: &'static str = "an API key of 32 hexadecimal digits";

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_hex(text, 32).then(|| Self(text.into()))
    }

    /// Takes what Datadog has just created, whatever its shape: printable ASCII of sensible length.
    #[must_use]
    pub fn received(text: &str) -> Option<Self> {
        is_storable(text).then(|| Self(text.into()))
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

    /// Takes what Datadog has just created, whatever its shape: printable ASCII of sensible length.
    #[must_use]
    pub fn received(text: &str) -> Option<Self> {
        is_storable(text).then(|| Self(text.into()))
    }

    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// A service access token: `ddsat_`, a part that Datadog shows to everybody, `_`, and the secret part.
#[derive(Clone, Debug)]
pub struct AccessToken(SecretString);

/// What every service access token begins with.
const TOKEN_PREFIX: &str = "ddsat_";

impl AccessToken {
    pub const SHAPE: &'static str =
        "a service access token of `ddsat_`, letters and digits, `_`, letters and digits";

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parts = text.strip_prefix(TOKEN_PREFIX)?.split_once('_');
        let is_part =
            |part: &str| part.len() >= 16 && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        parts
            .is_some_and(|(public, hidden)| is_part(public) && is_part(hidden))
            .then(|| Self(text.into()))
    }

    /// Takes what Datadog has just created, whatever its shape: printable ASCII of sensible length.
    #[must_use]
    pub fn received(text: &str) -> Option<Self> {
        is_storable(text).then(|| Self(text.into()))
    }

    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// Returns the part of a key's value that Datadog shows: a token's public part, which begins with
/// `ddsat_`; of other keys the last four characters.
#[must_use]
pub fn shown_of(value: &str) -> &str {
    if AccessToken::parse(value).is_some()
        && let Some((public, _)) = value.rsplit_once('_')
    {
        return public;
    }
    let at = value.len().saturating_sub(4);
    value.get(at..).unwrap_or(value)
}

/// The value of a created key is Datadog's to shape: a new shape must stop nobody's rotations. What
/// could not be sent in a header, or would not fit a secret, is no key.
fn is_storable(text: &str) -> bool {
    (16..=512).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
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

/// An identifier that Datadog gives: a UUID, kept in lower case so that two compare whoever typed them.
///
/// `Of` says of what it is, so that one can't be taken for another.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id<Of>(String, PhantomData<Of>);

/// What identifiers are of.
pub mod of {
    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Key {}
    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum ServiceAccount {}
    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Trust {}
    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Organisation {}
}

pub type KeyId = Id<of::Key>;

/// Of a person too: their identifiers look alike.
pub type ServiceAccountId = Id<of::ServiceAccount>;

/// Of a mapping, or of an AWS account's registration.
pub type TrustId = Id<of::Trust>;

pub type OrganisationId = Id<of::Organisation>;

impl<Of> Id<Of> {
    /// Returns `None` for anything but a UUID.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_uuid(text).then(|| Self(text.to_ascii_lowercase(), PhantomData))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<Of> fmt::Debug for Id<Of> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Id").field(&self.0).finish()
    }
}

impl<Of> fmt::Display for Id<Of> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The classes of key that Datadog keeps apart.
///
/// Ordered as they are deleted: the application key first, for it carries the authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyClass {
    Application,
    Api,
    AccessToken,
}

impl KeyClass {
    /// Returns the word for it in documents that programs read.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Application => "application_key",
            Self::Api => "api_key",
            Self::AccessToken => "access_token",
        }
    }
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
            Self::AccessToken => "service access token",
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
    use super::{AccessToken, ApiKey, AppKey, KeyId, shown_of};

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
    fn a_token_shows_its_public_part() {
        let token = format!("ddsat_{}_{}", "a1".repeat(11), "B2".repeat(18));
        assert!(AccessToken::parse(&token).is_some());
        assert_eq!(shown_of(&token), &token[..28]);
        assert_eq!(shown_of(&"0f".repeat(16)), "0f0f");
        for text in ["ddsat_", "ddsat_short_short", &token[..28], &token[6..]] {
            assert!(AccessToken::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_created_key_may_have_any_shape_that_a_header_takes() {
        assert!(ApiKey::received("ddapi_0123456789-abc.~").is_some());
        assert!(AppKey::received(&"Z".repeat(512)).is_some());
        for text in [
            "",
            "short",
            "white space in the key",
            "0123456789abcdef\n",
            &"ä".repeat(20),
        ] {
            assert!(ApiKey::received(text).is_none(), "{text:?}");
        }
        assert!(AppKey::received(&"Z".repeat(513)).is_none());
    }

    #[test]
    fn debug_shows_no_key() {
        let text = "0123456789abcdef0123456789abcdef";
        let shown = format!("{:?}", ApiKey::parse(text));
        assert!(!shown.contains(text), "{shown}");
    }
}
