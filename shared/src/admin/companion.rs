//! An API key to try application keys with, for an admin that has none.
//!
//! Datadog takes an application key only together with an API key, and `current_user` with the
//! application key alone is refused like any other call: a new application key can't be tried
//! without somebody's API key. An API key by itself opens nothing, so that the one which the suite
//! rotates elsewhere will do. To promote an application key that was looked up but never tried
//! would be to guess that it has spread.

use secrecy::ExposeSecret;

use super::readings::Readings;
use crate::clients::Clients;
use crate::credential::{Credential, Kind};
use crate::deadline::Deadline;
use crate::error::Problem;
use crate::keys::ApiKey;
use crate::secrets::SecretArn;
use crate::value::{SecretValue, ValueError};

#[derive(Debug)]
pub(super) struct Companion {
    keys: Readings<ApiKey>,
    /// Where it was read; `None`: it is the rotated secret's own, in AWSCURRENT.
    secret: Option<Source>,
}

#[derive(Debug)]
struct Source {
    arn: SecretArn,
    clients: Clients,
}

impl Companion {
    /// Returns the key of the secret `named` where application keys rotate, and where service access
    /// tokens do if there is such a secret: they are tried without one first. Elsewhere AWSCURRENT has
    /// one, which is never the key under proof.
    pub(super) async fn provide(
        kind: Kind,
        current: &Credential,
        named: Option<SecretArn>,
        clients: &Clients,
        deadline: &Deadline,
    ) -> Result<Option<Self>, Problem> {
        if kind == Kind::ServiceAccessToken && named.is_none() {
            return Ok(None);
        }
        if ![Kind::ApplicationKey, Kind::ServiceAccessToken].contains(&kind) {
            let own = current.api().map(|it| it.key.clone());
            return Ok(own.map(|key| Self::of(key, None)));
        }
        let source = Source {
            arn: named.ok_or(Problem::NoApiKeySecret)?,
            clients: clients.clone(),
        };
        Ok(Some(Self::of(source.read(deadline).await?, Some(source))))
    }

    fn of(key: ApiKey, secret: Option<Source>) -> Self {
        Self {
            keys: Readings::new(key),
            secret,
        }
    }

    pub(super) fn key(&self) -> &ApiKey {
        self.keys.in_use()
    }

    /// Returns the key as it is now, if it is another one than `used`: it may just have rotated.
    pub(super) async fn successor_of(&self, used: &ApiKey, deadline: &Deadline) -> Option<&ApiKey> {
        let source = self.secret.as_ref()?;
        // Boxed: few calls are refused, and each would carry it.
        let read = Box::pin(async {
            let read = source.read(deadline).await;
            read.inspect_err(|problem| tracing::warn!(%problem, "API key secret not read again"))
                .ok()
        });
        let is_same = |it: &ApiKey, other: &ApiKey| it.expose() == other.expose();
        self.keys.successor_of(used, is_same, read).await
    }

    pub(super) fn refused(&self) -> Problem {
        let arn = self.secret.as_ref().map(|it| it.arn.to_string());
        Problem::ApiKeySecretRefused {
            arn: arn.unwrap_or_default(),
        }
    }
}

impl Source {
    async fn read(&self, deadline: &Deadline) -> Result<ApiKey, Problem> {
        let secrets = self.clients.secrets.in_region_of(&self.arn);
        let stored = secrets.current_value(&self.arn, deadline).await?;
        let text = stored.text.ok_or(ValueError::NotJson);
        let read = text
            .and_then(|text| SecretValue::parse(text.expose_secret()))
            .and_then(|value| value.stored_credential(Kind::ApiKey));
        match read {
            Ok((Credential::Api(part), _)) => Ok(part.key),
            Ok(_) => Err(self.malformed(ValueError::NotAnObject)),
            Err(source) => Err(self.malformed(source)),
        }
    }

    fn malformed(&self, source: ValueError) -> Problem {
        Problem::ApiKeySecretMalformed {
            arn: self.arn.to_string(),
            source,
        }
    }
}
