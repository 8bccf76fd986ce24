//! Who is calling, and what they may do.

use http::HeaderMap;
use time::OffsetDateTime;

use super::Datadog;
use super::key::Key;
use super::reply::Refusal;
use super::settings::TokenHeader;

/// What a request shows of itself.
#[derive(Debug)]
pub(super) enum Credential {
    /// The id of an API key; an application key may be beside it.
    ApiKey(String),
    Bearer(Caller),
    /// Looked at by the exchange alone.
    Proof,
}

/// The user for whom the request's application key or token acts.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) user: String,
    pub(super) granted: Vec<String>,
    pub(super) by_token: bool,
    /// The id of the service access token that it acts by.
    pub(super) access_token: Option<String>,
}

impl Caller {
    pub(super) fn may(&self, permission: &str) -> bool {
        self.granted.iter().any(|granted| granted == permission)
    }

    /// Refuses a caller that has none of `permissions`; an empty list refuses nobody.
    pub(super) fn demand(&self, permissions: &[&str]) -> Result<(), Refusal> {
        if permissions.is_empty() || permissions.iter().any(|permission| self.may(permission)) {
            return Ok(());
        }
        Err(Refusal::forbidden())
    }
}

impl Datadog {
    pub(super) fn credential_of(
        &mut self,
        now: OffsetDateTime,
        headers: &HeaderMap,
    ) -> Result<Credential, Refusal> {
        if let Some(value) = bearer_of(headers)
            && self.is_access_token(value)
        {
            if has_key(headers) {
                return Err(Refusal::two_credentials());
            }
            if self.settings.token_header == TokenHeader::ApplicationKey {
                return Err(Refusal::unauthorized());
            }
            return self
                .owner_by(now, |key| key.is_access_token() && key.value == value)
                .map(Credential::Bearer);
        }
        match self.bearer(now, headers)? {
            Some(caller) => Ok(Credential::Bearer(caller)),
            None => self.api_key_of(now, headers).map(Credential::ApiKey),
        }
    }

    /// The id of the request's API key.
    fn api_key_of(&mut self, now: OffsetDateTime, headers: &HeaderMap) -> Result<String, Refusal> {
        let value = credential(headers, "dd-api-key").ok_or_else(Refusal::api_key_required)?;
        let key = self.authenticate(
            now,
            |key| key.is_api_key() && key.value == value,
            Refusal::wrong_api_key,
        )?;
        Ok(key.id.clone())
    }

    /// The owner of the request's application key, who may do what the scopes and the owner's
    /// roles both allow (inferred from the documentation).
    pub(super) fn caller_of(
        &mut self,
        now: OffsetDateTime,
        headers: &HeaderMap,
    ) -> Result<Caller, Refusal> {
        let value = credential(headers, "dd-application-key").ok_or_else(Refusal::unauthorized)?;
        let takes_tokens = self.settings.token_header != TokenHeader::Bearer;
        self.owner_by(now, |key| {
            let fits = key.is_application_key() || (takes_tokens && key.is_access_token());
            fits && key.value == value
        })
    }

    fn is_access_token(&self, value: &str) -> bool {
        let mut keys = self.keys.iter();
        keys.any(|key| key.is_access_token() && key.value == value)
    }

    /// The owner of an application key or token, with what both the scopes and the roles allow.
    fn owner_by(
        &mut self,
        now: OffsetDateTime,
        is_meant: impl Fn(&Key) -> bool,
    ) -> Result<Caller, Refusal> {
        let key = self.authenticate(now, is_meant, Refusal::forbidden)?;
        let access_token = key.is_access_token().then(|| key.id.clone());
        let (user, scopes) = (key.owner.clone(), key.scopes().map(<[String]>::to_vec));
        if !self.is_active(&user) {
            return Err(Refusal::forbidden());
        }
        let mut granted = self.permissions_of(&user);
        granted.retain(|permission| {
            scopes
                .as_ref()
                .is_none_or(|scopes| scopes.contains(permission))
        });
        let by_token = false;
        Ok(Caller {
            user,
            granted,
            by_token,
            access_token,
        })
    }

    /// What the user's roles grant together.
    pub(super) fn permissions_of(&self, user: &str) -> Vec<String> {
        let roles = self.user(user).map_or(&[][..], |user| &user.roles);
        let held = self.roles.iter().filter(|role| roles.contains(&role.id));
        held.flat_map(|role| role.permissions.iter().cloned())
            .collect()
    }

    fn authenticate(
        &mut self,
        now: OffsetDateTime,
        is_meant: impl Fn(&Key) -> bool,
        refusal: fn() -> Refusal,
    ) -> Result<&Key, Refusal> {
        let lag = self.settings.revoked_key_usable_for;
        let edge = self.edges.here();
        let key = self
            .keys
            .iter_mut()
            .find(|key| is_meant(key))
            .ok_or_else(refusal)?;
        if key.is_usable(now, lag) && key.has_reached(now, edge.authentication) {
            key.last_used_at = Some(now);
            return Ok(key);
        }
        if !key.is_live() {
            return Err(refusal());
        }
        // Both statuses are documented for a key that has not spread yet; in turn, so that every
        // client meets both.
        key.refused_while_fresh += 1;
        Err(if key.refused_while_fresh % 2 == 1 {
            Refusal::unauthorized()
        } else {
            Refusal::forbidden()
        })
    }
}

pub(super) fn bearer_of(headers: &HeaderMap) -> Option<&str> {
    credential(headers, "authorization")?.strip_prefix("Bearer ")
}

pub(super) fn has_key(headers: &HeaderMap) -> bool {
    ["dd-api-key", "dd-application-key"]
        .iter()
        .any(|name| headers.contains_key(*name))
}

pub(super) fn credential<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get(name)?
        .to_str()
        .ok()
        .filter(|value| !value.is_empty())
}
