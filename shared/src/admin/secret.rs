//! The admin secret: where it is, and what it holds.

use secrecy::ExposeSecret;

use crate::budget::Budget;
use crate::credential::{ApiPart, AppPart, Credential, Kind};
use crate::datadog::{Authority, Datadog, Limits};
use crate::delegation::Delegation;
use crate::error::Problem;
use crate::http::Http;
use crate::identity::Identity;
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

/// What an admin secret holds.
pub(super) enum AdminValue {
    Keys(Box<AdminKeys>),
    Delegation(Box<Delegation>),
}

/// What it takes to act, besides somebody to act as.
#[derive(Clone, Debug)]
pub struct Means {
    /// Of the function's own region.
    pub secrets: Secrets,
    pub http: Http,
    pub limits: Limits,
    pub settings: Settings,
    pub identity: Identity,
}

/// Where an admin is kept.
#[derive(Clone, Debug)]
pub struct AdminSecret {
    pub arn: String,
    pub means: Means,
}

impl Means {
    pub(super) fn datadog(&self, site: Site) -> Datadog {
        let base = self.settings.datadog_api_url.clone();
        let base = base.unwrap_or_else(|| site.api_url());
        Datadog::new(self.http.clone(), base, self.limits.clone())
    }
}

impl AdminSecret {
    /// Reads the value under AWSCURRENT.
    pub(super) async fn read(&self, budget: &Budget) -> Result<AdminValue, Problem> {
        let secrets = self.means.secrets.in_region_of(&self.arn);
        let stored = secrets.current_value(&self.arn, budget).await;
        let stored = stored.map_err(|error: SecretsError| Problem::AdminUnreadable(error))?;
        let text = stored.text.ok_or_else(|| Problem::AdminBinary {
            arn: self.arn.clone(),
        })?;
        let value = SecretValue::parse(text.expose_secret());
        let value = value.map_err(|source| self.malformed(source))?;
        self.admin_value(&value)
    }

    pub(super) fn admin_value(&self, value: &SecretValue) -> Result<AdminValue, Problem> {
        let malformed = |source| self.malformed(source);
        if let Some(delegation) = Delegation::of_value(value).map_err(malformed)? {
            return Ok(AdminValue::Delegation(delegation.into()));
        }
        let credential = value.credential(Kind::AdminKey).map_err(malformed)?;
        let Credential::Pair(api, application) = credential else {
            return Err(self.malformed(ValueError::NotAnObject));
        };
        let site = value.site().map_err(malformed)?;
        let keys = AdminKeys {
            api,
            application,
            datadog: self.means.datadog(site),
            site,
        };
        Ok(AdminValue::Keys(keys.into()))
    }

    pub(super) fn malformed(&self, source: ValueError) -> Problem {
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
