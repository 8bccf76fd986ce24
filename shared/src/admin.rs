//! The admin: in whose name Datadog is asked. Either the pair of an admin secret ([`Pair`]) or,
//! keyless, the function's own identity ([`Delegate`]); never both in one request.

mod companion;
mod delegate;
mod keys;
mod pair;
mod proof;
mod reading;
mod secret;
mod trust;

use std::collections::BTreeSet;
use std::time::SystemTime;

use tokio::sync::OnceCell;

use crate::budget::Budget;
use crate::clients::Clients;
use crate::credential::{Credential, Kind};
use crate::datadog::{Authority, Datadog, DatadogError, Expiry};
use crate::delegation::Delegation;
use crate::error::Problem;
use crate::keys::{KeyRef, ServiceAccountId};
use crate::site::Site;
use crate::value::SecretValue;

use delegate::Delegate;
use pair::Pair;
pub use reading::KeyLookup;
pub use secret::AdminSecret;
use secret::{AdminValue, ReadAdmin};

/// Acts at Datadog for one service account, for the time of one step.
///
/// What it acts with is read afresh at every step. A definite refusal makes it be had once more,
/// for it may just have changed: a pair by reading its secret again, a token by another exchange.
/// If it has, the call is sent again with the new one.
#[derive(Debug)]
pub struct Admin {
    hand: Hand,
    /// The pair that has taken over from an identity that Datadog refuses, if one may.
    stand_in: OnceCell<Pair>,
    /// The keys of a configured fallback, read before anything is deleted.
    fallback_keys: OnceCell<Vec<KeyRef>>,
    /// The keys of admins that were read and do not act.
    others: Vec<KeyRef>,
    /// Whether it may read API keys, once that is settled.
    reads_api_keys: OnceCell<bool>,
    budget: Budget,
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
enum Hand {
    Pair(Box<Pair>),
    Delegate(Box<Delegate>),
}

/// Whose turn it is.
enum Acting<'a> {
    Pair(&'a Pair),
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
    pub async fn read(secret: AdminSecret, budget: &Budget) -> Result<(Self, String), Problem> {
        let ReadAdmin {
            value,
            arn,
            created,
        } = secret.read(budget).await?;
        Ok((Self::of(value, secret, created, budget), arn))
    }

    /// The admin that a value at hand describes: an admin secret that rotates itself.
    pub fn of_value(
        value: &SecretValue,
        secret: AdminSecret,
        created: Option<SystemTime>,
        budget: &Budget,
    ) -> Result<Self, Problem> {
        Ok(Self::of(
            secret.admin_value(value)?,
            secret,
            created,
            budget,
        ))
    }

    fn of(
        value: AdminValue,
        secret: AdminSecret,
        created: Option<SystemTime>,
        budget: &Budget,
    ) -> Self {
        match value {
            AdminValue::Keys(keys) => {
                let pair = Pair::new(*keys, secret, created, budget);
                Self::with(Hand::Pair(pair.into()), budget)
            }
            AdminValue::Delegation(delegation) => {
                Self::delegated(*delegation, secret.clients, budget)
            }
        }
    }

    /// The function's own identity.
    #[must_use]
    pub fn delegated(delegation: Delegation, clients: Clients, budget: &Budget) -> Self {
        let delegate = Delegate::new(delegation, clients, budget);
        Self::with(Hand::Delegate(delegate.into()), budget)
    }

    fn with(hand: Hand, budget: &Budget) -> Self {
        Self {
            hand,
            stand_in: OnceCell::new(),
            fallback_keys: OnceCell::new(),
            others: Vec::new(),
            reads_api_keys: OnceCell::new(),
            budget: *budget,
        }
    }

    /// Protects more keys from deletion: those of another admin that was read.
    pub fn protect(&mut self, keys: Vec<KeyRef>) {
        self.others.extend(keys);
    }

    /// The same, for which no other one stands in.
    #[must_use]
    pub fn alone(mut self) -> Self {
        if let Hand::Delegate(delegate) = &mut self.hand {
            delegate.forgo_fallback();
        }
        self
    }

    /// Whether it is the identity that this runs with, and no pair of keys.
    #[must_use]
    pub fn is_keyless(&self) -> bool {
        matches!(self.hand, Hand::Delegate(_))
    }

    /// When the token ends that it acts with, if it has one.
    pub async fn token_expiry(&self) -> Option<Expiry> {
        match &self.hand {
            Hand::Pair(_) => None,
            Hand::Delegate(delegate) => delegate.expiry().await,
        }
    }

    /// Gives it other time.
    pub fn renew(&mut self, budget: &Budget) {
        self.budget = *budget;
        match &mut self.hand {
            Hand::Pair(pair) => pair.renew(budget),
            Hand::Delegate(delegate) => delegate.renew(budget),
        }
        if let Some(pair) = self.stand_in.get_mut() {
            pair.renew(budget);
        }
    }

    pub(crate) fn budget(&self) -> &Budget {
        &self.budget
    }

    #[must_use]
    pub fn service_account(&self) -> &ServiceAccountId {
        match &self.hand {
            Hand::Pair(pair) => pair.service_account(),
            Hand::Delegate(delegate) => delegate.service_account(),
        }
    }

    /// Returns the keys that act: none, where there are none.
    #[must_use]
    pub fn own_keys(&self) -> Vec<KeyRef> {
        match self.acting() {
            Acting::Pair(pair) => pair.keys(),
            Acting::Delegate(_) => Vec::new(),
        }
    }

    /// Returns the keys of every admin that was read so far, the acting one and a fallback among them.
    #[must_use]
    pub fn known_keys(&self) -> BTreeSet<KeyRef> {
        let pair = match &self.hand {
            Hand::Pair(pair) => Some(&**pair),
            Hand::Delegate(_) => self.stand_in.get(),
        };
        let fallback = self.fallback_keys.get().into_iter().flatten();
        let known = pair.into_iter().flat_map(Pair::known_keys);
        let known = known.chain(fallback.chain(&self.others).cloned());
        known.collect()
    }

    /// Returns the same, and reads the secret of a configured fallback for it if it has not been read:
    /// its pair may have to act at any moment, so that its keys must stay.
    ///
    /// # Errors
    /// If that secret can't be read: its keys can't be known then, and nothing is to be deleted.
    pub async fn protected_keys(&self) -> Result<BTreeSet<KeyRef>, Problem> {
        if let Hand::Delegate(delegate) = &self.hand
            && let Some(secret) = delegate.fallback()
            && self.stand_in.get().is_none()
        {
            let keys = async {
                let account = delegate.service_account();
                let pair = Pair::read(secret, account, &self.budget).await?;
                Ok::<_, Problem>(pair.keys())
            };
            self.fallback_keys.get_or_try_init(|| keys).await?;
        }
        Ok(self.known_keys())
    }

    #[must_use]
    pub fn site(&self) -> Site {
        match self.acting() {
            Acting::Pair(pair) => pair.site(),
            Acting::Delegate(delegate) => delegate.site(),
        }
    }

    /// Provides an API key to try application keys with: an identity has none of its own.
    pub async fn provide_companion(
        &mut self,
        kind: Kind,
        current: &Credential,
    ) -> Result<(), Problem> {
        match &mut self.hand {
            Hand::Pair(_) => Ok(()),
            Hand::Delegate(delegate) => delegate.provide_companion(kind, current).await,
        }
    }

    fn acting(&self) -> Acting<'_> {
        match (&self.hand, self.stand_in.get()) {
            (Hand::Pair(pair), _) => Acting::Pair(pair),
            (Hand::Delegate(_), Some(pair)) => Acting::Pair(pair),
            (Hand::Delegate(delegate), None) => Acting::Delegate(delegate),
        }
    }

