//! Application keys, on the three surfaces through which they are reached.

use bytes::Bytes;
use http::{Request, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::access::Caller;
use super::body::Data;
use super::endpoint::{Act, Surface};
use super::key::{Class, Key, Minted};
use super::page::Query;
use super::reply::{Refusal, Reply, timestamp};
use super::settings::Settings;
use super::user::{Role, User};
use super::{Datadog, scopes};

/// Recorded: the organisation's list without a query has 100 of 146 keys, though 10 is documented.
const DEFAULT_PAGE: usize = 100;

#[derive(Debug, Deserialize)]
struct New {
    name: String,
    scopes: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct Edit {
    name: Option<String>,
    #[serde(default)]
    scopes: scopes::Edited,
}

/// What an answer shows of a key beyond its last four characters.
#[derive(Debug, Clone, Copy)]
struct Shown {
    value: bool,
    usage: bool,
    owner: bool,
}

impl Datadog {
    pub(super) fn application_keys(
        &mut self,
        now: OffsetDateTime,
        caller: &Caller,
        surface: Surface<'_>,
        act: Act<'_>,
        request: &Request<Bytes>,
    ) -> Result<Reply, Refusal> {
        let owner = match surface {
            Surface::ServiceAccount(id) => Some(self.service_account(id)?.id.clone()),
            Surface::CurrentUser => Some(caller.user.clone()),
            Surface::Organisation => None,
        };
        // Documented.
        if caller.access_token.is_some() && matches!(act, Act::Create | Act::Edit(_)) {
            return Err(Refusal::forbidden());
        }
        let query = Query::of(request.uri());
        match (act, owner) {
            (Act::Create, Some(owner)) => {
                self.create_application_key_for(now, &owner, request.body())
            }
            // No key can be made without an owner; the surface has no such endpoint.
            (Act::Create, None) => Err(Refusal::no_such_path()),
            (Act::List, owner) => {
                self.list_application_keys(now, surface, owner.as_deref(), &query)
            }
            (Act::Get(id), owner) => {
                self.get_application_key(now, surface, owner.as_deref(), id, &query)
            }
            (Act::Edit(id), owner) => {
                self.edit_application_key(now, surface, owner.as_deref(), id, request.body())
            }
            (Act::Delete(id), owner) => {
                let undeletable = self.undeletable.get(id).copied();
                let key = self.live_application_key(now, owner.as_deref(), id)?;
                if let Some(status) = undeletable {
                    return Err(Refusal::new(status, "This key can't be deleted"));
                }
                key.revoke(now);
                Ok(Reply::deleted())
            }
        }
    }

    fn create_application_key_for(
        &mut self,
        now: OffsetDateTime,
        owner: &str,
        body: &Bytes,
    ) -> Result<Reply, Refusal> {
        let New { name, scopes } = Data::<New>::parse(body, "application_keys")?.attributes;
        let scopes = scopes::known(scopes)?;
        self.demand_application_key_name(owner, &name, None)?;
        let held = self
            .keys
            .iter()
            .filter(|key| is_of(key, Some(owner)))
            .count();
        if held >= self.settings.application_key_quota {
            return Err(Refusal::bad_request(
                "You have exceeded the maximum number of permitted application keys",
            ));
        }
        let minted = Minted {
            id: self.generator.id(),
            value: if self.settings.new_shape {
                self.generator.of_new_shape()
            } else {
                self.generator.application_key()
            },
        };
        let key = Key::new(Class::Application { scopes }, minted, &name, owner, now)
            .spreading(&self.settings);
        let shown = Shown {
            value: true,
            usage: false,
            owner: true,
        };
        let reply = Reply::created(&json!({"data": resource(&self.settings, &key, shown)}));
        self.keys.push(key);
        Ok(reply)
    }

    fn list_application_keys(
        &self,
        now: OffsetDateTime,
        surface: Surface<'_>,
        owner: Option<&str>,
        query: &Query,
    ) -> Result<Reply, Refusal> {
        let keys = self
            .keys
            .iter()
            .filter(|key| is_of(key, owner) && self.is_listed(now, key));
        let page = query.page(keys, DEFAULT_PAGE, self.settings.most_per_page)?;
        let shown = Shown {
            value: false,
            usage: true,
            owner: surface == Surface::Organisation,
        };
        let data: Vec<_> = page
            .keys
            .iter()
            .map(|key| resource(&self.settings, key, shown))
            .collect();
        let mut body = json!({"data": data});
        if query.includes("owned_by") && !page.keys.is_empty() {
            let owners = self
                .users
                .iter()
                .filter(|user| page.keys.iter().any(|key| key.owner == user.id));
            body["included"] = owners.map(User::resource).collect();
        }
        body["meta"] = json!({
            "page": {"total_filtered_count": page.total},
            "max_allowed_per_user": self.settings.application_key_quota,
        });
        Ok(Reply::ok(&body))
    }

    fn get_application_key(
        &self,
        now: OffsetDateTime,
        surface: Surface<'_>,
        owner: Option<&str>,
        id: &str,
        query: &Query,
    ) -> Result<Reply, Refusal> {
        let key = self
            .keys
            .iter()
            .find(|key| is_of(key, owner) && key.id == id && self.is_known_by_id(now, key));
        let key = key.ok_or_else(Refusal::no_such_application_key)?;
        let shown = Shown {
            value: self.shows_value(surface),
            usage: true,
            owner: shows_owner(surface),
        };
        let mut body = json!({"data": resource(&self.settings, key, shown)});
        // The caller's own key comes with owner and roles unasked (recorded).
        if surface == Surface::CurrentUser || query.includes("owned_by") {
            body["included"] = self.owner_and_roles(key).into();
        }
        Ok(Reply::ok(&body))
    }

    fn edit_application_key(
        &mut self,
        now: OffsetDateTime,
        surface: Surface<'_>,
        owner: Option<&str>,
        id: &str,
        body: &Bytes,
    ) -> Result<Reply, Refusal> {
        let holder = self.live_application_key(now, owner, id)?.owner.clone();
        let data = Data::<Edit>::parse(body, "application_keys")?;
        data.demand_id(id, StatusCode::BAD_REQUEST)?;
        let Edit { name, scopes } = data.attributes;
        let class = match scopes {
            scopes::Edited::Kept => None,
            scopes::Edited::Replaced(scopes) => Some(Class::Application {
                scopes: scopes::known(scopes)?,
            }),
        };
        if let Some(name) = &name {
            self.demand_application_key_name(&holder, name, Some(id))?;
        }
        let shown = Shown {
            value: self.shows_value(surface),
            usage: false,
            owner: shows_owner(surface),
        };
        let settings = self.settings.clone();
        let key = self.live_application_key(now, owner, id)?;
        key.name = name.unwrap_or_else(|| key.name.clone());
        key.class = class.unwrap_or_else(|| key.class.clone());
        key.modified_at = now;
        Ok(Reply::ok(&json!({"data": resource(&settings, key, shown)})))
    }

    /// Whether answers other than the creation's show the text: never that of a service account's
    /// key, nor on the organisation's surface (recorded).
    fn shows_value(&self, surface: Surface<'_>) -> bool {
        surface == Surface::CurrentUser && !self.settings.one_time_read
    }

    fn live_application_key(
        &mut self,
        now: OffsetDateTime,
        owner: Option<&str>,
        id: &str,
    ) -> Result<&mut Key, Refusal> {
        let lag = self.edges.here().by_id;
        let mut keys = self.keys.iter_mut();
        keys.find(|key| is_of(key, owner) && key.id == id && key.has_reached(now, lag))
            .ok_or_else(Refusal::no_such_application_key)
    }

    fn owner_and_roles(&self, key: &Key) -> Vec<Value> {
        let owner = self.user(&key.owner);
        let held = self
            .roles
            .iter()
            .filter(|role| owner.is_some_and(|owner| owner.roles.contains(&role.id)));
        owner
            .map(User::resource)
            .into_iter()
            .chain(held.map(Role::summary))
            .collect()
    }

    /// Refuses a blank name, and one that a key of `owner` other than `edited` bears.
    fn demand_application_key_name(
        &self,
        owner: &str,
        name: &str,
        edited: Option<&str>,
    ) -> Result<(), Refusal> {
        if name.trim().is_empty() {
            return Err(Refusal::bad_request("Name cannot be blank"));
        }
        let mut others = self
            .keys
            .iter()
            .filter(|key| is_of(key, Some(owner)) && Some(key.id.as_str()) != edited);
        match self.settings.taken_application_key_name {
            Some(status) if others.any(|key| key.name == name) => Err(Refusal::new(
                status,
                "An application key with this name already exists",
            )),
            _ => Ok(()),
        }
    }
}

/// Whether this is a live application key, of `owner` if one is named.
fn is_of(key: &Key, owner: Option<&str>) -> bool {
    key.is_application_key() && key.is_live() && owner.is_none_or(|owner| key.owner == owner)
}

/// The service account's own surface is silent about the owner (recorded).
fn shows_owner(surface: Surface<'_>) -> bool {
    !matches!(surface, Surface::ServiceAccount(_))
}

fn resource(settings: &Settings, key: &Key, shown: Shown) -> Value {
    let mut attributes = json!({
        "name": key.name_shown(settings),
        "created_at": timestamp(key.created_at),
        "last4": key.last4(),
    });
    if shown.value {
        attributes["key"] = key.value.clone().into();
    }
    attributes["scopes"] = json!(key.scopes());
    if shown.usage {
        attributes["last_used_at"] = key.last_used_at.map(timestamp).into();
    }
    let mut relationships = json!({});
    if shown.owner {
        relationships["owned_by"] = json!({"data": {"type": "users", "id": key.owner}});
    }
    relationships["leak_information"] = json!({"data": null});
    json!({"type": "application_keys", "id": key.id, "attributes": attributes, "relationships": relationships})
}
