//! The admin: in whose name Datadog is asked. The pair of an admin secret ([`Pair`]), its service access
//! token ([`Bearer`]) or, keyless, the function's own identity ([`Delegate`]); never two in one request.

mod bearer;
mod companion;
mod delegate;
mod held;
mod keys;
mod pair;
mod proof;
mod reading;
mod readings;
mod secret;
mod trust;

use std::time::SystemTime;

use tokio::sync::OnceCell;

use crate::clients::Clients;
use crate::credential::{Credential, Kind};
use crate::datadog::{Authority, Datadog, DatadogError, Expiry};
use crate::deadline::Deadline;
use crate::delegation::Delegation;
use crate::error::Problem;
use crate::keys::{KeyRef, ServiceAccountId};
use crate::protected::ProtectedKeys;
use crate::secrets::SecretArn;
use crate::site::Site;
use crate::value::SecretValue;

pub(crate) use bearer::Bearer;
use companion::Companion;
use delegate::Delegate;
use pair::Pair;
pub use proof::TokenHeader;
pub use reading::KeyLookup;
pub use secret::AdminSecret;
use secret::{AdminValue, ReadAdmin};

/// Acts at Datadog for one service account, for the time of one step.
///
/// What it acts with is read afresh at every step. A definite refusal makes it be had again,
/// for it may just have changed: a pair by reading its secret again, a token by another exchange.
/// If it has, the call is sent again with the new one.
#[derive(Debug)]
pub struct Admin {
    credentials: AdminCredentials,
    /// The pair that has taken over from an identity that Datadog refuses, if one may.
    stand_in: OnceCell<Pair>,
    /// The keys of a configured fallback, read before anything is deleted.
    fallback_keys: OnceCell<ProtectedKeys>,
    /// A secret of another ARN that was named as the admin's, and held the same pair.
    twin: Option<AdminSecret>,
    /// The keys of admins that were read and do not act.
    others: ProtectedKeys,
    /// Whether it may read API keys, once that is settled.
    reads_api_keys: OnceCell<bool>,
    /// Where Datadog takes a service access token, once one has been accepted.
    token_header: OnceCell<TokenHeader>,
    deadline: Deadline,
}

/// How far an admin may go that has been found to have all it must.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It is limited, and has what it must have.
    Enough,
    /// An application key without scopes: all that its owner may.
    Unscoped,
    /// It is not shown; nothing was checked.
    Unknown,
}

#[derive(Debug)]
enum AdminCredentials {
    Pair(Box<Pair>),
    Bearer(Box<Bearer>),
    Delegate(Box<Delegate>),
}

