//! API keys: <https://docs.datadoghq.com/api/latest/key-management/>.

use std::time::SystemTime;

use http::Method;
use serde_json::{Map, Value, json};

use super::attributes::Attributes;
use super::call::{Effect, Endpoint, NO_CONTENT, OK_OR_CREATED};
use super::limits::Family;
use super::list::{KeyList, Page, list_path, page};
use super::quota::{KeyQuota, count_path, quota};
use super::resource::{Created, Defect, One, Resource, about, id, parse, time};
use super::{Authority, Call, Datadog, DatadogError};
use crate::deadline::Deadline;
use crate::keys::{ApiKey, KeyId};

const PATH: &str = "/api/v2/api_keys";

const FAMILY: Family = Family::named("api keys");

/// The attribute of an API key with which an Agent enrols action runners.
pub const ENROLL: &str = "private_action_runner_enroll_enabled";

/// <https://docs.datadoghq.com/api/latest/key-management/#create-an-api-key>
pub static CREATE: Endpoint = Endpoint {
    method: Method::POST,
    success: OK_OR_CREATED,
    permissions: &["api_keys_write"],
    effect: Effect::Creation,
    family: FAMILY,
};

/// <https://docs.datadoghq.com/api/latest/key-management/#get-api-key>
pub static GET: Endpoint = Endpoint {
    method: Method::GET,
    success: OK_OR_CREATED,
    permissions: &["api_keys_read"],
    effect: Effect::Repeatable,
    family: FAMILY,
};

/// <https://docs.datadoghq.com/api/latest/key-management/#get-all-api-keys>
pub static LIST: Endpoint = Endpoint {
    method: Method::GET,
    success: OK_OR_CREATED,
    permissions: &["api_keys_read"],
    effect: Effect::Repeatable,
    family: FAMILY,
};

/// The same, asked for the numbers beside the list alone.
pub static COUNT: Endpoint = Endpoint {
    method: Method::GET,
    success: OK_OR_CREATED,
    permissions: &["api_keys_read"],
    effect: Effect::Repeatable,
    family: FAMILY,
};

/// <https://docs.datadoghq.com/api/latest/key-management/#delete-an-api-key>
pub static DELETE: Endpoint = Endpoint {
    method: Method::DELETE,
    success: NO_CONTENT,
    permissions: &["api_keys_delete"],
    effect: Effect::Deletion,
    family: FAMILY,
};

/// Whether a key that can be read is one that works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Active,
    /// Deleted: an API key stays readable by its ID.
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
    /// The ID of the user who made it, if that is told.
    pub created_by: Option<String>,
    pub attributes: Attributes,
}

impl ApiKeyDetails {
    /// Returns whether it has all that is copied to a successor, and all that is compared.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.last4.is_some() && self.untold().is_empty()
    }

    /// Returns the settings that the answer does not tell, though every recording since 2025 has them.
    ///
    /// [`ENROLL`] is none of them: no recording has it, so its absence says nothing against an answer.
    #[must_use]
    pub fn untold(&self) -> Vec<&'static str> {
        let category = self.category.is_none().then_some("category");
        let remote_config = self.remote_config_read_enabled.is_none();
        let remote_config = remote_config.then_some("remote_config_read_enabled");
        category.into_iter().chain(remote_config).collect()
    }

    /// Adds the settings that another answer tells of the same key, and this one does not.
    pub(crate) fn complete(&mut self, other: &Self) {
        self.category = self.category.take().or_else(|| other.category.clone());
        self.remote_config_read_enabled = self
            .remote_config_read_enabled
            .or(other.remote_config_read_enabled);
        self.attributes.complete(&other.attributes);
    }

    fn read(resource: &Resource) -> Result<Self, Defect> {
        let owned = |attribute| resource.text(attribute).map(str::to_owned);
        let remote_config = resource.attributes.get("remote_config_read_enabled");
        Ok(Self {
            id: id(&resource.id)?,
            name: owned("name").unwrap_or_default(),
            last4: owned("last4"),
            created: time(resource.text("created_at")),
            status: match resource.attributes.get("status") {
                None | Some(Value::Null) => Status::Active,
                Some(Value::String(word)) if word == "active" => Status::Active,
                Some(Value::String(word)) if word == "revoked" => Status::Revoked,
                Some(_) => Status::Unknown,
            },
            category: owned("category"),
            remote_config_read_enabled: remote_config.and_then(Value::as_bool),
            created_by: resource.related("created_by").map(str::to_owned),
            attributes: Attributes::of(&resource.attributes),
        })
    }
}

