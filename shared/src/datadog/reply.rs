//! The parts of Datadog's answers that rotation reads.

mod around;

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

/// What an application key may do of what its owner may.
///
/// Null, a missing member and an empty list all mean "unscoped": everything that the owner may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scopes(Option<BTreeSet<String>>);

impl Scopes {
    /// The scopes to ask for, or `None` for an unscoped key.
    #[must_use]
    pub fn list(&self) -> Option<Vec<&str>> {
        self.0
            .as_ref()
            .map(|scopes| scopes.iter().map(String::as_str).collect())
    }

    /// Those of `required` that are not covered.
    #[must_use]
    pub fn missing(&self, required: &[&'static str]) -> Vec<&'static str> {
        let covered = |scope: &&str| self.0.as_ref().is_none_or(|scopes| scopes.contains(*scope));
        required
            .iter()
            .copied()
            .filter(|scope| !covered(scope))
            .collect()
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
}

impl ApiKeyDetails {
    /// Whether it has all that is copied to a successor, and all that is compared.
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
    pub scopes: Scopes,
}

/// A key just minted: the only time that Datadog tells its text.
#[derive(Clone, Debug)]
pub struct Minted<K> {
    pub id: KeyId,
    pub key: K,
}

/// What `/api/v2/validate` tells of the API key that asks.
#[derive(Clone, Debug)]
pub struct Validated {
    pub id: KeyId,
    /// The UUID of the organisation that the key belongs to.
    pub organisation: String,
}

#[derive(Deserialize)]
struct One {
    data: Resource,
}

#[derive(Deserialize)]
struct Many {
    data: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    id: String,
    #[serde(default)]
    attributes: Attributes,
    relationships: Option<Relationships>,
}

#[derive(Deserialize)]
struct Relationships {
    owned_by: Option<Relationship>,
    /// Whatever shape it has: no rotation depends on it.
    #[serde(default)]
    created_by: Value,
}

#[derive(Deserialize)]
struct Relationship {
    data: Related,
}

#[derive(Deserialize)]
struct Related {
    id: String,
}

#[derive(Default, Deserialize)]
struct Attributes {
    name: Option<String>,
    last4: Option<String>,
    created_at: Option<String>,
    status: Option<String>,
    category: Option<String>,
    remote_config_read_enabled: Option<bool>,
    scopes: Option<Vec<String>>,
    key: Option<String>,
    api_key_id: Option<String>,
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

pub(super) fn api_keys(body: &[u8], most: usize) -> Result<Vec<ApiKeyDetails>, Defect> {
    page(body, most)?
        .into_iter()
        .map(Resource::api_key)
        .collect()
}

pub(super) fn app_keys(body: &[u8], most: usize) -> Result<Vec<AppKeyDetails>, Defect> {
    page(body, most)?
        .into_iter()
        .map(Resource::app_key)
        .collect()
}

/// Twenty bodies of the largest size hold more of the smallest keys than a function has memory for.
fn page(body: &[u8], most: usize) -> Result<Vec<Resource>, Defect> {
    let data = parse::<Many>(body)?.data;
    if data.len() > most {
        return Err("holds more keys than it was asked for");
    }
    Ok(data)
}

/// Who owns an application key, where the answer says so.
pub(super) fn owner(body: &[u8]) -> Result<Option<ServiceAccountId>, Defect> {
    let relationships = parse::<One>(body)?.data.relationships;
    Ok(relationships
        .and_then(|it| it.owned_by)
        .and_then(|it| ServiceAccountId::parse(&it.data.id)))
}

pub(super) fn minted_api_key(body: &[u8]) -> Result<Minted<ApiKey>, Defect> {
    minted(body, ApiKey::parse)
}

pub(super) fn minted_app_key(body: &[u8]) -> Result<Minted<AppKey>, Defect> {
    minted(body, AppKey::parse)
}

fn minted<K>(body: &[u8], key: impl Fn(&str) -> Option<K>) -> Result<Minted<K>, Defect> {
    let resource = parse::<One>(body)?.data;
    Ok(Minted {
        key: resource
            .attributes
            .key
            .as_deref()
            .and_then(key)
            .ok_or("holds no key of a known shape")?,
        id: id(&resource.id)?,
    })
}

pub(super) fn validated(body: &[u8]) -> Result<Validated, Defect> {
    let told = parse::<One>(body)?.data;
    let key = told.attributes.api_key_id;
    Ok(Validated {
        id: id(&key.ok_or("lacks a member that it should have")?)?,
        organisation: told.id,
    })
}

/// Whether an API key works: `{"valid":true}` (recorded).
pub(super) fn validity(body: &[u8]) -> Result<bool, Defect> {
    Ok(parse::<Validity>(body)?.valid)
}

/// That two keys work together: `{"status":"ok"}` by the specification. Nobody has recorded it, so
/// that any JSON object will do; a page of something on the way will not.
pub(super) fn pair_validity(body: &[u8]) -> Result<bool, Defect> {
    parse::<Map<String, Value>>(body).map(|_| true)
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
    fn api_key(self) -> Result<ApiKeyDetails, Defect> {
        Ok(ApiKeyDetails {
            id: id(&self.id)?,
            name: self.attributes.name.unwrap_or_default(),
            last4: self.attributes.last4,
            created: time(self.attributes.created_at.as_deref()),
            status: match self.attributes.status.as_deref() {
                None | Some("active") => Status::Active,
                Some("revoked") => Status::Revoked,
                Some(_) => Status::Unknown,
            },
            category: self.attributes.category,
            remote_config_read_enabled: self.attributes.remote_config_read_enabled,
            created_by: self.relationships.and_then(|it| {
                let maker = it.created_by.pointer("/data/id")?.as_str()?;
                Some(maker.to_owned())
            }),
        })
    }

    fn app_key(self) -> Result<AppKeyDetails, Defect> {
        Ok(AppKeyDetails {
            id: id(&self.id)?,
            name: self.attributes.name.unwrap_or_default(),
            last4: self.attributes.last4,
            created: time(self.attributes.created_at.as_deref()),
            scopes: self.attributes.scopes.into(),
        })
    }
}

fn time(text: Option<&str>) -> Option<SystemTime> {
    let time = DateTime::from_str(text?, Format::DateTimeWithOffset).ok()?;
    SystemTime::try_from(time).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_ways_of_being_unscoped() {
        for scopes in ["", r#","scopes":null"#, r#","scopes":[]"#] {
            let body = format!(
                r#"{{"data":{{"id":"11111111-1111-4111-8111-111111111111","attributes":{{"name":"n"{scopes}}}}}}}"#
            );
            let details = app_key(body.as_bytes()).unwrap();
            assert_eq!(details.scopes.list(), None);
            assert!(details.scopes.missing(&["api_keys_write"]).is_empty());
        }
    }

    #[test]
    fn recorded_times_are_read() {
        assert!(time(Some("2025-09-08T09:24:42.999350+00:00")).is_some());
        assert!(time(Some("2026-04-08T16:45:23.302611856Z")).is_some());
        assert!(time(Some("yesterday")).is_none());
    }

    #[test]
    fn a_cut_answer_is_not_quoted() {
        let defect = minted_api_key(br#"{"data":{"id":"x","attributes":{"key":"0123"#).unwrap_err();
        assert_eq!(defect, "is not JSON");
    }
}
