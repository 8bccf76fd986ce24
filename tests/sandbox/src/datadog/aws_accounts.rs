//! `/api/v2/integration/aws`: the AWS accounts that the organisation looks into.

mod external_ids;
mod settings;

use bytes::Bytes;
use http::{Request, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::Datadog;
use super::body::Data;
use super::endpoint::Act;
use super::reply::{Refusal, Reply};

pub(super) use external_ids::ExternalId;
pub(super) use settings::list_namespaces;
use settings::{defaults, drop_left_out, merge, must_be_valid};

/// A registration. It may be of an account that lets nobody in.
#[derive(Clone, Debug)]
pub struct AwsAccount {
    pub id: String,
    /// As GET shows them.
    pub attributes: Map<String, Value>,
    integrated_from: OffsetDateTime,
}

impl AwsAccount {
    #[must_use]
    pub fn aws_account(&self) -> &str {
        self.attributes["aws_account_id"]
            .as_str()
            .unwrap_or_default()
    }

    fn document(&self) -> Value {
        json!({ "id": self.id, "type": "account", "attributes": self.attributes })
    }
}

#[derive(Debug, Deserialize)]
struct NewAccount {
    aws_account_id: String,
    aws_partition: Option<String>,
    auth_config: Option<Map<String, Value>>,
    #[serde(flatten)]
    settings: Map<String, Value>,
}

/// How Datadog gets into an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Role,
    Keys,
}

impl Way {
    fn of(authentication: &Map<String, Value>) -> Option<Self> {
        let has = |name: &str| authentication.get(name).is_some_and(Value::is_string);
        match (has("role_name"), has("access_key_id")) {
            (true, false) => Some(Self::Role),
            (false, true) => Some(Self::Keys),
            _ => None,
        }
    }
}

impl Datadog {
    pub(super) fn aws_accounts(
        &mut self,
        now: OffsetDateTime,
        act: Act<'_>,
        request: &Request<Bytes>,
    ) -> Result<Reply, Refusal> {
        if let Act::Get(id) | Act::Edit(id) | Act::Delete(id) = act {
            must_be_uuid(id)?;
        }
        let changes = matches!(act, Act::Create | Act::Edit(_) | Act::Delete(_));
        if changes && self.conflicting_updates > 0 {
            self.conflicting_updates -= 1;
            // The text is reported, the status synthetic.
            return Err(Refusal::generic(
                "Could not update AWS Integration due to conflicting updates",
            ));
        }
        match act {
            Act::Create => self.new_account(now, request.body()),
            Act::List => Ok(self.list_accounts(request.uri().query().unwrap_or_default())),
            Act::Get(id) => Ok(reply(&self.accounts[self.account_at(id)?])),
            Act::Edit(id) => self.edit_account(now, id, request.body()),
            Act::Delete(id) => {
                let place = self.account_at(id)?;
                self.accounts.remove(place);
                Ok(Reply::disabled())
            }
        }
    }

    fn list_accounts(&self, query: &str) -> Reply {
        let mut query = form_urlencoded::parse(query.as_bytes());
        let asked = query
            .find(|(name, _)| name == "aws_account_id")
            .map(|it| it.1);
        let listed = self.accounts.iter();
        let listed =
            listed.filter(|it| asked.as_ref().is_none_or(|asked| it.aws_account() == asked));
        let listed: Vec<_> = listed.map(AwsAccount::document).collect();
        Reply::api(StatusCode::OK, &json!({ "data": listed }))
    }

    fn new_account(&mut self, now: OffsetDateTime, body: &Bytes) -> Result<Reply, Refusal> {
        let new = Data::<NewAccount>::parse(body, "account")?.attributes;
        let partition = new.aws_partition.unwrap_or_default();
        must_be_partition(&partition)?;
        let authentication = new.auth_config.unwrap_or_default();
        let way =
            Way::of(&authentication).ok_or_else(|| Refusal::generic("invalid auth_config"))?;
        if self
            .accounts
            .iter()
            .any(|it| it.aws_account() == new.aws_account_id)
        {
            return Err(Refusal::api(
                StatusCode::CONFLICT,
                "Account already exists",
                Some("AWS account with provided id already exists"),
            ));
        }
        must_be_valid(&new.settings)?;
        let mut shown = json!({ "access_key_id": authentication.get("access_key_id") });
        if way == Way::Role {
            let external_id = self.external_id_for(now, authentication.get("external_id"))?;
            shown = json!({ "role_name": authentication["role_name"], "external_id": external_id });
        }
        let mut attributes = defaults();
        merge(&mut attributes, &Value::from(new.settings));
        attributes["aws_account_id"] = new.aws_account_id.into();
        attributes["aws_partition"] = partition.into();
        attributes["auth_config"] = shown;
        attributes["created_at"] = stamp(now).into();
        attributes["modified_at"] = stamp(now).into();
        let account = AwsAccount {
            id: self.generator.id(),
            attributes: attributes.as_object().cloned().unwrap_or_default(),
            integrated_from: now + self.settings.fresh_account_unknown_for,
        };
        let mut document = json!({ "data": account.document() });
        let tags = &mut document["data"]["attributes"]["account_tags"];
        if tags.as_array().is_some_and(Vec::is_empty) {
            *tags = Value::Null; // where every later answer has an empty list (recorded)
        }
        self.accounts.push(account);
        Ok(Reply::api(StatusCode::OK, &document))
    }

