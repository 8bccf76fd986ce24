//! The exchanges, and which of them are not replayed.

use std::collections::BTreeMap;

use datadog_rotation::datadog::Call;
use datadog_rotation::datadog::trust::MappingKind;
use datadog_rotation::keys::TrustId;
use datadog_trust::account::Wanted;
use datadog_trust::properties::Properties;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{ACCOUNTS, HOST, PERSONAS, RECORDINGS};

#[derive(Deserialize)]
pub(crate) struct Recordings {
    pub(crate) exchanges: Vec<Exchange>,
}

#[derive(Deserialize)]
pub(crate) struct Exchange {
    pub(crate) path: String,
    pub(crate) request: Request,
    pub(crate) response: Response,
}

#[derive(Deserialize)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) url: String,
    #[serde(deserialize_with = "text")]
    pub(crate) body: String,
}

#[derive(Deserialize)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(deserialize_with = "text")]
    pub(crate) body: String,
}

/// Null is a body that is not there.
pub(crate) fn text<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// Why an exchange is not replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Skipped {
    /// v1 is deprecated, and not spoken.
    V1,
    /// Of 2024, when the path had the number of the AWS account where the id is now.
    OldPath,
    /// An id that is no UUID, which our client can't write.
    NoUuid,
    /// Of 2024, when attributes had the number of the AWS account beside them, some wrapped.
    OldBody,
    /// Of 2024: what was not said was taken otherwise.
    OldDefaults,
}

/// What our client asks, to send a recorded request.
pub(crate) enum Asked {
    GetMapping(MappingKind, TrustId),
    CreateMapping {
        pattern: String,
        account: Option<String>,
    },
    ListAccounts {
        aws_account: String,
    },
    GetAccount(TrustId),
    CreateAccount(Map<String, Value>),
    UpdateAccount {
        id: TrustId,
        attributes: Map<String, Value>,
    },
    Delete(Call),
    CreateExternalId,
}

impl Exchange {
    pub(crate) fn target(&self) -> &str {
        self.request.url.trim_start_matches(HOST)
    }

    pub(crate) fn id(&self) -> Option<String> {
        let rest = self
            .target()
            .strip_prefix(ACCOUNTS)
            .or_else(|| self.target().strip_prefix(PERSONAS));
        let id = rest?.strip_prefix('/')?;
        Some(id.replace("%22", ""))
    }

    pub(crate) fn attributes(&self) -> Map<String, Value> {
        let body: Value = serde_json::from_str(&self.request.body).expect("JSON");
        body["data"]["attributes"]
            .as_object()
            .expect("attributes")
            .clone()
    }

    pub(crate) fn has_id_beside(&self) -> bool {
        let body = serde_json::from_str::<Value>(&self.request.body);
        body.is_ok_and(|it| it["data"]["id"].is_string())
    }

    pub(crate) fn skipped_by_both(&self) -> Option<Skipped> {
        let is_old = self.id().is_some_and(|id| id.len() == 12);
        match self.target() {
            target if target.starts_with("/api/v1/") => Some(Skipped::V1),
            _ if is_old => Some(Skipped::OldPath),
            _ if self.request.body.contains("\"aws_account\":{") => Some(Skipped::OldBody),
            _ if self.has_id_beside() && self.request.body.contains("$KEY") => {
                Some(Skipped::OldDefaults)
            }
            _ => None,
        }
    }

    pub(crate) fn skipped_by_client(&self) -> Option<Skipped> {
        let is_uuid = |id: String| TrustId::parse(&id).is_some();
        let by_client = if !self.id().is_none_or(is_uuid) {
            Some(Skipped::NoUuid)
        } else if self.has_id_beside() {
            Some(Skipped::OldBody)
        } else {
            None
        };
        self.skipped_by_both().or(by_client)
    }

    /// The call of ours that this is.
    pub(crate) fn asked(&self) -> Asked {
        if self.target().ends_with("generate_new_external_id") {
            return Asked::CreateExternalId;
        }
        let id = self.id().map(|id| TrustId::parse(&id).expect("a UUID"));
        match (
            self.request.method.as_str(),
            id,
            self.target().starts_with(PERSONAS),
        ) {
            ("GET", Some(id), true) => Asked::GetMapping(MappingKind::Identity, id),
            ("DELETE", Some(id), true) => {
                Asked::Delete(Call::delete_mapping(MappingKind::Identity, &id))
            }
            ("POST", None, true) => {
                let attributes = self.attributes();
                let text = |name: &str| attributes[name].as_str().expect("text").to_owned();
                Asked::CreateMapping {
                    pattern: text("arn_pattern"),
                    account: Some(text("account_identifier")),
                }
            }
            ("GET", Some(id), false) => Asked::GetAccount(id),
            ("DELETE", Some(id), false) => Asked::Delete(Call::delete_account(&id)),
            ("PATCH", Some(id), false) => Asked::UpdateAccount {
                id,
                attributes: self.attributes(),
            },
            ("POST", None, false) => Asked::CreateAccount(self.wanted()),
            // Recorded without the filter.
            ("GET", None, false) => Asked::ListAccounts {
                aws_account: String::new(),
            },
            (method, ..) => panic!("{method} {}", self.target()),
        }
    }

    /// As a resource's properties make it, where they can.
    pub(crate) fn wanted(&self) -> Map<String, Value> {
        let attributes = self.attributes();
        // Access keys are no resource's: what the recording has is sent as it is.
        if !attributes["auth_config"]["role_name"].is_string() {
            return attributes;
        }
        let mut properties = Map::from_iter([
            (
                "AwsAccountId".to_owned(),
                attributes["aws_account_id"].clone(),
            ),
            (
                "AwsPartition".to_owned(),
                attributes["aws_partition"].clone(),
            ),
            (
                "RoleName".to_owned(),
                attributes["auth_config"]["role_name"].clone(),
            ),
        ]);
        for (name, member) in [
            ("AccountTags", "account_tags"),
            ("AwsRegions", "aws_regions"),
            ("LogsConfig", "logs_config"),
            ("MetricsConfig", "metrics_config"),
            ("ResourcesConfig", "resources_config"),
            ("TracesConfig", "traces_config"),
        ] {
            if let Some(value) = attributes.get(member) {
                properties.insert(name.to_owned(), in_texts(value));
            }
        }
        match Wanted::read(Properties::new(&properties)) {
            Ok(wanted) => wanted.attributes(),
            // A partition that does not exist is refused before any call.
            Err(error) => {
                assert!(error.to_string().contains("AwsPartition"), "{error}");
                attributes
            }
        }
    }
}

/// As `CloudFormation` sends it.
pub(crate) fn in_texts(value: &Value) -> Value {
    match value {
        Value::Bool(flag) => flag.to_string().into(),
        Value::Array(elements) => elements.iter().map(in_texts).collect(),
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| (name.clone(), in_texts(value)));
            Value::Object(members.collect())
        }
        value => value.clone(),
    }
}

pub(crate) fn recordings() -> Vec<Exchange> {
    serde_json::from_str::<Recordings>(RECORDINGS)
        .expect("recordings")
        .exchanges
}
