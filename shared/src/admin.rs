//! The admin secret: whose keys act at Datadog, and all that is done with them.

use secrecy::ExposeSecret;
use tokio::sync::OnceCell;

use crate::budget::Budget;
use crate::credential::{ApiPart, AppPart, Credential, Kind};
use crate::datadog::{
    ApiKeyDetails, AppKeyDetails, Authority, Call, Datadog, DatadogError, DatadogProblem, Minted,
    Scopes, Status,
};
use crate::error::Problem;
use crate::http::Http;
use crate::keys::{ApiKey, AppKey, KeyClass, KeyId, KeyRef, ServiceAccountId};
use crate::secrets::{Secrets, SecretsError};
use crate::settings::Settings;
use crate::value::{SecretValue, ValueError};

/// The keys of an admin secret and the API of its site.
#[derive(Clone, Debug)]
struct AdminKeys {
    api: ApiPart,
    application: AppPart,
    datadog: Datadog,
}

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

/// Where the admin pair is kept.
#[derive(Clone, Debug)]
pub struct AdminSecret {
    pub arn: String,
    pub secrets: Secrets,
    pub http: Http,
    pub settings: Settings,
}

/// What a look at one key by its id has shown.
#[derive(Clone, Debug)]
pub enum Lookup<T> {
    Found(T),
    /// 404.
    Gone,
    /// The admin pair works, but has no `api_keys_read`.
    Unreadable,
}

impl AdminSecret {
    /// Reads the value under AWSCURRENT.
    async fn read(&self, budget: &Budget) -> Result<AdminKeys, Problem> {
        let stored = self.secrets.current_value(&self.arn, budget).await;
        let stored = stored.map_err(|error: SecretsError| Problem::AdminUnreadable(error))?;
        let text = stored.text.ok_or_else(|| Problem::AdminBinary {
            arn: self.arn.clone(),
        })?;
        let value = SecretValue::parse(text.expose_secret());
        let value = value.map_err(|source| self.malformed(source))?;
        self.keys(&value)
    }

    fn keys(&self, value: &SecretValue) -> Result<AdminKeys, Problem> {
        let credential = value
            .credential(Kind::AdminKey)
            .map_err(|it| self.malformed(it))?;
        let Credential::Pair(api, application) = credential else {
            return Err(self.malformed(ValueError::NotAnObject));
        };
        let site = value.site().map_err(|source| self.malformed(source))?;
        let base = self
            .settings
            .datadog_api_url
            .clone()
            .unwrap_or_else(|| site.api_url());
        Ok(AdminKeys {
            api,
            application,
            datadog: Datadog::new(self.http.clone(), base),
        })
    }

    fn malformed(&self, source: ValueError) -> Problem {
        Problem::AdminMalformed {
            arn: self.arn.clone(),
            source,
        }
    }
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

    #[must_use]
    pub fn service_account(&self) -> &ServiceAccountId {
        &self.keys.application.service_account
    }

    #[must_use]
    pub fn secret_arn(&self) -> &str {
        &self.secret.arn
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
        if is_refused(&answer) && !self.works().await? {
            return Err(Problem::AdminRefused {
                arn: self.secret.arn.clone(),
            });
        }
        Ok(answer?)
    }

    /// Whether the admin pair itself works.
    pub async fn works(&self) -> Result<bool, DatadogError> {
        let keys = self.in_use();
        keys.datadog
            .validate_pair(&keys.authority(), &self.budget)
            .await
    }

    pub async fn api_key(&self, id: &KeyId) -> Result<Lookup<ApiKeyDetails>, Problem> {
        let budget = &self.budget;
        let call =
            self.act(|it| async move { it.datadog.api_key(&it.authority(), id, budget).await });
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
            self.act(|it| async move { it.datadog.api_keys(&it.authority(), name, budget).await });
        self.readable(call).await
    }

