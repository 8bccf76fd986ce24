//! Mappings: what callers who prove that they run as an AWS role get.
//! <https://docs.datadoghq.com/api/latest/cloud-authentication/>

use std::fmt;

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, json};

use super::{Document, OK, Resource, id};
use crate::datadog::call::{Effect, Endpoint, NO_CONTENT};
use crate::datadog::limits::Family;
use crate::datadog::resource::{Defect, parse};
use crate::datadog::{Authority, Call, Datadog, DatadogError};
use crate::deadline::Deadline;
use crate::keys::TrustId;

/// A draft of the API has them elsewhere (`wif`); released clients and recordings use this.
const MAPPINGS: &str = "/api/v2/cloud_auth/aws";

/// The name in a recorded organisation; then the documentation's.
const READ: &[&str] = &[
    "workload_identity_federation_read",
    "cloud_auth_config_read",
];

/// Likewise.
const WRITE: &[&str] = &[
    "workload_identity_federation_write",
    "cloud_auth_config_write",
];

/// <https://docs.datadoghq.com/api/latest/cloud-authentication/#list-aws-cloud-authentication-persona-mappings>
static LIST: Endpoint = Endpoint {
    method: Method::GET,
    success: OK,
    permissions: READ,
    effect: Effect::Repeatable,
    family: Family::TRUST,
};

/// <https://docs.datadoghq.com/api/latest/cloud-authentication/#get-an-aws-cloud-authentication-persona-mapping>
static GET: Endpoint = Endpoint {
    method: Method::GET,
    success: OK,
    permissions: READ,
    effect: Effect::Repeatable,
    family: Family::TRUST,
};

/// <https://docs.datadoghq.com/api/latest/cloud-authentication/#create-an-aws-cloud-authentication-persona-mapping>
static CREATE: Endpoint = Endpoint {
    method: Method::POST,
    success: &[StatusCode::CREATED],
    permissions: WRITE,
    effect: Effect::Creation,
    family: Family::TRUST,
};

/// <https://docs.datadoghq.com/api/latest/cloud-authentication/#delete-an-aws-cloud-authentication-persona-mapping>
static DELETE: Endpoint = Endpoint {
    method: Method::DELETE,
    success: NO_CONTENT,
    permissions: WRITE,
    effect: Effect::Deletion,
    family: Family::TRUST,
};

/// What callers of a pattern get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MappingKind {
    /// They act as a user.
    Identity,
    /// Their Agents get an API key that Datadog manages.
    Intake,
}

impl MappingKind {
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Identity => Self::Intake,
            Self::Intake => Self::Identity,
        }
    }

    fn collection(self) -> String {
        let name = match self {
            Self::Identity => "persona_mapping",
            Self::Intake => "intake_mapping",
        };
        format!("{MAPPINGS}/{name}")
    }

    fn class(self) -> &'static str {
        match self {
            Self::Identity => "aws_cloud_auth_config",
            Self::Intake => "aws_cloud_auth_intake_mapping",
        }
    }
}

impl fmt::Display for MappingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identity => "identity mapping",
            Self::Intake => "intake mapping",
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    pub id: TrustId,
    pub pattern: String,
    /// As Datadog writes it: a handle, which of a service account is its ID.
    pub account: Option<String>,
    /// The user's ID.
    pub user: Option<String>,
}

impl Mapping {
    /// Returns whether its callers act as this user, given by ID or handle; `None` is an intake
    /// mapping's.
    #[must_use]
    pub fn is_for(&self, account: Option<&str>) -> bool {
        let Some(account) = account else {
            return self.account.is_none() && self.user.is_none();
        };
        let mut own = self.account.iter().chain(&self.user);
        own.any(|it| it.eq_ignore_ascii_case(account))
    }
}

impl Call {
    #[must_use]
    pub fn list_mappings(kind: MappingKind) -> Self {
        Self::new(&LIST, kind.collection(), format!("list of {kind}s"))
    }

    #[must_use]
    pub fn get_mapping(kind: MappingKind, id: &TrustId) -> Self {
        let path = format!("{}/{id}", kind.collection());
        Self::new(&GET, path, format!("look-up of {kind} {id}"))
    }

    /// Returns the creation of an identity mapping for an account, given by the ID of a service account
    /// or a user's handle; without one, of an intake mapping.
    #[must_use]
    pub fn create_mapping(pattern: &str, account: Option<&str>) -> Self {
        let kind = match account {
            Some(_) => MappingKind::Identity,
            None => MappingKind::Intake,
        };
        let mut attributes = Map::from_iter([("arn_pattern".into(), json!(pattern))]);
        attributes.extend(account.map(|it| ("account_identifier".into(), json!(it))));
        let name = format!("creation of an {kind} of {pattern}");
        Self::new(&CREATE, kind.collection(), name).with(kind.class(), &attributes)
    }

