//! Whether keys work: by use, which needs no permission.

use super::companion::Companion;
use super::pair::Pair;
use super::{ActiveCredentials, Admin};
use crate::credential::{AppPart, Credential, TokenPart};
use crate::datadog::{Authority, DatadogError, Validated};
use crate::error::Problem;
use crate::keys::ApiKey;

/// Where a request carries a service access token. Datadog's documentation tells both, so that both
/// are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenHeader {
    /// `Authorization: Bearer`, and no key beside it.
    Bearer,
    /// `DD-APPLICATION-KEY`, beside an API key.
    ApplicationKey,
}

impl Admin {
    /// Returns whether a credential of a rotated secret works: an application key together with the
    /// admin's API key or the companion's, a pair by itself.
    pub async fn validate(&self, credential: &Credential) -> Result<bool, Problem> {
        let datadog = self.datadog();
        match credential {
            // It holds nothing that could fail.
            Credential::Keyless(_) => Ok(true),
            Credential::Api(api) => Ok(datadog.validate(&api.key, &self.deadline).await?),
            Credential::Pair(api, application) => {
                Ok(self.validate_beside(&api.key, application).await?)
            }
            Credential::Token(token) => Ok(self.validate_token(token).await?),
            Credential::Application(application) => match self.acting() {
                ActiveCredentials::Pair(pair) => {
                    Ok(self.validate_by_pair(pair, application).await?)
                }
                ActiveCredentials::Bearer(_) | ActiveCredentials::Delegate(_) => {
                    let companion = self.companion().ok_or(Problem::NoApiKeySecret)?;
                    self.validate_by_companion(companion, application).await
                }
            },
        }
    }

    /// Returns the header in which Datadog has accepted a rotated token in this step, if it has.
    #[must_use]
    pub fn token_header(&self) -> Option<TokenHeader> {
        self.token_header.get().copied()
    }

    /// Tries a token by a call that takes no permission. Where it is accepted once, it and others are
    /// tried in no other way for the rest of the step.
    async fn validate_token(&self, token: &TokenPart) -> Result<bool, DatadogError> {
        let known = self.token_header();
        let ways = [TokenHeader::Bearer, TokenHeader::ApplicationKey];
        for header in ways
            .into_iter()
            .filter(|it| known.is_none_or(|way| way == *it))
        {
            let api = match header {
                TokenHeader::Bearer => None,
                TokenHeader::ApplicationKey => match self.control_key() {
                    Some(key) => Some(key.clone()),
                    None => continue,
                },
            };
            let authority = Authority::AccessToken(token.key.clone(), api);
            let told = self
                .datadog()
                .current_user(&authority, &self.deadline)
                .await;
            match told {
                Ok(user) => {
                    // Another call may have found it out meanwhile, and the same.
                    let _known = self.token_header.set(header);
                    return Ok(user.id == token.service_account);
                }
                Err(error) if error.problem.is_refusal() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    async fn validate_by_pair(&self, pair: &Pair, other: &AppPart) -> Result<bool, DatadogError> {
        let used = pair.in_use();
        if self.validate_beside(&used.api.key, other).await? {
            return Ok(true);
        }
        match pair.successor_of(used).await {
            Some(fresh) => self.validate_beside(&fresh.api.key, other).await,
            None => Ok(false),
        }
    }

    /// A refusal is the application key's only while Datadog accepts the key beside it.
    async fn validate_by_companion(
        &self,
        companion: &Companion,
        other: &AppPart,
    ) -> Result<bool, Problem> {
        let used = companion.key();
        if self.validate_beside(used, other).await? {
            return Ok(true);
        }
        if self.validate_api_key(used).await? {
            return Ok(false);
        }
        match companion.successor_of(used, &self.deadline).await {
            Some(fresh) => Ok(self.validate_beside(fresh, other).await?),
            None => Err(companion.refused()),
        }
    }

    async fn validate_beside(&self, api: &ApiKey, other: &AppPart) -> Result<bool, DatadogError> {
        let pair = Authority::Pair(api.clone(), other.key.clone());
        self.datadog().validate_pair(&pair, &self.deadline).await
    }

    /// Returns whether this API key works.
    pub async fn validate_api_key(&self, key: &ApiKey) -> Result<bool, DatadogError> {
        self.datadog().validate(key, &self.deadline).await
    }

    /// Id and organisation of an API key that works, or `None` if it does not.
    pub async fn validated(&self, key: &ApiKey) -> Result<Option<Validated>, DatadogError> {
        self.datadog().validated(key, &self.deadline).await
    }

    /// Returns the admin's own organisation, if it can be told.
    pub async fn organisation(&self) -> Option<String> {
        match self.acting() {
            ActiveCredentials::Pair(pair) => {
                let own = self.validated(&pair.in_use().api.key).await.ok()??;
                Some(own.organisation)
            }
            ActiveCredentials::Bearer(bearer) => {
                let user = bearer.user().await.ok()??;
                Some(user.organisation.to_string())
            }
            ActiveCredentials::Delegate(delegate) => Some(delegate.organisation().to_owned()),
        }
    }

    /// The control of every proof by refusal: an API key that should work does.
    pub async fn control_works(&self) -> Result<bool, DatadogError> {
        match self.control_key() {
            Some(key) => self.validate_api_key(key).await,
            None => Ok(false),
        }
    }

    fn control_key(&self) -> Option<&ApiKey> {
        match self.acting() {
            ActiveCredentials::Pair(pair) => Some(&pair.in_use().api.key),
            ActiveCredentials::Bearer(_) | ActiveCredentials::Delegate(_) => {
                self.companion().map(Companion::key)
            }
        }
    }
}
