//! The keys that the value of a secret names.

use std::cell::RefCell;
use std::collections::HashMap;

use serde_json::Value;

use crate::secrets_manager::{Secret, Version};

/// A key as a secret's value names it.
#[derive(Clone, PartialEq, Eq)]
pub struct NamedKey {
    pub id: String,
    pub text: String,
    pub kind: KeyKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    Api,
    Application,
    AccessToken,
}

/// The documented fields of the secret types.
const FIELDS: [(&str, &str, KeyKind); 5] = [
    ("apiKeyId", "apiKey", KeyKind::Api),
    ("appKeyId", "appKey", KeyKind::Application),
    ("adminApiKeyId", "adminApiKey", KeyKind::Api),
    ("adminAppKeyId", "adminAppKey", KeyKind::Application),
    (
        "serviceAccessTokenId",
        "serviceAccessToken",
        KeyKind::AccessToken,
    ),
];

/// More values than one world has.
const MOST_READ: usize = 1000;

thread_local! {
    /// What values were found to name: after each call every version is looked at.
    static READ: RefCell<HashMap<String, Vec<NamedKey>>> = RefCell::default();
}

/// None for a version without a text, and for texts of other shapes.
#[must_use]
pub fn keys_of(version: &Version) -> Vec<NamedKey> {
    let Some(text) = version.value() else {
        return Vec::new();
    };
    READ.with_borrow_mut(|read| {
        if let Some(keys) = read.get(text) {
            return keys.clone();
        }
        if read.len() == MOST_READ {
            read.clear();
        }
        let keys = keys_in(text);
        read.insert(text.to_owned(), keys.clone());
        keys
    })
}

fn keys_in(text: &str) -> Vec<NamedKey> {
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    let field = |name| Some(value.get(name)?.as_str()?.to_owned());
    FIELDS
        .iter()
        .filter_map(|&(id, text, kind)| {
            Some(NamedKey {
                id: field(id)?,
                text: field(text)?,
                kind,
            })
        })
        .collect()
}

/// The keys of the version that a label sits on.
#[must_use]
pub fn keys_labelled(secret: &Secret, label: &str) -> Vec<NamedKey> {
    secret.labelled(label).map(keys_of).unwrap_or_default()
}

/// Whether the keys under AWSPREVIOUS live until the next rotation. Those of API key and token secrets
/// do, unless the tag `graceRotations` says otherwise, or `leakedVersion` names that version.
#[must_use]
pub fn has_grace(secret: &Secret) -> bool {
    let previous = secret.labelled("AWSPREVIOUS").map(Version::id);
    if previous.is_some() && secret.tag("leakedVersion") == previous {
        return false;
    }
    match secret.tag("graceRotations") {
        Some("0") => false,
        Some("1") => true,
        _ => {
            let current = keys_labelled(secret, "AWSCURRENT");
            matches!(current.as_slice(), [key] if key.kind != KeyKind::Application)
        }
    }
}

impl std::fmt::Debug for NamedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NamedKey")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
