//! Keys at Datadog, looked up, created and deleted by the admin.

use std::collections::BTreeSet;
use std::time::SystemTime;

use super::reading::KeyLookup;
use super::{ActiveCredentials, Admin};
use crate::datadog::{ApiKeyDetails, Call, Created, KeyList, KeyQuota, OwnedKeyDetails, Scopes};
use crate::error::Problem;
use crate::keys::{AccessToken, ApiKey, AppKey, KeyClass, KeyId, KeyRef, ServiceAccountId};

impl Admin {
    pub async fn api_key(&self, id: &KeyId) -> Result<KeyLookup<ApiKeyDetails>, Problem> {
        let deadline = &self.deadline;
        let call = || async {
            self.act(|it| async move { it.datadog.api_key(&it.authority, id, deadline).await })
                .await
        };
        match self.readable(call).await {
            Ok(Some(details)) => Ok(KeyLookup::Found(details)),
            Ok(None) => Ok(KeyLookup::Forbidden),
            Err(problem) if problem.is_not_found() => Ok(KeyLookup::NotFound),
            Err(problem) => Err(problem),
        }
    }

    /// Returns the API keys whose names contain `name`, or `None` without `api_keys_read`.
    pub async fn api_keys(&self, name: &str) -> Result<Option<KeyList<ApiKeyDetails>>, Problem> {
        let deadline = &self.deadline;
        let call = || async {
            self.act(|it| async move { it.datadog.api_keys(&it.authority, name, deadline).await })
                .await
        };
        self.readable(call).await
    }

    /// Returns how many API keys there are and may be, or `None` without `api_keys_read`.
    pub async fn api_key_quota(&self) -> Result<Option<KeyQuota>, Problem> {
        let deadline = &self.deadline;
        let call = || async {
            self.act(|it| async move { it.datadog.api_key_quota(&it.authority, deadline).await })
                .await
        };
        self.readable(call).await
    }

    /// Likewise the application keys of the admin's own service account.
    pub async fn app_key_quota(&self) -> Result<KeyQuota, Problem> {
        let (deadline, owner) = (&self.deadline, self.service_account());
        self.act(|it| async move {
            it.datadog
                .app_key_quota(&it.authority, owner, deadline)
                .await
        })
        .await
    }

    /// Returns what the roles of the service account permit, if it is told.
    pub async fn permissions(&self) -> Result<Option<BTreeSet<String>>, Problem> {
        let deadline = &self.deadline;
        self.act(|it| async move { it.datadog.current_user(&it.authority, deadline).await })
            .await
            .map(|user| user.permissions)
    }

