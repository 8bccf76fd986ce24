//! Service access tokens. Shapes and statuses are recorded; that an ended token is found by nobody
//! is synthetic.

use bytes::Bytes;
use http::{Request, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Duration, OffsetDateTime};

use super::access::Caller;
use super::body::Data;
use super::endpoint::Act;
use super::key::{Class, Key, Minted};
use super::page::Query;
use super::reply::{Refusal, Reply};
use super::settings::Settings;
use super::{Datadog, permission};

/// Synthetic; that of application keys.
const DEFAULT_PAGE: usize = 100;

/// Documented: a token ends after one day at least, and after a year at most.
const SHORTEST_LIFE: Duration = Duration::DAY;
const LONGEST_LIFE: Duration = Duration::days(365);

/// How far the clocks of a client and of this organisation may differ (synthetic).
const TOLERANCE: Duration = Duration::minutes(5);

const OF_CREATION: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:9]Z");
const LATER: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

#[derive(Debug, Deserialize)]
struct New {
    name: String,
    scopes: Vec<String>,
    expires_at: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Edit {
    name: Option<String>,
    scopes: Option<Vec<String>>,
}

/// Which answer shows a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// With its value, this once.
    Created,
    Read,
    Edited,
}

impl Datadog {
    pub(super) fn access_tokens(
        &mut self,
        now: OffsetDateTime,
        caller: &Caller,
        account: &str,
        act: Act<'_>,
        request: &Request<Bytes>,
    ) -> Result<Reply, Refusal> {
        let owner = self.service_account(account)?.id.clone();
        match act {
            Act::Create => self.create_token(now, caller, &owner, request.body()),
            Act::List => self.list_tokens(now, &owner, &Query::of(request.uri())),
            Act::Get(id) => {
                let settings = &self.settings;
                let is_there = |key: &Key| {
                    key.is_live()
                        || settings.finds_ended_tokens && key.is_over(now)
                        || settings.finds_revoked_tokens
                };
                let keys = self.keys.iter();
                let token = keys
                    .filter(|key| is_of(key, &owner) && is_there(key))
                    .find(|key| key.id == id && self.is_known_by_id(now, key))
                    .ok_or_else(no_such_token)?;
                Ok(answer(StatusCode::OK, &self.settings, token, Shown::Read))
            }
            Act::Edit(id) => self.edit_token(now, caller, &owner, id, request.body()),
            Act::Delete(id) => {
                let undeletable = self.undeletable.get(id).copied();
                let lag = self.edges.here().by_id;
                let mut keys = self.keys.iter_mut();
                let token = keys
                    .find(|key| is_of(key, &owner) && key.id == id && key.has_reached(now, lag))
                    .ok_or_else(no_such_token)?;
                if let Some(status) = undeletable {
                    return Err(Refusal::new(status, "This token can't be revoked"));
                }
                // A second DELETE is answered like the first (recorded).
                token.revoke(now);
                Ok(Reply::disabled())
            }
        }
    }

    fn create_token(
        &mut self,
        now: OffsetDateTime,
        caller: &Caller,
        owner: &str,
        body: &Bytes,
    ) -> Result<Reply, Refusal> {
        let New {
            name,
            scopes,
            expires_at,
        } = Data::<New>::parse(body, "service_access_tokens")?.attributes;
        if name.trim().is_empty() {
            return Err(Refusal::bad_request("Name cannot be blank"));
        }
        demand_scopes(&scopes)?;
        let expires_at = expires_at.as_deref().map(|text| expiry(now, text));
        let expires_at = expires_at.transpose()?;
        let creator = caller.access_token.as_deref().and_then(|id| self.key(id));
        if creator.is_some_and(|creator| exceeds(creator, &scopes, expires_at)) {
            return Err(Refusal::forbidden());
        }
        let minted = Minted {
            id: self.generator.id(),
            value: if self.settings.new_shape {
                self.generator.of_new_shape()
            } else {
                self.generator.access_token()
            },
        };
        let class = Class::AccessToken { scopes, expires_at };
        let token = Key::new(class, minted, &name, owner, now).spreading(&self.settings);
        let reply = answer(StatusCode::CREATED, &self.settings, &token, Shown::Created);
        self.keys.push(token);
        Ok(reply)
    }

    fn list_tokens(
        &self,
        now: OffsetDateTime,
        owner: &str,
        query: &Query,
    ) -> Result<Reply, Refusal> {
        let tokens = self.keys.iter();
        let tokens = tokens.filter(|key| is_of(key, owner) && self.is_listed(now, key));
        let page = query.page(tokens, DEFAULT_PAGE, self.settings.most_per_page)?;
        let data: Vec<_> = page
            .keys
            .iter()
            .map(|token| resource(&self.settings, token, Shown::Read))
            .collect();
        let body = json!({
            "data": data,
            "meta": {"page": {"total_filtered_count": page.total}},
        });
        Ok(Reply::api(StatusCode::OK, &body))
    }

