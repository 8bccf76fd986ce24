//! The scopes of an application key.

use std::collections::BTreeSet;

use serde_json::Value;

/// What an application key may do of what its owner may.
///
/// Null and an empty list both mean "unscoped": everything that the owner may. A missing member is
/// neither: what such a key may do is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scopes(Option<BTreeSet<String>>);

impl Scopes {
    /// Returns the scopes to ask for, or `None` for an unscoped key.
    #[must_use]
    pub fn list(&self) -> Option<Vec<&str>> {
        self.0
            .as_ref()
            .map(|scopes| scopes.iter().map(String::as_str).collect())
    }

    /// Returns those of `required` that are not covered.
    #[must_use]
    pub fn missing(&self, required: &[&'static str]) -> Vec<&'static str> {
        let required = required.iter().copied();
        required.filter(|scope| !self.covers(scope)).collect()
    }

    #[must_use]
    pub fn covers(&self, scope: &str) -> bool {
        self.0.as_ref().is_none_or(|scopes| scopes.contains(scope))
    }

    pub(super) fn read(told: Option<&Value>) -> Option<Self> {
        match told? {
            Value::Null => Some(Self(None)),
            Value::Array(scopes) => {
                let scopes = scopes.iter().map(|it| it.as_str().map(str::to_owned));
                let scopes: Vec<String> = scopes.collect::<Option<_>>()?;
                Some(Some(scopes).into())
            }
            _ => None,
        }
    }
}

impl From<Option<Vec<String>>> for Scopes {
    fn from(scopes: Option<Vec<String>>) -> Self {
        Self(scopes.filter(|it| !it.is_empty()).map(BTreeSet::from_iter))
    }
}
