//! The clients that rotations, checks and the trust share.

use std::time::{Duration, SystemTime};

use crate::budget::Budget;
use crate::clock::Clock;
use crate::datadog::{Datadog, Limits};
use crate::http::Http;
use crate::identity::Identity;
use crate::secrets::Secrets;
use crate::settings::Settings;
use crate::site::Site;

/// Answers take time and tell whole seconds. The age of an orphaned key has a minute to spare: an invocation
/// ends after 14 minutes, and a key is orphaned at 15.
const TOLERATED: Duration = Duration::from_secs(30);

/// What it takes to call AWS and Datadog.
#[derive(Clone, Debug)]
pub struct Clients {
    /// Secrets Manager in the function's own region.
    pub secrets: Secrets,
    pub http: Http,
    /// Whatever listens to the answers that come by `http`.
    pub clock: Clock,
    pub limits: Limits,
    pub settings: Settings,
    pub identity: Identity,
}

impl Clients {
    /// Returns the same for one invocation, which learns from Datadog's answers what time it is.
    pub(crate) fn listening(&self, watch: Budget) -> Self {
        let clock = Clock::default();
        Self {
            http: clock.listen(self.http.clone(), watch),
            clock,
            ..self.clone()
        }
    }

    /// Returns the time of day, by Datadog's clock if the invocation's own is ahead: what is young must not
    /// pass for old.
    pub(crate) fn now(&self, budget: &Budget) -> SystemTime {
        let own = budget.now();
        let corrected = self.clock.corrected(own);
        let ahead = own.duration_since(corrected).unwrap_or_default();
        if ahead < TOLERATED { own } else { corrected }
    }

    /// Returns the client for one Datadog site, or for `DATADOG_API_URL` if that is set.
    pub(crate) fn datadog(&self, site: Site) -> Datadog {
        let base = self.settings.datadog_api_url.clone();
        let base = base.unwrap_or_else(|| site.api_url());
        Datadog::new(self.http.clone(), base, self.limits.clone())
    }
}
