//! The admin: whose pair acts at Datadog.

mod keys;
mod proof;
mod secret;

use tokio::sync::OnceCell;

use crate::budget::Budget;
use crate::datadog::DatadogError;
use crate::error::Problem;
use crate::keys::{KeyRef, ServiceAccountId};
use crate::site::Site;
use crate::value::SecretValue;

pub use keys::Lookup;
use secret::AdminKeys;
pub use secret::AdminSecret;

/// Acts at Datadog with the pair of an admin secret.
///
/// Read afresh at every step. A definite 401 or 403 makes the secret be read once more, for the
/// pair may just have rotated; if it has, the call is sent again with the new one.
#[derive(Debug)]
pub struct Admin {
    keys: AdminKeys,
    secret: AdminSecret,
    reread: OnceCell<Option<AdminKeys>>,
    /// Set once Datadog has refused to show API keys to a pair that works.
    api_keys_unreadable: OnceCell<()>,
    budget: Budget,
}

impl Admin {
    pub async fn read(secret: AdminSecret, budget: &Budget) -> Result<Self, Problem> {
        let keys = secret.read(budget).await?;
        Ok(Self::with(keys, secret, budget))
    }

    /// The pair of a value that is at hand: an admin secret that rotates itself.
    pub fn of_value(
        value: &SecretValue,
        secret: AdminSecret,
        budget: &Budget,
    ) -> Result<Self, Problem> {
        Ok(Self::with(secret.keys(value)?, secret, budget))
    }

    fn with(keys: AdminKeys, secret: AdminSecret, budget: &Budget) -> Self {
        Self {
            keys,
            secret,
            reread: OnceCell::new(),
            api_keys_unreadable: OnceCell::new(),
            budget: *budget,
        }
    }

    /// Gives it other time.
    pub fn renew(&mut self, budget: &Budget) {
        self.budget = *budget;
    }

    #[must_use]
    pub fn service_account(&self) -> &ServiceAccountId {
        &self.keys.application.service_account
    }

    #[must_use]
    pub fn secret_arn(&self) -> &str {
        &self.secret.arn
    }

    #[must_use]
    pub fn site(&self) -> Site {
        self.keys.site
    }

    /// The keys that act.
    #[must_use]
    pub fn own_keys(&self) -> [KeyRef; 2] {
        let keys = self.in_use();
        [keys.application.key_ref(), keys.api.key_ref()]
    }

    fn in_use(&self) -> &AdminKeys {
        self.reread
            .get()
            .and_then(Option::as_ref)
            .unwrap_or(&self.keys)
    }

    /// The pair as it is now, if it is another one than `used`.
    async fn successor_of(&self, used: &AdminKeys) -> Option<&AdminKeys> {
        let fresh = self.reread.get_or_init(|| async {
            let read = self.secret.read(&self.budget).await;
            read.inspect_err(|problem| tracing::warn!(%problem, "admin secret not read again"))
                .ok()
                // A pair of another service account must not act in this one's place.
                .filter(|it| it.application.service_account == *self.service_account())
        });
        fresh.await.as_ref().filter(|fresh| !fresh.is_same_as(used))
    }

    /// A refusal that stays is told apart: the pair is dead, or it lacks a scope.
    async fn act<'a, T, F>(&'a self, call: impl Fn(&'a AdminKeys) -> F) -> Result<T, Problem>
    where
        F: Future<Output = Result<T, DatadogError>>,
    {
        let used = self.in_use();
        let mut answer = call(used).await;
        if is_refused(&answer)
            && let Some(fresh) = self.successor_of(used).await
        {
            answer = call(fresh).await;
        }
        if is_refused(&answer) && matches!(self.works().await, Ok(false)) {
            return Err(Problem::AdminRefused {
                arn: self.secret.arn.clone(),
            });
        }
        Ok(answer?)
    }

    /// Whether the admin pair, or the one that has just replaced it, works.
    pub async fn is_accepted(&self) -> Result<bool, DatadogError> {
        let used = self.in_use();
        let works = self.works().await?;
        Ok(works || (self.successor_of(used).await.is_some() && self.works().await?))
    }

    /// Whether the admin pair itself works.
    pub async fn works(&self) -> Result<bool, DatadogError> {
        let keys = self.in_use();
        keys.datadog
            .validate_pair(&keys.authority(), &self.budget)
            .await
    }
}

fn is_refused<T>(answer: &Result<T, DatadogError>) -> bool {
    matches!(answer, Err(error) if error.problem.is_refusal())
}