    /// `None` if the service account owns no such key.
    pub async fn app_key(
        &self,
        owner: &ServiceAccountId,
        id: &KeyId,
    ) -> Result<Option<OwnedKeyDetails>, Problem> {
        let deadline = &self.deadline;
        let answer = self
            .act(|it| async move { it.datadog.app_key(&it.authority, owner, id, deadline).await })
            .await;
        match answer {
            Ok(details) => Ok(Some(details)),
            Err(problem) if problem.is_not_found() => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    /// Looks up the name of a key, whatever its class.
    pub async fn key_name(&self, key: &KeyRef) -> Result<KeyLookup<String>, Problem> {
        Ok(match key.class {
            KeyClass::Api => match self.api_key(&key.id).await? {
                KeyLookup::Found(details) => KeyLookup::Found(details.name),
                KeyLookup::NotFound => KeyLookup::NotFound,
                KeyLookup::Forbidden => KeyLookup::Forbidden,
            },
            KeyClass::Application | KeyClass::AccessToken => {
                let found = self.owned_key(self.service_account(), key).await?;
                found.map_or(KeyLookup::NotFound, |it| KeyLookup::Found(it.name))
            }
        })
    }

    /// `None` if the service account owns no such token.
    pub async fn access_token(
        &self,
        owner: &ServiceAccountId,
        id: &KeyId,
    ) -> Result<Option<OwnedKeyDetails>, Problem> {
        let deadline = &self.deadline;
        let answer = self
            .act(|it| async move {
                it.datadog
                    .access_token(&it.authority, owner, id, deadline)
                    .await
            })
            .await;
        match answer {
            Ok(details) => Ok(Some(details)),
            Err(problem) if problem.is_not_found() => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    /// Looks up an application key or a token. `None` if the service account owns no such key.
    pub async fn owned_key(
        &self,
        owner: &ServiceAccountId,
        key: &KeyRef,
    ) -> Result<Option<OwnedKeyDetails>, Problem> {
        match key.class {
            KeyClass::AccessToken => self.access_token(owner, &key.id).await,
            KeyClass::Application | KeyClass::Api => self.app_key(owner, &key.id).await,
        }
    }

    /// Who owns an application key, if this admin may know. Of a token nobody can know it.
    pub async fn owner_of(&self, key: &KeyRef) -> Option<ServiceAccountId> {
        if key.class != KeyClass::Application {
            return None;
        }
        let actor = match self.acting() {
            ActiveCredentials::Pair(pair) => pair.actor(),
            ActiveCredentials::Bearer(bearer) => bearer.actor(),
            ActiveCredentials::Delegate(delegate) => delegate.actor().await.ok()?,
        };
        let answer = actor
            .datadog
            .any_app_key(&actor.authority, &key.id, &self.deadline)
            .await;
        answer.ok()?.owner
    }

    pub async fn app_keys(
        &self,
        owner: &ServiceAccountId,
        name: &str,
    ) -> Result<KeyList<OwnedKeyDetails>, Problem> {
        let deadline = &self.deadline;
        self.act(|it| async move {
            it.datadog
                .app_keys(&it.authority, owner, name, deadline)
                .await
        })
        .await
    }

    pub async fn access_tokens(
        &self,
        owner: &ServiceAccountId,
        name: &str,
    ) -> Result<KeyList<OwnedKeyDetails>, Problem> {
        let deadline = &self.deadline;
        self.act(|it| async move {
            it.datadog
                .access_tokens(&it.authority, owner, name, deadline)
                .await
        })
        .await
    }

    /// Creates a service access token with these scopes. `expires`: when it is to end by itself, if
    /// it is to.
    pub async fn create_access_token(
        &self,
        owner: &ServiceAccountId,
        name: &str,
        scopes: &Scopes,
        expires: Option<SystemTime>,
    ) -> Result<Created<AccessToken, OwnedKeyDetails>, Problem> {
        let (rights, deadline) = ((scopes, expires), &self.deadline);
        self.act(|it| async move {
            it.datadog
                .create_access_token(&it.authority, owner, name, rights, deadline)
                .await
        })
        .await
    }

    /// Creates an API key with the settings of `like`. `enrolls`: it is to enrol action runners.
    pub async fn create_api_key(
        &self,
        name: &str,
        like: Option<&ApiKeyDetails>,
        enrolls: bool,
    ) -> Result<Created<ApiKey, ApiKeyDetails>, Problem> {
        let (settings, deadline) = ((like, enrolls), &self.deadline);
        self.act(|it| async move {
            it.datadog
                .create_api_key(&it.authority, name, settings, deadline)
                .await
        })
        .await
    }

    pub async fn create_app_key(
        &self,
        owner: &ServiceAccountId,
        name: &str,
        scopes: &Scopes,
    ) -> Result<Created<AppKey, OwnedKeyDetails>, Problem> {
        let deadline = &self.deadline;
        self.act(|it| async move {
            it.datadog
                .create_app_key(&it.authority, owner, name, scopes, deadline)
                .await
        })
        .await
    }

    /// Sends the DELETE of a key, unless `may` says no: it is asked before each attempt, and told the
    /// keys that authenticate that attempt. Returns whether it was sent, and answered 204.
    ///
    /// `owner` is the service account of an application key or token.
    pub(crate) async fn delete<F: Future<Output = Result<bool, Problem>>>(
        &self,
        key: &KeyRef,
        owner: &ServiceAccountId,
        may: impl Fn(Vec<KeyRef>) -> F,
    ) -> Result<bool, Problem> {
        let call = match key.class {
            KeyClass::Api => Call::delete_api_key(&key.id),
            KeyClass::Application => Call::delete_app_key(owner, &key.id),
            KeyClass::AccessToken => Call::delete_access_token(owner, &key.id),
        };
        let (call, deadline, may) = (&call, &self.deadline, &may);
        let sent = self.act(|it| async move {
            let mut sending = it.datadog.sending(&it.authority, call, deadline);
            loop {
                sending.turn().await?;
                match may(it.keys.clone()).await {
                    Ok(true) => {}
                    stopped => return Ok(stopped),
                }
                if sending.attempt().await?.is_some() {
                    return Ok(Ok(true));
                }
            }
        });
        sent.await?
    }
}
