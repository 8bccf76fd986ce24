//! The calls that rotation makes of Datadog: paths, bodies, permissions.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::reply::Scopes;
use super::trust::TrustCall;
use crate::keys::{KeyClass, KeyId, ServiceAccountId};

/// The largest page that the lists give.
pub const PAGE: usize = 100;

/// A creation, a look at the labels and the store may each wait for one slow answer, and then what was
/// created must still be undone: with less time left, no creation is begun.
pub const TIME_TO_CREATE: Duration = Duration::from_secs(40);

/// The attribute of an API key with which an Agent enrols action runners.
pub const ENROLL: &str = "private_action_runner_enroll_enabled";

/// One call. Its `Display` is what errors and logs show: ids and names, never a key.
#[derive(Clone, Debug)]
pub enum Call {
    CreateApiKey {
        name: String,
        category: Option<String>,
        remote_config_read_enabled: Option<bool>,
        /// Sent only if true: it is read-only by the documentation of today.
        private_action_runner_enroll_enabled: bool,
    },
    CreateAppKey {
        owner: ServiceAccountId,
        name: String,
        scopes: Scopes,
    },
    GetApiKey(KeyId),
    /// Of one service account: 404 if it owns no such key.
    GetAppKey {
        owner: ServiceAccountId,
        id: KeyId,
    },
    /// Of whoever owns it, with less authority than [`Call::GetAppKey`].
    GetAnyAppKey(KeyId),
    ListApiKeys {
        name: String,
        page: usize,
    },
    ListAppKeys {
        owner: ServiceAccountId,
        name: String,
        page: usize,
    },
    /// How many there are, and may be.
    CountApiKeys,
    /// Likewise of one service account.
    CountAppKeys(ServiceAccountId),
    DeleteApiKey(KeyId),
    DeleteAppKey {
        owner: ServiceAccountId,
        id: KeyId,
    },
    /// Whom the credentials speak for, and what their roles permit.
    CurrentUser,
    /// Whether an API key works.
    Validate,
    /// Whether an API key works, and its id: a preview that may go away.
    ValidateWithId,
    /// Whether an API key and an application key work together.
    ValidatePair,
    /// A proof of the function's identity for a token.
    Exchange,
    Trust(Box<TrustCall>),
}

impl Call {
    /// Method, path with query, and body.
    #[must_use]
    pub fn wire(&self) -> (Method, String, Bytes) {
        let path = self.path();
        match self {
            Self::CreateApiKey {
                name,
                category,
                remote_config_read_enabled,
                private_action_runner_enroll_enabled,
            } => {
                let mut attributes = Map::from_iter([("name".into(), json!(name))]);
                attributes.extend(category.as_ref().map(|it| ("category".into(), json!(it))));
                attributes.extend(
                    remote_config_read_enabled
                        .map(|it| ("remote_config_read_enabled".into(), json!(it))),
                );
                if *private_action_runner_enroll_enabled {
                    attributes.insert(ENROLL.into(), json!(true));
                }
                (Method::POST, path, document("api_keys", &attributes))
            }
            Self::CreateAppKey { name, scopes, .. } => {
                let mut attributes = Map::from_iter([("name".into(), json!(name))]);
                attributes.extend(scopes.list().map(|it| ("scopes".into(), json!(it))));
                (
                    Method::POST,
                    path,
                    document("application_keys", &attributes),
                )
            }
            Self::DeleteApiKey(_) | Self::DeleteAppKey { .. } => {
                (Method::DELETE, path, Bytes::new())
            }
            Self::Exchange => (Method::POST, path, Bytes::new()),
            Self::Trust(call) => call.wire(),
            _ => (Method::GET, path, Bytes::new()),
        }
    }

    fn path(&self) -> String {
        match self {
            Self::CreateApiKey { .. } => "/api/v2/api_keys".into(),
            Self::GetApiKey(id) | Self::DeleteApiKey(id) => format!("/api/v2/api_keys/{id}"),
            Self::ListApiKeys { name, page } => list("/api/v2/api_keys", name, *page),
            Self::CountApiKeys => count("/api/v2/api_keys"),
            Self::CountAppKeys(owner) => count(&application_keys(owner)),
            Self::CreateAppKey { owner, .. } => application_keys(owner),
            Self::GetAppKey { owner, id } | Self::DeleteAppKey { owner, id } => {
                format!("{}/{id}", application_keys(owner))
            }
            Self::ListAppKeys { owner, name, page } => list(&application_keys(owner), name, *page),
            Self::GetAnyAppKey(id) => format!("/api/v2/application_keys/{id}"),
            Self::Validate => "/api/v1/validate".into(),
            Self::ValidateWithId => "/api/v2/validate".into(),
            Self::ValidatePair => "/api/v2/validate_keys".into(),
            Self::Exchange => "/api/v2/delegated-token".into(),
            Self::CurrentUser => "/api/v2/current_user".into(),
            Self::Trust(call) => call.path(),
        }
    }

