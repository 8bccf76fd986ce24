//! The parts that are read of the answers about trust.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::datadog::reply::{Defect, parse};
use crate::keys::TrustId;

/// Members of a registration that Datadog sets itself.
const SERVERS_OWN: [&str; 3] = ["auth_config", "created_at", "modified_at"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    pub id: TrustId,
    pub pattern: String,
    /// As Datadog writes it: a handle, which of a service account is its id.
    pub account: Option<String>,
    /// The user's id.
    pub user: Option<String>,
}

impl Mapping {
    /// Whether its callers act as this user, given by id or handle; `None` is an intake mapping's.
    #[must_use]
    pub fn is_for(&self, account: Option<&str>) -> bool {
        let Some(account) = account else {
            return self.account.is_none() && self.user.is_none();
        };
        let mut own = self.account.iter().chain(&self.user);
        own.any(|it| it.eq_ignore_ascii_case(account))
    }
}

/// The registration of an AWS account.
#[derive(Clone, Debug, PartialEq)]
pub struct AwsAccount {
    pub id: TrustId,
    /// As Datadog tells them. No secret is among them: of access keys only the id is told.
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

    /// The tags that its metrics and hosts get.
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

    /// What a person or a client has set, all but how it authenticates.
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

#[derive(Deserialize)]
struct Document<D> {
    data: D,
}

#[derive(Deserialize)]
struct Identified {
    id: String,
}

#[derive(Deserialize)]
struct Resource<A> {
    id: String,
    attributes: A,
}

#[derive(Deserialize)]
struct Attributes {
    arn_pattern: String,
    account_identifier: Option<String>,
    account_uuid: Option<String>,
}

pub(super) fn id(body: &[u8]) -> Result<TrustId, Defect> {
    read(&parse::<Document<Identified>>(body)?.data.id)
}

pub(super) fn mapping(body: &[u8]) -> Result<Mapping, Defect> {
    parse::<Document<Resource<Attributes>>>(body)?
        .data
        .try_into()
}

pub(super) fn mappings(body: &[u8]) -> Result<Vec<Mapping>, Defect> {
    let list = parse::<Document<Vec<Resource<Attributes>>>>(body)?.data;
    list.into_iter().map(Mapping::try_from).collect()
}

pub(super) fn account(body: &[u8]) -> Result<AwsAccount, Defect> {
    parse::<Document<Resource<Map<String, Value>>>>(body)?
        .data
        .try_into()
}

pub(super) fn accounts(body: &[u8]) -> Result<Vec<AwsAccount>, Defect> {
    let list = parse::<Document<Vec<Resource<Map<String, Value>>>>>(body)?.data;
    list.into_iter().map(AwsAccount::try_from).collect()
}

fn read(id: &str) -> Result<TrustId, Defect> {
    TrustId::parse(id).ok_or("holds an id that is no UUID")
}

impl TryFrom<Resource<Attributes>> for Mapping {
    type Error = Defect;

    fn try_from(resource: Resource<Attributes>) -> Result<Self, Defect> {
        Ok(Self {
            id: read(&resource.id)?,
            pattern: resource.attributes.arn_pattern,
            account: resource.attributes.account_identifier,
            user: resource.attributes.account_uuid,
        })
    }
}

impl TryFrom<Resource<Map<String, Value>>> for AwsAccount {
    type Error = Defect;

    fn try_from(resource: Resource<Map<String, Value>>) -> Result<Self, Defect> {
        Ok(Self {
            id: read(&resource.id)?,
            attributes: resource.attributes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_is_told_by_handle_or_id() {
        let body = br#"{"data":{"id":"7c405332-7033-40d2-a046-a27a075a22cd","type":"anything","attributes":{
            "account_identifier":"a@example.com","account_uuid":"0BD557D2-6ed0-423e-9654-c0e1cd376abc",
            "arn_pattern":"arn:aws:sts::981005757495:assumed-role/terraform-runner/*"}}}"#;
        let mapping = mapping(body).unwrap();
        assert!(mapping.is_for(Some("0bd557d2-6ed0-423e-9654-c0e1cd376abc")));
        assert!(mapping.is_for(Some("a@example.com")));
        assert!(!mapping.is_for(Some("b@example.com")));
        assert!(!mapping.is_for(None));
        assert_eq!(id(body), Ok(mapping.id));
    }

    #[test]
    fn settings_are_all_but_what_datadog_sets() {
        let body = br#"{"data":{"id":"7c405332-7033-40d2-a046-a27a075a22cd","attributes":{
            "aws_account_id":"123456789012","account_tags":null,"created_at":"x","modified_at":"x",
            "auth_config":{"access_key_id":"AKIAIOSFODNN7EXAMPLE"},"aws_regions":{"include_all":true}}}}"#;
        let account = account(body).unwrap();
        assert_eq!(account.access_key_id(), Some("AKIAIOSFODNN7EXAMPLE"));
        let settings = account.settings();
        let members: Vec<_> = settings.keys().collect();
        assert_eq!(members, ["aws_account_id", "aws_regions"]);
    }
}
