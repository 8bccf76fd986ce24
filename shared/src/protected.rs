//! Keys that must not be deleted: known by their IDs, and by their values.
//!
//! A value may stand beside an ID that is not its own: a person stores a new value and forgets the ID,
//! or an admin secret has a stale one. Then the ID protects the wrong key. So a key counts as
//! protected too if its value is held, or if it may be the key of a held value whose own ID nothing
//! confirms.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::credential::{ApiPart, AppPart, Credential, TokenPart};
use crate::keys::{KeyClass, KeyRef, shown_of};

/// The keys that must not be deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProtectedKeys {
    keys: BTreeSet<KeyRef>,
    values: BTreeSet<HeldValue>,
}

/// A key's value that must go on working: its digest and its end, which compare without the value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct HeldValue {
    /// The key whose ID stands beside it.
    beside: KeyRef,
    digest: [u8; 32],
    end: String,
}

/// What is known of the value of a key that is to be deleted.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "it holds a key's value")]
pub enum KnownValue<'a> {
    Whole(&'a str),
    /// The part that Datadog shows, if it does: the last four characters, or a token's public part.
    End(Option<&'a str>),
}

impl ProtectedKeys {
    /// Adds the keys of a credential, by ID and by value.
    pub fn add(&mut self, credential: &Credential) {
        if let Some(owned) = credential.owned() {
            self.hold(owned.key, owned.value);
        }
        if let Some(part) = credential.api() {
            self.add_api(part);
        }
    }

    pub fn add_application(&mut self, part: &AppPart) {
        self.hold(part.key_ref(), part.key.expose());
    }

    pub fn add_api(&mut self, part: &ApiPart) {
        self.hold(part.key_ref(), part.key.expose());
    }

    pub fn add_token(&mut self, part: &TokenPart) {
        self.hold(part.key_ref(), part.key.expose());
    }

    fn hold(&mut self, key: KeyRef, value: &str) {
        self.keys.insert(key.clone());
        self.values.insert(HeldValue {
            beside: key,
            digest: Sha256::digest(value).into(),
            end: shown_of(value).to_owned(),
        });
    }

    pub fn merge(&mut self, others: &Self) {
        self.keys.extend(others.keys.iter().cloned());
        self.values.extend(others.values.iter().cloned());
    }

    /// Returns the keys whose IDs are protected.
    #[must_use]
    pub fn keys(&self) -> &BTreeSet<KeyRef> {
        &self.keys
    }

    /// Returns whether the ID of this key is protected.
    #[must_use]
    pub fn contains(&self, key: &KeyRef) -> bool {
        self.keys.contains(key)
    }

    /// Takes a held value's own ID for confirmed if Datadog shows the value's end beside that ID: the
    /// value is that key's, and no other key can be its.
    pub fn confirm<'l>(&mut self, shown: impl IntoIterator<Item = (&'l KeyRef, Option<&'l str>)>) {
        for (key, end) in shown {
            self.values
                .retain(|it| it.beside != *key || end.is_none_or(|end| !it.ends_with(end)));
        }
    }

    /// Returns whether a key must not be deleted, by its ID or by what is known of its value.
    #[must_use]
    pub fn protects(&self, key: &KeyRef, value: KnownValue<'_>) -> bool {
        let mut held = self.values.iter().filter(|it| it.beside.class == key.class);
        self.contains(key)
            || match value {
                KnownValue::Whole(value) => {
                    let digest: [u8; 32] = Sha256::digest(value).into();
                    held.any(|it| it.digest == digest)
                }
                KnownValue::End(Some(end)) => held.any(|it| it.ends_with(end)),
                KnownValue::End(None) => false,
            }
    }
}

impl FromIterator<KeyRef> for ProtectedKeys {
    fn from_iter<I: IntoIterator<Item = KeyRef>>(keys: I) -> Self {
        Self {
            keys: keys.into_iter().collect(),
            values: BTreeSet::new(),
        }
    }
}

impl HeldValue {
    /// Datadog may show the characters in another case.
    fn ends_with(&self, end: &str) -> bool {
        self.end.eq_ignore_ascii_case(end)
    }
}

/// Returns what is known of a key's value, from the credential that names the key.
#[must_use]
pub fn known_value<'a>(key: &KeyRef, held_by: Option<&'a Credential>) -> KnownValue<'a> {
    let value = held_by.and_then(|it| match key.class {
        KeyClass::Api => it
            .api()
            .filter(|it| it.id == key.id)
            .map(|it| it.key.expose()),
        KeyClass::Application | KeyClass::AccessToken => {
            let owned = it.owned().filter(|it| it.key == *key);
            owned.map(|it| it.value)
        }
    });
    value.map_or(KnownValue::End(None), KnownValue::Whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{ApiKey, KeyId};

    const VALUE: &str = "0123456789abcdef0123456789abcdef";
    const OTHER: &str = "ffff456789abcdef0123456789ab0000";

    fn key(n: u8) -> KeyRef {
        let id = KeyId::parse(&format!("{n:08}-1111-4111-8111-111111111111")).unwrap();
        KeyRef {
            class: KeyClass::Api,
            id,
        }
    }

    fn held(n: u8, value: &str) -> ProtectedKeys {
        let mut protected = ProtectedKeys::default();
        protected.add_api(&ApiPart {
            key: ApiKey::parse(value).unwrap(),
            id: key(n).id,
        });
        protected
    }

    #[test]
    fn a_value_is_protected_whatever_id_stands_beside_it() {
        let protected = held(1, VALUE);
        assert!(protected.protects(&key(1), KnownValue::End(None)));
        assert!(protected.protects(&key(2), KnownValue::Whole(VALUE)));
        assert!(!protected.protects(&key(2), KnownValue::Whole(OTHER)));
        assert!(protected.protects(&key(2), KnownValue::End(Some("CDEF"))));
        assert!(!protected.protects(&key(2), KnownValue::End(Some("0000"))));
        let application = KeyRef {
            class: KeyClass::Application,
            ..key(2)
        };
        assert!(!protected.protects(&application, KnownValue::Whole(VALUE)));
    }

    #[test]
    fn a_value_whose_own_id_is_confirmed_makes_no_other_key_suspect() {
        let mut protected = held(1, VALUE);
        protected.confirm([(&key(1), Some("0000")), (&key(2), Some("cdef"))]);
        assert!(protected.protects(&key(2), KnownValue::End(Some("cdef"))));
        protected.confirm([(&key(1), Some("cdef"))]);
        assert!(!protected.protects(&key(2), KnownValue::End(Some("cdef"))));
        assert!(protected.contains(&key(1)));
    }

    #[test]
    fn debug_shows_no_value() {
        let shown = format!("{:?}", held(1, VALUE));
        assert!(!shown.contains(VALUE), "{shown}");
    }
}
