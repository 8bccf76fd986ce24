//! The registration of AWS accounts: <https://docs.datadoghq.com/api/latest/aws-integration/>.

use http::Method;
use serde_json::{Map, Value};

use super::{Document, OK, Resource, id};
use crate::datadog::call::{Effect, Endpoint, NO_CONTENT};
use crate::datadog::limits::Family;
use crate::datadog::resource::{Defect, parse};
use crate::datadog::{Authority, Call, Datadog, DatadogError};
use crate::deadline::Deadline;
use crate::keys::TrustId;

const ACCOUNTS: &str = "/api/v2/integration/aws/accounts";

/// The class of its documents.
const ACCOUNT: &str = "account";

/// Members of a registration that Datadog sets itself.
const SERVERS_OWN: [&str; 3] = ["auth_config", "created_at", "modified_at"];

/// <https://docs.datadoghq.com/api/latest/aws-integration/#list-all-aws-integrations>
static LIST: Endpoint = Endpoint {
    method: Method::GET,
    success: OK,
    permissions: &["aws_configuration_read"],
    effect: Effect::Repeatable,
    family: Family::TRUST,
};

/// <https://docs.datadoghq.com/api/latest/aws-integration/#get-an-aws-integration-by-config-id>
static GET: Endpoint = Endpoint {
    method: Method::GET,
    success: OK,
    permissions: &["aws_configuration_read"],
    effect: Effect::Repeatable,
    family: Family::TRUST,
};

/// <https://docs.datadoghq.com/api/latest/aws-integration/#create-an-aws-integration>
static CREATE: Endpoint = Endpoint {
    method: Method::POST,
    success: OK,
    permissions: &["aws_configurations_manage"],
    effect: Effect::Creation,
    family: Family::TRUST,
};

/// <https://docs.datadoghq.com/api/latest/aws-integration/#update-an-aws-integration>
static UPDATE: Endpoint = Endpoint {
    method: Method::PATCH,
    success: OK,
    permissions: &["aws_configuration_edit"],
    effect: Effect::Repeatable,
    family: Family::TRUST,
};

/// <https://docs.datadoghq.com/api/latest/aws-integration/#delete-an-aws-integration>
static DELETE: Endpoint = Endpoint {
    method: Method::DELETE,
    success: NO_CONTENT,
    permissions: &["aws_configurations_manage"],
    effect: Effect::Deletion,
    family: Family::TRUST,
};

/// The registration of an AWS account.
#[derive(Clone, Debug, PartialEq)]
pub struct AwsAccount {
    pub id: TrustId,
    /// As Datadog tells them. No secret is among them: of access keys only the ID is told.
    pub attributes: Map<String, Value>,
}

impl AwsAccount {
    #[must_use]
    pub fn aws_account(&self) -> &str {
        self.text("aws_account_id")
    }

    #[must_use]
    pub fn partition(&self) -> &str {
        self.text("aws_partition")
    }

    #[must_use]
    pub fn role_name(&self) -> Option<&str> {
        self.authentication("role_name")
    }

    #[must_use]
    pub fn external_id(&self) -> Option<&str> {
        self.authentication("external_id")
    }

    /// Of an account that Datadog looks into by access keys.
    #[must_use]
    pub fn access_key_id(&self) -> Option<&str> {
        self.authentication("access_key_id")
    }

