//! The function's own identity, acting with tokens that Datadog hands out for it.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::companion::Companion;
use super::secret::AdminSecret;
use super::{Actor, Reach, is_refused};
use crate::clients::Clients;
use crate::credential::{Credential, Kind};
use crate::datadog::{Authority, Datadog, DatadogError, DatadogProblem, Expiry, Token};
use crate::deadline::Deadline;
use crate::delegation::Delegation;
use crate::error::Problem;
use crate::keys::ServiceAccountId;
use crate::site::Site;

#[derive(Debug)]
pub(super) struct Delegate {
    delegation: Delegation,
    clients: Clients,
    datadog: Datadog,
    grant: Mutex<Option<VerifiedToken>>,
    companion: Option<Companion>,
    deadline: Deadline,
}

/// A token that Datadog has said to be the service account's.
#[derive(Clone, Debug)]
struct VerifiedToken {
    token: Token,
    /// What the service account's roles grant, if Datadog tells.
    permissions: Option<Arc<BTreeSet<String>>>,
}

/// Why a token was not granted.
enum NotGranted {
    /// It was handed out, and is refused already.
    Over(DatadogError),
    Failed(Problem),
}

impl Delegate {
    pub(super) fn new(delegation: Delegation, clients: Clients, deadline: &Deadline) -> Self {
        Self {
            datadog: clients.datadog(delegation.site),
            delegation,
            clients,
            grant: Mutex::default(),
            companion: None,
            deadline: *deadline,
        }
    }

    pub(super) fn renew(&mut self, deadline: &Deadline) {
        self.deadline = *deadline;
    }

    pub(super) fn site(&self) -> Site {
        self.delegation.site
    }

    pub(super) fn service_account(&self) -> &ServiceAccountId {
        &self.delegation.service_account
    }

    pub(super) fn organisation(&self) -> &str {
        self.delegation.organisation.as_str()
    }

    pub(super) fn datadog(&self) -> &Datadog {
        &self.datadog
    }

    pub(super) fn companion(&self) -> Option<&Companion> {
        self.companion.as_ref()
    }

    pub(super) async fn provide_companion(
        &mut self,
        kind: Kind,
        current: &Credential,
    ) -> Result<(), Problem> {
        let named = self.delegation.api_key_secret.clone();
        let (clients, deadline) = (&self.clients, &self.deadline);
        self.companion = Companion::provide(kind, current, named, clients, deadline).await?;
        Ok(())
    }

    pub(super) fn forgo_fallback(&mut self) {
        self.delegation.fallback = None;
    }

    /// Returns when the token at hand ends.
    pub(super) async fn expiry(&self) -> Option<Expiry> {
        let held = self.grant.lock().await;
        held.as_ref().map(|grant| grant.token.expiry())
    }

    /// Returns the admin secret whose pair may act in its place, if the user has named one for that.
    pub(super) fn fallback(&self) -> Option<AdminSecret> {
        let arn = self.delegation.fallback.clone()?;
        let clients = self.clients.clone();
        Some(AdminSecret { arn, clients })
    }

