//! The pair of an admin secret.

use std::time::{Duration, SystemTime};

use super::held::Renewable;
use super::secret::{AdminKeys, AdminSecret, AdminValue, ReadAdmin};
use super::{Actor, Reach, is_refused};
use crate::datadog::{Datadog, DatadogError, DatadogProblem, Scopes};
use crate::deadline::Deadline;
use crate::error::Problem;
use crate::keys::{KeyRef, ServiceAccountId};
use crate::protected::ProtectedKeys;
use crate::site::Site;
use crate::value::ValueError;

#[derive(Debug)]
pub(super) struct Pair {
    held: Renewable<AdminKeys>,
    deadline: Deadline,
}

impl Pair {
    pub(super) fn new(
        keys: AdminKeys,
        secret: AdminSecret,
        created: Option<SystemTime>,
        deadline: &Deadline,
    ) -> Self {
        Self {
            held: Renewable::new(keys, secret, created),
            deadline: *deadline,
        }
    }

    /// Returns the pair of an admin secret that must have one, of this service account.
    pub(super) async fn read(
        secret: AdminSecret,
        account: &ServiceAccountId,
        deadline: &Deadline,
    ) -> Result<Self, Problem> {
        let ReadAdmin { value, created, .. } = secret.read(deadline).await?;
        let AdminValue::Keys(keys) = value else {
            return Err(secret.malformed(ValueError::Missing("adminApiKey")));
        };
        if keys.application.service_account != *account {
            return Err(Problem::ServiceAccountMismatch {
                admin: keys.application.service_account,
                own: account.clone(),
            });
        }
        Ok(Self::new(*keys, secret, created, deadline))
    }

    /// Returns all keys that were read, those too that others have taken over from.
    pub(super) fn known_keys(&self) -> ProtectedKeys {
        self.held.known_keys()
    }

    /// Returns whether they have been there for so long that Datadog's edges know them.
    pub(super) fn is_older_than(&self, age: Duration) -> bool {
        self.held.is_older_than(age, &self.deadline)
    }

    pub(super) fn in_use(&self) -> &AdminKeys {
        self.held.in_use()
    }

    /// Returns the pair as it is now, if it is another one than `used`.
    pub(super) async fn successor_of(&self, used: &AdminKeys) -> Option<&AdminKeys> {
        self.held.successor_of(used, &self.deadline).await
    }

    pub(super) fn renew(&mut self, deadline: &Deadline) {
        self.deadline = *deadline;
    }

    pub(super) fn site(&self) -> Site {
        self.held.first().site
    }

    pub(super) fn service_account(&self) -> &ServiceAccountId {
        &self.held.first().application.service_account
    }

    pub(super) fn datadog(&self) -> &Datadog {
        &self.held.first().datadog
    }

    /// Returns the keys that act.
    pub(super) fn keys(&self) -> Vec<KeyRef> {
        self.held.in_use().refs()
    }

    pub(super) fn actor(&self) -> Actor<'_> {
        let keys = self.held.in_use();
        Actor {
            datadog: &keys.datadog,
            authority: keys.authority(),
            keys: keys.refs(),
        }
    }

    pub(super) async fn act<'a, T, F>(
        &'a self,
        call: &impl Fn(Actor<'a>) -> F,
    ) -> Result<T, Problem>
    where
        F: Future<Output = Result<T, DatadogError>>,
    {
        let used = self.held.in_use();
        let mut answer = call(self.actor()).await;
        if is_refused(&answer) && self.held.successor_of(used, &self.deadline).await.is_some() {
            answer = call(self.actor()).await;
        }
        if is_refused(&answer) && matches!(self.works().await, Ok(false)) {
            return Err(self.refused());
        }
        Ok(answer?)
    }

    pub(super) async fn must_work(&self) -> Result<(), Problem> {
        let used = self.held.in_use();
        let works = self.works().await?
            || (self.held.successor_of(used, &self.deadline).await.is_some()
                && self.works().await?);
        if works { Ok(()) } else { Err(self.refused()) }
    }

    pub(super) async fn must_have(&self, required: &[&'static str]) -> Result<Reach, Problem> {
        let own = self.scopes().await.map_err(|error| match error.problem {
            DatadogProblem::NotFound => self.held.secret.malformed(ValueError::IllFormed {
                field: "adminAppKeyId",
                shape: "the id of a key of its service account",
                flaw: None,
            }),
            _ => error.into(),
        })?;
        let Some(scopes) = own else {
            return Ok(Reach::Unknown);
        };
        let missing = scopes.missing(required);
        match scopes.list() {
            _ if !missing.is_empty() => Err(Problem::MissingScopes { missing }),
            Some(_) => Ok(Reach::Enough),
            None => Ok(Reach::Unscoped),
        }
    }

    async fn works(&self) -> Result<bool, DatadogError> {
        let keys = self.held.in_use();
        keys.datadog
            .validate_pair(&keys.authority(), &self.deadline)
            .await
    }

    fn refused(&self) -> Problem {
        if let Some(unfamiliar) = &self.held.in_use().unfamiliar {
            return self.held.secret.malformed(unfamiliar.clone());
        }
        Problem::AdminRefused {
            arn: self.held.secret.arn.to_string(),
            site: self.held.in_use().site,
        }
    }

    /// Returns whether the application key has the scope, if its scopes are known.
    pub(super) async fn has(&self, scope: &str) -> Option<bool> {
        let scopes = self.scopes().await.ok()??;
        Some(scopes.covers(scope))
    }

    /// Returns the scopes of the application key, if it may see them.
    async fn scopes(&self) -> Result<Option<Scopes>, DatadogError> {
        let keys = self.held.in_use();
        let (own, authority) = (&keys.application, keys.authority());
        let by_account = keys
            .datadog
            .app_key(&authority, &own.service_account, &own.id, &self.deadline)
            .await;
        let told = match by_account {
            Err(error) if error.problem.is_refusal() => {
                keys.datadog
                    .any_app_key(&authority, &own.id, &self.deadline)
                    .await
            }
            told => told,
        };
        match told {
            Ok(details) => Ok(details.scopes),
            Err(error) if error.problem.is_refusal() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
