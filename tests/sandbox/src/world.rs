//! Everything outside the functions: the services, the time they agree on, and what the functions
//! are invoked for.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::account::{ACCOUNT, REGION, description_of};
use crate::cloudformation::CloudFormation;
use crate::datadog::Datadog;
use crate::functions::Functions;
use crate::secrets_manager::SecretsManager;
use crate::service::Service;
use crate::sns::Sns;

/// One AWS account in one region, one Datadog organisation, one clock.
#[derive(Clone, Debug)]
pub struct World {
    pub clock: Clock,
    pub secrets_manager: SecretsManager,
    pub datadog: Datadog,
    pub cloudformation: CloudFormation,
    pub sns: Sns,
    pub functions: Functions,
    /// What a function was last invoked for, by the name that the gate knows it by.
    steps: BTreeMap<String, String>,
}

impl World {
    #[must_use]
    pub fn new(clock: Clock, secrets_manager: SecretsManager, datadog: Datadog) -> Self {
        Self {
            clock,
            secrets_manager,
            datadog,
            cloudformation: CloudFormation::default(),
            sns: Sns::new(REGION),
            functions: Functions::new(REGION),
            steps: BTreeMap::new(),
        }
    }

    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    /// Deploys a rotation function as the template does: it says which type it rotates, and Secrets Manager
    /// may invoke it for every secret of the account.
    pub fn deploy(&mut self, function_arn: &str) {
        self.secrets_manager.permit_invocation(function_arn);
        let condition = json!({ "StringEquals": { "AWS:SourceAccount": ACCOUNT } });
        self.functions
            .create(function_arn, description_of(function_arn));
        self.functions.permit(function_arn, &condition);
    }

    /// A function is invoked with this event.
    pub fn invoke(&mut self, function: &str, event: &Value) {
        match event["Step"].as_str() {
            Some(step) => self.steps.insert(function.to_owned(), step.to_owned()),
            None => self.steps.remove(function),
        };
    }

    /// The step that a function was last invoked for.
    #[must_use]
    pub fn step_of(&self, function: &str) -> Option<&str> {
        self.steps.get(function).map(String::as_str)
    }

    pub(crate) fn answer(&mut self, service: Service, request: &Request<Bytes>) -> Response<Bytes> {
        let now = self.now();
        match service {
            Service::SecretsManager => self.secrets_manager.call(now, request),
            Service::Datadog => self.datadog.call(now, request),
            Service::Sns => self.sns.call(now, &self.datadog.sts, request),
            Service::Lambda => self.functions.call(now, &self.datadog.sts, request),
            Service::CloudFormation => self.cloudformation.call(request),
        }
    }
}

/// Time as the services see it: a start, plus what has passed on tokio's clock since, plus what
/// was skipped by hand.
///
/// Under `tokio::time::pause` it stands still until timers move it, so a test in virtual time
/// needs no other source.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: OffsetDateTime,
    since: Instant,
    skipped: Duration,
}

impl Clock {
    /// The time of day.
    #[must_use]
    pub fn system() -> Self {
        Self::starting_at(OffsetDateTime::now_utc())
    }

    #[must_use]
    pub fn starting_at(start: OffsetDateTime) -> Self {
        Self {
            start,
            since: Instant::now(),
            skipped: Duration::ZERO,
        }
    }

    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        self.start + self.since.elapsed() + self.skipped
    }

    /// Lets time pass for the services alone; sleeping callers sleep on.
    pub fn skip(&mut self, time: Duration) {
        self.skipped += time;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_clock_follows_virtual_time_and_skips() {
        let mut clock = Clock::starting_at(OffsetDateTime::UNIX_EPOCH);

        tokio::time::sleep(Duration::from_mins(1)).await;
        clock.skip(Duration::from_hours(1));

        assert_eq!(clock.now().unix_timestamp(), 3_660);
    }
}
