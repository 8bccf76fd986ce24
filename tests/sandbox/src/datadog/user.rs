//! People and service accounts, and the roles that grant them their permissions.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

use super::permission;
use super::reply::timestamp;

/// When the organisation, its managed role and its first administrator came to be.
pub(super) const FOUNDED: OffsetDateTime = datetime!(2024-01-01 0:00 UTC);

#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) title: Option<String>,
    pub(super) email: String,
    pub(super) service_account: bool,
    pub(super) verified: bool,
    pub(super) status: Status,
    pub(super) created_at: OffsetDateTime,
    pub(super) modified_at: OffsetDateTime,
    pub(super) roles: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Active,
    Pending,
    Disabled,
}

#[derive(Debug, Clone)]
pub(super) struct Role {
    pub(super) id: String,
    pub(super) name: String,
    /// Datadog's own; the only one here is the administrators', which holds every permission.
    pub(super) managed: bool,
    pub(super) permissions: Vec<String>,
    pub(super) created_at: OffsetDateTime,
}

impl User {
    pub(super) fn human(id: String, email: &str, now: OffsetDateTime) -> Self {
        Self {
            id,
            name: None,
            title: None,
            email: email.to_lowercase(),
            service_account: false,
            verified: false,
            status: Status::Pending,
            created_at: now,
            modified_at: now,
            roles: Vec::new(),
        }
    }

    pub(super) fn service_account(id: String, email: &str, now: OffsetDateTime) -> Self {
        Self {
            service_account: true,
            verified: true,
            status: Status::Active,
            ..Self::human(id, email, now)
        }
    }

    pub(super) fn accept_invitation(&mut self, role: &str) {
        (self.verified, self.status) = (true, Status::Active);
        self.roles.push(role.to_owned());
    }

    /// A person's handle is the e-mail address, a service account's its id (recorded).
    pub(super) fn handle(&self) -> &str {
        if self.service_account {
            &self.id
        } else {
            &self.email
        }
    }

    /// The user as `included` shows it: without the organisation (recorded).
    pub(super) fn resource(&self) -> Value {
        let roles: Vec<_> = self
            .roles
            .iter()
            .map(|id| json!({"type": "roles", "id": id}))
            .collect();
        json!({
            "type": "users",
            "id": self.id,
            "attributes": {
                "name": self.name,
                "handle": self.handle(),
                "created_at": timestamp(self.created_at),
                "modified_at": timestamp(self.modified_at),
                "email": self.email,
                "icon": format!("https://secure.gravatar.com/avatar/{}?s=48&d=retro", self.id.replace('-', "")),
                "title": self.title,
                "verified": self.verified,
                "service_account": self.service_account,
                "disabled": self.status == Status::Disabled,
                "allowed_login_methods": [],
                "status": format!("{:?}", self.status),
            },
            "relationships": {"roles": {"data": roles}},
        })
    }

    /// The user as the answer's own `data`.
    pub(super) fn data(&self, organisation: &str) -> Value {
        let mut data = self.resource();
        data["relationships"]["org"] = json!({"data": {"type": "orgs", "id": organisation}});
        data
    }
}

impl Role {
    pub(super) fn managed(id: String, name: &str) -> Self {
        let permissions = permission::NAMES
            .iter()
            .copied()
            .map(str::to_owned)
            .collect();
        Self {
            id,
            name: name.to_owned(),
            managed: true,
            permissions,
            created_at: FOUNDED,
        }
    }

    pub(super) fn custom(
        id: String,
        name: &str,
        permissions: &[&str],
        now: OffsetDateTime,
    ) -> Self {
        let permissions = permissions.iter().copied().map(str::to_owned).collect();
        Self {
            id,
            name: name.to_owned(),
            managed: false,
            permissions,
            created_at: now,
        }
    }

    /// The role with its permissions. Only managed ones say that they are (recorded).
    pub(super) fn resource(&self) -> Value {
        let permissions: Vec<_> = self
            .permissions
            .iter()
            .map(|name| json!({"type": "permissions", "id": permission::id(name)}))
            .collect();
        let mut role = self.summary();
        role["relationships"] = json!({"permissions": {"data": permissions}});
        role
    }

    /// The role without its permissions, as `included` beside an application key shows it.
    pub(super) fn summary(&self) -> Value {
        let mut role = json!({"type": "roles", "id": self.id, "attributes": {"name": self.name}});
        if self.managed {
            role["attributes"]["managed"] = Value::Bool(true);
        }
        role["attributes"]["created_at"] = timestamp(self.created_at).into();
        role["attributes"]["modified_at"] = timestamp(self.created_at).into();
        role
    }
}
