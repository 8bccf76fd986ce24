//! The keys in AWSPENDING: whether they work, are like the ones that they replace, or are dead.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::keys::{is_other_key, listed_whole, patience, propagation_backoff};
use crate::admin::KeyLookup;
use crate::credential::{Credential, Grace, OwnedKey};
use crate::datadog::{OwnedKeyDetails, Status};
use crate::deadline::Backoff;
use crate::error::Problem;
use crate::keys::KeyRef;

use crate::rotation::context::{LoadedSecret, SecretReader, Version};
use crate::rotation::decide::{
    LAG_OF_NEW_KEYS, LEAST_SUCCESSES, ends_too_soon, is_old, verification_span,
};

/// What was read of pending keys that were verified.
#[derive(Debug)]
pub(crate) enum PendingKeys {
    /// They work and are like the current ones.
    Verified {
        /// The application key in AWSCURRENT, if the type has one and it is there.
        current: Option<OwnedKeyDetails>,
    },
    /// A key is provably dead, or a token ends before the next rotation.
    Dead(DeadKey),
}

/// A pending key that is dead, and can't be replaced under its version.
#[derive(Debug)]
pub(crate) struct DeadKey(pub KeyRef);

impl From<DeadKey> for Problem {
    fn from(DeadKey(key): DeadKey) -> Self {
        Self::PendingKeyDead { key }
    }
}

/// How a wait for the pending keys to work ended.
enum Waited {
    Works,
    Dead(KeyRef),
    NotYet,
}