    fn edit_token(
        &mut self,
        now: OffsetDateTime,
        caller: &Caller,
        owner: &str,
        id: &str,
        body: &Bytes,
    ) -> Result<Reply, Refusal> {
        let data = Data::<Edit>::parse(body, "service_access_tokens")?;
        data.demand_id(id, StatusCode::BAD_REQUEST)?;
        let Edit { name, scopes } = data.attributes;
        scopes.as_deref().map_or(Ok(()), demand_scopes)?;
        // Otherwise a token could widen what it has created (inferred from the rule of creations).
        let editor = caller.access_token.as_deref().and_then(|id| self.key(id));
        let held = editor.map(|it| it.scopes().unwrap_or_default());
        let is_wider = |it: &String| held.is_some_and(|held| !held.contains(it));
        if scopes.iter().flatten().any(is_wider) {
            return Err(Refusal::forbidden());
        }
        let (settings, lag) = (self.settings.clone(), self.edges.here().by_id);
        let mut keys = self.keys.iter_mut();
        let token = keys
            .find(|key| {
                is_of(key, owner) && key.is_live() && key.id == id && key.has_reached(now, lag)
            })
            .ok_or_else(no_such_token)?;
        if let Some(name) = name {
            token.name = name;
        }
        if let (Some(new), Class::AccessToken { scopes, .. }) = (scopes, &mut token.class) {
            *scopes = new;
        }
        token.modified_at = now;
        Ok(answer(StatusCode::OK, &settings, token, Shown::Edited))
    }

    /// Ends the tokens whose time has come.
    pub(super) fn end_tokens(&mut self, now: OffsetDateTime) {
        for token in self.keys.iter_mut().filter(|key| key.is_over(now)) {
            let at = token.expires_at().unwrap_or(now);
            token.revoke(at);
        }
    }
}

fn is_of(key: &Key, owner: &str) -> bool {
    key.is_access_token() && key.owner == owner
}

/// At least one is necessary, and each must be known (documented; the texts are synthetic).
fn demand_scopes(scopes: &[String]) -> Result<(), Refusal> {
    if scopes.is_empty() || !scopes.iter().all(|scope| permission::exists(scope)) {
        return Err(Refusal::bad_request("Invalid scopes"));
    }
    Ok(())
}

fn expiry(now: OffsetDateTime, text: &str) -> Result<OffsetDateTime, Refusal> {
    let refused = || Refusal::bad_request("Invalid expires_at");
    let at = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| refused())?;
    let life = at - now;
    if life + TOLERANCE < SHORTEST_LIFE || life - TOLERANCE > LONGEST_LIFE {
        return Err(refused());
    }
    Ok(at)
}

/// A token that a token makes may do no more, and lives no longer (documented).
fn exceeds(creator: &Key, scopes: &[String], expires_at: Option<OffsetDateTime>) -> bool {
    let held = creator.scopes().unwrap_or_default();
    let outlives = creator
        .expires_at()
        .is_some_and(|end| expires_at.is_none_or(|at| at > end));
    outlives || scopes.iter().any(|scope| !held.contains(scope))
}

/// Synthetic.
fn no_such_token() -> Refusal {
    Refusal::api(StatusCode::NOT_FOUND, "Not Found", Some("token not found"))
}

fn answer(status: StatusCode, settings: &Settings, token: &Key, shown: Shown) -> Reply {
    Reply::api(status, &json!({"data": resource(settings, token, shown)}))
}

fn resource(settings: &Settings, token: &Key, shown: Shown) -> Value {
    let created_at = match shown {
        Shown::Created => text(token.created_at, OF_CREATION),
        Shown::Read | Shown::Edited => text(token.created_at, LATER),
    };
    let mut attributes = json!({
        "name": token.name_shown(settings),
        "created_at": created_at,
        "expires_at": token.expires_at().map(|at| text(at, LATER)),
        "public_portion": public_portion(&token.value),
        "scopes": token.scopes(),
    });
    match shown {
        Shown::Created => attributes["key"] = token.value.clone().into(),
        Shown::Read | Shown::Edited => {
            let used = token.last_used_at.map(|at| text(at, LATER));
            attributes["last_used_at"] = used.into();
        }
    }
    if shown == Shown::Edited || token.modified_at != token.created_at {
        attributes["modified_at"] = text(token.modified_at, LATER).into();
    }
    let owner = json!({"data": {"type": "service_account", "id": token.owner}});
    json!({
        "type": "service_access_tokens",
        "id": token.id,
        "attributes": attributes,
        "relationships": {"owned_by": owner},
    })
}

/// Prefix and public half, up to the second underscore.
fn public_portion(value: &str) -> &str {
    value.rsplit_once('_').map_or(value, |(public, _)| public)
}

fn text(at: OffsetDateTime, format: &[BorrowedFormatItem<'_>]) -> String {
    at.to_utc().format(format).unwrap_or_default()
}
