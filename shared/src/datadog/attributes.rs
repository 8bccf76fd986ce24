//! All attributes of a key: those too that nobody has documented yet.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

/// What is each key's own, or changes by itself, or is compared by its own rule.
const OF_EACH_KEY: [&str; 12] = [
    "api_key_id",
    "created_at",
    "date_last_used",
    "expires_at",
    "key",
    "last4",
    "last_used_at",
    "modified_at",
    "name",
    "public_portion",
    "scopes",
    "status",
];

/// The attributes that a successor should share. Never a key's value.
#[derive(Clone, Default)]
pub struct Attributes(BTreeMap<String, Value>);

impl Attributes {
    pub(super) fn of(told: &Value) -> Self {
        let told = told.as_object().into_iter().flatten();
        let shared = told.filter(|(name, value)| {
            let is_own = OF_EACH_KEY.contains(&name.as_str()) || name.contains("used");
            !is_own && !value.is_null()
        });
        Self(
            shared
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        )
    }

    /// Returns whether the attribute is there, and true.
    #[must_use]
    pub fn is_true(&self, name: &str) -> bool {
        self.told(name) == Some(true)
    }

    /// Returns the attribute, if it is there, and true or false.
    #[must_use]
    pub fn told(&self, name: &str) -> Option<bool> {
        self.0.get(name)?.as_bool()
    }

    /// Adds what another answer tells of the same key, and this one does not: or as something else than yes or no,
    /// where the other tells one of them.
    pub(super) fn complete(&mut self, other: &Self) {
        for (name, value) in &other.0 {
            let own = self.0.entry(name.clone()).or_insert_with(|| value.clone());
            if value.is_boolean() && !own.is_boolean() {
                own.clone_from(value);
            }
        }
    }

    /// Returns the names of those that `successor` lacks or has otherwise. False is the same as
    /// absent.
    #[must_use]
    pub fn lost_in(&self, successor: &Self) -> Vec<String> {
        let lost = self.0.iter().filter(|(name, value)| {
            let other = successor.0.get(*name);
            other.unwrap_or(&Value::Bool(false)) != *value
        });
        lost.map(|(name, _)| name.clone()).collect()
    }
}

/// Names alone: nobody knows what an attribute of tomorrow will hold.
impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Attributes;

    #[test]
    fn what_a_successor_lacks_or_has_otherwise_is_named() {
        let old = Attributes::of(&json!({
            "name": "old", "key": "hush", "created_at": "then", "used_in_last_24_hours": true,
            "category": "x", "kept": 1, "changed": 1, "lost": "x", "off": false, "none": null,
        }));
        let new = Attributes::of(&json!({
            "name": "new", "category": "x", "kept": 1, "changed": 2, "more": true,
        }));
        assert_eq!(old.lost_in(&new), ["changed", "lost"]);
        assert!(!format!("{old:?}").contains("hush"));
    }

    #[test]
    fn true_is_the_word_true() {
        let told = Attributes::of(&json!({ "on": true, "off": false, "word": "true" }));
        assert!(told.is_true("on"));
        for name in ["off", "word", "absent"] {
            assert!(!told.is_true(name), "{name}");
        }
        assert_eq!(
            ["on", "off", "word", "absent"].map(|it| told.told(it)),
            [Some(true), Some(false), None, None]
        );
    }

    #[test]
    fn another_answer_adds_what_this_one_lacks_and_changes_nothing() {
        let mut told = Attributes::of(&json!({ "category": "x", "off": false, "garbled": 7 }));
        told.complete(&Attributes::of(
            &json!({ "category": "y", "on": true, "off": true, "garbled": true }),
        ));
        let both =
            Attributes::of(&json!({ "category": "x", "on": true, "off": false, "garbled": true }));
        assert!(told.lost_in(&both).is_empty() && both.lost_in(&told).is_empty());
    }
}