impl Call {
    /// Returns the creation of an API key with the settings of `like`. `enrolls`: it is to enrol action
    /// runners, which is sent only if true, for the documentation of today calls it read-only.
    #[must_use]
    pub fn create_api_key(name: &str, like: Option<&ApiKeyDetails>, enrolls: bool) -> Self {
        let category = like.and_then(|it| it.category.as_ref());
        let remote_config = like.and_then(|it| it.remote_config_read_enabled);
        let mut attributes = Map::from_iter([("name".into(), json!(name))]);
        attributes.extend(category.map(|it| ("category".into(), json!(it))));
        attributes.extend(remote_config.map(|it| ("remote_config_read_enabled".into(), json!(it))));
        if enrolls {
            attributes.insert(ENROLL.into(), json!(true));
        }
        Self::new(
            &CREATE,
            PATH.into(),
            format!("creation of API key {name:?}"),
        )
        .with("api_keys", &attributes)
    }

    #[must_use]
    pub fn get_api_key(id: &KeyId) -> Self {
        Self::new(
            &GET,
            format!("{PATH}/{id}"),
            format!("look-up of API key {id}"),
        )
    }

    /// One page of the API keys whose names contain `name`.
    #[must_use]
    pub fn list_api_keys(name: &str, page: usize) -> Self {
        Self::new(
            &LIST,
            list_path(PATH, name, page),
            "list of API keys".into(),
        )
    }

    #[must_use]
    pub fn count_api_keys() -> Self {
        Self::new(&COUNT, count_path(PATH), "count of API keys".into())
    }

    #[must_use]
    pub fn delete_api_key(id: &KeyId) -> Self {
        Self::new(
            &DELETE,
            format!("{PATH}/{id}"),
            format!("deletion of API key {id}"),
        )
    }
}

impl Datadog {
    /// Creates an API key with the settings of `like`. `enrolls`: it is to enrol action runners.
    ///
    /// It is sent again only after an answer by which certainly no key was created.
    pub async fn create_api_key(
        &self,
        authority: &Authority,
        name: &str,
        (like, enrolls): (Option<&ApiKeyDetails>, bool),
        deadline: &Deadline,
    ) -> Result<Created<ApiKey, ApiKeyDetails>, DatadogError> {
        let call = Call::create_api_key(name, like, enrolls);
        self.ask(authority, call, deadline, created).await
    }

    pub async fn api_key(
        &self,
        authority: &Authority,
        id: &KeyId,
        deadline: &Deadline,
    ) -> Result<ApiKeyDetails, DatadogError> {
        let read = |body: &[u8]| about(id, one(body)?, |it| &it.id);
        self.ask(authority, Call::get_api_key(id), deadline, read)
            .await
    }

    /// Lists the API keys whose names contain `name`.
    pub async fn api_keys(
        &self,
        authority: &Authority,
        name: &str,
        deadline: &Deadline,
    ) -> Result<KeyList<ApiKeyDetails>, DatadogError> {
        let call = |page| Call::list_api_keys(name, page);
        self.whole_list(authority, call, many, |it| &it.id, deadline)
            .await
    }

