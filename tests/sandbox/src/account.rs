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
