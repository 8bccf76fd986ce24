//! The parts that are read of the answers about trust.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::MappingKind;
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

pub(in crate::datadog) fn id(body: &[u8]) -> Result<TrustId, Defect> {
    read(&parse::<Document<Identified>>(body)?.data.id)
}

pub(in crate::datadog) fn mapping(body: &[u8], kind: MappingKind) -> Result<Mapping, Defect> {
    parse::<Document<Resource<Attributes>>>(body)?
        .data
        .mapping(kind)
}

pub(in crate::datadog) fn mappings(body: &[u8], kind: MappingKind) -> Result<Vec<Mapping>, Defect> {
    let list = parse::<Document<Vec<Resource<Attributes>>>>(body)?.data;
    list.into_iter().map(|it| it.mapping(kind)).collect()
}

pub(in crate::datadog) fn account(body: &[u8]) -> Result<AwsAccount, Defect> {
    parse::<Document<Resource<Map<String, Value>>>>(body)?
        .data
        .account()
}

pub(in crate::datadog) fn accounts(body: &[u8]) -> Result<Vec<AwsAccount>, Defect> {
    let list = parse::<Document<Vec<Resource<Map<String, Value>>>>>(body)?.data;
    list.into_iter().map(Resource::account).collect()
}

pub(in crate::datadog) fn namespaces(body: &[u8]) -> Result<Vec<String>, Defect> {
    #[derive(Deserialize)]
    struct Attributes {
        namespaces: Vec<String>,
    }
    #[derive(Deserialize)]
    struct Namespaces {
        attributes: Attributes,
    }
    let document = parse::<Document<Namespaces>>(body)?;
    Ok(document.data.attributes.namespaces)
}

pub(in crate::datadog) fn external_id(body: &[u8]) -> Result<String, Defect> {
    #[derive(Deserialize)]
    struct Attributes {
        external_id: String,
    }
    #[derive(Deserialize)]
    struct ExternalId {
        attributes: Attributes,
    }
    let id = parse::<Document<ExternalId>>(body)?
        .data
        .attributes
        .external_id;
    let is_fine = (16..=128).contains(&id.len()) && id.bytes().all(|it| it.is_ascii_alphanumeric());
    is_fine.then_some(id).ok_or("holds no external ID")
}

fn read(id: &str) -> Result<TrustId, Defect> {
    TrustId::parse(id).ok_or("holds an id that is no UUID")
}

impl Resource<Attributes> {
    /// Of an identity mapping, whom its callers act as must be told: a mapping that names nobody is
    /// not one that is for somebody else.
    fn mapping(self, kind: MappingKind) -> Result<Mapping, Defect> {
        let Attributes {
            arn_pattern,
            account_identifier,
            account_uuid,
        } = self.attributes;
        if kind == MappingKind::Identity && account_identifier.is_none() && account_uuid.is_none() {
            return Err("lacks the account of an identity mapping");
        }
        Ok(Mapping {
            id: read(&self.id)?,
            pattern: arn_pattern,
            account: account_identifier,
            user: account_uuid,
        })
    }
}

impl Resource<Map<String, Value>> {
    /// What tells whose a registration is, and how it authenticates, must be there: what is not
    /// told is not nothing.
    fn account(self) -> Result<AwsAccount, Defect> {
        let account = AwsAccount {
            id: read(&self.id)?,
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
    use super::*;

    #[test]
    fn a_mapping_is_told_by_handle_or_id() {
        let body = br#"{"data":{"id":"7c405332-7033-40d2-a046-a27a075a22cd","type":"anything","attributes":{
            "account_identifier":"a@example.com","account_uuid":"0BD557D2-6ed0-423e-9654-c0e1cd376abc",
            "arn_pattern":"arn:aws:sts::981005757495:assumed-role/terraform-runner/*"}}}"#;
        let mapping = mapping(body, MappingKind::Identity).unwrap();
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

    #[test]
    fn what_is_not_told_is_not_nothing() {
        let id = "7c405332-7033-40d2-a046-a27a075a22cd";
        let body = |attributes: &Value| {
            let data = serde_json::json!({ "id": id, "attributes": attributes });
            serde_json::json!({ "data": data }).to_string()
        };
        let pattern = body(&serde_json::json!({ "arn_pattern": "p" }));
        assert!(mapping(pattern.as_bytes(), MappingKind::Identity).is_err());
        assert!(mapping(pattern.as_bytes(), MappingKind::Intake).is_ok());
        let whole = serde_json::json!({
            "aws_account_id": "123456789012", "account_tags": null, "auth_config": { "role_name": "R" },
        });
        assert!(account(body(&whole).as_bytes()).is_ok());
        for member in ["aws_account_id", "account_tags", "auth_config"] {
            let mut attributes = whole.clone();
            attributes.as_object_mut().unwrap().remove(member);
            assert!(account(body(&attributes).as_bytes()).is_err(), "{member}");
        }
    }

    #[test]
    fn namespaces_and_external_ids_are_read() {
        let body = br#"{"data":{"id":"namespaces","type":"namespaces","attributes":{"namespaces":["AWS/EC2"]}}}"#;
        assert_eq!(namespaces(body), Ok(vec!["AWS/EC2".to_owned()]));
        let body = |id: &str| {
            format!(
                r#"{{"data":{{"id":"external_id","type":"external_id","attributes":{{"external_id":"{id}"}}}}}}"#
            )
        };
        let id = "acb8f6b8a844443dbb726d07dcb1a870";
        assert_eq!(external_id(body(id).as_bytes()), Ok(id.to_owned()));
        for wrong in ["", "a b", "acb8f6b8\n844443dbb726d07dcb1a870"] {
            assert!(external_id(body(wrong).as_bytes()).is_err());
        }
    }
}
