//! `CloudFormation` custom resources by which a Datadog organisation trusts AWS.
//!
//! | `ResourceType` | at Datadog |
//! |---|---|
//! | `Custom::DatadogIdentityMapping` | callers of a role act as a service account |
//! | `Custom::DatadogIntakeMapping` | Agents of a role get an API key that Datadog manages |
//! | `Custom::DatadogAwsAccount` | the registration of an AWS account, by a role |
//! | `Custom::DatadogExternalId` | an external ID for a role that is made before the registration |
//!
//! Data flows one way: `CloudFormation`'s [`event`] → [`invocation`], which owns the deadline and
//! the answer → `resource`, which tells the types apart → [`mapping`], [`account`] or
//! [`external_id`] → `datadog_rotation::admin`. What belongs to the resource is in its
//! [`physical_id`]; what an answer to `CloudFormation` has not yet made safe is in [`notes`] or, of
//! accounts, in a tag. Nothing is deleted that neither of them shows to be the resource's, and
//! nothing is touched that the [`leash`] does not allow.

pub mod account;
mod answer;
pub mod arn;
pub mod context;
pub mod error;
pub mod event;
pub mod external_id;
pub mod invocation;
pub mod leash;
pub mod mapping;
pub mod notes;
pub mod panic_response;
pub mod physical_id;
pub mod properties;
mod resource;

use std::time::{Duration, SystemTime};

use datadog_rotation::aws;
use datadog_rotation::deadline::Deadline;
use datadog_rotation::http::Http;
use datadog_rotation::log;
use datadog_rotation::settings::{
    LogPlace, LogSettings, NetworkSettings, Settings, StartError, scratch,
};
use datadog_rotation::start;
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

pub use invocation::Trust;
use leash::Leash;

/// Local emulators send deadlines that have passed already.
const UNKNOWN_DEADLINE: Duration = Duration::from_mins(1);

/// The whole of the function.
///
/// # Errors
/// The Runtime API's.
pub async fn run() -> Result<(), lambda_runtime::Error> {
    log::init(&LogSettings::from_env());
    match start::network() {
        Ok(http) => serve(http).await,
        Err(problem) => refuse(problem).await,
    }
}

/// Answers every event with why the function can't begin: without an answer, `CloudFormation` waits for
/// an hour. The setting that can't be used may be the way to the network, so that the answer goes
/// straight, by the roots compiled in. It holds no secret.
async fn refuse(problem: StartError) -> Result<(), lambda_runtime::Error> {
    let http = &Http::over_network(&NetworkSettings::default())?;
    let (place, problem) = (&LogPlace::from_env(), &problem);
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async move {
        tracing::error!(error_type = "SettingMalformed", %problem, "the function can't begin its work");
        let deadline = budget_of(&event);
        invocation::refuse(&event.payload, place, http, problem, &deadline).await
    }))
    .await
}

fn budget_of(event: &LambdaEvent<Value>) -> Deadline {
    let now = SystemTime::now();
    let left = event.context.deadline().duration_since(now);
    Deadline::new(now, left.unwrap_or(UNKNOWN_DEADLINE))
}

/// The same over this transport. Only the answer of a function that panics goes over another one.
///
/// # Errors
/// The Runtime API's.
pub async fn serve(http: Http) -> Result<(), lambda_runtime::Error> {
    log::init(&LogSettings::from_env());
    panic_response::listen();
    let config = aws::config(&http).await;
    let (settings, place) = (Settings::from_env(), LogPlace::from_env());
    let trust = &Trust::new(settings, Leash::from_env(), place, scratch(), http, &config);
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async move {
        let deadline = budget_of(&event);
        trust.deliver(&event.payload, &deadline).await
    }))
    .await
}
