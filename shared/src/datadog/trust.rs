//! The calls by which an organisation is told to trust AWS: mappings of roles, and the registration
//! of AWS accounts (v2; v1 is deprecated and not spoken).
//!
//! Exchanges of the intake mapping are not public: its shapes are those of Datadog's Terraform
//! provider. Those of the others are recorded.

pub(super) mod answer;
mod refusal;

use std::fmt;

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::keys::TrustId;

pub use answer::{AwsAccount, Mapping};
pub use refusal::TrustRefusal;

/// A draft of the API has them elsewhere (`wif`); released clients and recordings use this.
const MAPPINGS: &str = "/api/v2/cloud_auth/aws";
const ACCOUNTS: &str = "/api/v2/integration/aws/accounts";
const NAMESPACES: &str = "/api/v2/integration/aws/available_namespaces";
const NEW_EXTERNAL_ID: &str = "/api/v2/integration/aws/generate_new_external_id";

/// What callers of a pattern get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MappingKind {
    /// They act as a user.
    Identity,
    /// Their Agents get an API key that Datadog manages.
    Intake,
}

/// One call.
#[derive(Clone, Debug)]
pub enum TrustCall {
    ListMappings(MappingKind),
    GetMapping(MappingKind, TrustId),
    CreateMapping {
        pattern: String,
        /// The id of a service account, or a user's handle; `None` makes an intake mapping.
        account: Option<String>,
    },
    DeleteMapping(MappingKind, TrustId),
    /// The registration of one AWS account: a list of one, or of none.
    ListAccounts {
        aws_account: String,
    },
    GetAccount(TrustId),
    /// The attributes, `aws_account_id` among them.
    CreateAccount(Map<String, Value>),
    /// The attributes have every setting: Datadog drops some that an update leaves out.
    UpdateAccount {
        id: TrustId,
        attributes: Map<String, Value>,
    },
    DeleteAccount(TrustId),
    /// The namespaces of `CloudWatch` that settings may name.
    ListNamespaces,
    /// An external ID for a registration that is made within 48 hours. It leaves nothing that could
    /// be deleted, so it may be sent again.
    CreateExternalId,
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

impl TrustCall {
    /// Method, path with query, and body.
    #[must_use]
    pub fn wire(&self) -> (Method, String, Bytes) {
        let path = self.path();
        match self {
            Self::CreateMapping { pattern, account } => {
                let mut attributes = Map::from_iter([("arn_pattern".into(), json!(pattern))]);
                attributes.extend(
                    account
                        .iter()
                        .map(|it| ("account_identifier".into(), json!(it))),
                );
                (
                    Method::POST,
                    path,
                    document(self.mapping_kind().class(), &attributes),
                )
            }
            Self::CreateAccount(attributes) => {
                (Method::POST, path, document("account", attributes))
            }
            Self::UpdateAccount { attributes, .. } => {
                (Method::PATCH, path, document("account", attributes))
            }
            Self::DeleteMapping(..) | Self::DeleteAccount(_) => {
                (Method::DELETE, path, Bytes::new())
            }
            Self::CreateExternalId => (Method::POST, path, Bytes::new()),
            Self::ListMappings(_)
            | Self::GetMapping(..)
            | Self::ListAccounts { .. }
            | Self::ListNamespaces
            | Self::GetAccount(_) => (Method::GET, path, Bytes::new()),
        }
    }

    pub(super) fn path(&self) -> String {
        match self {
            Self::ListMappings(kind) => kind.collection(),
            Self::CreateMapping { .. } => self.mapping_kind().collection(),
            Self::GetMapping(kind, id) | Self::DeleteMapping(kind, id) => {
                format!("{}/{id}", kind.collection())
            }
            Self::ListAccounts { aws_account } => {
                format!("{ACCOUNTS}?aws_account_id={aws_account}")
            }
            Self::CreateAccount(_) => ACCOUNTS.into(),
            Self::ListNamespaces => NAMESPACES.into(),
            Self::CreateExternalId => NEW_EXTERNAL_ID.into(),
            Self::GetAccount(id) | Self::UpdateAccount { id, .. } | Self::DeleteAccount(id) => {
                format!("{ACCOUNTS}/{id}")
            }
        }
    }

