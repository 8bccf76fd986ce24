//! What the keys of a service account have in common: application keys and service access tokens.

use std::time::SystemTime;

use super::attributes::Attributes;
use super::resource::{Defect, Resource, id, time};
use super::scopes::Scopes;
use crate::keys::{KeyId, ServiceAccountId};

#[derive(Clone, Debug)]
pub struct OwnedKeyDetails {
    pub id: KeyId,
    pub name: String,
    /// The part of the value that Datadog shows: the last four characters, or a token's public part.
    pub shown: Option<String>,
    pub created: Option<SystemTime>,
    /// When a token ends by itself.
    pub expires: Option<SystemTime>,
    /// Whether a token is to end by itself at all; `None`: the answer does not tell it.
    pub ends: Option<bool>,
    /// `None`: the answer does not tell them.
    pub scopes: Option<Scopes>,
    /// `None`: the answer does not tell it.
    pub owner: Option<ServiceAccountId>,
    pub attributes: Attributes,
}

impl OwnedKeyDetails {
    /// Reads a key of which the attribute `shown` has a part of the value.
    pub(super) fn read(resource: &Resource, shown: &str) -> Result<Self, Defect> {
        let owned = |attribute| resource.text(attribute).map(str::to_owned);
        let account = resource.related("owned_by");
        Ok(Self {
            id: id(&resource.id)?,
            name: owned("name").unwrap_or_default(),
            shown: owned(shown),
            created: time(resource.text("created_at")),
            expires: time(resource.text("expires_at")),
            ends: resource
                .attributes
                .get("expires_at")
                .map(|at| !at.is_null()),
            scopes: Scopes::read(resource.attributes.get("scopes")),
            owner: account.and_then(ServiceAccountId::parse),
            attributes: Attributes::of(&resource.attributes),
        })
    }

    /// Returns whether it has all that is copied to a successor, and all that is compared.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.shown.is_some() && self.scopes.is_some()
    }

    /// Returns whether a token has ended by itself.
    #[must_use]
    pub fn is_over(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|at| at <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datadog::resource::{One, parse};

    fn details(attributes: &str) -> OwnedKeyDetails {
        let body = format!(
            r#"{{"data":{{"id":"11111111-1111-4111-8111-111111111111","attributes":{attributes}}}}}"#
        );
        let body: One = parse(body.as_bytes()).unwrap();
        OwnedKeyDetails::read(&body.data, "last4").unwrap()
    }

    #[test]
    fn a_key_is_whole_with_all_that_is_compared() {
        assert!(details(r#"{"last4":"abcd","scopes":null}"#).is_whole());
        assert!(!details(r#"{"scopes":null}"#).is_whole());
        assert!(!details(r#"{"last4":"abcd"}"#).is_whole());
    }

    #[test]
    fn only_null_says_that_a_token_never_ends() {
        assert_eq!(details(r#"{"expires_at":null}"#).ends, Some(false));
        assert_eq!(details(r#"{"expires_at":"some day"}"#).ends, Some(true));
        assert_eq!(details("{}").ends, None);
    }

    #[test]
    fn a_token_is_over_at_its_end() {
        let token = details(r#"{"expires_at":"2026-04-01T00:00:00+00:00"}"#);
        let end = token.expires.unwrap();
        assert!(token.is_over(end));
        assert!(!token.is_over(end - std::time::Duration::from_secs(1)));
        assert!(!details("{}").is_over(end));
    }
}
