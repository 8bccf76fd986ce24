//! The clients that rotations, checks and the trust share.

use std::time::SystemTime;

use crate::clock_skew::ClockSkew;
use crate::datadog::{Datadog, Limits};
use crate::deadline::Deadline;
use crate::http::Http;
use crate::identity::Identity;
use crate::secrets::Secrets;
use crate::settings::Settings;
use crate::site::Site;
use crate::topic::Topic;

/// What it takes to call AWS and Datadog.
#[derive(Clone, Debug)]
pub struct Clients {
    /// Secrets Manager in the function's own region.
    pub secrets: Secrets,
    pub http: Http,
    /// Whatever listens to the answers that come by `http`.
    pub skew: ClockSkew,
    pub limits: Limits,
    pub settings: Settings,
    pub identity: Identity,
    /// `None`: nobody is told of promotions.
    pub topic: Option<Topic>,
}

impl Clients {
    /// Returns the same for one invocation, which learns from Datadog's answers what time it is.
    pub(crate) fn listening(&self, watch: Deadline) -> Self {
        let skew = ClockSkew::default();
        Self {
            http: skew.listen(self.http.clone(), watch),
            skew,
            ..self.clone()
        }
    }

    /// Returns the time of day, by Datadog's clock if the invocation's own is ahead: what is young must not
    /// pass for old.
    pub(crate) fn now(&self, deadline: &Deadline) -> SystemTime {
        self.skew.corrected(deadline.now())
    }

    /// Returns the client for one Datadog site, or for `DATADOG_API_URL` if that is set.
    pub(crate) fn datadog(&self, site: Site) -> Datadog {
        let base = self.settings.datadog_api_url.clone();
        let base = base.unwrap_or_else(|| site.api_url());
        Datadog::new(self.http.clone(), base, self.limits.clone())
    }
}
