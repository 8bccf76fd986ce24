//! Request bodies: `{"data": {"type", "id"?, "attributes", "relationships"?}}`.

use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::reply::Refusal;

#[derive(Debug, Deserialize)]
struct Document<A> {
    data: Data<A>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Data<A> {
    #[serde(rename = "type")]
    kind: String,
    id: Option<String>,
    pub(super) attributes: A,
    #[serde(default)]
    pub(super) relationships: Relationships,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Relationships {
    #[serde(default)]
    pub(super) roles: References,
    #[serde(default)]
    pub(super) permissions: References,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct References {
    data: Vec<Reference>,
}

#[derive(Debug, Deserialize)]
struct Reference {
    id: String,
}

impl References {
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.data.iter().map(|reference| reference.id.as_str())
    }
}

impl<A: DeserializeOwned> Data<A> {
    /// The body's `data`, which must be of this type.
    pub(super) fn parse(body: &Bytes, kind: &str) -> Result<Self, Refusal> {
        let Document { data } = serde_json::from_slice::<Document<A>>(body)
            .map_err(|error| Refusal::bad_request(error.to_string()))?;
        if data.kind != kind {
            return Err(Refusal::bad_request(format!(
                "Invalid type, expected {kind}"
            )));
        }
        Ok(data)
    }

    /// Refuses an edit whose body names another resource than its path, with the status that the
    /// resource's endpoint has for it and the text recorded for users.
    pub(super) fn demand_id(&self, id: &str, status: StatusCode) -> Result<(), Refusal> {
        if self.id.as_deref() == Some(id) {
            return Ok(());
        }
        Err(Refusal::new(
            status,
            "UUID's in the URL and request body do not match",
        ))
    }
}
