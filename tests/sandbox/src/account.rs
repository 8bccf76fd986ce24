//! The AWS account of every scene.

pub const REGION: &str = "us-east-1";
/// The account number of AWS's documentation.
pub const ACCOUNT: &str = "123456789012";

/// The names of the functions, as the template has them.
pub const FUNCTIONS: [&str; 4] = [
    "datadog-admin-key",
    "datadog-api-key",
    "datadog-application-key",
    "datadog-service-access-token",
];

/// What the template says that a function does, by the end of its name.
#[must_use]
pub fn description_of(function: &str) -> &'static str {
    let ends = |end| function.ends_with(end);
    if ends("-admin-key") {
        "Rotates Datadog admin keys for Secrets Manager"
    } else if ends("-api-key") {
        "Rotates Datadog API keys for Secrets Manager"
    } else if ends("-application-key") {
        "Rotates Datadog application keys for Secrets Manager"
    } else if ends("-service-access-token") {
        "Rotates Datadog service access tokens for Secrets Manager"
    } else {
        "Does something else"
    }
}