    fn mapping_kind(&self) -> MappingKind {
        match self {
            Self::ListMappings(kind) | Self::GetMapping(kind, _) | Self::DeleteMapping(kind, _) => {
                *kind
            }
            Self::CreateMapping { account: None, .. } => MappingKind::Intake,
            _ => MappingKind::Identity,
        }
    }

    /// Of mappings the name in a recorded organisation. Documents and previews have others: see
    /// [`Self::permissions`].
    pub(super) fn scope(&self) -> &'static str {
        self.permissions()[0]
    }

    /// The names that the permission goes by, one of which the call needs.
    #[must_use]
    pub fn permissions(&self) -> &'static [&'static str] {
        match self {
            Self::ListMappings(_) | Self::GetMapping(..) => &[
                "workload_identity_federation_read",
                "cloud_auth_config_read",
            ],
            Self::CreateMapping { .. } | Self::DeleteMapping(..) => &[
                "workload_identity_federation_write",
                "cloud_auth_config_write",
            ],
            Self::ListAccounts { .. } | Self::GetAccount(_) | Self::ListNamespaces => {
                &["aws_configuration_read"]
            }
            Self::CreateAccount(_) | Self::DeleteAccount(_) => &["aws_configurations_manage"],
            Self::UpdateAccount { .. } | Self::CreateExternalId => &["aws_configuration_edit"],
        }
    }

    /// Deletions are answered 204, without a body (recorded).
    pub(super) fn succeeds_with(&self, status: StatusCode) -> bool {
        match self {
            Self::DeleteMapping(..) | Self::DeleteAccount(_) => status == StatusCode::NO_CONTENT,
            Self::CreateMapping { .. } => status == StatusCode::CREATED,
            _ => status == StatusCode::OK,
        }
    }

    /// Sent twice, it may leave two.
    pub(super) fn creates(&self) -> bool {
        matches!(self, Self::CreateMapping { .. } | Self::CreateAccount(_))
    }
}

fn document(class: &str, attributes: &Map<String, Value>) -> Bytes {
    json!({"data": {"type": class, "attributes": attributes}})
        .to_string()
        .into()
}

impl fmt::Display for MappingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identity => "identity mapping",
            Self::Intake => "intake mapping",
        })
    }
}

impl fmt::Display for TrustCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ListMappings(kind) => write!(f, "list of {kind}s"),
            Self::GetMapping(kind, id) => write!(f, "look-up of {kind} {id}"),
            Self::CreateMapping { pattern, .. } => {
                write!(f, "creation of an {} of {pattern}", self.mapping_kind())
            }
            Self::DeleteMapping(kind, id) => write!(f, "deletion of {kind} {id}"),
            Self::ListAccounts { aws_account } => {
                write!(f, "look-up of the integration of AWS account {aws_account}")
            }
            Self::GetAccount(id) => write!(f, "look-up of AWS integration {id}"),
            Self::CreateAccount(attributes) => {
                let account = attributes.get("aws_account_id").and_then(Value::as_str);
                write!(
                    f,
                    "integration of AWS account {}",
                    account.unwrap_or_default()
                )
            }
            Self::UpdateAccount { id, .. } => write!(f, "update of AWS integration {id}"),
            Self::DeleteAccount(id) => write!(f, "deletion of AWS integration {id}"),
            Self::ListNamespaces => f.write_str("list of CloudWatch namespaces"),
            Self::CreateExternalId => f.write_str("creation of an external ID"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_intake_mapping_names_no_account() {
        let call = |account: Option<&str>| {
            let (_, path, body) = TrustCall::CreateMapping {
                pattern: "p".into(),
                account: account.map(str::to_owned),
            }
            .wire();
            (path, serde_json::from_slice::<Value>(&body).unwrap())
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
}