    fn datadog(&self) -> &Datadog {
        match self.acting() {
            Acting::Pair(pair) => pair.datadog(),
            Acting::Delegate(delegate) => delegate.datadog(),
        }
    }

    /// A refusal that stays is told apart: the admin is dead, or it lacks a permission.
    async fn act<'a, T, F>(&'a self, call: impl Fn(Actor<'a>) -> F) -> Result<T, Problem>
    where
        F: Future<Output = Result<T, DatadogError>>,
    {
        let problem = match self.acting() {
            // Boxed: a step makes several calls side by side, and has room for each.
            Acting::Pair(pair) => return Box::pin(pair.act(&call)).await,
            Acting::Delegate(delegate) => match Box::pin(delegate.act(&call)).await {
                Err(problem) if problem.refuses_identity() => problem,
                answer => return answer,
            },
        };
        let pair = Box::pin(self.stand_in_for(problem)).await?;
        Box::pin(pair.act(&call)).await
    }

    /// The pair that the user has allowed to act where Datadog refuses the identity.
    async fn stand_in_for(&self, problem: Problem) -> Result<&Pair, Problem> {
        let Hand::Delegate(delegate) = &self.hand else {
            return Err(problem);
        };
        let Some(secret) = delegate.fallback() else {
            return Err(problem);
        };
        tracing::warn!(%problem, arn = secret.arn, "the fallback admin secret's pair acts instead");
        let reading = Pair::read(secret, delegate.service_account(), &self.budget);
        self.stand_in.get_or_try_init(|| reading).await
    }

    /// That the admin works, or the one that has just replaced it.
    pub async fn must_work(&self) -> Result<(), Problem> {
        match self.acting() {
            Acting::Pair(pair) => pair.must_work().await,
            Acting::Delegate(delegate) => match delegate.must_work().await {
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
            Acting::Pair(pair) => pair.must_have(required).await,
            Acting::Delegate(delegate) => delegate.must_have(required).await,
        }
    }
}

fn is_refused<T>(answer: &Result<T, DatadogError>) -> bool {
    matches!(answer, Err(error) if error.problem.is_refusal())
}
