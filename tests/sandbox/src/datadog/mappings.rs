//! `/api/v2/cloud_auth/aws/persona_mapping` and `…/intake_mapping`.
//!
//! Of intake mappings no exchange is public: they are shaped as Datadog's Terraform provider has
//! them. That patterns of one role get in each other's way is documented, the status of that
//! refusal is synthetic.

use bytes::Bytes;
use http::{Request, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Datadog;
use super::access::Caller;
use super::body::Data;
use super::endpoint::{Act, MappingKind};
use super::reply::{Refusal, Reply};

/// Which callers of AWS act as which user, or get a managed API key.
#[derive(Clone, Debug)]
pub struct Mapping {
    pub id: String,
    pub kind: MappingKind,
    /// A caller's ARN, whose last part may be `*`.
    pub pattern: String,
    /// Of an identity mapping.
    pub user: Option<String>,
    /// Since when GET finds it always.
    visible_from: OffsetDateTime,
    looked_for: u32,
}

#[derive(Debug, Deserialize)]
struct NewMapping {
    arn_pattern: String,
    account_identifier: Option<String>,
}

impl MappingKind {
    fn class(self) -> &'static str {
        match self {
            Self::Identity => "aws_cloud_auth_config",
            Self::Intake => "aws_cloud_auth_intake_mapping",
        }
    }
}

impl Mapping {
    pub(super) fn fits(&self, arn: &str) -> bool {
        match self.pattern.strip_suffix('*') {
            Some(stem) => arn.starts_with(stem),
            None => arn == self.pattern,
        }
    }
}

impl Datadog {
    pub(super) fn mappings(
        &mut self,
        now: OffsetDateTime,
        caller: &Caller,
        kind: MappingKind,
        act: Act<'_>,
        request: &Request<Bytes>,
    ) -> Result<Reply, Refusal> {
        match act {
            Act::Create => self.new_mapping(now, caller, kind, request.body()),
            Act::List => {
                let listed = self.mappings.iter().filter(|it| it.kind == kind);
                let listed: Vec<_> = listed.map(|it| self.mapping_resource(it)).collect();
                Ok(Reply::api(StatusCode::OK, &json!({ "data": listed })))
            }
            Act::Get(id) => {
                let mut mappings = self.mappings.iter_mut();
                let found = mappings.find(|it| it.kind == kind && it.id == id);
                let found = found.ok_or_else(no_such_mapping)?;
                found.looked_for += 1;
                // Intermittently, also after it was found once (reported).
                if found.visible_from > now && found.looked_for % 3 != 0 {
                    return Err(no_such_mapping());
                }
                let found = found.clone();
                let document = json!({ "data": self.mapping_resource(&found) });
                Ok(Reply::api(StatusCode::OK, &document))
            }
            Act::Delete(id) => {
                let mut mappings = self.mappings.iter();
                let found = mappings.position(|it| it.kind == kind && it.id == id);
                self.mappings.remove(found.ok_or_else(no_such_mapping)?);
                Ok(Reply::disabled())
            }
            Act::Edit(_) => Err(Refusal::no_such_path()),
        }
    }

    fn new_mapping(
        &mut self,
        now: OffsetDateTime,
        caller: &Caller,
        kind: MappingKind,
        body: &Bytes,
    ) -> Result<Reply, Refusal> {
        let new = Data::<NewMapping>::parse(body, kind.class())?.attributes;
        let account = account_of(&new.arn_pattern)
            .ok_or_else(|| Refusal::generic("Invalid ARN pattern"))?
            .to_owned();
        if !self.is_integrated(now, &account) {
            return Err(Refusal::generic(
                "AWS Account Id is not integrated with this Datadog account",
            ));
        }
        let user = match (kind, new.account_identifier) {
            (MappingKind::Identity, Some(identifier)) => Some(self.target(caller, &identifier)?),
            (MappingKind::Intake, None) => None,
            _ => return Err(Refusal::generic("Invalid account identifier")),
        };
        if self
            .mappings
            .iter()
            .any(|it| role_of(&it.pattern) == role_of(&new.arn_pattern))
        {
            return Err(Refusal::api(
                self.settings.taken_mapping,
                "Conflict",
                Some("ARN pattern conflicts with an existing mapping"),
            ));
        }
        let mapping = Mapping {
            id: self.generator.id(),
            kind,
            pattern: new.arn_pattern,
            user,
            visible_from: now + self.settings.fresh_mapping_hidden_for,
            looked_for: 0,
        };
        let document = json!({ "data": self.mapping_resource(&mapping) });
        self.mappings.push(mapping);
        Ok(Reply::api(StatusCode::CREATED, &document))
    }

