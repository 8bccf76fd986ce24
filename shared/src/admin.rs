//! The admin: in whose name Datadog is asked. Either the pair of an admin secret ([`Pair`]) or,
//! keyless, the function's own identity ([`Delegate`]); never both in one request.

mod delegate;
mod keys;
mod pair;
mod proof;
mod secret;
mod trust;
mod witness;

use tokio::sync::OnceCell;

use crate::budget::Budget;
use crate::credential::{Credential, Kind};
use crate::datadog::{Authority, Datadog, DatadogError, Expiry};
use crate::delegation::Delegation;
use crate::error::Problem;
use crate::keys::{KeyRef, ServiceAccountId};
use crate::site::Site;
use crate::value::SecretValue;

use delegate::Delegate;
pub use keys::Lookup;
use pair::Pair;
use secret::AdminValue;
pub use secret::{AdminSecret, Means};

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
    /// Set once Datadog has refused to show API keys to an admin that works.
    api_keys_unreadable: OnceCell<()>,
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
}

impl Admin {
    pub async fn read(secret: AdminSecret, budget: &Budget) -> Result<Self, Problem> {
        let value = secret.read(budget).await?;
        Ok(Self::of(value, secret, budget))
    }

    /// The admin that a value at hand describes: an admin secret that rotates itself.
    pub fn of_value(
        value: &SecretValue,
        secret: AdminSecret,
        budget: &Budget,
    ) -> Result<Self, Problem> {
        Ok(Self::of(secret.admin_value(value)?, secret, budget))
    }

    fn of(value: AdminValue, secret: AdminSecret, budget: &Budget) -> Self {
        match value {
            AdminValue::Keys(keys) => {
                Self::with(Hand::Pair(Pair::new(*keys, secret, budget).into()), budget)
            }
            AdminValue::Delegation(delegation) => {
                Self::delegated(*delegation, secret.means, budget)
            }
        }
    }

    /// The function's own identity.
    #[must_use]
    pub fn delegated(delegation: Delegation, means: Means, budget: &Budget) -> Self {
        let delegate = Delegate::new(delegation, means, budget);
        Self::with(Hand::Delegate(delegate.into()), budget)
    }

    fn with(hand: Hand, budget: &Budget) -> Self {
        Self {
            hand,
            stand_in: OnceCell::new(),
            api_keys_unreadable: OnceCell::new(),
            budget: *budget,
        }
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

    #[must_use]
    pub fn service_account(&self) -> &ServiceAccountId {
        match &self.hand {
            Hand::Pair(pair) => pair.service_account(),
            Hand::Delegate(delegate) => delegate.service_account(),
        }
    }

    /// The keys that act: none, where there are none.
    #[must_use]
    pub fn own_keys(&self) -> Vec<KeyRef> {
        match self.acting() {
            Acting::Pair(pair) => pair.keys(),
            Acting::Delegate(_) => Vec::new(),
        }
    }

    #[must_use]
    pub fn site(&self) -> Site {
        match self.acting() {
            Acting::Pair(pair) => pair.site(),
            Acting::Delegate(delegate) => delegate.site(),
        }
    }

    /// For proofs that take an API key: an identity has none of its own.
    pub async fn provide_witness(
        &mut self,
        kind: Kind,
        current: &Credential,
    ) -> Result<(), Problem> {
        match &mut self.hand {
            Hand::Pair(_) => Ok(()),
            Hand::Delegate(delegate) => delegate.provide_witness(kind, current).await,
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
            Acting::Pair(pair) => return pair.act(&call).await,
            Acting::Delegate(delegate) => match delegate.act(&call).await {
                Err(problem) if problem.refuses_identity() => problem,
                answer => return answer,
            },
        };
        self.stand_in_for(problem).await?.act(&call).await
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
