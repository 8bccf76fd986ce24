//! The parts of Datadog's answers that rotation reads.
//!
//! Only what an answer is asked for is necessary; of all else no rotation depends on the shape.

mod around;
mod attributes;

use std::collections::BTreeSet;
use std::time::SystemTime;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::keys::{ApiKey, AppKey, KeyId, ServiceAccountId};

pub use around::Room;
pub(super) use around::room;
pub use attributes::Attributes;

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

    fn read(told: Option<&Value>) -> Option<Self> {
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

/// Whether a key that can be read is one that works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Active,
    /// Deleted: an API key stays readable by its id.
    Revoked,
    /// A word that nobody has documented: not to be used, not known to be dead.
    Unknown,
}

#[derive(Clone, Debug)]
pub struct ApiKeyDetails {
    pub id: KeyId,
    pub name: String,
    pub last4: Option<String>,
    pub created: Option<SystemTime>,
    pub status: Status,
    pub category: Option<String>,
    pub remote_config_read_enabled: Option<bool>,
    /// The id of the user who made it, if that is told.
    pub created_by: Option<String>,
    pub attributes: Attributes,
}

impl ApiKeyDetails {
    /// Returns whether it has all that is copied to a successor, and all that is compared.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.last4.is_some() && self.category.is_some() && self.remote_config_read_enabled.is_some()
    }
}

#[derive(Clone, Debug)]
pub struct AppKeyDetails {
    pub id: KeyId,
    pub name: String,
    pub last4: Option<String>,
    pub created: Option<SystemTime>,
    /// `None`: the answer does not tell them.
    pub scopes: Option<Scopes>,
    /// `None`: the answer does not tell it.
    pub owner: Option<ServiceAccountId>,
    pub attributes: Attributes,
}

/// A key just created: the only time that Datadog tells its value.
#[derive(Clone, Debug)]
pub struct Created<K, D> {
    pub id: KeyId,
    /// `None`: there is a key, and its value can't be read.
    pub key: Option<K>,
    pub details: D,
}

/// What `/api/v2/validate` tells of the API key that asks.
#[derive(Clone, Debug)]
pub struct Validated {
    pub id: KeyId,
    /// The UUID of the organisation that the key belongs to.
    pub organisation: String,
}

/// One page of a list.
pub(super) struct Page<T> {
    pub keys: Vec<T>,
    /// How many the whole list has, if it is told.
    pub total: Option<u64>,
}

#[derive(Deserialize)]
struct One {
    data: Resource,
}

#[derive(Deserialize)]
struct Many {
    data: Vec<Resource>,
    #[serde(default)]
    meta: Value,
}

#[derive(Deserialize)]
struct Resource {
    id: String,
    #[serde(default)]
    attributes: Value,
    #[serde(default)]
    relationships: Value,
}

#[derive(Deserialize)]
struct Validity {
    valid: bool,
}

/// What is wrong with an answer's body; the body itself is never shown.
pub(super) type Defect = &'static str;

pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Defect> {
    serde_json::from_slice(body).map_err(|error| {
        if error.is_data() {
            "lacks a member that it should have"
        } else {
            "is not JSON"
        }
    })
}

pub(super) fn api_key(body: &[u8]) -> Result<ApiKeyDetails, Defect> {
    parse::<One>(body)?.data.api_key()
}

pub(super) fn app_key(body: &[u8]) -> Result<AppKeyDetails, Defect> {
    parse::<One>(body)?.data.app_key()
}

pub(super) fn api_keys(body: &[u8], most: usize) -> Result<Page<ApiKeyDetails>, Defect> {
    page(body, most, Resource::api_key)
}

pub(super) fn app_keys(body: &[u8], most: usize) -> Result<Page<AppKeyDetails>, Defect> {
    page(body, most, Resource::app_key)
}

/// Twenty bodies of the largest size hold more of the smallest keys than a function has memory for.
fn page<T>(
    body: &[u8],
    most: usize,
    read: impl Fn(Resource) -> Result<T, Defect>,
) -> Result<Page<T>, Defect> {
    let Many { data, meta } = parse(body)?;
    if data.len() > most {
        return Err("holds more keys than it was asked for");
    }
    let total = meta.pointer("/page/total_filtered_count");
    let total = total.and_then(Value::as_u64);
    let keys = data.into_iter().map(read).collect::<Result<_, _>>()?;
    Ok(Page { keys, total })
}

pub(super) fn created_api_key(body: &[u8]) -> Result<Created<ApiKey, ApiKeyDetails>, Defect> {
    let resource = parse::<One>(body)?.data;
    let key = resource.text("key").and_then(ApiKey::received);
    let details = resource.api_key()?;
    let id = details.id.clone();
    Ok(Created { id, key, details })
}

pub(super) fn created_app_key(body: &[u8]) -> Result<Created<AppKey, AppKeyDetails>, Defect> {
    let resource = parse::<One>(body)?.data;
    let key = resource.text("key").and_then(AppKey::received);
    let details = resource.app_key()?;
    let id = details.id.clone();
    Ok(Created { id, key, details })
}

pub(super) fn validated(body: &[u8]) -> Result<Validated, Defect> {
    let told = parse::<One>(body)?.data;
    let key = told.text("api_key_id");
    Ok(Validated {
        id: id(key.ok_or("lacks a member that it should have")?)?,
        organisation: told.id,
    })
}

/// Whether an API key works: `{"valid":true}` (recorded).
pub(super) fn validity(body: &[u8]) -> Result<bool, Defect> {
    Ok(parse::<Validity>(body)?.valid)
}