    /// The user that a handle names: a person's e-mail address, a service account's id. Nobody may
    /// map a role to somebody who may more (reported).
    fn target(&self, caller: &Caller, identifier: &str) -> Result<String, Refusal> {
        let mut users = self.users.iter();
        let user = users.find(|it| it.handle() == identifier);
        let user = user.ok_or_else(|| Refusal::generic("Account not found"))?;
        let permissions = self.permissions_of(&user.id);
        if permissions.is_empty() || !permissions.iter().all(|it| caller.may(it)) {
            return Err(Refusal::forbidden());
        }
        Ok(user.id.clone())
    }

    fn mapping_resource(&self, mapping: &Mapping) -> Value {
        let mut attributes = json!({});
        if let Some(user) = &mapping.user {
            let handle = self
                .user(user)
                .map_or(user.as_str(), super::user::User::handle);
            attributes["account_identifier"] = handle.into();
            attributes["account_uuid"] = user.as_str().into();
        }
        attributes["arn_pattern"] = mapping.pattern.as_str().into();
        json!({ "id": mapping.id, "type": mapping.kind.class(), "attributes": attributes })
    }

    /// Has callers of this pattern act as a user, as a person does in Datadog's pages. Returns the
    /// mapping's id.
    pub fn map_identity(&mut self, pattern: &str, user: &str) -> String {
        self.map(MappingKind::Identity, pattern, Some(user))
    }

    /// Likewise, has Agents of this pattern get a managed API key.
    pub fn map_intake(&mut self, pattern: &str) -> String {
        self.map(MappingKind::Intake, pattern, None)
    }

    fn map(&mut self, kind: MappingKind, pattern: &str, user: Option<&str>) -> String {
        let name = format!("{pattern} {}", self.mappings.len());
        // Not drawn: the ids and keys that are must not depend on who is mapped.
        let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).to_string();
        self.mappings.push(Mapping {
            id: id.clone(),
            kind,
            pattern: pattern.to_owned(),
            user: user.map(str::to_owned),
            visible_from: OffsetDateTime::UNIX_EPOCH,
            looked_for: 0,
        });
        id
    }

    /// Takes every identity mapping away. Tokens that were handed out go on working.
    pub fn unmap_identities(&mut self) {
        self.mappings.retain(|it| it.kind != MappingKind::Identity);
    }

    /// Every mapping there is.
    #[must_use]
    pub fn every_mapping(&self) -> &[Mapping] {
        &self.mappings
    }
}

/// Recorded.
fn no_such_mapping() -> Refusal {
    Refusal::api(StatusCode::NOT_FOUND, "Not Found", None)
}

/// The account of a pattern of the one form that is taken here.
fn account_of(pattern: &str) -> Option<&str> {
    let (account, resource) = pattern.strip_prefix("arn:aws:sts::")?.split_once(':')?;
    let parts: Vec<_> = resource.split('/').collect();
    let ["assumed-role", role, session] = parts[..] else {
        return None;
    };
    let is_name = |text: &str| !text.is_empty() && !text.contains(['*', '?', ':', '+', '=', ',']);
    let is_fine = is_name(role) && (session == "*" || is_name(session));
    (is_fine && account.len() == 12).then_some(account)
}

/// The pattern without its session.
fn role_of(pattern: &str) -> &str {
    pattern.rsplit_once('/').map_or(pattern, |it| it.0)
}
