//! The service access token of an admin secret.
//!
//! It has no API key of its own. What it may not do, Datadog documents: create application keys, and
//! create a token with more scopes or a longer life than its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use super::companion::Companion;
use super::held::Renewable;
use super::proof::TokenHeader;
use super::secret::{AdminSecret, HeldToken};
use super::{Actor, Reach, is_refused};
use crate::credential::{Credential, Kind, TokenPart};
use crate::datadog::{Authority, CurrentUser, Datadog, DatadogError, OwnedKeyDetails, Scopes};
use crate::deadline::Deadline;
use crate::error::{AdminTokenDefect, Problem};
use crate::keys::{ApiKey, KeyRef, ServiceAccountId};
use crate::protected::{KnownValue, ProtectedKeys};
use crate::site::Site;
use crate::value::ValueError;

/// Acts by a service access token, alone in the request or beside an API key.
#[derive(Debug)]
pub(crate) struct Bearer {
    held: Renewable<HeldToken>,
    companion: Option<Companion>,
    /// Whether Datadog took the token last in `DD-APPLICATION-KEY`.
    is_beside_key: AtomicBool,
    deadline: Deadline,
}

impl Bearer {
    pub(super) fn new(
        token: HeldToken,
        secret: AdminSecret,
        created: Option<SystemTime>,
        deadline: &Deadline,
    ) -> Self {
        Self {
            held: Renewable::new(token, secret, created),
            companion: None,
            is_beside_key: AtomicBool::new(false),
            deadline: *deadline,
        }
    }

    /// Returns all keys that were read, those too that others have taken over from.
    pub(super) fn known_keys(&self) -> ProtectedKeys {
        self.held.known_keys()
    }

    /// Returns whether they have been there for so long that Datadog's edges know them.
    pub(super) fn is_older_than(&self, age: Duration) -> bool {
        self.held.is_older_than(age, &self.deadline)
    }

    pub(super) fn renew(&mut self, deadline: &Deadline) {
        self.deadline = *deadline;
    }

    pub(super) fn site(&self) -> Site {
        self.held.first().site
    }

    pub(super) fn service_account(&self) -> &ServiceAccountId {
        &self.held.first().part.service_account
    }

    pub(super) fn datadog(&self) -> &Datadog {
        &self.held.first().datadog
    }

    pub(super) fn companion(&self) -> Option<&Companion> {
        self.companion.as_ref()
    }

    pub(super) async fn provide_companion(
        &mut self,
        kind: Kind,
        current: &Credential,
    ) -> Result<(), Problem> {
        let named = self.held.first().api_key_secret.clone();
        let (clients, deadline) = (&self.held.secret.clients, &self.deadline);
        self.companion = Companion::provide(kind, current, named, clients, deadline).await?;
        Ok(())
    }

    /// Returns the token that acts.
    pub(super) fn keys(&self) -> Vec<KeyRef> {
        vec![self.held.in_use().part.key_ref()]
    }

    /// Refuses to rotate what a token can't rotate by what is known without asking Datadog.
    /// `is_itself`: the admin secret is the rotated secret.
    pub(super) fn must_suit(
        &self,
        kind: Kind,
        current: &Credential,
        is_itself: bool,
    ) -> Result<(), Problem> {
        let is_own = |it: &TokenPart| {
            let value = KnownValue::Whole(it.key.expose());
            self.held.known_keys().protects(&it.key_ref(), value)
        };
        if is_itself || current.token().is_some_and(is_own) {
            return Err(self.defective(AdminTokenDefect::Itself));
        }
        match kind {
            Kind::ApplicationKey | Kind::AdminKey => {
                Err(self.defective(AdminTokenDefect::Forbidden))
            }
            Kind::ApiKey | Kind::ServiceAccessToken => Ok(()),
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
        let mut answer = self.try_headers(call).await;
        if is_refused(&answer) && self.held.successor_of(used, &self.deadline).await.is_some() {
            answer = self.try_headers(call).await;
        }
        if is_refused(&answer) && matches!(self.user().await, Ok(None)) {
            return Err(self.refused());
        }
        Ok(answer?)
    }

    /// Sends a call with the token in the header that was accepted last, and in the other one after a
    /// refusal: of the key endpoints it is not documented which they take.
    async fn try_headers<'a, T, F>(
        &'a self,
        call: &impl Fn(Actor<'a>) -> F,
    ) -> Result<T, DatadogError>
    where
        F: Future<Output = Result<T, DatadogError>>,
    {
        let (first, other) = if self.is_beside_key.load(Ordering::Relaxed) {
            (TokenHeader::ApplicationKey, TokenHeader::Bearer)
        } else {
            (TokenHeader::Bearer, TokenHeader::ApplicationKey)
        };
        let actor = self.actor_with(first).unwrap_or_else(|| self.actor());
        let mut answer = call(actor).await;
        if is_refused(&answer)
            && let Some(actor) = self.actor_with(other)
        {
            let second = call(actor).await;
            if !is_refused(&second) {
                let is_beside_key = other == TokenHeader::ApplicationKey;
                self.is_beside_key.store(is_beside_key, Ordering::Relaxed);
                answer = second;
            }
        }
        answer
    }

    pub(super) fn actor(&self) -> Actor<'_> {
        self.actor_beside(None)
    }