    pub(super) async fn actor(&self) -> Result<Actor<'_>, Problem> {
        Ok(self.actor_with(&self.granted().await?))
    }

    fn actor_with(&self, grant: &VerifiedToken) -> Actor<'_> {
        Actor {
            datadog: &self.datadog,
            authority: Authority::Bearer(grant.token.clone()),
            keys: Vec::new(),
        }
    }

    pub(super) async fn act<'a, T, F>(
        &'a self,
        call: &impl Fn(Actor<'a>) -> F,
    ) -> Result<T, Problem>
    where
        F: Future<Output = Result<T, DatadogError>>,
    {
        let mut grant = self.granted().await?;
        let mut answer = call(self.actor_with(&grant)).await;
        if let Err(error) = &answer
            && error.problem.is_refusal()
            && self.is_over(&grant, error).await
        {
            self.forget(&grant).await;
            grant = self.granted().await?;
            answer = call(self.actor_with(&grant)).await;
        }
        answer.map_err(|error| self.explained(error, &grant))
    }

    pub(super) async fn must_work(&self) -> Result<(), Problem> {
        self.granted().await.map(drop)
    }

    pub(super) async fn must_have(&self, required: &[&'static str]) -> Result<Reach, Problem> {
        let grant = self.granted().await?;
        let Some(held) = &grant.permissions else {
            return Ok(Reach::Unknown);
        };
        let required = required.iter().copied();
        let missing: Vec<_> = required.filter(|it| !held.contains(*it)).collect();
        if missing.is_empty() {
            Ok(Reach::Enough)
        } else {
            Err(self.lacks(missing))
        }
    }

    /// Returns the token at hand, or another one if it ends within a minute.
    async fn granted(&self) -> Result<VerifiedToken, Problem> {
        let mut held = self.grant.lock().await;
        if let Some(grant) = &*held
            && !grant.token.is_stale(self.deadline.now())
        {
            return Ok(grant.clone());
        }
        // Before anything can fail: a stale token must not be found here by the next call.
        *held = None;
        // Boxed: every call of an identity would carry its future, and few make an exchange.
        let grant = match Box::pin(self.exchange()).await {
            Err(NotGranted::Over(_)) => Box::pin(self.exchange()).await,
            granted => granted,
        };
        let grant = grant.map_err(|it| match it {
            NotGranted::Over(error) => self.refused(error),
            NotGranted::Failed(problem) => problem,
        })?;
        *held = Some(grant.clone());
        Ok(grant)
    }

    async fn forget(&self, grant: &VerifiedToken) {
        let mut held = self.grant.lock().await;
        held.take_if(|it| it.token.expose() == grant.token.expose());
    }

    async fn exchange(&self) -> Result<VerifiedToken, NotGranted> {
        let Delegation {
            organisation,
            service_account,
            ..
        } = &self.delegation;
        let (identity, deadline) = (&self.clients.identity, &self.deadline);
        let exchanged = self
            .datadog
            .exchange(identity, organisation, deadline)
            .await;
        let token = exchanged.map_err(|error| {
            NotGranted::Failed(match error.problem {
                // 404: the site has no such end point.
                DatadogProblem::Refused { .. } | DatadogProblem::NotFound => self.refused(error),
                _ => error.into(),
            })
        })?;
        let authority = Authority::Bearer(token.clone());
        let user = self.datadog.current_user(&authority, deadline).await;
        let user = user.map_err(|error| match error.problem {
            DatadogProblem::Refused { .. } => NotGranted::Over(error),
            _ => NotGranted::Failed(error.into()),
        })?;
        if user.id != *service_account || user.organisation != *organisation {
            return Err(NotGranted::Failed(Problem::IdentityMismatch {
                user: user.id,
                organisation: user.organisation,
                account: service_account.clone(),
                expected: organisation.clone(),
            }));
        }
        let permissions = user.permissions.map(Arc::new);
        Ok(VerifiedToken { token, permissions })
    }

    /// Returns whether the refusal is the token's and not the call's. 401 says so; after 403 Datadog is
    /// asked, unless it is known what the service account lacks.
    async fn is_over(&self, grant: &VerifiedToken, error: &DatadogError) -> bool {
        if error.problem == (DatadogProblem::Refused { status: 401 }) {
            return true;
        }
        if error
            .call
            .permission()
            .is_some_and(|it| grant.has(it) == Some(false))
        {
            return false;
        }
        let authority = Authority::Bearer(grant.token.clone());
        is_refused(&self.datadog.current_user(&authority, &self.deadline).await)
    }

    /// Returns a refusal of a token that works, with what is known of its cause.
    fn explained(&self, error: DatadogError, grant: &VerifiedToken) -> Problem {
        let permission = error
            .call
            .permission()
            .filter(|_| error.problem.is_refusal());
        match permission.map(|it| (it, grant.has(it))) {
            Some((permission, Some(false))) => self.lacks(vec![permission]),
            Some((permission, Some(true))) => Problem::IdentityForbidden {
                error: error.into(),
                account: self.service_account().clone(),
                permission,
            },
            Some((_, None)) | None => error.into(),
        }
    }

    fn refused(&self, error: DatadogError) -> Problem {
        Problem::IdentityRefused {
            error: error.into(),
            account: self.delegation.service_account.clone(),
            organisation: self.delegation.organisation.clone(),
        }
    }

    fn lacks(&self, missing: Vec<&'static str>) -> Problem {
        Problem::MissingPermissions {
            account: self.service_account().clone(),
            missing,
        }
    }
}

impl VerifiedToken {
    /// Returns whether the service account has a permission, if that is known.
    fn has(&self, permission: &str) -> Option<bool> {
        let permissions = self.permissions.as_ref()?;
        Some(permissions.contains(permission))
    }
}