    /// Returns how many API keys the organisation has and may have.
    pub async fn api_key_quota(
        &self,
        authority: &Authority,
        deadline: &Deadline,
    ) -> Result<KeyQuota, DatadogError> {
        self.ask(authority, Call::count_api_keys(), deadline, quota)
            .await
    }
}

fn created(body: &[u8]) -> Result<Created<ApiKey, ApiKeyDetails>, Defect> {
    let resource = parse::<One>(body)?.data;
    let key = resource.text("key").and_then(ApiKey::received);
    let details = ApiKeyDetails::read(&resource)?;
    let id = details.id.clone();
    Ok(Created { id, key, details })
}

fn one(body: &[u8]) -> Result<ApiKeyDetails, Defect> {
    ApiKeyDetails::read(&parse::<One>(body)?.data)
}

fn many(body: &[u8]) -> Result<Page<ApiKeyDetails>, Defect> {
    page(body, |it| ApiKeyDetails::read(&it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_in_filters() {
        let call = Call::list_api_keys("a/b&c=+", 2);
        assert_eq!(
            call.path(),
            "/api/v2/api_keys?page%5Bsize%5D=100&page%5Bnumber%5D=2&filter=a%2Fb%26c%3D%2B"
        );
    }

    #[test]
    fn spare_members_may_have_any_shape() {
        let body = br#"{"data":{"id":"11111111-1111-4111-8111-111111111111","attributes":
            {"name":7,"created_at":1650000000,"last4":null,"category":{},"remote_config_read_enabled":"yes"},
            "relationships":[]}}"#;
        let details = one(body).unwrap();
        assert_eq!((details.created, details.category), (None, None));
        assert!(one(br#"{"data":{"id":"11111111-1111-4111-8111-111111111111"}}"#).is_ok());
    }

    #[test]
    fn a_created_key_has_an_id_whatever_else_can_be_read() {
        let body =
            br#"{"data":{"id":"11111111-1111-4111-8111-111111111111","attributes":{"key":7}}}"#;
        assert!(created(body).unwrap().key.is_none());
    }

    #[test]
    fn a_cut_answer_is_not_quoted() {
        let defect = created(br#"{"data":{"id":"x","attributes":{"key":"0123"#).unwrap_err();
        assert_eq!(defect, "is not JSON");
    }

    #[test]
    fn a_key_is_whole_with_every_member_that_is_compared() {
        let members = [
            r#""last4":"abcd""#,
            r#""category":"x""#,
            r#""remote_config_read_enabled":true"#,
        ];
        let whole = |members: &[&str]| {
            let body = format!(
                r#"{{"data":{{"id":"11111111-1111-4111-8111-111111111111","attributes":{{{}}}}}}}"#,
                members.join(",")
            );
            one(body.as_bytes()).unwrap().is_whole()
        };
        assert!(whole(&members));
        for left_out in 0..members.len() {
            let mut some = members.to_vec();
            some.remove(left_out);
            assert!(!whole(&some), "without {}", members[left_out]);
        }
    }

    #[test]
    fn a_call_is_of_its_own_endpoint_alone() {
        let id = KeyId::parse("11111111-1111-4111-8111-111111111111").unwrap();
        assert!(Call::get_api_key(&id).is(&GET));
        assert!(!Call::get_api_key(&id).is(&DELETE));
    }

    #[test]
    fn a_deletion_waits_for_no_limit() {
        let id = KeyId::parse("11111111-1111-4111-8111-111111111111").unwrap();
        let delete = Call::delete_api_key(&id);
        assert!(delete.deletes_key() && !delete.may_wait() && !delete.is_about_trust());
        let get = Call::get_api_key(&id);
        assert!(!get.deletes_key() && get.may_wait());
        assert!(delete.patience() < get.patience());
    }

    #[test]
    fn a_count_asks_for_one_key() {
        assert_eq!(
            Call::count_api_keys().path(),
            "/api/v2/api_keys?page%5Bsize%5D=1"
        );
    }
}
