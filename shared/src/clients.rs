//! The clients that rotations, checks and the trust share.

use crate::datadog::{Datadog, Limits};
use crate::http::Http;
use crate::identity::Identity;
use crate::secrets::Secrets;
use crate::settings::Settings;
use crate::site::Site;

/// What it takes to call AWS and Datadog.
#[derive(Clone, Debug)]
pub struct Clients {
    /// Secrets Manager in the function's own region.
    pub secrets: Secrets,
    pub http: Http,
    pub limits: Limits,
    pub settings: Settings,
    pub identity: Identity,
}

impl Clients {
    /// Returns the client for one Datadog site, or for `DATADOG_API_URL` if that is set.
    pub(crate) fn datadog(&self, site: Site) -> Datadog {
        let base = self.settings.datadog_api_url.clone();
        let base = base.unwrap_or_else(|| site.api_url());
        Datadog::new(self.http.clone(), base, self.limits.clone())
    }
}
