//! The custom resources of trust, against a Datadog and a `CloudFormation` that are disturbed.

#![expect(
    clippy::expect_used,
    reason = "a panic is how a test says that something is wrong"
)]

#[path = "trust/leash.rs"]
mod leash;
#[path = "trust/lives.rs"]
mod lives;
#[path = "trust/process.rs"]
mod process;
#[path = "trust/recorded.rs"]
mod recorded;
#[path = "trust/resources.rs"]
mod resources;
#[path = "trust/settings.rs"]
mod settings;

const IDENTITY: &str = "Custom::DatadogIdentityMapping";
const INTAKE: &str = "Custom::DatadogIntakeMapping";
const ACCOUNT: &str = "Custom::DatadogAwsAccount";
