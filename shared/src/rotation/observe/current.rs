//! The keys in AWSCURRENT: nothing is changed before they have been found to be what they should.

use super::keys::{is_other_key, listed_whole, patience};
use crate::admin::KeyLookup;
use crate::credential::{ApiPart, OwnedKey};
use crate::datadog::{ApiKeyDetails, OwnedKeyDetails, Scopes, Status};
use crate::error::{Problem, Role};
use crate::keys::{KeyClass, KeyRef};

use crate::rotation::context::{LoadedSecret, SecretReader};
use crate::rotation::decide::{ListedKey, least_days_to_expiry};

/// What is known of the current keys, so that their successors are made like them, and what else
/// bears names like theirs.
#[derive(Debug)]
pub(crate) struct CurrentKeys {
    /// `None` for a type without an API key, or without `api_keys_read`.
    pub api: Option<ApiKeyDetails>,
    pub application: Option<OwnedKeyDetails>,
    pub token: Option<OwnedKeyDetails>,
    /// API keys only with `api_keys_read`.
    pub listed: Vec<ListedKey>,
}

impl CurrentKeys {
    /// Returns the scopes that a new token must have, if one is to be created.
    pub(crate) fn scopes_to_hand_on(&self) -> Option<&Scopes> {
        self.token.as_ref()?.scopes.as_ref()
    }

    /// Returns the name of the key that [`Credential::telling_key`] returns, if that is known.
    ///
    /// [`Credential::telling_key`]: crate::credential::Credential::telling_key
    pub(crate) fn telling_name(&self) -> Option<&str> {
        let owned = self.application.as_ref().or(self.token.as_ref());
        let api = || self.api.as_ref().map(|it| it.name.as_str());
        owned.map(|it| it.name.as_str()).or_else(api)
    }
}

/// How far value, ID and organisation of a current API key are known to belong together.
#[derive(Debug)]
pub(crate) enum ApiKeyVerification {
    /// The admin found it by its ID, the value ends as it should, and it works.
    Found(ApiKeyDetails),
    /// Datadog told ID and organisation of the value.
    Told,
    /// It works, and that is all that can be seen.
    Works,
}

impl ApiKeyVerification {
    fn details(self) -> Option<ApiKeyDetails> {
        match self {
            Self::Found(details) => Some(details),
            Self::Told | Self::Works => None,
        }
    }
}