impl SecretReader<'_> {
    /// Verifies that the pending keys work, belong to the service account, and may do what the
    /// current ones may. If the current ones have no grace, they must work for some seconds without a
    /// refusal: the keys that they replace are about to be deleted. `since`: a time at which they were there.
    pub(crate) async fn verify_pending(
        &self,
        secret: &LoadedSecret,
        pending: &Version,
        since: Option<SystemTime>,
    ) -> Result<PendingKeys, Problem> {
        let (waited, details) = tokio::join!(
            self.wait_until_works(secret, pending, since),
            self.owned_keys_of(secret, &pending.credential),
        );
        match waited? {
            Waited::Dead(key) => return Ok(PendingKeys::Dead(DeadKey(key))),
            Waited::NotYet => return Err(Problem::NewKeyUnusable),
            Waited::Works => {}
        }
        let current = match pending.credential.owned() {
            Some(owned) => {
                let (new, current) = details?;
                if new.as_ref().is_some_and(|it| self.is_spent(secret, it)) {
                    return Ok(PendingKeys::Dead(DeadKey(owned.key)));
                }
                self.compare(secret, &owned, new, current).await?
            }
            None => None,
        };
        Ok(PendingKeys::Verified { current })
    }

    /// Fails if Datadog tells that the API key in AWSPENDING has another ID than stands beside it: the creation's
    /// answer may have shown another key's. Application keys and tokens are looked up by their IDs. A preview
    /// tells, and is believed once about the value's own ID and twice about another. If it does not tell twice, a look-up by
    /// the ID may show the end of another value.
    pub(crate) async fn confirm_api_key_id(
        &self,
        secret: &LoadedSecret,
        pending: &Version,
    ) -> Result<(), Problem> {
        let Some(part) = pending.credential.api() else {
            return Ok(());
        };
        let second = Duration::from_secs(1);
        let (mut others, mut untold) = (0, 0);
        while others < 2 && untold < 2 {
            if others + untold > 0 && !self.deadline.pause(second, second).await {
                break;
            }
            match secret.admin.validated(&part.key).await {
                Ok(Some(told)) if told.id == part.id => return Ok(()),
                Ok(Some(_)) => others += 1,
                Ok(None) | Err(_) => untold += 1,
            }
        }
        let is_another = others > 1
            || match secret.admin.api_key(&part.id).await? {
                KeyLookup::Found(found) => is_other_key(found.last4.as_deref(), part.key.expose()),
                KeyLookup::NotFound => others > 0,
                KeyLookup::Forbidden => false,
            };
        if is_another {
            Err(Problem::PendingKeyMismatch {
                key: part.key_ref(),
                difference: "its ID is of another key",
            })
        } else {
            Ok(())
        }
    }

    /// Reads the application keys or tokens of AWSPENDING and of AWSCURRENT: those that a rotation created by
    /// one list, the others by their IDs. `None` for one that is not there.
    async fn owned_keys_of(
        &self,
        secret: &LoadedSecret,
        pending: &Credential,
    ) -> Result<(Option<OwnedKeyDetails>, Option<OwnedKeyDetails>), Problem> {
        let Some(OwnedKey { key, .. }) = pending.owned() else {
            return Ok((None, None));
        };
        let listed = self.owned_keys(secret, key.class).await?;
        let (admin, listed) = (&secret.admin, &listed);
        let details = |credential: &Credential| {
            let key = credential.owned().map(|it| it.key);
            async move {
                let Some(key) = key else { return Ok(None) };
                match listed_whole(listed, &key.id) {
                    Some(details) => Ok(Some(details)),
                    None => admin.owned_key(admin.service_account(), &key).await,
                }
            }
        };
        let (new, current) = tokio::join!(details(pending), details(&secret.current.credential));
        Ok((new?, current?))
    }

    async fn wait_until_works(
        &self,
        secret: &LoadedSecret,
        pending: &Version,
        since: Option<SystemTime>,
    ) -> Result<Waited, Problem> {
        let mut backoff = propagation_backoff();
        loop {
            if self.works_for_long(secret, pending, since).await? {
                return Ok(Waited::Works);
            }
            if let Some(key) = self.revoked(secret, pending).await? {
                return Ok(Waited::Dead(key));
            }
            if !backoff.pause(self.deadline).await {
                let dead = self.dead_after(secret, pending, &backoff).await?;
                return Ok(dead.map_or(Waited::NotYet, Waited::Dead));
            }
        }
    }

    /// Returns whether Datadog accepts the keys again and again, without a refusal, for as long as
    /// their age asks for. At once, with one success, if the keys that they replace have grace.
    async fn works_for_long(
        &self,
        secret: &LoadedSecret,
        pending: &Version,
        since: Option<SystemTime>,
    ) -> Result<bool, Problem> {
        if !secret.admin.validate(&pending.credential).await? {
            return Ok(false);
        }
        // Not before: the first answer may have taken seconds.
        let began = Instant::now();
        let grace = self.grace_of(&secret.description, &secret.current.id);
        if grace == Grace::OneRotation {
            return Ok(true);
        }
        let now = self.now();
        let age = since.and_then(|since| now.duration_since(since).ok());
        let span = verification_span(age);
        self.goes_on_working(secret, &pending.credential, began, span)
            .await
    }

    /// Waits until the current keys count as working everywhere, if they are of the last seconds: the ones that they
    /// replaced are about to be deleted.
    pub(crate) async fn wait_for_young_current(
        &self,
        secret: &LoadedSecret,
    ) -> Result<(), Problem> {
        let current = &secret.current;
        let Some(age) = current.age(self.now()) else {
            return Ok(());
        };
        let span = verification_span(Some(age));
        let mut backoff = propagation_backoff();
        let goes_on = || async {
            let works = secret.admin.validate(&current.credential).await?;
            let began = Instant::now();
            Ok::<_, Problem>(
                works
                    && self
                        .goes_on_working(secret, &current.credential, began, span)
                        .await?,
            )
        };
        while !span.is_zero() && !goes_on().await? {
            if !backoff.pause(self.deadline).await {
                return Err(Problem::NewKeyUnusable);
            }
        }
        Ok(())
    }

    /// Fails if Datadog refuses the current keys for seconds.
    pub(crate) async fn current_must_work(&self, secret: &LoadedSecret) -> Result<(), Problem> {
        let credential = &secret.current.credential;
        let mut backoff = patience();
        while !secret.admin.validate(credential).await? {
            if !backoff.pause(self.deadline).await {
                let dead = credential
                    .telling_key()
                    .map(|key| Problem::CurrentKeyDead { key });
                return dead.map_or(Ok(()), Err);
            }
        }
        Ok(())
    }

    /// Returns whether Datadog goes on accepting keys without a refusal for so long, which `began` with a success.
    async fn goes_on_working(
        &self,
        secret: &LoadedSecret,
        credential: &Credential,
        began: Instant,
        span: Duration,
    ) -> Result<bool, Problem> {
        let mut successes = 1;
        while began.elapsed() < span || successes < LEAST_SUCCESSES {
            let second = Duration::from_secs(1);
            // Growing pauses: what counts is the last success, and that none before it was a refusal.
            let left = span.saturating_sub(began.elapsed()).max(second);
            let pause = left.min(second * successes);
            if !self.deadline.pause(pause, second).await {
                return Err(Problem::NewKeyUnusable);
            }
            if !secret.admin.validate(credential).await? {
                return Ok(false);
            }
            successes += 1;
        }
        Ok(true)
    }

    /// Returns a key of a stored pending value that is provably dead. Most often none is, and one
    /// look at each key tells.
    pub(crate) async fn find_dead(
        &self,
        secret: &LoadedSecret,
        pending: &Version,
    ) -> Result<Option<DeadKey>, Problem> {
        let mut backoff = propagation_backoff();
        while self.looks_dead(secret, pending).await? {
            if let Some(key) = self.revoked(secret, pending).await? {
                return Ok(Some(DeadKey(key)));
            }
            if !backoff.pause(self.deadline).await {
                // If it is not proven, testSecret will tell.
                let dead = self.dead_after(secret, pending, &backoff).await?;
                return Ok(dead.map(DeadKey));
            }
        }
        Ok(None)
    }

    /// Returns whether a key is not found, or, where API keys can't be looked up, is refused though
    /// its version is old.
    async fn looks_dead(&self, secret: &LoadedSecret, pending: &Version) -> Result<bool, Problem> {
        if self.missing(secret, pending).await?.is_some() || self.ends(secret, pending).await? {
            return Ok(true);
        }
        let Some(part) = pending.credential.api() else {
            return Ok(false);
        };
        Ok(match secret.admin.api_key(&part.id).await? {
            KeyLookup::Found(details) => details.status == Status::Revoked,
            KeyLookup::NotFound => true,
            KeyLookup::Forbidden => {
                is_old(pending, self.now()) && !secret.admin.validate_api_key(&part.key).await?
            }
        })
    }

    /// Returns whether a token has ended by itself, or is about to.
    async fn ends(&self, secret: &LoadedSecret, pending: &Version) -> Result<bool, Problem> {
        let Some(token) = pending.credential.token() else {
            return Ok(false);
        };
        let owner = secret.admin.service_account();
        let found = secret.admin.access_token(owner, &token.id).await?;
        Ok(found.is_some_and(|it| self.is_spent(secret, &it)))
    }

    fn is_spent(&self, secret: &LoadedSecret, token: &OwnedKeyDetails) -> bool {
        ends_too_soon(token.expires, self.now(), secret.description.schedule)
    }

    /// Returns a key that Datadog still shows, and calls revoked, or a token that has ended or
    /// is about to.
    async fn revoked(
        &self,
        secret: &LoadedSecret,
        pending: &Version,
    ) -> Result<Option<KeyRef>, Problem> {
        if let Some(token) = pending.credential.token() {
            let ends = self.ends(secret, pending).await?;
            return Ok(ends.then(|| token.key_ref()));
        }
        let Some(part) = pending.credential.api() else {
            return Ok(None);
        };
        let found = secret.admin.api_key(&part.id).await?;
        let is_revoked = matches!(found, KeyLookup::Found(it) if it.status == Status::Revoked);
        Ok(is_revoked.then(|| part.key_ref()))
    }

    /// Returns a key whose ID is not found. That proves something only of a key that was waited for.
    async fn missing(
        &self,
        secret: &LoadedSecret,
        pending: &Version,
    ) -> Result<Option<KeyRef>, Problem> {
        if let Some(owned) = pending.credential.owned() {
            let owner = secret.admin.service_account();
            let found = secret.admin.owned_key(owner, &owned.key).await?;
            if found.is_none() {
                return Ok(Some(owned.key));
            }
        }
        let Some(part) = pending.credential.api() else {
            return Ok(None);
        };
        let is_missing = matches!(secret.admin.api_key(&part.id).await?, KeyLookup::NotFound);
        Ok(is_missing.then(|| part.key_ref()))
    }

    /// Returns what is provably dead after a whole back-off: one that the deadline cut short proves
    /// nothing.
    async fn dead_after(
        &self,
        secret: &LoadedSecret,
        pending: &Version,
        waited: &Backoff,
    ) -> Result<Option<KeyRef>, Problem> {
        if !waited.is_spent() {
            return Ok(None);
        }
        if self.missing(secret, pending).await?.is_none() {
            return self.dead_by_refusal(secret, pending).await;
        }
        // Of a key of less than a minute that is a lag.
        let age = pending.age(self.now()).unwrap_or_default();
        let rest = LAG_OF_NEW_KEYS.saturating_sub(age);
        if !rest.is_zero() && !self.deadline.pause(rest, Duration::from_secs(1)).await {
            return Ok(None);
        }
        self.missing(secret, pending).await
    }

    /// After a whole back-off of refusals: a key of an old version that Datadog refuses while it accepts another. An
    /// API key, without `api_keys_read`, beside the admin's own; a token, which a look-up may show though it
    /// was revoked, beside the current one.
    async fn dead_by_refusal(
        &self,
        secret: &LoadedSecret,
        pending: &Version,
    ) -> Result<Option<KeyRef>, Problem> {
        if let Some(token) = pending.credential.token() {
            let (admin, current) = (&secret.admin, &secret.current.credential);
            let is_dead = is_old(pending, self.now())
                && !admin.validate(&pending.credential).await?
                && admin.validate(current).await?;
            return Ok(is_dead.then(|| token.key_ref()));
        }
        let Some(part) = pending.credential.api() else {
            return Ok(None);
        };
        let is_dead = is_old(pending, self.now())
            && matches!(secret.admin.api_key(&part.id).await?, KeyLookup::Forbidden)
            && !secret.admin.validate_api_key(&part.key).await?
            && secret.admin.control_works().await?;
        Ok(is_dead.then(|| part.key_ref()))
    }
}
