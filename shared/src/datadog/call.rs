//! A call of Datadog's API, as it is sent and as errors name it. The endpoints themselves are in the
//! modules beside this one, one file a resource: [`super::api_keys`] is the first to read.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::limits::Family;

/// A creation, a look at the labels and the store may each wait for one slow answer, and then what was
/// created must still be undone: with less time left, no creation is begun.
pub const TIME_TO_CREATE: Duration = Duration::from_secs(40);

/// Whatever has no statuses of its own succeeds with these.
pub(super) const OK_OR_CREATED: &[StatusCode] = &[StatusCode::OK, StatusCode::CREATED];

/// A deletion is answered 204, without a body (recorded): a 200 to it is a page of something on the
/// way, and the thing lives.
pub(super) const NO_CONTENT: &[StatusCode] = &[StatusCode::NO_CONTENT];

/// What is the same for every call of one endpoint.
#[derive(Debug)]
pub struct Endpoint {
    pub method: Method,
    /// The statuses of a success. Any other is an error.
    pub success: &'static [StatusCode],
    /// The names of the permission without which Datadog refuses the call; none if it takes none. The
    /// first is the one that a recorded organisation has, the others are a document's or a preview's.
    pub permissions: &'static [&'static str],
    pub effect: Effect,
    pub(super) family: Family,
}

/// What a call changes at Datadog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing, or nothing that a second one would make worse.
    Repeatable,
    /// It makes something, so that sent twice it may leave two.
    Creation,
    /// It deletes. It may be what undoes a creation.
    Deletion,
}

/// One call. Its `Display` is what errors and logs show: IDs and names, never a key.
#[derive(Clone)]
pub struct Call {
    endpoint: &'static Endpoint,
    /// With the query.
    path: Box<str>,
    body: Bytes,
    name: Box<str>,
}

impl Call {
    /// Returns a call without a body. `path` has the query; `name` is what errors and logs call it.
    pub(super) fn new(endpoint: &'static Endpoint, path: String, name: String) -> Self {
        Self {
            endpoint,
            path: path.into(),
            body: Bytes::new(),
            name: name.into(),
        }
    }

    /// Returns the same with a document of this class as its body.
    pub(super) fn with(mut self, class: &str, attributes: &Map<String, Value>) -> Self {
        let document = json!({"data": {"type": class, "attributes": attributes}});
        self.body = document.to_string().into();
        self
    }

    /// Returns whether it is a call of this endpoint.
    #[must_use]
    pub fn is(&self, endpoint: &'static Endpoint) -> bool {
        std::ptr::eq(self.endpoint, endpoint)
    }

    #[must_use]
    pub fn method(&self) -> &Method {
        &self.endpoint.method
    }

    /// Returns the path with the query.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Returns the permission without which Datadog refuses the call, by its first name.
    #[must_use]
    pub fn permission(&self) -> Option<&'static str> {
        self.permissions().first().copied()
    }

    /// Returns the names that the permission goes by, one of which the call needs.
    #[must_use]
    pub fn permissions(&self) -> &'static [&'static str] {
        self.endpoint.permissions
    }

    #[must_use]
    pub fn succeeds_with(&self, status: StatusCode) -> bool {
        self.endpoint.success.contains(&status)
    }

    /// Returns whether it makes something, so that sent twice it may leave two.
    #[must_use]
    pub fn creates(&self) -> bool {
        self.endpoint.effect == Effect::Creation
    }

    /// Returns whether it deletes a key.
    #[must_use]
    pub fn deletes_key(&self) -> bool {
        self.endpoint.effect == Effect::Deletion && !self.is_about_trust()
    }

    /// Returns for how long, in pauses, it is sent again after failures that may pass. What became of a
    /// key's deletion is better looked up than asked again.
    pub(super) fn patience(&self) -> Duration {
        if self.deletes_key() {
            Duration::from_secs(4)
        } else {
            Duration::from_mins(1)
        }
    }

    /// Returns whether it is about whom an organisation trusts: mappings, AWS accounts.
    #[must_use]
    pub fn is_about_trust(&self) -> bool {
        self.endpoint.family == Family::TRUST
    }

    /// Returns whether it may be delayed to spare the rate limit. A deletion may undo something, and
    /// calls about trust may make up for what was deleted.
    pub(super) fn may_wait(&self) -> bool {
        self.endpoint.effect != Effect::Deletion && !self.is_about_trust()
    }

    /// Returns the time without which it is not to be sent.
    #[must_use]
    pub fn time_needed(&self) -> Duration {
        if self.creates() {
            TIME_TO_CREATE
        } else {
            Duration::from_secs(1)
        }
    }

    pub(super) fn family(&self) -> Family {
        self.endpoint.family
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Its name alone: a body is nobody's to print.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Call").field(&self.name).finish()
    }
}
