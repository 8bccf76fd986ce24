//! `/api/v2/users`, `/api/v2/service_accounts`, `/api/v2/roles` and `/api/v2/current_user`.

use bytes::Bytes;
use http::{Request, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::access::Caller;
use super::body::{Data, Relationships};
use super::endpoint::Act;
use super::reply::{Refusal, Reply};
use super::user::{Role, Status, User};
use super::{Datadog, permission};

#[derive(Debug, Deserialize)]
struct NewUser {
    email: String,
    name: Option<String>,
    title: Option<String>,
}

#[derive(Debug, Deserialize)]
struct EditedUser {
    email: Option<String>,
    name: Option<String>,
    disabled: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct NewRole {
    name: String,
}

impl Datadog {
    pub(super) fn users(
        &mut self,
        now: OffsetDateTime,
        act: Act<'_>,
        request: &Request<Bytes>,
    ) -> Result<Reply, Refusal> {
        match act {
            Act::Create => {
                let Data {
                    attributes,
                    relationships,
                    ..
                } = Data::<NewUser>::parse(request.body(), "users")?;
                let user = User::human(self.generator.id(), &attributes.email, now);
                self.add_user(user, attributes, &relationships)
            }
            Act::Get(id) => {
                // This text is GET's alone, the other methods name the id (recorded).
                let user = self
                    .user(id)
                    .ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "user not found"))?;
                Ok(Reply::ok(&self.user_document(user)))
            }
            Act::Edit(id) => self.edit_user(now, id, request.body()),
            Act::Delete(id) => self.disable_user(now, id),
            Act::List => Err(Refusal::no_such_path()),
        }
    }

    /// A service account; only one who manages access may grant it a role that grants more than
    /// the caller has (documented).
    pub(super) fn new_service_account(
        &mut self,
        now: OffsetDateTime,
        caller: &Caller,
        request: &Request<Bytes>,
    ) -> Result<Reply, Refusal> {
        let Data {
            attributes,
            relationships,
            ..
        } = Data::<NewUser>::parse(request.body(), "users")?;
        let account = User::service_account(self.generator.id(), &attributes.email, now);
        let mut granted = self
            .roles
            .iter()
            .filter(|role| relationships.roles.ids().any(|id| id == role.id));
        let exceeds = granted.any(|role| {
            role.permissions
                .iter()
                .any(|permission| !caller.may(permission))
        });
        if exceeds && !caller.may("user_access_manage") {
            return Err(Refusal::forbidden());
        }
        self.add_user(account, attributes, &relationships)
    }

    pub(super) fn current_user(&self, caller: &Caller) -> Result<Reply, Refusal> {
        let user = self.user(&caller.user).ok_or_else(Refusal::forbidden)?;
        Ok(Reply::ok(&self.current_user_document(user)))
    }

    /// The caller as recorded in 2026: with more about the account, and its organisation included.
    fn current_user_document(&self, user: &User) -> Value {
        let mut document = self.user_document(user);
        let data = &mut document["data"];
        data["attributes"]["uuid"] = user.id.clone().into();
        data["attributes"]["last_login_time"] = Value::Null;
        data["relationships"]["team_roles"] = json!({"data": []});
        let organisation = json!({
            "type": "orgs",
            "id": self.organisation,
            "attributes": {"name": "Sandbox", "public_id": self.organisation, "disabled": false},
        });
        let mut included = vec![organisation];
        if self.settings.odd_resources {
            included.push(json!({
                "type": "badges",
                "id": 7,
                "attributes": {"name": {"en": "Founder"}, "permissions": "all"},
                "relationships": {"permissions": {"data": null}},
            }));
        }
        if let Some(Value::Array(rest)) = document.get_mut("included").map(Value::take) {
            included.extend(rest);
        }
        document["included"] = included.into();
        document
    }

    pub(super) fn roles(
        &mut self,
        now: OffsetDateTime,
        act: Act<'_>,
        request: &Request<Bytes>,
    ) -> Result<Reply, Refusal> {
        match act {
            Act::Create => {
                let Data {
                    attributes,
                    relationships,
                    ..
                } = Data::<NewRole>::parse(request.body(), "roles")?;
                let asked = permission::NAMES.iter().copied().filter(|name| {
                    let id = permission::id(name);
                    relationships.permissions.ids().any(|asked| asked == id)
                });
                let mut permissions = permission::OF_EVERY_NEW_ROLE.to_vec();
                permissions
                    .extend(asked.filter(|name| !permission::OF_EVERY_NEW_ROLE.contains(name)));
                let role = Role::custom(self.generator.id(), &attributes.name, &permissions, now);
                let reply = Reply::ok(&json!({"data": role.resource()}));
                self.roles.push(role);
                Ok(reply)
            }
            Act::Delete(id) => {
                let role = self
                    .roles
                    .iter()
                    .position(|role| role.id == id && !role.managed);
                let role =
                    role.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "Role not found"))?;
                self.roles.remove(role);
                self.users
                    .iter_mut()
                    .for_each(|user| user.roles.retain(|held| held != id));
                Ok(Reply::deleted())
            }
            Act::List | Act::Get(_) | Act::Edit(_) => Err(Refusal::no_such_path()),
        }
    }

    pub(super) fn user(&self, id: &str) -> Option<&User> {
        self.users.iter().find(|user| user.id == id)
    }

    /// Only active users' application keys work.
    pub(super) fn is_active(&self, id: &str) -> bool {
        self.user(id)
            .is_some_and(|user| user.status == Status::Active)
    }

    /// The service account; anything else by that id is refused (synthetic).
    pub(super) fn service_account(&self, id: &str) -> Result<&User, Refusal> {
        let account = self.user(id).filter(|user| user.service_account);
        account.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "Service account not found"))
    }

    fn add_user(
        &mut self,
        mut user: User,
        new: NewUser,
        asked: &Relationships,
    ) -> Result<Reply, Refusal> {
        let roles: Vec<_> = asked.roles.ids().map(str::to_owned).collect();
        if roles
            .iter()
            .any(|id| !self.roles.iter().any(|role| role.id == *id))
        {
            return Err(Refusal::bad_request("Role not found"));
        }
        (user.name, user.title, user.roles) = (new.name, new.title, roles);
        let mut document = self.user_document(&user);
        if user.service_account {
            // Recorded in 2026, of service accounts alone.
            document["data"]["attributes"]["uuid"] = user.id.clone().into();
            document["data"]["attributes"]["last_login_time"] = Value::Null;
        }
        let reply = Reply::created(&document);
        self.users.push(user);
        Ok(reply)
    }

    fn edit_user(&mut self, now: OffsetDateTime, id: &str, body: &Bytes) -> Result<Reply, Refusal> {
        let data = Data::<EditedUser>::parse(body, "users")?;
        data.demand_id(id, StatusCode::UNPROCESSABLE_ENTITY)?;
        let edit = data.attributes;
        let user = self
            .users
            .iter_mut()
            .find(|user| user.id == id)
            .ok_or_else(|| no_such_user(id))?;
        user.modified_at = now;
        user.name = edit.name.or(user.name.take());
        user.email = edit
            .email
            .map_or_else(|| user.email.clone(), |email| email.to_lowercase());
        match edit.disabled {
            Some(true) => self.disable(now, id),
            Some(false) if user.status == Status::Disabled => user.status = Status::Active,
            _ => {}
        }
        let user = self.user(id).ok_or_else(|| no_such_user(id))?;
        Ok(Reply::ok(&self.user_document(user)))
    }

    /// Disables the user. One who has not accepted the invitation is not found (recorded).
    fn disable_user(&mut self, now: OffsetDateTime, id: &str) -> Result<Reply, Refusal> {
        let user = self.user(id).filter(|user| user.status != Status::Pending);
        user.ok_or_else(|| no_such_user(id))?;
        self.disable(now, id);
        Ok(Reply::disabled())
    }

    /// The user with roles and their permissions, if it has any.
    fn user_document(&self, user: &User) -> Value {
        let mut document = json!({"data": user.data(&self.organisation)});
        let roles: Vec<_> = self
            .roles
            .iter()
            .filter(|role| user.roles.contains(&role.id))
            .collect();
        if !roles.is_empty() {
            let mut permissions = Vec::new();
            for name in roles.iter().flat_map(|role| &role.permissions) {
                let permission = permission::resource(name);
                if !permissions.contains(&permission) {
                    permissions.push(permission);
                }
            }
            document["included"] = roles
                .iter()
                .map(|role| role.resource())
                .chain(permissions)
                .collect();
        }
        document
    }
}

fn no_such_user(id: &str) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, format!("{id} not found"))
}