/// That two keys work together: `{"status":"ok"}` by the specification, and by that word alone. A 200
/// may carry an error too.
pub(super) fn pair_validity(body: &[u8]) -> Result<bool, Defect> {
    let told: Map<String, Value> = parse(body)?;
    match told.get("status").and_then(Value::as_str) {
        Some("ok") => Ok(true),
        _ => Err("does not say that the keys work"),
    }
}

/// That an answer is about the key that was asked for.
pub(super) fn of<T>(asked: &KeyId, told: T, id: impl Fn(&T) -> &KeyId) -> Result<T, Defect> {
    if id(&told) == asked {
        Ok(told)
    } else {
        Err("is about another key")
    }
}

fn id(text: &str) -> Result<KeyId, Defect> {
    KeyId::parse(text).ok_or("holds an id that is no UUID")
}

impl Resource {
    fn text(&self, attribute: &str) -> Option<&str> {
        self.attributes.get(attribute)?.as_str()
    }

    fn related(&self, relationship: &str) -> Option<&str> {
        let related = self.relationships.get(relationship)?;
        related.pointer("/data/id")?.as_str()
    }

    fn api_key(self) -> Result<ApiKeyDetails, Defect> {
        let owned = |attribute| self.text(attribute).map(str::to_owned);
        let remote_config = self.attributes.get("remote_config_read_enabled");
        Ok(ApiKeyDetails {
            id: id(&self.id)?,
            name: owned("name").unwrap_or_default(),
            last4: owned("last4"),
            created: time(self.text("created_at")),
            status: match self.attributes.get("status") {
                None | Some(Value::Null) => Status::Active,
                Some(Value::String(word)) if word == "active" => Status::Active,
                Some(Value::String(word)) if word == "revoked" => Status::Revoked,
                Some(_) => Status::Unknown,
            },
            category: owned("category"),
            remote_config_read_enabled: remote_config.and_then(Value::as_bool),
            created_by: self.related("created_by").map(str::to_owned),
            attributes: Attributes::of(&self.attributes),
        })
    }

    fn app_key(self) -> Result<AppKeyDetails, Defect> {
        let owned = |attribute| self.text(attribute).map(str::to_owned);
        Ok(AppKeyDetails {
            id: id(&self.id)?,
            name: owned("name").unwrap_or_default(),
            last4: owned("last4"),
            created: time(self.text("created_at")),
            scopes: Scopes::read(self.attributes.get("scopes")),
            owner: self.related("owned_by").and_then(ServiceAccountId::parse),
            attributes: Attributes::of(&self.attributes),
        })
    }
}

/// With an offset, as recorded; a time without one is taken for UTC.
fn time(text: Option<&str>) -> Option<SystemTime> {
    let text = text?;
    let time = DateTime::from_str(text, Format::DateTimeWithOffset)
        .or_else(|_| DateTime::from_str(&format!("{text}Z"), Format::DateTimeWithOffset));
    SystemTime::try_from(time.ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(member: &str) -> Option<Scopes> {
        let body = format!(
            r#"{{"data":{{"id":"11111111-1111-4111-8111-111111111111","attributes":{{"name":"n"{member}}}}}}}"#
        );
        app_key(body.as_bytes()).unwrap().scopes
    }

    #[test]
    fn two_ways_of_being_unscoped() {
        for member in [r#","scopes":null"#, r#","scopes":[]"#] {
            let scopes = scopes(member).unwrap();
            assert_eq!(scopes.list(), None);
            assert!(scopes.missing(&["api_keys_write"]).is_empty());
        }
    }

    #[test]
    fn scopes_that_are_not_told_are_not_known() {
        for member in [
            "",
            r#","scopes":"all""#,
            r#","scopes":[1]"#,
            r#","scopes":{}"#,
        ] {
            assert_eq!(scopes(member), None, "{member}");
        }
    }

    #[test]
    fn spare_members_may_have_any_shape() {
        let body = br#"{"data":{"id":"11111111-1111-4111-8111-111111111111","attributes":
            {"name":7,"created_at":1650000000,"last4":null,"category":{},"remote_config_read_enabled":"yes"},
            "relationships":[]}}"#;
        let details = api_key(body).unwrap();
        assert_eq!((details.created, details.category), (None, None));
        assert!(api_key(br#"{"data":{"id":"11111111-1111-4111-8111-111111111111"}}"#).is_ok());
    }

    #[test]
    fn a_created_key_has_an_id_whatever_else_can_be_read() {
        let body =
            br#"{"data":{"id":"11111111-1111-4111-8111-111111111111","attributes":{"key":7}}}"#;
        assert!(created_api_key(body).unwrap().key.is_none());
    }

    #[test]
    fn keys_work_together_by_the_word_alone() {
        assert_eq!(pair_validity(br#"{"status":"ok"}"#), Ok(true));
        for body in [
            r#"{"status":"error","errors":["x"]}"#,
            "{}",
            r#"{"status":true}"#,
        ] {
            assert!(pair_validity(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn recorded_times_are_read() {
        assert!(time(Some("2025-09-08T09:24:42.999350+00:00")).is_some());
        assert!(time(Some("2026-04-08T16:45:23.302611856Z")).is_some());
        assert!(time(Some("2026-04-08T16:45:23")).is_some());
        assert!(time(Some("yesterday")).is_none());
    }

    #[test]
    fn a_cut_answer_is_not_quoted() {
        let defect =
            created_api_key(br#"{"data":{"id":"x","attributes":{"key":"0123"#).unwrap_err();
        assert_eq!(defect, "is not JSON");
    }
}