    /// `None` if this pair, which works, may not see API keys. Asked once in a step.
    async fn readable<T>(
        &self,
        call: impl Future<Output = Result<T, Problem>>,
    ) -> Result<Option<T>, Problem> {
        if self.api_keys_unreadable.initialized() {
            return Ok(None);
        }
        match call.await {
            Err(Problem::Datadog(error)) if error.problem.is_refusal() => {
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
            .act(|it| async move { it.datadog.app_key(&it.authority(), owner, id, budget).await })
            .await;
        match answer {
            Ok(details) => Ok(Some(details)),
            Err(problem) if is_not_found(&problem) => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    /// Who owns an application key, if this admin may know.
    pub async fn owner_of(&self, id: &KeyId) -> Option<ServiceAccountId> {
        let keys = self.in_use();
        let answer = keys
            .datadog
            .any_app_key(&keys.authority(), id, &self.budget)
            .await;
        answer.ok().and_then(|(_, owner)| owner)
    }

    /// The scopes of the admin's own application key, if it may see them.
    pub async fn own_scopes(&self) -> Result<Option<Scopes>, DatadogError> {
        let keys = self.in_use();
        let (own, authority) = (&keys.application, keys.authority());
        let by_account = keys
            .datadog
            .app_key(&authority, &own.service_account, &own.id, &self.budget)
            .await;
        match by_account {
            Ok(details) => Ok(Some(details.scopes)),
            Err(error) if error.problem.is_refusal() => {
                let any = keys
                    .datadog
                    .any_app_key(&authority, &own.id, &self.budget)
                    .await;
                match any {
                    Ok((details, _)) => Ok(Some(details.scopes)),
                    Err(error) if error.problem.is_refusal() => Ok(None),
                    Err(error) => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    pub async fn app_keys(
        &self,
        owner: &ServiceAccountId,
        name: &str,
    ) -> Result<Vec<AppKeyDetails>, Problem> {
        let budget = &self.budget;
        self.act(|it| async move {
            it.datadog
                .app_keys(&it.authority(), owner, name, budget)
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
                .mint_api_key(&it.authority(), name, like, budget)
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
                .mint_app_key(&it.authority(), owner, name, scopes, budget)
                .await
        })
        .await
    }

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

    /// The id of an API key that works, or `None` if it does not.
    pub async fn validated_id(&self, key: &ApiKey) -> Result<Option<KeyId>, DatadogError> {
        self.in_use().datadog.validated_id(key, &self.budget).await
    }

    /// Ends a key. Success means that it is gone, whoever ended it.
    ///
    /// `owner` is the service account of an application key; `text` is that of an API key, if it
    /// is at hand.
    pub async fn retire(
        &self,
        key: &KeyRef,
        owner: Option<&ServiceAccountId>,
        text: Option<&ApiKey>,
    ) -> Result<(), Problem> {
        let call = match (key.class, owner) {
            (KeyClass::Api, _) => Call::DeleteApiKey(key.id.clone()),
            (KeyClass::Application, Some(owner)) => Call::DeleteAppKey {
                owner: owner.clone(),
                id: key.id.clone(),
            },
            (KeyClass::Application, None) => return Ok(()),
        };
        let (call, budget) = (&call, &self.budget);
        let answer = self
            .act(|it| async move { it.datadog.send(&it.authority(), call, budget).await })
            .await;
        match answer {
            Ok(_) => Ok(()),
            Err(problem) if is_not_found(&problem) => Ok(()),
            // What Datadog answers to the deletion of a revoked API key is not documented.
            Err(Problem::Datadog(error))
                if key.class == KeyClass::Api
                    && is_rejection(&error)
                    && self.is_revoked(&key.id, text).await? =>
            {
                Ok(())
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
                Ok(!self.validate_api_key(text).await? && self.own_api_key_works().await?)
            }
            (Lookup::Unreadable, None) => Ok(false),
        }
    }

    /// The control of every proof by refusal.
    pub async fn own_api_key_works(&self) -> Result<bool, DatadogError> {
        let keys = self.in_use();
        keys.datadog.validate(&keys.api.key, &self.budget).await
    }
}

impl AdminKeys {
    fn authority(&self) -> Authority {
        Authority::Pair(self.api.key.clone(), self.application.key.clone())
    }

    fn is_same_as(&self, other: &Self) -> bool {
        self.api.key.expose() == other.api.key.expose()
            && self.application.key.expose() == other.application.key.expose()
    }
}

fn is_refused<T>(answer: &Result<T, DatadogError>) -> bool {
    matches!(answer, Err(error) if error.problem.is_refusal())
}

fn is_not_found(problem: &Problem) -> bool {
    matches!(problem, Problem::Datadog(error) if error.problem == DatadogProblem::NotFound)
}

/// A 4xx that says neither "no such key" nor "you may not".
fn is_rejection(error: &DatadogError) -> bool {
    matches!(
        error.problem,
        DatadogProblem::Rejected { .. } | DatadogProblem::NameTaken { .. }
    )
}
