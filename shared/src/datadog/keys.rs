//! One method a call, with its answer read.

use std::collections::HashSet;

use super::call::PAGE;
use super::reply::Page;
use super::{
    ApiKeyDetails, AppKeyDetails, Authority, Call, Created, CurrentUser, Datadog, DatadogError,
    Room, Scopes, Token, Validated, reply, user,
};
use crate::budget::Budget;
use crate::identity::Identity;
use crate::keys::{ApiKey, AppKey, KeyId, OrganisationId, ServiceAccountId};

/// More pages than any organisation's keys fill: a list that never ends is not followed for ever.
const MOST_PAGES: usize = 20;

impl Datadog {
    /// Creates an API key with the settings of `like`. `enrolls`: it is to enrol action runners.
    pub async fn create_api_key(
        &self,
        authority: &Authority,
        name: &str,
        (like, enrolls): (Option<&ApiKeyDetails>, bool),
        budget: &Budget,
    ) -> Result<Created<ApiKey, ApiKeyDetails>, DatadogError> {
        let call = Call::CreateApiKey {
            name: name.to_owned(),
            category: like.and_then(|it| it.category.clone()),
            remote_config_read_enabled: like.and_then(|it| it.remote_config_read_enabled),
            private_action_runner_enroll_enabled: enrolls,
        };
        self.ask(authority, call, budget, reply::created_api_key)
            .await
    }

    pub async fn create_app_key(
        &self,
        authority: &Authority,
        owner: &ServiceAccountId,
        name: &str,
        scopes: &Scopes,
        budget: &Budget,
    ) -> Result<Created<AppKey, AppKeyDetails>, DatadogError> {
        let (owner, name, scopes) = (owner.clone(), name.to_owned(), scopes.clone());
        let call = Call::CreateAppKey {
            owner,
            name,
            scopes,
        };
        self.ask(authority, call, budget, reply::created_app_key)
            .await
    }

    pub async fn api_key(
        &self,
        authority: &Authority,
        id: &KeyId,
        budget: &Budget,
    ) -> Result<ApiKeyDetails, DatadogError> {
        let read = |body: &[u8]| reply::of(id, reply::api_key(body)?, |it| &it.id);
        self.ask(authority, Call::GetApiKey(id.clone()), budget, read)
            .await
    }

    pub async fn app_key(
        &self,
        authority: &Authority,
        owner: &ServiceAccountId,
        id: &KeyId,
        budget: &Budget,
    ) -> Result<AppKeyDetails, DatadogError> {
        let call = Call::GetAppKey {
            owner: owner.clone(),
            id: id.clone(),
        };
        let read = |body: &[u8]| reply::of(id, reply::app_key(body)?, |it| &it.id);
        self.ask(authority, call, budget, read).await
    }

    /// Scopes and owner of an application key, whoever owns it.
    pub async fn any_app_key(
        &self,
        authority: &Authority,
        id: &KeyId,
        budget: &Budget,
    ) -> Result<AppKeyDetails, DatadogError> {
        let call = Call::GetAnyAppKey(id.clone());
        let read = |body: &[u8]| reply::of(id, reply::app_key(body)?, |it| &it.id);
        self.ask(authority, call, budget, read).await
    }

    /// Lists the API keys whose names contain `name`.
    pub async fn api_keys(
        &self,
        authority: &Authority,
        name: &str,
        budget: &Budget,
    ) -> Result<Vec<ApiKeyDetails>, DatadogError> {
        let call = |page| Call::ListApiKeys {
            name: name.to_owned(),
            page,
        };
        self.whole_list(authority, call, reply::api_keys, |it| &it.id, budget)
            .await
    }

    /// Lists the application keys of a service account whose names contain `name`.
    pub async fn app_keys(
        &self,
        authority: &Authority,
        owner: &ServiceAccountId,
        name: &str,
        budget: &Budget,
    ) -> Result<Vec<AppKeyDetails>, DatadogError> {
        let call = |page| Call::ListAppKeys {
            owner: owner.clone(),
            name: name.to_owned(),
            page,
        };
        self.whole_list(authority, call, reply::app_keys, |it| &it.id, budget)
            .await
    }

