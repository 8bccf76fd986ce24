//! The frame of Datadog's answers.
//!
//! Only what an answer is asked for is necessary; of all else no rotation depends on the shape.

use std::time::SystemTime;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::keys::KeyId;

/// What is wrong with an answer's body; the body itself is never shown.
pub(super) type Defect = &'static str;

/// A key just created: the only time that Datadog tells its value.
#[derive(Clone, Debug)]
pub struct Created<K, D> {
    pub id: KeyId,
    /// `None`: there is a key, and its value can't be read.
    pub key: Option<K>,
    pub details: D,
}

#[derive(Deserialize)]
pub(super) struct One {
    pub data: Resource,
}

#[derive(Deserialize)]
pub(super) struct Resource {
    pub id: String,
    #[serde(default)]
    pub attributes: Value,
    #[serde(default)]
    pub relationships: Value,
}

impl Resource {
    pub(super) fn text(&self, attribute: &str) -> Option<&str> {
        self.attributes.get(attribute)?.as_str()
    }

    pub(super) fn related(&self, relationship: &str) -> Option<&str> {
        let related = self.relationships.get(relationship)?;
        related.pointer("/data/id")?.as_str()
    }
}

pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Defect> {
    serde_json::from_slice(body).map_err(|error| {
        if error.is_data() {
            "lacks a member that it should have"
        } else {
            "is not JSON"
        }
    })
}

/// Refuses an answer about another key than the one that was asked for.
pub(super) fn about<T>(asked: &KeyId, told: T, id: impl Fn(&T) -> &KeyId) -> Result<T, Defect> {
    if id(&told) == asked {
        Ok(told)
    } else {
        Err("is about another key")
    }
}

pub(super) fn id(text: &str) -> Result<KeyId, Defect> {
    KeyId::parse(text).ok_or("holds an id that is no UUID")
}

/// Reads a time with an offset, as recorded; one without an offset is taken for UTC.
pub(super) fn time(text: Option<&str>) -> Option<SystemTime> {
    let text = text?;
    let time = DateTime::from_str(text, Format::DateTimeWithOffset)
        .or_else(|_| DateTime::from_str(&format!("{text}Z"), Format::DateTimeWithOffset));
    SystemTime::try_from(time.ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_times_are_read() {
        assert!(time(Some("2025-09-08T09:24:42.999350+00:00")).is_some());
        assert!(time(Some("2026-04-08T16:45:23.302611856Z")).is_some());
        assert!(time(Some("2026-04-08T16:45:23")).is_some());
        assert!(time(Some("yesterday")).is_none());
    }
}
