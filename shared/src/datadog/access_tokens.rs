//! Service access tokens:
//! <https://docs.datadoghq.com/account_management/api-app-keys/service-access-tokens/>.
//!
//! Shapes and statuses are those of Datadog's own recordings.

use std::time::SystemTime;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use http::Method;
use serde_json::{Map, json};

use super::call::{Effect, Endpoint, NO_CONTENT, OK_OR_CREATED};
use super::limits::Family;
use super::list::{KeyList, Page, list_path, page};
use super::owned_keys::OwnedKeyDetails;
use super::resource::{Created, Defect, One, Resource, about, parse};
use super::scopes::Scopes;
use super::{Authority, Call, Datadog, DatadogError};
use crate::deadline::Deadline;
use crate::keys::{AccessToken, KeyId, ServiceAccountId};

const FAMILY: Family = Family::named("access tokens");

const PERMISSIONS: &[&str] = &["service_account_write"];

/// <https://docs.datadoghq.com/api/latest/service-accounts/#create-an-access-token-for-a-service-account>
pub static CREATE: Endpoint = Endpoint {
    method: Method::POST,
    success: OK_OR_CREATED,
    permissions: PERMISSIONS,
    effect: Effect::Creation,
    family: FAMILY,
};

/// 404 if the service account owns no such token:
/// <https://docs.datadoghq.com/api/latest/service-accounts/#get-an-access-token-for-a-service-account>
pub static GET: Endpoint = Endpoint {
    method: Method::GET,
    success: OK_OR_CREATED,
    permissions: PERMISSIONS,
    effect: Effect::Repeatable,
    family: FAMILY,
};

/// <https://docs.datadoghq.com/api/latest/service-accounts/#list-access-tokens-for-a-service-account>
pub static LIST: Endpoint = Endpoint {
    method: Method::GET,
    success: OK_OR_CREATED,
    permissions: PERMISSIONS,
    effect: Effect::Repeatable,
    family: FAMILY,
};

/// 204, for a token that was revoked before too (recorded):
/// <https://docs.datadoghq.com/api/latest/service-accounts/#revoke-an-access-token-for-a-service-account>
pub static DELETE: Endpoint = Endpoint {
    method: Method::DELETE,
    success: NO_CONTENT,
    permissions: PERMISSIONS,
    effect: Effect::Deletion,
    family: FAMILY,
};

impl Call {
    /// Returns the creation of a token. `expires`: when it is to end by itself, if it is to.
    #[must_use]
    pub fn create_access_token(
        owner: &ServiceAccountId,
        name: &str,
        scopes: &Scopes,
        expires: Option<SystemTime>,
    ) -> Self {
        let mut attributes = Map::from_iter([
            ("name".into(), json!(name)),
            ("scopes".into(), json!(scopes.list().unwrap_or_default())),
        ]);
        let expires = expires.and_then(|at| DateTime::from(at).fmt(Format::DateTime).ok());
        attributes.extend(expires.map(|at| ("expires_at".into(), json!(at))));
        let named =
            format!("creation of service access token {name:?} for service account {owner}");
        Self::new(&CREATE, collection(owner), named).with("service_access_tokens", &attributes)
    }

    #[must_use]
    pub fn get_access_token(owner: &ServiceAccountId, id: &KeyId) -> Self {
        let name = format!("look-up of service access token {id} of service account {owner}");
        Self::new(&GET, format!("{}/{id}", collection(owner)), name)
    }

    /// One page of the tokens of a service account whose names contain `name`.
    #[must_use]
    pub fn list_access_tokens(owner: &ServiceAccountId, name: &str, page: usize) -> Self {
        let named = format!("list of service access tokens of service account {owner}");
        Self::new(&LIST, list_path(&collection(owner), name, page), named)
    }

    #[must_use]
    pub fn delete_access_token(owner: &ServiceAccountId, id: &KeyId) -> Self {
        let name = format!("deletion of service access token {id} of service account {owner}");
        Self::new(&DELETE, format!("{}/{id}", collection(owner)), name)
    }
}

fn collection(owner: &ServiceAccountId) -> String {
    format!("/api/v2/service_accounts/{owner}/access_tokens")
}

