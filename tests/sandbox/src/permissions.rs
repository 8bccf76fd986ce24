//! What the roles of the stack allow at Secrets Manager and SNS, for every call that passes the gate.

use crate::gate::{Call, Service};

/// On the secret that a function rotates: the actions of `template.yaml`.
pub const ROTATED_SECRET: [&str; 5] = [
    "DescribeSecret",
    "GetSecretValue",
    "ListSecretVersionIds",
    "PutSecretValue",
    "UpdateSecretVersionStage",
];

/// On the admin secret that a function acts with.
pub const ADMIN_SECRET: [&str; 1] = ["GetSecretValue"];

/// Whether the role of the function that rotates the secret `own` lets it make this call.
#[must_use]
pub fn allow(own: &str, call: &Call) -> bool {
    let allowed = if call.subject.as_deref() == Some(own) {
        &ROTATED_SECRET[..]
    } else {
        &ADMIN_SECRET
    };
    match call.service {
        Service::SecretsManager => allowed.contains(&call.operation.as_str()),
        Service::Sns => call.operation == "Publish",
        Service::Lambda => false,
        Service::Datadog | Service::CloudFormation => true,
    }
}
