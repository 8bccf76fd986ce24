//! Proof that keys work: by use, which needs no permission.

use super::{Admin, AdminKeys};
use crate::credential::{AppPart, Credential};
use crate::datadog::{Authority, DatadogError, Validated};
use crate::keys::ApiKey;

impl Admin {
    /// Whether a credential of a rotated secret works: an application key together with the
    /// admin's API key, a pair by itself.
    pub async fn validate(&self, credential: &Credential) -> Result<bool, DatadogError> {
        let used = self.in_use();
        match credential {
            Credential::Api(api) => used.datadog.validate(&api.key, &self.budget).await,
            Credential::Pair(api, application) => {
                let pair = Authority::Pair(api.key.clone(), application.key.clone());
                used.datadog.validate_pair(&pair, &self.budget).await
            }
            Credential::Application(application) => {
                if self.validate_beside(used, application).await? {
                    return Ok(true);
                }
                match self.successor_of(used).await {
                    Some(fresh) => self.validate_beside(fresh, application).await,
                    None => Ok(false),
                }
            }
        }
    }

    async fn validate_beside(
        &self,
        keys: &AdminKeys,
        other: &AppPart,
    ) -> Result<bool, DatadogError> {
        let pair = Authority::Pair(keys.api.key.clone(), other.key.clone());
        keys.datadog.validate_pair(&pair, &self.budget).await
    }

    /// Whether this API key works.
    pub async fn validate_api_key(&self, key: &ApiKey) -> Result<bool, DatadogError> {
        self.in_use().datadog.validate(key, &self.budget).await
    }

    /// Id and organisation of an API key that works, or `None` if it does not.
    pub async fn validated(&self, key: &ApiKey) -> Result<Option<Validated>, DatadogError> {
        self.in_use().datadog.validated(key, &self.budget).await
    }

    /// The same of the admin's own API key.
    pub async fn own_validated(&self) -> Result<Option<Validated>, DatadogError> {
        self.validated(&self.in_use().api.key).await
    }

    /// The control of every proof by refusal.
    pub async fn own_api_key_works(&self) -> Result<bool, DatadogError> {
        let keys = self.in_use();
        keys.datadog.validate(&keys.api.key, &self.budget).await
    }
}
