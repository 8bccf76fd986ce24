//! Application keys of service accounts: <https://docs.datadoghq.com/api/latest/service-accounts/>.

use http::Method;
use serde_json::{Map, json};

use super::call::{Effect, Endpoint, NO_CONTENT, OK_OR_CREATED};
use super::limits::Family;
use super::list::{KeyList, Page, list_path, page};
use super::owned_keys::OwnedKeyDetails;
use super::quota::{KeyQuota, count_path, quota};
use super::resource::{Created, Defect, One, Resource, about, parse};
use super::scopes::Scopes;
use super::{Authority, Call, Datadog, DatadogError};
use crate::deadline::Deadline;
use crate::keys::{AppKey, KeyId, ServiceAccountId};

const FAMILY: Family = Family::named("application keys");

const PERMISSION: &[&str] = &["service_account_write"];

/// <https://docs.datadoghq.com/api/latest/service-accounts/#create-an-application-key-for-this-service-account>
pub static CREATE: Endpoint = Endpoint {
    method: Method::POST,
    success: OK_OR_CREATED,
    permissions: PERMISSION,
    effect: Effect::Creation,
    family: FAMILY,
};

/// 404 if the service account owns no such key:
/// <https://docs.datadoghq.com/api/latest/service-accounts/#get-one-application-key-for-this-service-account>
pub static GET: Endpoint = Endpoint {
    method: Method::GET,
    success: OK_OR_CREATED,
    permissions: PERMISSION,
    effect: Effect::Repeatable,
    family: FAMILY,
};

/// Of whoever owns the key:
/// <https://docs.datadoghq.com/api/latest/key-management/#get-an-application-key>
pub static GET_ANY: Endpoint = Endpoint {
    method: Method::GET,
    success: OK_OR_CREATED,
    permissions: &["org_app_keys_read"],
    effect: Effect::Repeatable,
    family: FAMILY,
};

/// <https://docs.datadoghq.com/api/latest/service-accounts/#list-application-keys-for-this-service-account>
pub static LIST: Endpoint = Endpoint {
    method: Method::GET,
    success: OK_OR_CREATED,
    permissions: PERMISSION,
    effect: Effect::Repeatable,
    family: FAMILY,
};

/// <https://docs.datadoghq.com/api/latest/service-accounts/#delete-an-application-key-for-this-service-account>
pub static DELETE: Endpoint = Endpoint {
    method: Method::DELETE,
    success: NO_CONTENT,
    permissions: PERMISSION,
    effect: Effect::Deletion,
    family: FAMILY,
};

impl Call {
    #[must_use]
    pub fn create_app_key(owner: &ServiceAccountId, name: &str, scopes: &Scopes) -> Self {
        let mut attributes = Map::from_iter([("name".into(), json!(name))]);
        attributes.extend(scopes.list().map(|it| ("scopes".into(), json!(it))));
        let named = format!("creation of application key {name:?} for service account {owner}");
        Self::new(&CREATE, collection(owner), named).with("application_keys", &attributes)
    }

    #[must_use]
    pub fn get_app_key(owner: &ServiceAccountId, id: &KeyId) -> Self {
        let name = format!("look-up of application key {id} of service account {owner}");
        Self::new(&GET, format!("{}/{id}", collection(owner)), name)
    }

    #[must_use]
    pub fn get_any_app_key(id: &KeyId) -> Self {
        let path = format!("/api/v2/application_keys/{id}");
        Self::new(&GET_ANY, path, format!("look-up of application key {id}"))
    }

    /// One page of the keys of a service account whose names contain `name`.
    #[must_use]
    pub fn list_app_keys(owner: &ServiceAccountId, name: &str, page: usize) -> Self {
        let named = format!("list of application keys of service account {owner}");
        Self::new(&LIST, list_path(&collection(owner), name, page), named)
    }

    #[must_use]
    pub fn count_app_keys(owner: &ServiceAccountId) -> Self {
        let name = format!("count of application keys of service account {owner}");
        Self::new(&LIST, count_path(&collection(owner)), name)
    }