    /// Follows a list page by page. A page may be shorter than asked for: the list ends where it has
    /// as many keys as Datadog says it has, and without that word at an empty page.
    async fn whole_list<T>(
        &self,
        authority: &Authority,
        call: impl Fn(usize) -> Call,
        read: impl Fn(&[u8], usize) -> Result<Page<T>, reply::Defect>,
        id: impl Fn(&T) -> &KeyId,
        budget: &Budget,
    ) -> Result<Vec<T>, DatadogError> {
        let (mut keys, mut seen) = (Vec::new(), HashSet::new());
        for page in 0..MOST_PAGES {
            let read = |body: &[u8]| read(body, PAGE);
            let found = self.ask(authority, call(page), budget, read).await?;
            let is_empty = found.keys.is_empty();
            let before = keys.len();
            keys.extend(
                found
                    .keys
                    .into_iter()
                    .filter(|it| seen.insert(id(it).clone())),
            );
            let is_whole = found.total.is_some_and(|total| keys.len() as u64 >= total);
            if is_empty || is_whole {
                return Ok(keys);
            }
            // The same page again: the next one will be no other.
            if keys.len() == before {
                break;
            }
        }
        tracing::warn!(
            call = %call(0),
            read = keys.len(),
            "the list is longer than what could be read of it: the rest is not looked at"
        );
        Ok(keys)
    }

    /// How many API keys the organisation has and may have.
    pub async fn api_key_room(
        &self,
        authority: &Authority,
        budget: &Budget,
    ) -> Result<Room, DatadogError> {
        self.ask(authority, Call::CountApiKeys, budget, reply::room)
            .await
    }

    /// Likewise the application keys of a service account.
    pub async fn app_key_room(
        &self,
        authority: &Authority,
        owner: &ServiceAccountId,
        budget: &Budget,
    ) -> Result<Room, DatadogError> {
        let call = Call::CountAppKeys(owner.clone());
        self.ask(authority, call, budget, reply::room).await
    }

    /// Whether the API key works; a refusal is the answer "no".
    pub async fn validate(&self, key: &ApiKey, budget: &Budget) -> Result<bool, DatadogError> {
        let authority = Authority::ApiKey(key.clone());
        let answer = self.ask(&authority, Call::Validate, budget, reply::validity);
        answered(answer.await)
    }

    /// Id and organisation of an API key that works, or `None` if it does not.
    pub async fn validated(
        &self,
        key: &ApiKey,
        budget: &Budget,
    ) -> Result<Option<Validated>, DatadogError> {
        let (authority, call) = (Authority::ApiKey(key.clone()), Call::ValidateWithId);
        let told = self.ask(&authority, call, budget, reply::validated).await;
        match told {
            Ok(told) => Ok(Some(told)),
            Err(error) if error.problem.is_refusal() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the two keys work together.
    pub async fn validate_pair(
        &self,
        pair: &Authority,
        budget: &Budget,
    ) -> Result<bool, DatadogError> {
        let answer = self.ask(pair, Call::ValidatePair, budget, reply::pair_validity);
        answered(answer.await)
    }

    /// A token of whomever this organisation has mapped the function's role to.
    pub async fn exchange(
        &self,
        identity: &Identity,
        organisation: &OrganisationId,
        budget: &Budget,
    ) -> Result<Token, DatadogError> {
        let authority = Authority::Identity(identity.clone(), organisation.clone());
        let read = |body: &[u8]| Token::read(body, budget.now());
        self.ask(&authority, Call::Exchange, budget, read).await
    }

    /// Whom the request speaks for.
    pub async fn current_user(
        &self,
        authority: &Authority,
        budget: &Budget,
    ) -> Result<CurrentUser, DatadogError> {
        self.ask(authority, Call::CurrentUser, budget, user::current_user)
            .await
    }
}

fn answered(answer: Result<bool, DatadogError>) -> Result<bool, DatadogError> {
    match answer {
        Err(error) if error.problem.is_refusal() => Ok(false),
        answer => answer,
    }
}