/// Whose turn it is.
enum ActiveCredentials<'a> {
    Pair(&'a Pair),
    Bearer(&'a Bearer),
    Delegate(&'a Delegate),
}

/// One authority and the API that it is for.
struct Actor<'a> {
    datadog: &'a Datadog,
    authority: Authority,
    /// The keys that authenticate the call.
    keys: Vec<KeyRef>,
}

impl Admin {
    /// Reads an admin secret. Returns its ARN too, as Secrets Manager spells it.
    pub async fn read(
        secret: AdminSecret,
        deadline: &Deadline,
    ) -> Result<(Self, SecretArn), Problem> {
        let ReadAdmin {
            value,
            arn,
            created,
        } = secret.read(deadline).await?;
        Ok((Self::of(value, secret, created, deadline), arn))
    }

    /// Returns the admin that a value at hand describes: an admin secret that rotates itself.
    pub fn of_value(
        value: &SecretValue,
        secret: AdminSecret,
        created: Option<SystemTime>,
        deadline: &Deadline,
    ) -> Result<Self, Problem> {
        Ok(Self::of(
            secret.admin_value(value)?,
            secret,
            created,
            deadline,
        ))
    }

    fn of(
        value: AdminValue,
        secret: AdminSecret,
        created: Option<SystemTime>,
        deadline: &Deadline,
    ) -> Self {
        match value {
            AdminValue::Keys(keys) => {
                let pair = Pair::new(*keys, secret, created, deadline);
                Self::with(AdminCredentials::Pair(pair.into()), deadline)
            }
            AdminValue::Token(token) => {
                let bearer = Bearer::new(*token, secret, created, deadline);
                Self::with(AdminCredentials::Bearer(bearer.into()), deadline)
            }
            AdminValue::Delegation(delegation) => {
                Self::delegated(*delegation, secret.clients, deadline)
            }
        }
    }

    /// Returns the function's own identity.
    #[must_use]
    pub fn delegated(delegation: Delegation, clients: Clients, deadline: &Deadline) -> Self {
        let delegate = Delegate::new(delegation, clients, deadline);
        Self::with(AdminCredentials::Delegate(delegate.into()), deadline)
    }

    fn with(credentials: AdminCredentials, deadline: &Deadline) -> Self {
        Self {
            credentials,
            stand_in: OnceCell::new(),
            fallback_keys: OnceCell::new(),
            twin: None,
            others: ProtectedKeys::default(),
            reads_api_keys: OnceCell::new(),
            token_header: OnceCell::new(),
            deadline: *deadline,
        }
    }

    /// Protects more keys from deletion: those of another admin that was read.
    pub fn protect(&mut self, keys: &ProtectedKeys) {
        self.others.merge(keys);
    }

    /// Notes a secret of another ARN that was named as the admin's, and held the same pair.
    pub(crate) fn note_twin(&mut self, secret: AdminSecret) {
        self.twin = Some(secret);
    }

    /// Reads the keys that the noted secret holds now. Returns none if none was noted.
    ///
    /// # Errors
    /// Those of [`Self::read`].
    pub(crate) async fn keys_of_twin(&self) -> Result<ProtectedKeys, Problem> {
        let Some(secret) = self.twin.clone() else {
            return Ok(ProtectedKeys::default());
        };
        let (twin, _) = Self::read(secret, &self.deadline).await?;
        Ok(twin.known_keys())
    }

    /// Returns the same, for which no other one stands in.
    #[must_use]
    pub fn alone(mut self) -> Self {
        if let AdminCredentials::Delegate(delegate) = &mut self.credentials {
            delegate.forgo_fallback();
        }
        self
    }

    /// Returns whether it is the identity that this runs with, and no pair of keys.
    #[must_use]
    pub fn is_keyless(&self) -> bool {
        matches!(self.credentials, AdminCredentials::Delegate(_))
    }

    /// Returns the service access token that acts, if one does.
    #[must_use]
    pub(crate) fn bearer(&self) -> Option<&Bearer> {
        match &self.credentials {
            AdminCredentials::Bearer(bearer) => Some(bearer),
            AdminCredentials::Pair(_) | AdminCredentials::Delegate(_) => None,
        }
    }

    /// Returns whether it acts by the service access token of an admin secret.
    #[must_use]
    pub fn is_access_token(&self) -> bool {
        self.bearer().is_some()
    }

    /// Refuses to rotate what this admin can't rotate, by what is known without asking Datadog.
    /// `is_itself`: its secret is the rotated secret.
    pub(crate) fn must_suit(
        &self,
        kind: Kind,
        current: &Credential,
        is_itself: bool,
    ) -> Result<(), Problem> {
        self.bearer()
            .map_or(Ok(()), |it| it.must_suit(kind, current, is_itself))
    }

    /// Returns when the delegated token ends that it acts with, if it has one.
    pub async fn token_expiry(&self) -> Option<Expiry> {
        match &self.credentials {
            AdminCredentials::Pair(_) | AdminCredentials::Bearer(_) => None,
            AdminCredentials::Delegate(delegate) => delegate.expiry().await,
        }
    }

    /// Gives it other time.
    pub fn renew(&mut self, deadline: &Deadline) {
        self.deadline = *deadline;
        match &mut self.credentials {
            AdminCredentials::Pair(pair) => pair.renew(deadline),
            AdminCredentials::Bearer(bearer) => bearer.renew(deadline),
            AdminCredentials::Delegate(delegate) => delegate.renew(deadline),
        }
        if let Some(pair) = self.stand_in.get_mut() {
            pair.renew(deadline);
        }
    }

    pub(crate) fn deadline(&self) -> &Deadline {
        &self.deadline
    }

    #[must_use]
    pub fn service_account(&self) -> &ServiceAccountId {
        match &self.credentials {
            AdminCredentials::Pair(pair) => pair.service_account(),
            AdminCredentials::Bearer(bearer) => bearer.service_account(),
            AdminCredentials::Delegate(delegate) => delegate.service_account(),
        }
    }

    /// Returns the keys that act: none, where there are none.
    #[must_use]
    pub fn own_keys(&self) -> Vec<KeyRef> {
        match self.acting() {
            ActiveCredentials::Pair(pair) => pair.keys(),
            ActiveCredentials::Bearer(bearer) => bearer.keys(),
            ActiveCredentials::Delegate(_) => Vec::new(),
        }
    }

    /// Returns the keys of every admin that was read so far, the acting one and a fallback among them.
    #[must_use]
    pub fn known_keys(&self) -> ProtectedKeys {
        let mut known = match self.acting() {
            ActiveCredentials::Pair(pair) => pair.known_keys(),
            ActiveCredentials::Bearer(bearer) => bearer.known_keys(),
            ActiveCredentials::Delegate(_) => ProtectedKeys::default(),
        };
        for others in self.fallback_keys.get().into_iter().chain([&self.others]) {
            known.merge(others);
        }
        known
    }

    /// Returns the same, and reads the secret of a configured fallback for it if it has not been read:
    /// its pair may have to act at any moment, so that its keys must stay.
    ///
    /// # Errors
    /// If that secret can't be read: its keys can't be known then, and nothing is to be deleted.
    pub async fn protected_keys(&self) -> Result<ProtectedKeys, Problem> {
        if let AdminCredentials::Delegate(delegate) = &self.credentials
            && let Some(secret) = delegate.fallback()
            && self.stand_in.get().is_none()
        {
            let keys = async {
                let account = delegate.service_account();
                let pair = Pair::read(secret, account, &self.deadline).await?;
                Ok::<_, Problem>(pair.known_keys())
            };
            self.fallback_keys.get_or_try_init(|| keys).await?;
        }
        Ok(self.known_keys())
    }

    #[must_use]
    pub fn site(&self) -> Site {
        match self.acting() {
            ActiveCredentials::Pair(pair) => pair.site(),
            ActiveCredentials::Bearer(bearer) => bearer.site(),
            ActiveCredentials::Delegate(delegate) => delegate.site(),
        }
    }

    /// Provides an API key to try other keys with: an identity has none of its own, nor has a service
    /// access token.
    pub async fn provide_companion(
        &mut self,
        kind: Kind,
        current: &Credential,
    ) -> Result<(), Problem> {
        match &mut self.credentials {
            AdminCredentials::Pair(_) => Ok(()),
            AdminCredentials::Bearer(bearer) => bearer.provide_companion(kind, current).await,
            AdminCredentials::Delegate(delegate) => delegate.provide_companion(kind, current).await,
        }
    }

    fn acting(&self) -> ActiveCredentials<'_> {
        match (&self.credentials, self.stand_in.get()) {
            (AdminCredentials::Pair(pair), _) => ActiveCredentials::Pair(pair),
            (AdminCredentials::Bearer(bearer), _) => ActiveCredentials::Bearer(bearer),
            (AdminCredentials::Delegate(_), Some(pair)) => ActiveCredentials::Pair(pair),
            (AdminCredentials::Delegate(delegate), None) => ActiveCredentials::Delegate(delegate),
        }
    }

    /// Returns the API key of another secret, or of AWSCURRENT, if the admin has none of its own.
    fn companion(&self) -> Option<&Companion> {
        match self.acting() {
            ActiveCredentials::Pair(_) => None,
            ActiveCredentials::Bearer(bearer) => bearer.companion(),
            ActiveCredentials::Delegate(delegate) => delegate.companion(),
        }
    }

    fn datadog(&self) -> &Datadog {
        match self.acting() {
            ActiveCredentials::Pair(pair) => pair.datadog(),
            ActiveCredentials::Bearer(bearer) => bearer.datadog(),
            ActiveCredentials::Delegate(delegate) => delegate.datadog(),
        }
    }

    /// A refusal that stays is told apart: the admin is dead, or it lacks a permission.
    async fn act<'a, T, F>(&'a self, call: impl Fn(Actor<'a>) -> F) -> Result<T, Problem>
    where
        F: Future<Output = Result<T, DatadogError>>,
    {
        let problem = match self.acting() {
            // Boxed: a step makes several calls side by side, and has room for each.
            ActiveCredentials::Pair(pair) => return Box::pin(pair.act(&call)).await,
            ActiveCredentials::Bearer(bearer) => return Box::pin(bearer.act(&call)).await,
            ActiveCredentials::Delegate(delegate) => match Box::pin(delegate.act(&call)).await {
                Err(problem) if problem.refuses_identity() => problem,
                answer => return answer,
            },
        };
        // Boxed: every call would carry its future, and few need a stand-in.
        let pair = Box::pin(self.stand_in_for(problem)).await?;
        Box::pin(pair.act(&call)).await
    }

    /// Returns the pair that the user has allowed to act where Datadog refuses the identity.
    async fn stand_in_for(&self, problem: Problem) -> Result<&Pair, Problem> {
        let AdminCredentials::Delegate(delegate) = &self.credentials else {
            return Err(problem);
        };
        let Some(secret) = delegate.fallback() else {
            return Err(problem);
        };
        tracing::warn!(%problem, arn = secret.arn.as_str(), "the fallback admin secret's pair acts instead");
        let reading = Pair::read(secret, delegate.service_account(), &self.deadline);
        self.stand_in.get_or_try_init(|| reading).await
    }

    /// That the admin works, or the one that has just replaced it.
    pub async fn must_work(&self) -> Result<(), Problem> {
        match self.acting() {
            ActiveCredentials::Pair(pair) => pair.must_work().await,
            ActiveCredentials::Bearer(bearer) => bearer.must_work().await,
            ActiveCredentials::Delegate(delegate) => match delegate.must_work().await {
                Err(problem) if problem.refuses_identity() => {
                    self.stand_in_for(problem).await?.must_work().await
                }
                answer => answer,
            },
        }
    }

    /// That it may do what `required` names, as far as that is shown to it.
    pub async fn must_have(&self, required: &[&'static str]) -> Result<Reach, Problem> {
        match self.acting() {
            ActiveCredentials::Pair(pair) => pair.must_have(required).await,
            ActiveCredentials::Bearer(bearer) => bearer.must_have(required).await,
            ActiveCredentials::Delegate(delegate) => delegate.must_have(required).await,
        }
    }
}

fn is_refused<T>(answer: &Result<T, DatadogError>) -> bool {
    matches!(answer, Err(error) if error.problem.is_refusal())
}
