//! The custom resources of trust, against a Datadog and a `CloudFormation` that are disturbed.

#![expect(
    clippy::expect_used,
    reason = "a panic is how a test says that something is wrong"
)]

mod leash;
mod lives;
mod process;
mod recorded;
mod resources;
mod settings;

const IDENTITY: &str = "Custom::DatadogIdentityMapping";
const INTAKE: &str = "Custom::DatadogIntakeMapping";
const ACCOUNT: &str = "Custom::DatadogAwsAccount";