    #[must_use]
    pub fn delete_app_key(owner: &ServiceAccountId, id: &KeyId) -> Self {
        let name = format!("deletion of application key {id} of service account {owner}");
        Self::new(&DELETE, format!("{}/{id}", collection(owner)), name)
    }
}

fn collection(owner: &ServiceAccountId) -> String {
    format!("/api/v2/service_accounts/{owner}/application_keys")
}

impl Datadog {
    /// Creates an application key of a service account.
    ///
    /// It is sent again only after an answer by which certainly no key was created.
    pub async fn create_app_key(
        &self,
        authority: &Authority,
        owner: &ServiceAccountId,
        name: &str,
        scopes: &Scopes,
        deadline: &Deadline,
    ) -> Result<Created<AppKey, OwnedKeyDetails>, DatadogError> {
        let call = Call::create_app_key(owner, name, scopes);
        self.ask(authority, call, deadline, created).await
    }

    pub async fn app_key(
        &self,
        authority: &Authority,
        owner: &ServiceAccountId,
        id: &KeyId,
        deadline: &Deadline,
    ) -> Result<OwnedKeyDetails, DatadogError> {
        let read = |body: &[u8]| about(id, one(body)?, |it| &it.id);
        self.ask(authority, Call::get_app_key(owner, id), deadline, read)
            .await
    }

    /// Returns scopes and owner of an application key, whoever owns it.
    pub async fn any_app_key(
        &self,
        authority: &Authority,
        id: &KeyId,
        deadline: &Deadline,
    ) -> Result<OwnedKeyDetails, DatadogError> {
        let read = |body: &[u8]| about(id, one(body)?, |it| &it.id);
        self.ask(authority, Call::get_any_app_key(id), deadline, read)
            .await
    }

    /// Lists the application keys of a service account whose names contain `name`.
    pub async fn app_keys(
        &self,
        authority: &Authority,
        owner: &ServiceAccountId,
        name: &str,
        deadline: &Deadline,
    ) -> Result<KeyList<OwnedKeyDetails>, DatadogError> {
        let call = |page| Call::list_app_keys(owner, name, page);
        self.whole_list(authority, call, many, |it| &it.id, deadline)
            .await
    }

    /// Returns how many application keys the service account has and may have.
    pub async fn app_key_quota(
        &self,
        authority: &Authority,
        owner: &ServiceAccountId,
        deadline: &Deadline,
    ) -> Result<KeyQuota, DatadogError> {
        self.ask(authority, Call::count_app_keys(owner), deadline, quota)
            .await
    }
}

fn details(resource: &Resource) -> Result<OwnedKeyDetails, Defect> {
    OwnedKeyDetails::read(resource, "last4")
}

fn created(body: &[u8]) -> Result<Created<AppKey, OwnedKeyDetails>, Defect> {
    let resource = parse::<One>(body)?.data;
    let key = resource.text("key").and_then(AppKey::received);
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
    use serde_json::Value;

    use super::*;

    #[test]
    fn unscoped_keys_are_created_without_scopes() {
        let owner = ServiceAccountId::parse("33333333-3333-4333-8333-333333333333").unwrap();
        let attributes = |scopes| {
            let call = Call::create_app_key(&owner, "n", &scopes);
            let document: Value = serde_json::from_slice(call.body()).unwrap();
            assert_eq!(document["data"]["type"], "application_keys");
            document["data"]["attributes"].clone()
        };
        let unscoped = attributes(Scopes::from(Some(vec![])));
        assert_eq!(unscoped, json!({ "name": "n" }));
        let scoped = attributes(Scopes::from(Some(vec!["a".into()])));
        assert_eq!(scoped, json!({ "name": "n", "scopes": ["a"] }));
    }

    fn scopes(member: &str) -> Option<Scopes> {
        let body = format!(
            r#"{{"data":{{"id":"11111111-1111-4111-8111-111111111111","attributes":{{"name":"n"{member}}}}}}}"#
        );
        one(body.as_bytes()).unwrap().scopes
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
}