impl Datadog {
    /// Creates a token of a service account.
    ///
    /// It is sent again only after an answer by which certainly no token was created.
    pub async fn create_access_token(
        &self,
        authority: &Authority,
        owner: &ServiceAccountId,
        name: &str,
        (scopes, expires): (&Scopes, Option<SystemTime>),
        deadline: &Deadline,
    ) -> Result<Created<AccessToken, OwnedKeyDetails>, DatadogError> {
        let call = Call::create_access_token(owner, name, scopes, expires);
        self.ask(authority, call, deadline, created).await
    }

    pub async fn access_token(
        &self,
        authority: &Authority,
        owner: &ServiceAccountId,
        id: &KeyId,
        deadline: &Deadline,
    ) -> Result<OwnedKeyDetails, DatadogError> {
        let read = |body: &[u8]| about(id, one(body)?, |it| &it.id);
        self.ask(authority, Call::get_access_token(owner, id), deadline, read)
            .await
    }

    /// Lists the tokens of a service account whose names contain `name`.
    pub async fn access_tokens(
        &self,
        authority: &Authority,
        owner: &ServiceAccountId,
        name: &str,
        deadline: &Deadline,
    ) -> Result<KeyList<OwnedKeyDetails>, DatadogError> {
        let call = |page| Call::list_access_tokens(owner, name, page);
        self.whole_list(authority, call, many, |it| &it.id, deadline)
            .await
    }
}

/// A token has at least one scope: an answer that shows none does not tell them.
fn details(resource: &Resource) -> Result<OwnedKeyDetails, Defect> {
    let mut details = OwnedKeyDetails::read(resource, "public_portion")?;
    details.scopes = details.scopes.filter(|it| it.list().is_some());
    Ok(details)
}

fn created(body: &[u8]) -> Result<Created<AccessToken, OwnedKeyDetails>, Defect> {
    let resource = parse::<One>(body)?.data;
    let key = resource.text("key").and_then(AccessToken::received);
    let details = details(&resource)?;
    let id = details.id.clone();
    Ok(Created { id, key, details })
}

fn one(body: &[u8]) -> Result<OwnedKeyDetails, Defect> {
    details(&parse::<One>(body)?.data)
}

fn many(body: &[u8]) -> Result<Page<OwnedKeyDetails>, Defect> {
    page(body, |it| details(&it))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::Value;

    use super::*;

    const OWNER: &str = "33333333-3333-4333-8333-333333333333";

    #[test]
    fn an_expiry_is_sent_if_there_is_one() {
        let owner = ServiceAccountId::parse(OWNER).unwrap();
        let scopes = Scopes::from(Some(vec!["dashboards_read".into()]));
        let attributes = |expires| {
            let call = Call::create_access_token(&owner, "n", &scopes, expires);
            let document: Value = serde_json::from_slice(call.body()).unwrap();
            assert_eq!(document["data"]["type"], "service_access_tokens");
            document["data"]["attributes"].clone()
        };
        let plain = json!({ "name": "n", "scopes": ["dashboards_read"] });
        assert_eq!(attributes(None), plain);
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_775_666_723);
        assert_eq!(attributes(Some(at))["expires_at"], "2026-04-08T16:45:23Z");
    }

    #[test]
    fn a_recorded_token_is_read() {
        let body = br#"{"data":{"id":"0abefcae-90ed-4670-94ab-7cea6ca9fb6f","type":"service_access_tokens",
            "attributes":{"created_at":"2026-05-28T14:36:47.296135174Z","expires_at":null,
            "key":"xxxxx_xxxxxxxxxxxxxxXxxxxxxx_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","name":"n",
            "public_portion":"ddsat_xxxxxxxxxxxxxxxxxxxxxx","scopes":["dashboards_read"]},
            "relationships":{"owned_by":{"data":{"id":"a7a2e511-5aa2-11f1-80a5-eec0508b7e6c",
            "type":"service_account"}}}}}"#;
        let Created { key, details, .. } = created(body).unwrap();
        assert!(key.is_some() && details.created.is_some() && details.owner.is_some());
        assert_eq!(details.expires, None);
        assert_eq!(details.shown.unwrap(), "ddsat_xxxxxxxxxxxxxxxxxxxxxx");
    }

    #[test]
    fn scopes_of_a_token_are_never_empty() {
        for scopes in ["null", "[]", "7"] {
            let body = format!(
                r#"{{"data":{{"id":"{OWNER}","attributes":{{"name":"n","scopes":{scopes}}}}}}}"#
            );
            assert_eq!(one(body.as_bytes()).unwrap().scopes, None, "{scopes}");
        }
    }
}