    /// Returns the tags that its metrics and hosts get.
    #[must_use]
    pub fn tags(&self) -> Vec<&str> {
        let tags = self
            .attributes
            .get("account_tags")
            .and_then(Value::as_array);
        tags.into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    /// Returns what a person or a client has set, all but how it authenticates.
    #[must_use]
    pub fn settings(&self) -> Map<String, Value> {
        let own = |name: &str| SERVERS_OWN.contains(&name);
        let settings = self.attributes.iter();
        let settings = settings.filter(|(name, value)| !own(name) && !value.is_null());
        settings
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    fn text(&self, member: &str) -> &str {
        let value = self.attributes.get(member).and_then(Value::as_str);
        value.unwrap_or_default()
    }

    fn authentication(&self, member: &str) -> Option<&str> {
        self.attributes.get("auth_config")?.get(member)?.as_str()
    }
}

impl Call {
    /// Returns the list of one registration, or of none.
    fn list_accounts(aws_account: &str) -> Self {
        let path = format!("{ACCOUNTS}?aws_account_id={aws_account}");
        let name = format!("look-up of the integration of AWS account {aws_account}");
        Self::new(&LIST, path, name)
    }

    fn list_all_accounts() -> Self {
        let name = "list of integrated AWS accounts";
        Self::new(&LIST, ACCOUNTS.into(), name.into())
    }

    fn get_account(id: &TrustId) -> Self {
        let name = format!("look-up of AWS integration {id}");
        Self::new(&GET, format!("{ACCOUNTS}/{id}"), name)
    }

    /// The attributes have `aws_account_id` among them.
    fn create_account(attributes: &Map<String, Value>) -> Self {
        let account = attributes.get("aws_account_id").and_then(Value::as_str);
        let name = format!("integration of AWS account {}", account.unwrap_or_default());
        Self::new(&CREATE, ACCOUNTS.into(), name).with(ACCOUNT, attributes)
    }

    fn update_account(id: &TrustId, attributes: &Map<String, Value>) -> Self {
        let name = format!("update of AWS integration {id}");
        Self::new(&UPDATE, format!("{ACCOUNTS}/{id}"), name).with(ACCOUNT, attributes)
    }

    #[must_use]
    pub fn delete_account(id: &TrustId) -> Self {
        let name = format!("deletion of AWS integration {id}");
        Self::new(&DELETE, format!("{ACCOUNTS}/{id}"), name)
    }
}

impl Datadog {
    /// Returns the registrations of all AWS accounts. The list has no pages.
    pub async fn aws_accounts(
        &self,
        authority: &Authority,
        deadline: &Deadline,
    ) -> Result<Vec<AwsAccount>, DatadogError> {
        self.ask(authority, Call::list_all_accounts(), deadline, many)
            .await
    }

    /// Returns the registration of an AWS account, if there is one.
    pub async fn aws_account_of(
        &self,
        authority: &Authority,
        aws_account: &str,
        deadline: &Deadline,
    ) -> Result<Option<AwsAccount>, DatadogError> {
        // That the filter works is documented and not recorded.
        let read = |body: &[u8]| {
            let mut accounts = many(body)?.into_iter();
            Ok(accounts.find(|it| it.aws_account() == aws_account))
        };
        self.ask(authority, Call::list_accounts(aws_account), deadline, read)
            .await
    }

    pub async fn aws_account(
        &self,
        authority: &Authority,
        id: &TrustId,
        deadline: &Deadline,
    ) -> Result<AwsAccount, DatadogError> {
        self.ask(authority, Call::get_account(id), deadline, one)
            .await
    }

    pub async fn create_aws_account(
        &self,
        authority: &Authority,
        attributes: &Map<String, Value>,
        deadline: &Deadline,
    ) -> Result<AwsAccount, DatadogError> {
        self.ask(authority, Call::create_account(attributes), deadline, one)
            .await
    }

    /// Changes a registration. The attributes have every setting: Datadog drops some that an update
    /// leaves out.
    pub async fn update_aws_account(
        &self,
        authority: &Authority,
        id: &TrustId,
        attributes: &Map<String, Value>,
        deadline: &Deadline,
    ) -> Result<AwsAccount, DatadogError> {
        self.ask(
            authority,
            Call::update_account(id, attributes),
            deadline,
            one,
        )
        .await
    }
}

fn one(body: &[u8]) -> Result<AwsAccount, Defect> {
    parse::<Document<Resource<Map<String, Value>>>>(body)?
        .data
        .account()
}

fn many(body: &[u8]) -> Result<Vec<AwsAccount>, Defect> {
    let list = parse::<Document<Vec<Resource<Map<String, Value>>>>>(body)?.data;
    list.into_iter().map(Resource::account).collect()
}

impl Resource<Map<String, Value>> {
    /// What tells whose a registration is, and how it authenticates, must be there: what is not
    /// told is not nothing.
    fn account(self) -> Result<AwsAccount, Defect> {
        let account = AwsAccount {
            id: id(&self.id)?,
            attributes: self.attributes,
        };
        let is_told = !account.aws_account().is_empty()
            && account.attributes.contains_key("account_tags")
            && (account.role_name().is_some() || account.access_key_id().is_some());
        is_told
            .then_some(account)
            .ok_or("lacks a member of an AWS integration")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_are_all_but_what_datadog_sets() {
        let body = br#"{"data":{"id":"7c405332-7033-40d2-a046-a27a075a22cd","attributes":{
            "aws_account_id":"123456789012","account_tags":null,"created_at":"x","modified_at":"x",
            "auth_config":{"access_key_id":"AKIAIOSFODNN7EXAMPLE"},"aws_regions":{"include_all":true}}}}"#;
        let account = one(body).unwrap();
        assert_eq!(account.access_key_id(), Some("AKIAIOSFODNN7EXAMPLE"));
        let settings = account.settings();
        let members: Vec<_> = settings.keys().collect();
        assert_eq!(members, ["aws_account_id", "aws_regions"]);
    }

    #[test]
    fn what_is_not_told_is_not_nothing() {
        let body = |attributes: &Value| {
            let id = "7c405332-7033-40d2-a046-a27a075a22cd";
            json!({ "data": { "id": id, "attributes": attributes } }).to_string()
        };
        let whole = json!({
            "aws_account_id": "123456789012", "account_tags": null, "auth_config": { "role_name": "R" },
        });
        assert!(one(body(&whole).as_bytes()).is_ok());
        for member in ["aws_account_id", "account_tags", "auth_config"] {
            let mut attributes = whole.clone();
            attributes.as_object_mut().unwrap().remove(member);
            assert!(one(body(&attributes).as_bytes()).is_err(), "{member}");
        }
    }
}