impl SecretReader<'_> {
    /// Verifies that each current key exists, is live, belongs to the service account, and is the
    /// one that its ID says. Returns what is known of them.
    pub(crate) async fn verify_current(
        &self,
        secret: &LoadedSecret,
    ) -> Result<CurrentKeys, Problem> {
        let credential = &secret.current.credential;
        verify_expiry(self.secret, secret)?;
        let owned = async {
            match credential.owned() {
                Some(key) => self.verify_listed_owned_key(secret, &key).await,
                None => Ok((None, Vec::new())),
            }
        };
        let api = async {
            match credential.api() {
                Some(part) => self.verify_listed_api_key(secret, part).await,
                None => Ok((None, Vec::new())),
            }
        };
        let (owned, api) = tokio::join!(owned, api);
        let found = owned.and_then(|owned| Ok((owned, api?)));
        let ((owned, others), (api, mut listed)) =
            found.map_err(|problem| secret.current.explain_shape(problem))?;
        listed.extend(others);
        let (token, application) = if credential.token().is_some() {
            (owned, None)
        } else {
            (None, owned)
        };
        Ok(CurrentKeys {
            api,
            application,
            token,
            listed,
        })
    }

    /// A key that a rotation made is among those that bear names like it: the list, which the
    /// search for orphaned keys goes by, tells all that a look-up would.
    async fn verify_listed_api_key(
        &self,
        secret: &LoadedSecret,
        part: &ApiPart,
    ) -> Result<(Option<ApiKeyDetails>, Vec<ListedKey>), Problem> {
        let filter = secret.names.filter(KeyClass::Api);
        let listed = secret.admin.api_keys(&filter);
        let (listed, works) = tokio::join!(listed, self.api_key_works(secret, part));
        let listed = listed?.unwrap_or_default();
        let told = listed.iter().find(|it| it.id == part.id);
        let verified = match told.filter(|it| it.is_whole()) {
            Some(details) => {
                let verified = check_details(details.clone(), part)?;
                works?;
                verified
            }
            None => self.verify_api_key(secret, part).await?,
        };
        let details = match verified.details() {
            Some(details) => Some(self.confirm_settings(secret, details, told).await?),
            None => None,
        };
        let listed = listed.into_iter().map(ListedKey::from).collect();
        Ok((details, listed))
    }

    /// Returns the same for an application key or a token.
    async fn verify_listed_owned_key(
        &self,
        secret: &LoadedSecret,
        owned: &OwnedKey<'_>,
    ) -> Result<(Option<OwnedKeyDetails>, Vec<ListedKey>), Problem> {
        let class = owned.key.class;
        let listed = self.owned_keys(secret, class);
        let (listed, works) = tokio::join!(listed, self.owned_key_works(secret));
        let listed = listed?;
        let details = match listed_whole(&listed, &owned.key.id) {
            Some(details) => details,
            None => self.find_current(secret, owned).await?,
        };
        let details = self.confirm_unscoped(secret, owned, details).await?;
        self.confirm_current(secret, owned, &details, works?)
            .await?;
        let listed = listed.into_iter();
        let listed = listed.map(|it| ListedKey::owned(class, it)).collect();
        Ok((Some(details), listed))
    }

    /// Two answers are not enough to create another key that may do all that its owner may: one that tells
    /// scopes outweighs them.
    async fn confirm_unscoped(
        &self,
        secret: &LoadedSecret,
        owned: &OwnedKey<'_>,
        mut details: OwnedKeyDetails,
    ) -> Result<OwnedKeyDetails, Problem> {
        let is_unscoped = |it: &OwnedKeyDetails| {
            let scopes = it.scopes.as_ref();
            scopes.is_some_and(|it| it.list().is_none())
        };
        for _ in 0..2 {
            if is_unscoped(&details) {
                details = self.find_current(secret, owned).await?;
            }
        }
        Ok(details)
    }

    /// Verifies a current application key or token. One refusal or one "not found" proves nothing:
    /// each is asked for again for some seconds.
    pub(crate) async fn verify_owned_key(
        &self,
        secret: &LoadedSecret,
        owned: &OwnedKey<'_>,
    ) -> Result<OwnedKeyDetails, Problem> {
        let details = self.find_current(secret, owned);
        let (details, works) = tokio::join!(details, self.owned_key_works(secret));
        let details = details?;
        self.confirm_current(secret, owned, &details, works?)
            .await?;
        Ok(details)
    }

    /// Tries the current application key or token once. A pair that acts for itself is tried by every
    /// call.
    async fn owned_key_works(&self, secret: &LoadedSecret) -> Result<bool, Problem> {
        if secret.rotates_itself {
            return Ok(true);
        }
        secret.admin.validate(&secret.current.credential).await
    }

    /// `works`: whether Datadog accepted it when it was tried once.
    async fn confirm_current(
        &self,
        secret: &LoadedSecret,
        owned: &OwnedKey<'_>,
        details: &OwnedKeyDetails,
        works: bool,
    ) -> Result<(), Problem> {
        let key = owned.key.clone();
        if is_other_key(details.shown.as_deref(), owned.value) {
            return Err(Problem::CurrentKeyMismatch { key });
        }
        if details.is_over(self.now()) {
            return Err(Problem::CurrentKeyDead { key });
        }
        if works {
            Ok(())
        } else {
            self.try_current_again(secret, key).await
        }
    }

    /// Looks the current application key or token up by its ID.
    async fn find_current(
        &self,
        secret: &LoadedSecret,
        owned: &OwnedKey<'_>,
    ) -> Result<OwnedKeyDetails, Problem> {
        let (account, key) = (owned.service_account, &owned.key);
        let mut backoff = patience();
        loop {
            if let Some(details) = secret.admin.owned_key(account, key).await? {
                return Ok(details);
            }
            if !backoff.pause(self.deadline).await {
                break;
            }
        }
        let (key, expected) = (key.clone(), account.clone());
        Err(match secret.admin.owner_of(&key).await {
            Some(other) if other != expected => Problem::CurrentKeyNotOwned { key, expected },
            Some(_) | None => Problem::CurrentKeyDead { key },
        })
    }

    /// Tries the key's value: four characters and an ID may be known to somebody who does not have
    /// the key.
    async fn try_current_again(&self, secret: &LoadedSecret, key: KeyRef) -> Result<(), Problem> {
        let mut backoff = patience();
        while backoff.pause(self.deadline).await {
            if secret.admin.validate(&secret.current.credential).await? {
                return Ok(());
            }
        }
        // A pair is tried as one: a dead API key is not to be laid to the other half.
        if let Some(part) = secret.current.credential.api() {
            self.verify_api_key(secret, part).await?;
        }
        Err(Problem::CurrentKeyMismatch { key })
    }

    pub(crate) async fn verify_api_key(
        &self,
        secret: &LoadedSecret,
        part: &ApiPart,
    ) -> Result<ApiKeyVerification, Problem> {
        let key = part.key_ref();
        match secret.admin.api_key(&part.id).await? {
            KeyLookup::NotFound => {
                let mut backoff = patience();
                while backoff.pause(self.deadline).await {
                    if let KeyLookup::Found(details) = secret.admin.api_key(&part.id).await? {
                        return self.verify_found(secret, part, details).await;
                    }
                }
                Err(Problem::CurrentKeyDead { key })
            }
            KeyLookup::Found(details) => self.verify_found(secret, part, details).await,
            KeyLookup::Forbidden => self.validate_current(secret, part, key).await,
        }
    }

    async fn verify_found(
        &self,
        secret: &LoadedSecret,
        part: &ApiPart,
        details: ApiKeyDetails,
    ) -> Result<ApiKeyVerification, Problem> {
        let verified = check_details(details, part)?;
        self.api_key_works(secret, part).await?;
        Ok(verified)
    }

    /// Tries the value of the API key by itself, with patience. A pair that acts for itself is tried
    /// by every call.
    async fn api_key_works(&self, secret: &LoadedSecret, part: &ApiPart) -> Result<(), Problem> {
        if secret.rotates_itself {
            return Ok(());
        }
        let mut backoff = patience();
        while !secret.admin.validate_api_key(&part.key).await? {
            if !backoff.pause(self.deadline).await {
                let key = part.key_ref();
                return Err(Problem::CurrentKeyMismatch { key });
            }
        }
        Ok(())
    }

    /// Verifies an API key without `api_keys_read`: by the key itself.
    async fn validate_current(
        &self,
        secret: &LoadedSecret,
        part: &ApiPart,
        key: KeyRef,
    ) -> Result<ApiKeyVerification, Problem> {
        match secret.admin.validated(&part.key).await {
            Ok(Some(told)) if told.id != part.id => {
                return Err(Problem::CurrentKeyMismatch { key });
            }
            Ok(Some(told)) => {
                if let Some(own) = secret.admin.organisation().await {
                    let is_foreign = !told.organisation.eq_ignore_ascii_case(&own);
                    return if is_foreign {
                        Err(Problem::OrganisationMismatch { key })
                    } else {
                        Ok(ApiKeyVerification::Told)
                    };
                }
            }
            // The preview may fail or go away: then the key itself can be tried, and no more.
            Ok(None) | Err(_) => {}
        }
        let mut backoff = patience();
        while !secret.admin.validate_api_key(&part.key).await? {
            if !backoff.pause(self.deadline).await {
                return Err(Problem::CurrentKeyDead { key });
            }
        }
        tracing::warn!(
            secret = self.secret,
            key = %key,
            "not known whether text, id and admin belong together: no api_keys_read, no \
             /api/v2/validate"
        );
        Ok(ApiKeyVerification::Works)
    }
}

