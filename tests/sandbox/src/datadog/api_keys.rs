//! `/api/v2/api_keys`.

use bytes::Bytes;
use http::{Request, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

use super::Datadog;
use super::access::Caller;
use super::body::Data;
use super::endpoint::Act;
use super::key::{Class, Key, Minted};
use super::page::Query;
use super::reply::{Refusal, Reply, timestamp};
use super::settings::{ReadOnly, Settings};

/// Documented; no recorded list of API keys is long enough to tell.
const DEFAULT_PAGE: usize = 10;

#[derive(Debug, Deserialize)]
struct Attributes {
    name: String,
    category: Option<String>,
    remote_config_read_enabled: Option<bool>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// What an answer shows of a key beyond its last four characters.
#[derive(Debug, Clone, Copy)]
struct Shown {
    value: bool,
    usage: bool,
}

impl Datadog {
    pub(super) fn api_keys(
        &mut self,
        now: OffsetDateTime,
        caller: &Caller,
        act: Act<'_>,
        request: &Request<Bytes>,
    ) -> Result<Reply, Refusal> {
        match act {
            Act::Create => self.create_api_key_for(now, caller, request.body()),
            Act::List => self.list_api_keys(now, &Query::of(request.uri())),
            Act::Get(id) => self.get_api_key(now, id, &Query::of(request.uri())),
            Act::Edit(id) => self.edit_api_key(now, caller, id, request.body()),
            Act::Delete(id) => self.delete_api_key(now, id),
        }
    }

    fn create_api_key_for(
        &mut self,
        now: OffsetDateTime,
        caller: &Caller,
        body: &Bytes,
    ) -> Result<Reply, Refusal> {
        let Attributes {
            name,
            category,
            remote_config_read_enabled,
            others,
        } = Data::<Attributes>::parse(body, "api_keys")?.attributes;
        self.demand_api_key_name(&name, None)?;
        if self.live_api_keys() >= self.settings.api_key_quota {
            return Err(Refusal::api_key_quota());
        }
        let mut read_only = self.settings.read_only_attributes.clone();
        for (attribute, value) in &mut read_only {
            let Some(asked) = others.get(attribute).and_then(Value::as_bool) else {
                continue;
            };
            match self.settings.asked_for_read_only {
                ReadOnly::Ignored => {}
                ReadOnly::Taken => *value = asked,
                ReadOnly::Refused => return Err(Refusal::invalid_value(attribute, "read-only")),
            }
        }
        let class = Class::Api {
            category: category.unwrap_or_else(|| "default".to_owned()),
            remote_config_read_enabled: remote_config_read_enabled.unwrap_or(true),
            read_only,
        };
        let minted = Minted {
            id: self.generator.id(),
            value: if self.settings.new_shape {
                self.generator.of_new_shape()
            } else {
                self.generator.api_key()
            },
        };
        let key = Key::new(class, minted, &name, &caller.user, now).spreading(&self.settings);
        let reply = Reply::created(
            &json!({"data": resource(&self.settings, now, &key, Shown { value: true, usage: false })}),
        );
        self.keys.push(key);
        Ok(reply)
    }

    fn list_api_keys(&self, now: OffsetDateTime, query: &Query) -> Result<Reply, Refusal> {
        let keys = self
            .keys
            .iter()
            .filter(|key| key.is_own_api_key() && self.is_listed(now, key));
        let page = query.page(keys, DEFAULT_PAGE, self.settings.most_per_page)?;
        let shown = Shown {
            value: false,
            usage: true,
        };
        let data: Vec<_> = page
            .keys
            .iter()
            .map(|key| resource(&self.settings, now, key, shown))
            .collect();
        let mut body = json!({"data": data});
        self.include_users(&mut body, &page.keys, query);
        body["meta"] = json!({"page": {"total_filtered_count": page.total}, "max_allowed": self.settings.api_key_quota});
        Ok(Reply::ok(&body))
    }

    fn get_api_key(&self, now: OffsetDateTime, id: &str, query: &Query) -> Result<Reply, Refusal> {
        let key = self
            .api_key(id)
            .filter(|key| self.is_known_by_id(now, key))
            .ok_or_else(Refusal::no_such_api_key)?;
        let shown = Shown {
            value: self.settings.get_shows_api_key_value,
            usage: true,
        };
        let mut body = json!({"data": resource(&self.settings, now, key, shown)});
        self.include_users(&mut body, &[key], query);
        Ok(Reply::ok(&body))
    }

    fn edit_api_key(
        &mut self,
        now: OffsetDateTime,
        caller: &Caller,
        id: &str,
        body: &Bytes,
    ) -> Result<Reply, Refusal> {
        // An edit of a revoked key is answered as if it were not there (synthetic).
        self.api_key(id)
            .filter(|key| key.is_live() && self.is_known_by_id(now, key))
            .ok_or_else(Refusal::no_such_api_key)?;
        let data = Data::<Attributes>::parse(body, "api_keys")?;
        data.demand_id(id, StatusCode::BAD_REQUEST)?;
        let edit = data.attributes;
        self.demand_api_key_name(&edit.name, Some(id))?;
        let shown = Shown {
            value: self.settings.get_shows_api_key_value,
            usage: false,
        };
        let key = self
            .keys
            .iter_mut()
            .find(|key| key.id == id)
            .ok_or_else(Refusal::no_such_api_key)?;
        if let Class::Api {
            category,
            remote_config_read_enabled,
            ..
        } = &mut key.class
        {
            *category = edit.category.unwrap_or_else(|| category.clone());
            *remote_config_read_enabled = edit
                .remote_config_read_enabled
                .unwrap_or(*remote_config_read_enabled);
        }
        key.name = edit.name;
        key.modified_at = now;
        key.modified_by.clone_from(&caller.user);
        let key = &*key;
        Ok(Reply::ok(
            &json!({"data": resource(&self.settings, now, key, shown)}),
        ))
    }

    /// Revokes the key: it leaves the lists, while GET tells of it (documented; recorded nowhere).
    fn delete_api_key(&mut self, now: OffsetDateTime, id: &str) -> Result<Reply, Refusal> {
        let is_last = self.live_api_keys() == 1;
        let deleting_revoked = self.settings.deleting_revoked_api_key;
        let lag = self.edges.here().by_id;
        let undeletable = self.undeletable.get(id).copied();
        let mut keys = self.keys.iter_mut();
        let key = keys
            .find(|key| key.is_own_api_key() && key.id == id && key.has_reached(now, lag))
            .ok_or_else(Refusal::no_such_api_key)?;
        if let Some(status) = undeletable {
            return Err(Refusal::new(status, "This key can't be deleted"));
        }
        if !key.is_live() {
            return match deleting_revoked {
                StatusCode::NOT_FOUND => Err(Refusal::no_such_api_key()),
                StatusCode::NO_CONTENT => Ok(Reply::deleted()),
                status => Err(Refusal::new(status, "API key is revoked")),
            };
        }
        if is_last {
            // That one must stay is documented, this answer is synthetic.
            return Err(Refusal::bad_request("The last API key cannot be deleted"));
        }
        key.revoke(now);
        Ok(Reply::deleted())
    }

    fn api_key(&self, id: &str) -> Option<&Key> {
        self.keys
            .iter()
            .find(|key| key.is_own_api_key() && key.id == id)
    }

    fn live_api_keys(&self) -> usize {
        self.keys
            .iter()
            .filter(|key| key.is_own_api_key() && key.is_live())
            .count()
    }

    /// Refuses a blank name, and one that an API key other than `edited` holds.
    fn demand_api_key_name(&self, name: &str, edited: Option<&str>) -> Result<(), Refusal> {
        if name.trim().is_empty() {
            return Err(Refusal::bad_request("Name cannot be blank"));
        }
        let keeps_name = |key: &Key| key.is_live() || self.settings.revoked_api_key_keeps_name;
        let mut others = self
            .keys
            .iter()
            .filter(|key| key.is_own_api_key() && Some(key.id.as_str()) != edited);
        match self.settings.taken_api_key_name {
            Some(status) if others.any(|key| key.name == name && keeps_name(key)) => Err(
                Refusal::new(status, "An API key with this name already exists"),
            ),
            _ => Ok(()),
        }
    }

    /// `included` with the users that the query asks for (documented).
    fn include_users(&self, body: &mut Value, keys: &[&Key], query: &Query) {
        let by = |relationship, user: fn(&Key) -> &String| {
            let keys = keys.iter().filter(move |_| query.includes(relationship));
            keys.map(move |key| user(key))
        };
        let wanted: Vec<_> = by("created_by", |key| &key.owner)
            .chain(by("modified_by", |key| &key.modified_by))
            .collect();
        if !wanted.is_empty() {
            let users = self.users.iter().filter(|user| wanted.contains(&&user.id));
            body["included"] = users.map(super::user::User::resource).collect();
        }
    }
}

/// The key as recorded since 2025; only a revoked one has a `status`.
fn resource(settings: &Settings, now: OffsetDateTime, key: &Key, shown: Shown) -> Value {
    let mut attributes = Map::new();
    let mut put = |name: &str, value: Value| attributes.insert(name.to_owned(), value);
    put("created_at", timestamp(key.created_at).into());
    if shown.value {
        put("key", key.value.clone().into());
    }
    put("last4", key.last4().into());
    put("modified_at", timestamp(key.modified_at).into());
    if let Class::Api {
        category,
        remote_config_read_enabled,
        read_only,
    } = &key.class
    {
        put(
            "remote_config_read_enabled",
            (*remote_config_read_enabled).into(),
        );
        put("category", category.clone().into());
        for (name, value) in read_only {
            put(name, (*value).into());
        }
    }
    put("name", key.name_shown(settings).into());
    if shown.usage {
        let last_used = key.last_used_at.map(timestamp);
        let is_recent = key.last_used_at.is_some_and(|at| now - at < Duration::DAY);
        put("date_last_used", last_used.clone().into());
        put("used_in_last_24_hours", is_recent.into());
        put(
            "last_used_date",
            json!({"timestamp": last_used, "description": "Last use, null if never used"}),
        );
    }
    if !key.is_live() {
        put("status", "revoked".into());
    }
    let user = |id: &str| json!({"data": {"type": "users", "id": id}});
    json!({
        "type": "api_keys",
        "attributes": attributes,
        "relationships": {
            "created_by": user(&key.owner),
            "modified_by": user(&key.modified_by),
            "leak_information": {"data": null},
        },
        "id": key.id,
    })
}