    #[must_use]
    pub fn delete_mapping(kind: MappingKind, id: &TrustId) -> Self {
        let path = format!("{}/{id}", kind.collection());
        Self::new(&DELETE, path, format!("deletion of {kind} {id}"))
    }
}

impl Datadog {
    pub async fn mappings(
        &self,
        authority: &Authority,
        kind: MappingKind,
        deadline: &Deadline,
    ) -> Result<Vec<Mapping>, DatadogError> {
        let read = |body: &[u8]| many(body, kind);
        self.ask(authority, Call::list_mappings(kind), deadline, read)
            .await
    }

    pub async fn mapping(
        &self,
        authority: &Authority,
        kind: MappingKind,
        id: &TrustId,
        deadline: &Deadline,
    ) -> Result<Mapping, DatadogError> {
        let read = |body: &[u8]| one(body, kind);
        self.ask(authority, Call::get_mapping(kind, id), deadline, read)
            .await
    }

    /// Returns the new mapping's ID. The answer's type is unstable, and is not looked at.
    pub async fn create_mapping(
        &self,
        authority: &Authority,
        pattern: &str,
        account: Option<&str>,
        deadline: &Deadline,
    ) -> Result<TrustId, DatadogError> {
        let call = Call::create_mapping(pattern, account);
        self.ask(authority, call, deadline, created).await
    }
}

#[derive(Deserialize)]
struct Identified {
    id: String,
}

#[derive(Deserialize)]
struct Attributes {
    arn_pattern: String,
    account_identifier: Option<String>,
    account_uuid: Option<String>,
}

fn created(body: &[u8]) -> Result<TrustId, Defect> {
    id(&parse::<Document<Identified>>(body)?.data.id)
}

fn one(body: &[u8], kind: MappingKind) -> Result<Mapping, Defect> {
    parse::<Document<Resource<Attributes>>>(body)?
        .data
        .mapping(kind)
}

fn many(body: &[u8], kind: MappingKind) -> Result<Vec<Mapping>, Defect> {
    let list = parse::<Document<Vec<Resource<Attributes>>>>(body)?.data;
    list.into_iter().map(|it| it.mapping(kind)).collect()
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
            id: id(&self.id)?,
            pattern: arn_pattern,
            account: account_identifier,
            user: account_uuid,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn an_intake_mapping_names_no_account() {
        let call = |account: Option<&str>| {
            let call = Call::create_mapping("p", account);
            let body = serde_json::from_slice::<Value>(call.body()).unwrap();
            (call.path().to_owned(), body)
        };
        let (path, body) = call(None);
        assert_eq!(path, "/api/v2/cloud_auth/aws/intake_mapping");
        let data =
            json!({"type": "aws_cloud_auth_intake_mapping", "attributes": {"arn_pattern": "p"}});
        assert_eq!(body["data"], data);
        let (path, body) = call(Some("a"));
        assert_eq!(path, "/api/v2/cloud_auth/aws/persona_mapping");
        assert_eq!(body["data"]["attributes"]["account_identifier"], "a");
    }

    #[test]
    fn a_mapping_is_told_by_handle_or_id() {
        let body = br#"{"data":{"id":"7c405332-7033-40d2-a046-a27a075a22cd","type":"anything","attributes":{
            "account_identifier":"a@example.com","account_uuid":"0BD557D2-6ed0-423e-9654-c0e1cd376abc",
            "arn_pattern":"arn:aws:sts::981005757495:assumed-role/terraform-runner/*"}}}"#;
        let mapping = one(body, MappingKind::Identity).unwrap();
        assert!(mapping.is_for(Some("0bd557d2-6ed0-423e-9654-c0e1cd376abc")));
        assert!(mapping.is_for(Some("a@example.com")));
        assert!(!mapping.is_for(Some("b@example.com")));
        assert!(!mapping.is_for(None));
        assert_eq!(created(body), Ok(mapping.id));
    }

    #[test]
    fn an_account_that_is_not_told_is_not_nobody() {
        let data = json!({ "id": "7c405332-7033-40d2-a046-a27a075a22cd", "attributes": { "arn_pattern": "p" } });
        let body = json!({ "data": data }).to_string();
        assert!(one(body.as_bytes(), MappingKind::Identity).is_err());
        assert!(one(body.as_bytes(), MappingKind::Intake).is_ok());
    }

    #[test]
    fn a_mapping_is_for_its_account_or_for_intake() {
        let mapping = |account: Option<&str>, user: Option<&str>| Mapping {
            id: TrustId::parse("11111111-1111-4111-8111-111111111111").unwrap(),
            pattern: String::new(),
            account: account.map(str::to_owned),
            user: user.map(str::to_owned),
        };
        assert!(mapping(None, None).is_for(None));
        for (account, user) in [(Some("a"), None), (None, Some("a"))] {
            assert!(!mapping(account, user).is_for(None));
            assert!(mapping(account, user).is_for(Some("A")));
            assert!(!mapping(account, user).is_for(Some("b")));
        }
    }
}