    fn edit_account(
        &mut self,
        now: OffsetDateTime,
        id: &str,
        body: &Bytes,
    ) -> Result<Reply, Refusal> {
        let edit = Data::<NewAccount>::parse(body, "account")?.attributes;
        let place = self.account_at(id)?;
        if let Some(partition) = &edit.aws_partition {
            must_be_partition(partition)?;
        }
        must_be_valid(&edit.settings)?;
        let account = &mut self.accounts[place];
        if account.aws_account() != edit.aws_account_id {
            return Err(Refusal::generic("invalid AWS account id")); // synthetic
        }
        let mut attributes = Value::from(account.attributes.clone());
        if let Some(authentication) = edit.auth_config {
            let own = attributes["auth_config"].as_object().and_then(Way::of);
            if Way::of(&authentication) != own {
                return Err(Refusal::generic(
                    "cannot switch between role and key based auth",
                ));
            }
            for name in ["role_name", "access_key_id"] {
                if let Some(value) = authentication.get(name) {
                    attributes["auth_config"][name] = value.clone();
                }
            }
        }
        // What is left out stays, also within a setting (recorded), but for newer members.
        drop_left_out(&mut attributes, &edit.settings);
        merge(&mut attributes, &Value::from(edit.settings));
        attributes["modified_at"] = stamp(now).into();
        account.attributes = attributes.as_object().cloned().unwrap_or_default();
        Ok(reply(account))
    }

    /// Whether mappings may be of this account.
    pub(super) fn is_integrated(&self, now: OffsetDateTime, aws_account: &str) -> bool {
        let mut accounts = self.accounts.iter();
        accounts.any(|it| it.aws_account() == aws_account && it.integrated_from <= now)
    }

    fn account_at(&self, id: &str) -> Result<usize, Refusal> {
        let mut accounts = self.accounts.iter();
        // Datadog's Terraform provider puts quotes around the id, and is understood (recorded).
        let id = id.trim_start_matches("%22").trim_end_matches("%22");
        accounts.position(|it| it.id == id).ok_or_else(|| {
            let detail = "AWS account with provided id is not integrated";
            Refusal::api(StatusCode::NOT_FOUND, "Account not found", Some(detail))
        })
    }

    /// Registers an account as a person does, long ago. Returns the registration's id.
    pub fn integrate(
        &mut self,
        aws_account: &str,
        authentication: &Value,
        settings: &Value,
    ) -> String {
        let name = format!("{aws_account} {}", self.accounts.len());
        let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).to_string();
        let mut attributes = defaults();
        merge(&mut attributes, settings);
        attributes["aws_account_id"] = aws_account.into();
        attributes["aws_partition"] = "aws".into();
        attributes["auth_config"] = authentication.clone();
        for name in ["created_at", "modified_at"] {
            attributes[name] = stamp(OffsetDateTime::UNIX_EPOCH).into();
        }
        self.accounts.push(AwsAccount {
            id: id.clone(),
            attributes: attributes.as_object().cloned().unwrap_or_default(),
            integrated_from: OffsetDateTime::UNIX_EPOCH,
        });
        id
    }

    /// Every registration there is.
    #[must_use]
    pub fn every_account(&self) -> &[AwsAccount] {
        &self.accounts
    }

    /// Refuses so many changes of registrations, as if others were under way.
    pub fn conflict(&mut self, changes: u32) {
        self.conflicting_updates = changes;
    }
}

fn reply(account: &AwsAccount) -> Reply {
    Reply::api(StatusCode::OK, &json!({ "data": account.document() }))
}

fn must_be_uuid(id: &str) -> Result<(), Refusal> {
    let id = id.trim_start_matches("%22").trim_end_matches("%22");
    if Uuid::try_parse(id).is_ok() {
        return Ok(());
    }
    let detail = r#"invalid parameter "aws_account_config_id" in "path"; expected type "uuid""#;
    Err(Refusal::api(
        StatusCode::BAD_REQUEST,
        "Invalid Parameter",
        Some(detail),
    ))
}

fn must_be_partition(partition: &str) -> Result<(), Refusal> {
    if ["aws", "aws-cn", "aws-us-gov"].contains(&partition) {
        return Ok(());
    }
    Err(Refusal::invalid_value(
        "aws_partition",
        &format!("invalid partition: {partition}"),
    ))
}

fn stamp(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}
