//! `CloudFormation` custom resources by which a Datadog organisation trusts AWS.
//!
//! | `ResourceType` | at Datadog |
//! |---|---|
//! | `Custom::DatadogIdentityMapping` | callers of a role act as a service account |
//! | `Custom::DatadogIntakeMapping` | Agents of a role get an API key that Datadog manages |
//! | `Custom::DatadogAwsAccount` | the registration of an AWS account, by a role |
//!
//! Data flows one way: `CloudFormation`'s [`event`] → [`delivery`], which owns the deadline and the
//! answer → [`mapping`] or [`account`] → `datadog_rotation::admin`. What belongs to the resource is
//! in its [`physical_id`]; what an answer to `CloudFormation` has not yet made safe is in [`notes`]
//! or, of accounts, in a tag. Nothing is deleted that neither of them shows to be the resource's.

pub mod account;
mod answer;
pub mod arn;
pub mod delivery;
pub mod error;
pub mod event;
pub mod last_words;
pub mod mapping;
pub mod notes;
pub mod physical_id;
pub mod properties;
pub mod scene;

use std::time::{Duration, SystemTime};

use datadog_rotation::aws;
use datadog_rotation::budget::Budget;
use datadog_rotation::http::Http;
use datadog_rotation::log;
use datadog_rotation::settings::{LogPlace, LogSettings, Settings, scratch};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

pub use delivery::Trust;

/// Local emulators send deadlines that have passed already.
const UNKNOWN_DEADLINE: Duration = Duration::from_mins(1);

/// The whole of the function.
///
/// # Errors
/// What keeps it from starting: an unreadable `SSL_CERT_FILE`.
pub async fn run() -> Result<(), lambda_runtime::Error> {
    serve(Http::network()?).await
}

/// The same over this transport. Only the answer of a function that panics goes over another one.
///
/// # Errors
/// The Runtime API's.
pub async fn serve(http: Http) -> Result<(), lambda_runtime::Error> {
    log::init(&LogSettings::from_env());
    last_words::listen();
    let config = aws::config(&http).await;
    let (settings, place) = (Settings::from_env(), LogPlace::from_env());
    let trust = &Trust::new(settings, place, scratch(), http, &config);
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async move {
        let now = SystemTime::now();
        let left = event.context.deadline().duration_since(now);
        let budget = Budget::new(now, left.unwrap_or(UNKNOWN_DEADLINE));
        trust.deliver(&event.payload, &budget).await
    }))
    .await
}