/// Refuses a `daysToExpiry` with which a token would end while the secret still needs it: it is in use
/// for one interval as AWSCURRENT, for another as AWSPREVIOUS, and rotations may begin at any time of
/// their window.
fn verify_expiry(named: &str, secret: &LoadedSecret) -> Result<(), Problem> {
    // In a secret of another type it is a field of its owner's.
    if secret.current.credential.token().is_none() {
        return Ok(());
    }
    let role = Role::Current;
    let days = secret.current.value.days_to_expiry();
    let Some(days) = days.map_err(|source| Problem::Malformed { role, source })? else {
        return Ok(());
    };
    match secret.description.schedule.map(least_days_to_expiry) {
        Some(least) if u64::from(days) < least => Err(Problem::ExpiryTooShort { days, least }),
        Some(_) => Ok(()),
        None => {
            tracing::warn!(
                secret = named,
                "the rotation schedule is not known: daysToExpiry was not compared with it"
            );
            Ok(())
        }
    }
}

/// Checks a current API key by what the admin is told of it.
fn check_details(details: ApiKeyDetails, part: &ApiPart) -> Result<ApiKeyVerification, Problem> {
    let key = part.key_ref();
    match details.status {
        Status::Revoked => Err(Problem::CurrentKeyDead { key }),
        Status::Unknown => Err(Problem::CurrentKeyStatusUnknown { key }),
        Status::Active if is_other_key(details.last4.as_deref(), part.key.expose()) => {
            Err(Problem::CurrentKeyMismatch { key })
        }
        Status::Active => Ok(ApiKeyVerification::Found(details)),
    }
}