    /// The scope without which Datadog refuses the call.
    #[must_use]
    pub fn scope(&self) -> Option<&'static str> {
        match self {
            Self::CreateApiKey { .. } => Some("api_keys_write"),
            Self::GetApiKey(_) | Self::ListApiKeys { .. } | Self::CountApiKeys => {
                Some("api_keys_read")
            }
            Self::DeleteApiKey(_) => Some("api_keys_delete"),
            Self::CreateAppKey { .. }
            | Self::GetAppKey { .. }
            | Self::ListAppKeys { .. }
            | Self::CountAppKeys(_)
            | Self::DeleteAppKey { .. } => Some("service_account_write"),
            Self::GetAnyAppKey(_) => Some("org_app_keys_read"),
            Self::Trust(call) => Some(call.scope()),
            Self::Validate
            | Self::ValidateWithId
            | Self::ValidatePair
            | Self::Exchange
            | Self::CurrentUser => None,
        }
    }

    /// A deletion is answered 204, without a body (recorded): a 200 to it is a page of something
    /// on the way, and the key lives. Of an exchange Datadog's clients take 200 alone.
    #[must_use]
    pub fn succeeds_with(&self, status: StatusCode) -> bool {
        match self {
            Self::DeleteApiKey(_) | Self::DeleteAppKey { .. } => status == StatusCode::NO_CONTENT,
            Self::Exchange => status == StatusCode::OK,
            Self::Trust(call) => call.succeeds_with(status),
            _ => [StatusCode::OK, StatusCode::CREATED].contains(&status),
        }
    }

    /// Whether it makes something, so that sent twice it may leave two.
    #[must_use]
    pub fn creates(&self) -> bool {
        match self {
            Self::CreateApiKey { .. } | Self::CreateAppKey { .. } => true,
            Self::Trust(call) => call.creates(),
            _ => false,
        }
    }

    /// Whether it can be kept back for the sake of others. What deletes may be what undoes, and what
    /// trust sends may make up for what it has deleted.
    pub(super) fn may_wait(&self) -> bool {
        !matches!(
            self,
            Self::DeleteApiKey(_) | Self::DeleteAppKey { .. } | Self::Trust(_)
        )
    }

    /// The time without which it is not to be sent.
    #[must_use]
    pub fn time_needed(&self) -> Duration {
        if self.creates() {
            TIME_TO_CREATE
        } else {
            Duration::from_secs(1)
        }
    }
}

fn application_keys(owner: &ServiceAccountId) -> String {
    format!("/api/v2/service_accounts/{owner}/application_keys")
}

/// `filter` finds a part of the name: it saves pages, the exact comparison is ours.
fn list(path: &str, name: &str, page: usize) -> String {
    let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
    format!("{path}?page%5Bsize%5D={PAGE}&page%5Bnumber%5D={page}&filter={name}")
}

fn count(path: &str) -> String {
    format!("{path}?page%5Bsize%5D=1")
}

fn document(class: &str, attributes: &Map<String, Value>) -> Bytes {
    json!({"data": {"type": class, "attributes": attributes}})
        .to_string()
        .into()
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateApiKey { name, .. } => write!(f, "creation of API key {name:?}"),
            Self::CreateAppKey { owner, name, .. } => {
                write!(
                    f,
                    "creation of application key {name:?} for service account {owner}"
                )
            }
            Self::GetApiKey(id) => write!(f, "look-up of {} {id}", KeyClass::Api),
            Self::GetAppKey { owner, id } => {
                write!(
                    f,
                    "look-up of application key {id} of service account {owner}"
                )
            }
            Self::GetAnyAppKey(id) => write!(f, "look-up of application key {id}"),
            Self::ListApiKeys { .. } => write!(f, "list of API keys"),
            Self::ListAppKeys { owner, .. } => {
                write!(f, "list of application keys of service account {owner}")
            }
            Self::CountApiKeys => write!(f, "count of API keys"),
            Self::CountAppKeys(owner) => {
                write!(f, "count of application keys of service account {owner}")
            }
            Self::DeleteApiKey(id) => write!(f, "deletion of API key {id}"),
            Self::DeleteAppKey { owner, id } => {
                write!(
                    f,
                    "deletion of application key {id} of service account {owner}"
                )
            }
            Self::Validate | Self::ValidateWithId => write!(f, "validation of an API key"),
            Self::ValidatePair => write!(f, "validation of an API key with an application key"),
            Self::Exchange => write!(f, "exchange of the function's identity for a token"),
            Self::CurrentUser => write!(f, "look-up of the current user"),
            Self::Trust(call) => call.fmt(f),
        }
    }
}

impl From<TrustCall> for Call {
    fn from(call: TrustCall) -> Self {
        Self::Trust(call.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unscoped_keys_are_minted_without_scopes() {
        let owner = ServiceAccountId::parse("33333333-3333-4333-8333-333333333333").unwrap();
        let call = |scopes| Call::CreateAppKey {
            owner: owner.clone(),
            name: "n".into(),
            scopes,
        };
        let attributes = |scopes| {
            let (_, _, body) = call(scopes).wire();
            let document: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(document["data"]["type"], "application_keys");
            document["data"]["attributes"].clone()
        };
        let unscoped = attributes(Scopes::from(Some(vec![])));
        assert_eq!(unscoped, json!({ "name": "n" }));
        let scoped = attributes(Scopes::from(Some(vec!["a".into()])));
        assert_eq!(scoped, json!({ "name": "n", "scopes": ["a"] }));
    }

    #[test]
    fn names_are_escaped_in_filters() {
        let (_, path, _) = Call::ListApiKeys {
            name: "a/b&c=+".into(),
            page: 2,
        }
        .wire();
        assert_eq!(
            path,
            "/api/v2/api_keys?page%5Bsize%5D=100&page%5Bnumber%5D=2&filter=a%2Fb%26c%3D%2B"
        );
    }
}
