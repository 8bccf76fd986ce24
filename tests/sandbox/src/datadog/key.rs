//! API keys, application keys and service access tokens.

use std::collections::BTreeMap;
use std::time::Duration;

use time::OffsetDateTime;

use super::settings::Settings;

/// Which header a key belongs into, and what only keys of that class have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Class {
    /// `DD-API-KEY`: belongs to the organisation.
    Api {
        category: String,
        remote_config_read_enabled: bool,
        /// What no request can set.
        read_only: BTreeMap<String, bool>,
    },
    /// `DD-APPLICATION-KEY`: acts for its owner, within the scopes if it has any.
    Application { scopes: Option<Vec<String>> },
    /// `Authorization: Bearer`, or `DD-APPLICATION-KEY`: acts for the service account that owns it,
    /// within its scopes, of which it has at least one.
    AccessToken {
        scopes: Vec<String>,
        expires_at: Option<OffsetDateTime>,
    },
}

/// A key that lives or once lived.
#[derive(Debug, Clone)]
pub struct Key {
    pub class: Class,
    /// UUID.
    pub id: String,
    pub name: String,
    pub value: String,
    /// The user for whom an application key acts; the user who made an API key.
    pub owner: String,
    pub created_at: OffsetDateTime,
    pub modified_at: OffsetDateTime,
    pub modified_by: String,
    pub last_used_at: Option<OffsetDateTime>,
    pub revoked_at: Option<OffsetDateTime>,
    /// Another organisation's: it authenticates, and is seen by nobody here.
    pub(super) is_foreign: bool,
    /// Made through the API, so that each edge learns of it in its own time.
    pub(super) spreads: bool,
    pub(super) usable_from: OffsetDateTime,
    pub(super) listed_from: OffsetDateTime,
    pub(super) refused_while_fresh: u32,
}

/// A new key, as its maker gets to see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Minted {
    pub id: String,
    pub value: String,
}

impl Key {
    /// A key that works from the moment it is made.
    pub(super) fn new(
        class: Class,
        minted: Minted,
        name: &str,
        owner: &str,
        now: OffsetDateTime,
    ) -> Self {
        Self {
            class,
            id: minted.id,
            name: name.to_owned(),
            value: minted.value,
            owner: owner.to_owned(),
            created_at: now,
            modified_at: now,
            modified_by: owner.to_owned(),
            last_used_at: None,
            revoked_at: None,
            is_foreign: false,
            spreads: false,
            usable_from: now,
            listed_from: now,
            refused_while_fresh: 0,
        }
    }

    /// The key as made through the API: it takes its time to spread.
    pub(super) fn spreading(mut self, settings: &Settings) -> Self {
        self.spreads = true;
        self.usable_from += settings.fresh_key_unusable_for;
        self.listed_from += settings.fresh_key_unlisted_for;
        self
    }

    pub(super) fn is_own_api_key(&self) -> bool {
        self.is_api_key() && !self.is_foreign
    }

    #[must_use]
    pub fn is_api_key(&self) -> bool {
        matches!(self.class, Class::Api { .. })
    }

    #[must_use]
    pub fn is_application_key(&self) -> bool {
        matches!(self.class, Class::Application { .. })
    }

    #[must_use]
    pub fn is_access_token(&self) -> bool {
        matches!(self.class, Class::AccessToken { .. })
    }

    /// The scopes of an application key or token; none if it is unscoped.
    #[must_use]
    pub fn scopes(&self) -> Option<&[String]> {
        match &self.class {
            Class::Api { .. } => None,
            Class::Application { scopes } => scopes.as_deref(),
            Class::AccessToken { scopes, .. } => Some(scopes),
        }
    }

    /// When a token ends by itself.
    #[must_use]
    pub fn expires_at(&self) -> Option<OffsetDateTime> {
        match self.class {
            Class::AccessToken { expires_at, .. } => expires_at,
            _ => None,
        }
    }

    /// Whether a token has ended by itself.
    pub(super) fn is_over(&self, now: OffsetDateTime) -> bool {
        self.expires_at().is_some_and(|at| at <= now)
    }

    /// The name as answers show it.
    pub(super) fn name_shown(&self, settings: &Settings) -> String {
        if settings.upper_case_names {
            self.name.to_uppercase()
        } else {
            self.name.clone()
        }
    }

    #[must_use]
    pub fn is_live(&self) -> bool {
        self.revoked_at.is_none()
    }

    /// The last four characters of the text, which every answer shows.
    #[must_use]
    pub fn last4(&self) -> &str {
        &self.value[self.value.len() - 4..]
    }

    /// Whether the key authenticates at `now`; an ended one does so for `lag` yet.
    pub(super) fn is_usable(&self, now: OffsetDateTime, lag: Duration) -> bool {
        self.usable_from <= now
            && !self.is_over(now)
            && self.revoked_at.is_none_or(|at| now < at + lag)
    }

    /// Whether an edge that is so late knows of the key at `now`.
    pub(super) fn has_reached(&self, now: OffsetDateTime, lag: Duration) -> bool {
        !self.spreads || self.created_at + lag <= now
    }

    /// Whether lists show the key at `now`.
    pub(super) fn is_listed(&self, now: OffsetDateTime) -> bool {
        self.is_live() && self.listed_from <= now
    }

    pub(super) fn revoke(&mut self, now: OffsetDateTime) {
        self.revoked_at.get_or_insert(now);
    }
}
