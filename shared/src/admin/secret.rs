//! The admin secret: where it is, and the pair that it holds.

use secrecy::ExposeSecret;

use crate::budget::Budget;
use crate::credential::{ApiPart, AppPart, Credential, Kind};
use crate::datadog::{Authority, Datadog};
use crate::error::Problem;
use crate::http::Http;
use crate::secrets::{Secrets, SecretsError};
use crate::settings::Settings;
use crate::site::Site;
use crate::value::{SecretValue, ValueError};

/// The keys of an admin secret and the API of its site.
#[derive(Clone, Debug)]
pub(super) struct AdminKeys {
    pub(super) api: ApiPart,
    pub(super) application: AppPart,
    pub(super) datadog: Datadog,
    pub(super) site: Site,
}

/// Where the admin pair is kept.
#[derive(Clone, Debug)]
pub struct AdminSecret {
    pub arn: String,
    pub secrets: Secrets,
    pub http: Http,
    pub settings: Settings,
}

impl AdminSecret {
    /// Reads the value under AWSCURRENT.
    pub(super) async fn read(&self, budget: &Budget) -> Result<AdminKeys, Problem> {
        let stored = self.secrets.current_value(&self.arn, budget).await;
        let stored = stored.map_err(|error: SecretsError| Problem::AdminUnreadable(error))?;
        let text = stored.text.ok_or_else(|| Problem::AdminBinary {
            arn: self.arn.clone(),
        })?;
        let value = SecretValue::parse(text.expose_secret());
        let value = value.map_err(|source| self.malformed(source))?;
        self.keys(&value)
    }

    pub(super) fn keys(&self, value: &SecretValue) -> Result<AdminKeys, Problem> {
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
            site,
        })
    }

    fn malformed(&self, source: ValueError) -> Problem {
        Problem::AdminMalformed {
            arn: self.arn.clone(),
            source,
        }
    }
}

impl AdminKeys {
    pub(super) fn authority(&self) -> Authority {
        Authority::Pair(self.api.key.clone(), self.application.key.clone())
    }

    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.api.key.expose() == other.api.key.expose()
            && self.application.key.expose() == other.application.key.expose()
    }
}
