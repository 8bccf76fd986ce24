//! The admin secret: where it is, and what it holds.

use std::time::SystemTime;

use secrecy::ExposeSecret;

use crate::clients::Clients;
use crate::credential::{ApiPart, AppPart, Credential, Kind, TokenPart};
use crate::datadog::{Authority, Datadog};
use crate::deadline::Deadline;
use crate::delegation::{API_KEY_SECRET, Delegation, SECRET_ARN};
use crate::error::Problem;
use crate::keys::KeyRef;
use crate::secrets::{SecretArn, SecretsError};
use crate::site::Site;
use crate::value::{SecretValue, ValueError};

/// The keys of an admin secret and the API of its site.
#[derive(Clone, Debug)]
pub(super) struct AdminKeys {
    pub(super) api: ApiPart,
    pub(super) application: AppPart,
    pub(super) datadog: Datadog,
    pub(super) site: Site,
    /// Of keys whose shape nobody knows: what is wrong with them, if Datadog refuses them.
    pub(super) unfamiliar: Option<ValueError>,
}

/// The service access token of an admin secret, and the API of its site.
#[derive(Clone, Debug)]
pub(super) struct HeldToken {
    pub(super) part: TokenPart,
    pub(super) datadog: Datadog,
    pub(super) site: Site,
    /// The `DatadogApiKey` secret with an API key to stand beside tokens, where Datadog takes them so only.
    pub(super) api_key_secret: Option<SecretArn>,
    /// Of a token whose shape nobody knows: what is wrong with it, if Datadog refuses it.
    pub(super) unfamiliar: Option<ValueError>,
}

/// What an admin secret holds.
pub(super) enum AdminValue {
    Keys(Box<AdminKeys>),
    Token(Box<HeldToken>),
    Delegation(Box<Delegation>),
}

/// An admin secret, and the clients with which it is read and its keys act.
#[derive(Clone, Debug)]
pub struct AdminSecret {
    pub arn: SecretArn,
    pub clients: Clients,
}

/// What was read of an admin secret.
pub(super) struct ReadAdmin {
    pub(super) value: AdminValue,
    /// Its ARN as Secrets Manager spells it.
    pub(super) arn: SecretArn,
    pub(super) created: Option<SystemTime>,
}

impl AdminSecret {
    /// Reads the value under AWSCURRENT.
    pub(super) async fn read(&self, deadline: &Deadline) -> Result<ReadAdmin, Problem> {
        let secrets = self.clients.secrets.in_region_of(&self.arn);
        let stored = secrets.current_value(&self.arn, deadline).await;
        let stored = stored.map_err(|error: SecretsError| Problem::AdminUnreadable(error))?;
        let text = stored.text.ok_or_else(|| Problem::AdminBinary {
            arn: self.arn.to_string(),
        })?;
        let value = SecretValue::parse(text.expose_secret());
        let value = value.map_err(|source| self.malformed(source))?;
        Ok(ReadAdmin {
            value: self.admin_value(&value)?,
            arn: stored.arn.unwrap_or_else(|| self.arn.clone()),
            created: stored.created,
        })
    }

    pub(super) fn admin_value(&self, value: &SecretValue) -> Result<AdminValue, Problem> {
        let malformed = |source| self.malformed(source);
        if value.holds_admin_token() {
            let token = self.held_token(value).map_err(malformed)?;
            return Ok(AdminValue::Token(token.into()));
        }
        if let Some(delegation) = Delegation::of_value(value).map_err(malformed)? {
            return Ok(AdminValue::Delegation(delegation.into()));
        }
        let stored = value.stored_credential(Kind::AdminKey);
        let (credential, unfamiliar) = stored.map_err(malformed)?;
        let Credential::Pair(api, application) = credential else {
            return Err(self.malformed(ValueError::NotAnObject));
        };
        let site = value.site().map_err(malformed)?;
        let keys = AdminKeys {
            api,
            application,
            datadog: self.clients.datadog(site),
            site,
            unfamiliar,
        };
        Ok(AdminValue::Keys(keys.into()))
    }

    fn held_token(&self, value: &SecretValue) -> Result<HeldToken, ValueError> {
        let (credential, unfamiliar) = value.stored_credential(Kind::ServiceAccessToken)?;
        let Credential::Token(part) = credential else {
            return Err(ValueError::NotAnObject);
        };
        let (field, site) = (API_KEY_SECRET, value.site()?);
        let api_key_secret = value.name(field)?;
        let api_key_secret = api_key_secret.map(|text| {
            let arn = SecretArn::parse(&text);
            arn.ok_or_else(|| ValueError::ill_formed(field, SECRET_ARN, &text))
        });
        Ok(HeldToken {
            part,
            datadog: self.clients.datadog(site),
            site,
            api_key_secret: api_key_secret.transpose()?,
            unfamiliar,
        })
    }

    pub(super) fn malformed(&self, source: ValueError) -> Problem {
        Problem::AdminMalformed {
            arn: self.arn.to_string(),
            source,
        }
    }
}

impl AdminKeys {
    pub(super) fn authority(&self) -> Authority {
        Authority::Pair(self.api.key.clone(), self.application.key.clone())
    }

    pub(super) fn refs(&self) -> Vec<KeyRef> {
        vec![self.application.key_ref(), self.api.key_ref()]
    }
}
