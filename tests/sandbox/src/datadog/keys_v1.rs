//! `/api/v1/api_key` and `/api/v1/application_key`: the same keys, named in paths by their texts.
//!
//! The texts of refusals, and what an application key looks like, are recorded (2020, in the Go client's
//! cassettes); what an API key looks like is documented.

use bytes::Bytes;
use http::{Request, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::Datadog;
use super::access::Caller;
use super::endpoint::{Act, Surface};
use super::key::Key;
use super::reply::{Refusal, Reply};

const CREATED: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");

/// As the second version calls them.
const API_KEYS: &str = "api_keys";
const APPLICATION_KEYS: &str = "application_keys";

#[derive(Debug, Deserialize)]
struct Named {
    name: Option<String>,
}

impl Datadog {
    pub(super) fn api_keys_v1(
        &mut self,
        now: OffsetDateTime,
        caller: &Caller,
        act: Act<'_>,
        request: &Request<Bytes>,
    ) -> Result<Reply, Refusal> {
        let id = match act {
            Act::List => {
                let keys = self.keys.iter();
                let listed = keys.filter(|key| key.is_own_api_key() && self.is_listed(now, key));
                let keys: Vec<_> = listed.map(|key| self.api_key_v1(key)).collect();
                return Ok(Reply::ok(&json!({ "api_keys": keys })));
            }
            Act::Create => {
                let body = named(API_KEYS, None, request)?;
                self.api_keys(now, caller, Act::Create, &body)?;
                self.keys.last().map(|key| key.id.clone())
            }
            // What is missing from the body is told first (recorded).
            Act::Edit(_) if name(request.body()).is_err() => return Err(name_is_missing()),
            Act::Get(text) | Act::Edit(text) | Act::Delete(text) => {
                let mut keys = self.keys.iter();
                let found =
                    keys.find(|key| key.is_own_api_key() && key.is_live() && key.value == text);
                found.map(|key| key.id.clone())
            }
        };
        let id = id.ok_or_else(Refusal::no_such_api_key)?;
        match act {
            Act::Get(_) => drop(self.api_keys(now, caller, Act::Get(&id), request)?),
            Act::Edit(_) => {
                let body = named(API_KEYS, Some(&id), request)?;
                self.api_keys(now, caller, Act::Edit(&id), &body)?;
            }
            Act::Delete(_) => drop(self.api_keys(now, caller, Act::Delete(&id), request)?),
            Act::Create | Act::List => {}
        }
        let key = self.keys.iter().find(|key| key.id == id);
        let key = key.ok_or_else(Refusal::no_such_api_key)?;
        Ok(Reply::ok(&json!({ "api_key": self.api_key_v1(key) })))
    }

    /// Those of the caller (synthetic: the documentation speaks of all that the account has).
    pub(super) fn application_keys_v1(
        &mut self,
        now: OffsetDateTime,
        caller: &Caller,
        act: Act<'_>,
        request: &Request<Bytes>,
    ) -> Result<Reply, Refusal> {
        // That it is disabled there is documented, the answer is synthetic.
        if self.settings.one_time_read {
            return Err(Refusal::forbidden());
        }
        let is_own =
            |key: &Key| key.is_application_key() && key.is_live() && key.owner == caller.user;
        let surface = Surface::CurrentUser;
        let id = match act {
            Act::List => {
                let keys = self.keys.iter();
                let listed = keys.filter(|key| is_own(key) && self.is_listed(now, key));
                let keys: Vec<_> = listed.map(|key| self.application_key_v1(key)).collect();
                return Ok(Reply::ok(&json!({ "application_keys": keys })));
            }
            Act::Create => {
                let name = name(request.body())?;
                if self.keys.iter().any(|key| is_own(key) && key.name == name) {
                    return Err(Refusal::new(
                        StatusCode::CONFLICT,
                        format!("An application key with the name {name} already exists"),
                    ));
                }
                let body = named(APPLICATION_KEYS, None, request)?;
                self.application_keys(now, caller, surface, Act::Create, &body)?;
                self.keys.last().map(|key| key.id.clone())
            }
            Act::Edit(_) if name(request.body()).is_err() => return Err(name_is_missing()),
            Act::Get(text) | Act::Edit(text) | Act::Delete(text) => {
                let mut keys = self.keys.iter();
                let found = keys.find(|key| is_own(key) && key.value == text);
                found.map(|key| key.id.clone())
            }
        };
        let id = id.ok_or_else(Refusal::no_such_application_key)?;
        match act {
            Act::Get(_) => {
                self.application_keys(now, caller, surface, Act::Get(&id), request)?;
            }
            Act::Edit(_) => {
                let body = named(APPLICATION_KEYS, Some(&id), request)?;
                self.application_keys(now, caller, surface, Act::Edit(&id), &body)?;
            }
            Act::Delete(_) => {
                self.application_keys(now, caller, surface, Act::Delete(&id), request)?;
            }
            Act::Create | Act::List => {}
        }
        let key = self.keys.iter().find(|key| key.id == id);
        let key = key.ok_or_else(Refusal::no_such_application_key)?;
        Ok(Reply::ok(
            &json!({ "application_key": self.application_key_v1(key) }),
        ))
    }

    fn api_key_v1(&self, key: &Key) -> Value {
        json!({
            "created_by": self.email_of(&key.owner),
            "created": created(key),
            "key": key.value,
            "name": key.name_shown(&self.settings),
        })
    }

    /// `hash` is the key's text: it is what the path of a deletion has (recorded).
    fn application_key_v1(&self, key: &Key) -> Value {
        json!({
            "owner": self.email_of(&key.owner),
            "hash": key.value,
            "name": key.name_shown(&self.settings),
        })
    }

    fn email_of<'a>(&'a self, id: &'a str) -> &'a str {
        let user = self.users.iter().find(|user| user.id == id);
        user.map_or(id, |user| &user.email)
    }
}

/// The request as the second version takes it.
fn named(
    kind: &str,
    id: Option<&str>,
    request: &Request<Bytes>,
) -> Result<Request<Bytes>, Refusal> {
    let mut data = json!({ "type": kind, "attributes": { "name": name(request.body())? } });
    if let Some(id) = id {
        data["id"] = id.into();
    }
    Ok(request
        .clone()
        .map(|_| json!({ "data": data }).to_string().into()))
}

fn name(body: &Bytes) -> Result<String, Refusal> {
    let named = serde_json::from_slice::<Named>(body)
        .map_err(|error| Refusal::bad_request(error.to_string()))?;
    named.name.ok_or_else(name_is_missing)
}

/// Recorded.
fn name_is_missing() -> Refusal {
    Refusal::bad_request("Required parameter 'name' is missing")
}

fn created(key: &Key) -> String {
    #[expect(
        clippy::expect_used,
        reason = "the format has no component that a date could lack"
    )]
    key.created_at
        .to_utc()
        .format(CREATED)
        .expect("a date has every component of the format")
}
