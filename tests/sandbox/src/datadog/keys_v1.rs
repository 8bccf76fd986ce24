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

#[derive(Debug, Deserialize)]
struct Named {
    name: Option<String>,
}

/// A class of keys, with what its paths and answers have of their own.
struct Class {
    /// The name of a list in an answer, which is also the type in the second version.
    list: &'static str,
    /// The name of a key in an answer.
    one: &'static str,
    is_own: fn(&Key, &Caller) -> bool,
    shown: fn(&Datadog, &Key) -> Value,
    /// The same act on a key by its ID, or a creation.
    by_id: ById,
    none: fn() -> Refusal,
}

type ById =
    fn(&mut Datadog, OffsetDateTime, &Caller, Act<'_>, &Request<Bytes>) -> Result<Reply, Refusal>;

const API_KEY: Class = Class {
    list: "api_keys",
    one: "api_key",
    is_own: |key, _| key.is_own_api_key() && key.is_live(),
    shown: Datadog::api_key_v1,
    by_id: Datadog::api_keys,
    none: Refusal::no_such_api_key,
};

/// Those of the caller (synthetic: the documentation speaks of all that the account has).
const APPLICATION_KEY: Class = Class {
    list: "application_keys",
    one: "application_key",
    is_own: |key, caller| key.is_application_key() && key.is_live() && key.owner == caller.user,
    shown: Datadog::application_key_v1,
    by_id: |datadog, now, caller, act, request| {
        datadog.application_keys(now, caller, Surface::CurrentUser, act, request)
    },
    none: Refusal::no_such_application_key,
};

impl Datadog {
    pub(super) fn api_keys_v1(
        &mut self,
        now: OffsetDateTime,
        caller: &Caller,
        act: Act<'_>,
        request: &Request<Bytes>,
    ) -> Result<Reply, Refusal> {
        self.keys_v1(&API_KEY, now, caller, act, request)
    }

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
        if act == Act::Create {
            let name = name(request.body())?;
            let mut keys = self.keys.iter();
            if keys.any(|key| (APPLICATION_KEY.is_own)(key, caller) && key.name == name) {
                return Err(Refusal::new(
                    StatusCode::CONFLICT,
                    format!("An application key with the name {name} already exists"),
                ));
            }
        }
        self.keys_v1(&APPLICATION_KEY, now, caller, act, request)
    }

    fn keys_v1(
        &mut self,
        class: &Class,
        now: OffsetDateTime,
        caller: &Caller,
        act: Act<'_>,
        request: &Request<Bytes>,
    ) -> Result<Reply, Refusal> {
        let mut own = self.keys.iter().filter(|key| (class.is_own)(key, caller));
        let id = match act {
            Act::List => {
                let listed = own.filter(|key| self.is_listed(now, key));
                let keys: Vec<_> = listed.map(|key| (class.shown)(self, key)).collect();
                return Ok(Reply::ok(&json!({ class.list: keys })));
            }
            Act::Create => {
                let body = named(class.list, None, request)?;
                (class.by_id)(self, now, caller, Act::Create, &body)?;
                self.keys.last().map(|key| key.id.clone())
            }
            // What is missing from the body is told first (recorded).
            Act::Edit(_) if name(request.body()).is_err() => return Err(name_is_missing()),
            Act::Get(text) | Act::Edit(text) | Act::Delete(text) => {
                own.find(|key| key.value == text).map(|key| key.id.clone())
            }
        };
        let id = id.ok_or_else(class.none)?;
        match act {
            Act::Get(_) => drop((class.by_id)(self, now, caller, Act::Get(&id), request)?),
            Act::Edit(_) => {
                let body = named(class.list, Some(&id), request)?;
                (class.by_id)(self, now, caller, Act::Edit(&id), &body)?;
            }
            Act::Delete(_) => {
                (class.by_id)(self, now, caller, Act::Delete(&id), request)?;
            }
            Act::Create | Act::List => {}
        }
        let key = self.keys.iter().find(|key| key.id == id);
        let key = key.ok_or_else(class.none)?;
        Ok(Reply::ok(&json!({ class.one: (class.shown)(self, key) })))
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