    /// `None`: there is no API key for this header.
    fn actor_with(&self, header: TokenHeader) -> Option<Actor<'_>> {
        match header {
            TokenHeader::Bearer => Some(self.actor()),
            TokenHeader::ApplicationKey => {
                let key = self.companion.as_ref()?.key();
                Some(self.actor_beside(Some(key.clone())))
            }
        }
    }

    fn actor_beside(&self, api: Option<ApiKey>) -> Actor<'_> {
        let token = self.held.in_use();
        Actor {
            datadog: &token.datadog,
            authority: Authority::AccessToken(token.part.key.clone(), api),
            keys: vec![token.part.key_ref()],
        }
    }

    /// Returns whom Datadog takes the token for; `None` if it takes it for nobody.
    pub(super) async fn user(&self) -> Result<Option<CurrentUser>, DatadogError> {
        let deadline = &self.deadline;
        let told = self
            .try_headers(
                &|it| async move { it.datadog.current_user(&it.authority, deadline).await },
            )
            .await;
        match told {
            Ok(user) => Ok(Some(user)),
            Err(error) if error.problem.is_refusal() => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn must_work(&self) -> Result<(), Problem> {
        let used = self.held.in_use();
        let mut told = self.user().await?;
        if told.is_none() && self.held.successor_of(used, &self.deadline).await.is_some() {
            told = self.user().await?;
        }
        let told = told.ok_or_else(|| self.refused())?;
        if told.id == *self.service_account() {
            return Ok(());
        }
        Err(self.ill_formed(
            "serviceAccountId",
            "the service account that owns its token",
        ))
    }

    pub(super) async fn must_have(&self, required: &[&'static str]) -> Result<Reach, Problem> {
        let Some(scopes) = self.scopes().await? else {
            return Ok(Reach::Unknown);
        };
        match scopes.missing(required) {
            missing if missing.is_empty() => Ok(Reach::Enough),
            missing => Err(self.lacks(missing)),
        }
    }

    /// Returns whether the token has the scope, if its scopes are known.
    pub(super) async fn has(&self, scope: &str) -> Option<bool> {
        let scopes = self.scopes().await.ok()??;
        Some(scopes.covers(scope))
    }

    async fn scopes(&self) -> Result<Option<Scopes>, Problem> {
        match self.itself().await {
            Ok(details) => Ok(details.scopes),
            Err(problem) if problem.is_forbidden() => Ok(None),
            Err(problem) if problem.is_not_found() => Err(self.is_not_its_id()),
            Err(problem) => Err(problem),
        }
    }

    /// Looks the token up by its ID, as anybody else's.
    pub(crate) async fn itself(&self) -> Result<OwnedKeyDetails, Problem> {
        let (deadline, owner) = (&self.deadline, self.service_account());
        self.act(&|it| async move {
            let id = &self.held.in_use().part.id;
            it.datadog
                .access_token(&it.authority, owner, id, deadline)
                .await
        })
        .await
    }

    /// Refuses a token that ends, or that lacks some of the scopes that it is to hand on. `details`:
    /// what Datadog tells of it.
    pub(crate) fn must_hand_on(
        &self,
        details: &OwnedKeyDetails,
        scopes: Option<&Scopes>,
    ) -> Result<Reach, Problem> {
        if details.ends == Some(true) {
            return Err(self.defective(AdminTokenDefect::Ends(details.expires)));
        }
        if let (Some(own), Some(scopes)) = (&details.scopes, scopes) {
            let wanted = scopes.list().unwrap_or_default();
            let missing: Vec<_> = wanted.into_iter().filter(|it| !own.covers(it)).collect();
            if !missing.is_empty() {
                return Err(self.lacks(missing));
            }
        }
        let is_known = details.ends.is_some() && details.scopes.is_some();
        Ok(if is_known {
            Reach::Enough
        } else {
            Reach::Unknown
        })
    }

    /// Returns the value of the token that acts.
    pub(crate) fn value(&self) -> &str {
        self.held.in_use().part.key.expose()
    }

    /// Of an ID that is not the token's.
    pub(crate) fn is_not_its_id(&self) -> Problem {
        self.ill_formed(
            "serviceAccessTokenId",
            "the ID of its token, which its service account owns",
        )
    }

    fn ill_formed(&self, field: &'static str, shape: &'static str) -> Problem {
        self.held.secret.malformed(ValueError::IllFormed {
            field,
            shape,
            flaw: None,
        })
    }

    fn lacks(&self, missing: Vec<&str>) -> Problem {
        let missing = missing.into_iter().map(str::to_owned).collect();
        self.defective(AdminTokenDefect::LacksScopes(missing))
    }

    fn defective(&self, defect: AdminTokenDefect) -> Problem {
        let arn = self.held.secret.arn.to_string();
        Problem::AdminToken { arn, defect }
    }

    fn refused(&self) -> Problem {
        if let Some(unfamiliar) = &self.held.in_use().unfamiliar {
            return self.held.secret.malformed(unfamiliar.clone());
        }
        self.defective(AdminTokenDefect::Refused(self.held.in_use().site))
    }
}
