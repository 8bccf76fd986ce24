//! What an admin secret holds, read again if Datadog refuses it: it may just have been rotated.

use std::time::{Duration, SystemTime};

use super::readings::Readings;
use super::secret::{AdminKeys, AdminSecret, AdminValue, HeldToken};
use crate::deadline::Deadline;
use crate::keys::ServiceAccountId;
use crate::protected::ProtectedKeys;

/// A pair or a token: one kind takes over only from its own kind.
pub(super) trait Held: Sized {
    fn of(value: AdminValue) -> Option<Self>;
    fn service_account(&self) -> &ServiceAccountId;
    fn is_same_as(&self, other: &Self) -> bool;
    fn protect(&self, known: &mut ProtectedKeys);
}

/// The value of an admin secret, and those that have taken over from it since.
#[derive(Debug)]
pub(super) struct Renewable<T> {
    pub(super) secret: AdminSecret,
    values: Readings<T>,
    created: Option<SystemTime>,
}

impl<T: Held> Renewable<T> {
    pub(super) fn new(first: T, secret: AdminSecret, created: Option<SystemTime>) -> Self {
        Self {
            secret,
            values: Readings::new(first),
            created,
        }
    }

    pub(super) fn first(&self) -> &T {
        self.values.first()
    }

    pub(super) fn in_use(&self) -> &T {
        self.values.in_use()
    }

    /// Returns the keys of all values that were read.
    pub(super) fn known_keys(&self) -> ProtectedKeys {
        let mut known = ProtectedKeys::default();
        for held in self.values.all() {
            held.protect(&mut known);
        }
        known
    }

    /// Returns whether the value has been there for so long that Datadog's edges know its keys. `false`, if
    /// that is not known.
    pub(super) fn is_older_than(&self, age: Duration, deadline: &Deadline) -> bool {
        let is_first = self.values.all().nth(1).is_none();
        let since = self.created.filter(|_| is_first);
        let now = self.secret.clients.now(deadline);
        let own = since.and_then(|since| now.duration_since(since).ok());
        own.is_some_and(|own| own > age)
    }

    /// Returns the value as it is now, if it is another one than `used`.
    pub(super) async fn successor_of(&self, used: &T, deadline: &Deadline) -> Option<&T> {
        // Boxed: few calls are refused, and each would carry it.
        let read = Box::pin(async {
            let read = self.secret.read(deadline).await;
            let read =
                read.inspect_err(|problem| tracing::warn!(%problem, "admin secret not read again"));
            let own = self.first().service_account();
            // What is another service account's must not act in this one's place.
            let fresh = T::of(read.ok()?.value)?;
            (fresh.service_account() == own).then_some(fresh)
        });
        self.values.successor_of(used, T::is_same_as, read).await
    }
}

impl Held for AdminKeys {
    fn of(value: AdminValue) -> Option<Self> {
        match value {
            AdminValue::Keys(keys) => Some(*keys),
            AdminValue::Token(_) | AdminValue::Delegation(_) => None,
        }
    }

    fn service_account(&self) -> &ServiceAccountId {
        &self.application.service_account
    }

    fn is_same_as(&self, other: &Self) -> bool {
        self.api.key.expose() == other.api.key.expose()
            && self.application.key.expose() == other.application.key.expose()
    }

    fn protect(&self, known: &mut ProtectedKeys) {
        known.add_application(&self.application);
        known.add_api(&self.api);
    }
}

impl Held for HeldToken {
    fn of(value: AdminValue) -> Option<Self> {
        match value {
            AdminValue::Token(token) => Some(*token),
            AdminValue::Keys(_) | AdminValue::Delegation(_) => None,
        }
    }

    fn service_account(&self) -> &ServiceAccountId {
        &self.part.service_account
    }

    fn is_same_as(&self, other: &Self) -> bool {
        self.part.key.expose() == other.part.key.expose()
    }

    fn protect(&self, known: &mut ProtectedKeys) {
        known.add_token(&self.part);
    }
}
