//! Keys at Datadog, looked up, minted and retired by the admin.

use std::collections::BTreeSet;

use super::{Acting, Admin};
use crate::datadog::{
    ApiKeyDetails, AppKeyDetails, Call, DatadogError, DatadogProblem, Minted, Room, Scopes, Status,
};
use crate::error::Problem;
use crate::keys::{ApiKey, AppKey, KeyClass, KeyId, KeyRef, ServiceAccountId};

/// What a look at one key by its id has shown.
#[derive(Clone, Debug)]
pub enum Lookup<T> {
    Found(T),
    /// 404.
    Gone,
    /// The admin works, but has no `api_keys_read`.
    Unreadable,
}

impl Admin {
    pub async fn api_key(&self, id: &KeyId) -> Result<Lookup<ApiKeyDetails>, Problem> {
        let budget = &self.budget;
        let call =
            self.act(|it| async move { it.datadog.api_key(&it.authority, id, budget).await });
        match self.readable(call).await {
            Ok(Some(details)) => Ok(Lookup::Found(details)),
            Ok(None) => Ok(Lookup::Unreadable),
            Err(problem) if is_not_found(&problem) => Ok(Lookup::Gone),
            Err(problem) => Err(problem),
        }
    }

    /// The API keys whose names contain `name`, or `None` without `api_keys_read`.
    pub async fn api_keys(&self, name: &str) -> Result<Option<Vec<ApiKeyDetails>>, Problem> {
        let budget = &self.budget;
        let call =
            self.act(|it| async move { it.datadog.api_keys(&it.authority, name, budget).await });
        self.readable(call).await
    }

    /// How many API keys there are and may be, or `None` without `api_keys_read`.
    pub async fn api_key_room(&self) -> Result<Option<Room>, Problem> {
        let budget = &self.budget;
        let call =
            self.act(|it| async move { it.datadog.api_key_room(&it.authority, budget).await });
        self.readable(call).await
    }

    /// Likewise the application keys of the admin's own service account.
    pub async fn app_key_room(&self) -> Result<Room, Problem> {
        let (budget, owner) = (&self.budget, self.service_account());
        self.act(|it| async move { it.datadog.app_key_room(&it.authority, owner, budget).await })
            .await
    }

    /// What the roles of the service account permit, if it is told.
    pub async fn permissions(&self) -> Result<Option<BTreeSet<String>>, Problem> {
        let budget = &self.budget;
        self.act(|it| async move { it.datadog.current_user(&it.authority, budget).await })
            .await
            .map(|user| user.permissions)
    }

    /// `None` if this admin, which works, may not see API keys. Asked once in a step.
    async fn readable<T>(
        &self,
        call: impl Future<Output = Result<T, Problem>>,
    ) -> Result<Option<T>, Problem> {
        if self.api_keys_unreadable.initialized() {
            return Ok(None);
        }
        match call.await {
            Err(problem) if problem.is_forbidden() => {
                self.api_keys_unreadable.get_or_init(|| async {}).await;
                Ok(None)
            }
            answer => answer.map(Some),
        }
    }

    /// `None` if the service account owns no such key.
    pub async fn app_key(
        &self,
        owner: &ServiceAccountId,
        id: &KeyId,
    ) -> Result<Option<AppKeyDetails>, Problem> {
        let budget = &self.budget;
        let answer = self
            .act(|it| async move { it.datadog.app_key(&it.authority, owner, id, budget).await })
            .await;
        match answer {
            Ok(details) => Ok(Some(details)),
            Err(problem) if is_not_found(&problem) => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    /// Who owns an application key, if this admin may know.
    pub async fn owner_of(&self, id: &KeyId) -> Option<ServiceAccountId> {
        let actor = match self.acting() {
            Acting::Pair(pair) => pair.actor(),
            Acting::Delegate(delegate) => delegate.actor().await.ok()?,
        };
        let answer = actor
            .datadog
            .any_app_key(&actor.authority, id, &self.budget)
            .await;
        answer.ok().and_then(|(_, owner)| owner)
    }

    pub async fn app_keys(
        &self,
        owner: &ServiceAccountId,
        name: &str,
    ) -> Result<Vec<AppKeyDetails>, Problem> {
        let budget = &self.budget;
        self.act(|it| async move {
            it.datadog
                .app_keys(&it.authority, owner, name, budget)
                .await
        })
        .await
    }

    pub async fn mint_api_key(
        &self,
        name: &str,
        like: Option<&ApiKeyDetails>,
    ) -> Result<Minted<ApiKey>, Problem> {
        let budget = &self.budget;
        self.act(|it| async move {
            it.datadog
                .mint_api_key(&it.authority, name, like, budget)
                .await
        })
        .await
    }

    pub async fn mint_app_key(
        &self,
        owner: &ServiceAccountId,
        name: &str,
        scopes: &Scopes,
    ) -> Result<Minted<AppKey>, Problem> {
        let budget = &self.budget;
        self.act(|it| async move {
            it.datadog
                .mint_app_key(&it.authority, owner, name, scopes, budget)
                .await
        })
        .await
    }

    /// Ends a key. Success means that it is gone; `false`: it was gone before.
    ///
    /// `owner` is the service account of an application key; `text` is that of an API key, if it
    /// is at hand.
    pub async fn retire(
        &self,
        key: &KeyRef,
        owner: &ServiceAccountId,
        text: Option<&ApiKey>,
    ) -> Result<bool, Problem> {
        let (id, owner) = (key.id.clone(), owner.clone());
        let call = match key.class {
            KeyClass::Api => Call::DeleteApiKey(id),
            KeyClass::Application => Call::DeleteAppKey { owner, id },
        };
        let (call, budget) = (&call, &self.budget);
        let answer = self
            .act(|it| async move { it.datadog.send(&it.authority, call, budget).await })
            .await;
        match answer {
            Ok(_) => Ok(true),
            Err(problem) if is_not_found(&problem) => Ok(false),
            // What Datadog answers to the deletion of a revoked API key is not documented.
            Err(Problem::Datadog(error))
                if key.class == KeyClass::Api
                    && is_rejection(&error)
                    && self.is_revoked(&key.id, text).await? =>
            {
                Ok(false)
            }
            Err(problem) => Err(problem),
        }
    }

    async fn is_revoked(&self, id: &KeyId, text: Option<&ApiKey>) -> Result<bool, Problem> {
        match (self.api_key(id).await?, text) {
            (Lookup::Gone, _) => Ok(true),
            (Lookup::Found(details), _) => Ok(details.status == Status::Revoked),
            (Lookup::Unreadable, Some(text)) => {
                // An edge that refuses everybody proves nothing of this key.
                Ok(!self.validate_api_key(text).await? && self.control_works().await?)
            }
            (Lookup::Unreadable, None) => Ok(false),
        }
    }
}

pub(super) fn is_not_found(problem: &Problem) -> bool {
    matches!(problem, Problem::Datadog(error) if error.problem == DatadogProblem::NotFound)
}

/// A 4xx that says neither "no such key" nor "you may not".
fn is_rejection(error: &DatadogError) -> bool {
    matches!(
        error.problem,
        DatadogProblem::Rejected { .. } | DatadogProblem::NameTaken { .. }
    )
}
