//! The keys in AWSCURRENT: nothing is changed before they have been found to be what they should.

use super::keys::{is_other_key, listed_whole, patience};
use crate::admin::KeyLookup;
use crate::credential::{ApiPart, AppPart};
use crate::datadog::{ApiKeyDetails, AppKeyDetails, Status};
use crate::error::Problem;
use crate::keys::{KeyClass, KeyRef};

use crate::rotation::context::{LoadedSecret, SecretReader};
use crate::rotation::decide::ListedKey;

/// What is known of the current keys, so that their successors are made like them, and what else
/// bears names like theirs.
#[derive(Debug)]
pub(crate) struct CurrentKeys {
    /// `None` for a type without an API key, or without `api_keys_read`.
    pub api: Option<ApiKeyDetails>,
    pub application: Option<AppKeyDetails>,
    /// API keys only with `api_keys_read`.
    pub listed: Vec<ListedKey>,
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
        let application = async {
            match credential.application() {
                Some(part) => self.verify_listed_application_key(secret, part).await,
                None => Ok((None, Vec::new())),
            }
        };
        let api = async {
            match credential.api() {
                Some(part) => self.verify_listed_api_key(secret, part).await,
                None => Ok((None, Vec::new())),
            }
        };
        let (application, api) = tokio::join!(application, api);
        let found = application.and_then(|application| Ok((application, api?)));
        let ((application, others), (api, mut listed)) =
            found.map_err(|problem| secret.current.explain_shape(problem))?;
        listed.extend(others);
        Ok(CurrentKeys {
            api,
            application,
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
        let found = listed.iter().find(|it| it.id == part.id && it.is_whole());
        let verified = match found {
            Some(details) => {
                let verified = check_details(details.clone(), part)?;
                works?;
                verified
            }
            None => self.verify_api_key(secret, part).await?,
        };
        let listed = listed.into_iter().map(ListedKey::from).collect();
        Ok((verified.details(), listed))
    }

    /// The same for an application key.
    async fn verify_listed_application_key(
        &self,
        secret: &LoadedSecret,
        part: &AppPart,
    ) -> Result<(Option<AppKeyDetails>, Vec<ListedKey>), Problem> {
        let listed = self.app_keys(secret);
        let (listed, works) = tokio::join!(listed, self.application_key_works(secret));
        let listed = listed?;
        let details = match listed_whole(&listed, &part.id) {
            Some(details) => details,
            None => self.find_current(secret, part).await?,
        };
        self.confirm_current(secret, part, &details, works?).await?;
        let listed = listed.into_iter().map(ListedKey::from).collect();
        Ok((Some(details), listed))
    }

    /// Verifies a current application key. One refusal or one "not found" proves nothing: each is
    /// asked for again for some seconds.
    pub(crate) async fn verify_application_key(
        &self,
        secret: &LoadedSecret,
        part: &AppPart,
    ) -> Result<AppKeyDetails, Problem> {
        let details = self.find_current(secret, part);
        let (details, works) = tokio::join!(details, self.application_key_works(secret));
        let details = details?;
        self.confirm_current(secret, part, &details, works?).await?;
        Ok(details)
    }

    /// Tries the current application key once. A pair that acts for itself is tried by every call.
    async fn application_key_works(&self, secret: &LoadedSecret) -> Result<bool, Problem> {
        if secret.rotates_itself {
            return Ok(true);
        }
        secret.admin.validate(&secret.current.credential).await
    }

    /// `works`: whether Datadog accepted it when it was tried once.
    async fn confirm_current(
        &self,
        secret: &LoadedSecret,
        part: &AppPart,
        details: &AppKeyDetails,
        works: bool,
    ) -> Result<(), Problem> {
        let key = part.key_ref();
        if is_other_key(details.last4.as_deref(), part.key.expose()) {
            return Err(Problem::CurrentKeyMismatch { key });
        }
        if works {
            Ok(())
        } else {
            self.try_current_again(secret, key).await
        }
    }

    /// Looks the current application key up by its ID.
    async fn find_current(
        &self,
        secret: &LoadedSecret,
        part: &AppPart,
    ) -> Result<AppKeyDetails, Problem> {
        let mut backoff = patience();
        loop {
            let found = secret.admin.app_key(&part.service_account, &part.id);
            if let Some(details) = found.await? {
                return Ok(details);
            }
            if !backoff.pause(self.budget).await {
                break;
            }
        }
        let key = part.key_ref();
        let expected = part.service_account.clone();
        Err(match secret.admin.owner_of(&part.id).await {
            Some(owner) if owner != expected => Problem::CurrentKeyNotOwned { key, expected },
            Some(_) | None => Problem::CurrentKeyDead { key },
        })
    }

    /// Tries the key's value: four characters and an ID may be known to somebody who does not have
    /// the key.
    async fn try_current_again(&self, secret: &LoadedSecret, key: KeyRef) -> Result<(), Problem> {
        let mut backoff = patience();
        while backoff.pause(self.budget).await {
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
                while backoff.pause(self.budget).await {
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
            if !backoff.pause(self.budget).await {
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
            if !backoff.pause(self.budget).await {
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
