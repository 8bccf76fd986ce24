//! What there is to know of a secret beside its values.

use std::time::SystemTime;

use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_smithy_types::DateTime;

use super::{ADMIN_TAG, Labels};

/// What `DescribeSecret` tells.
#[derive(Clone, Debug)]
pub struct Description {
    pub arn: String,
    pub name: String,
    pub rotation_enabled: bool,
    /// The ARN of the function that rotates it.
    pub rotation_function: Option<String>,
    pub next_rotation: Option<SystemTime>,
    /// The type of a managed external secret, such as `DatadogApiKey`.
    pub managed_type: Option<String>,
    pub is_marked_for_deletion: bool,
    /// Where a replica's primary is; of a primary, its own region or none.
    pub primary_region: Option<String>,
    pub labels: Labels,
    /// The tag `adminSecretArn`.
    pub admin_secret_arn: Option<String>,
}

impl Description {
    pub(super) fn of(secret: &str, answer: &DescribeSecretOutput) -> Self {
        Self {
            arn: answer.arn().unwrap_or(secret).to_owned(),
            name: answer.name().unwrap_or(secret).to_owned(),
            rotation_enabled: answer.rotation_enabled().unwrap_or_default(),
            rotation_function: answer.rotation_lambda_arn().map(str::to_owned),
            next_rotation: answer.next_rotation_date().and_then(time),
            managed_type: answer.r#type().map(str::to_owned),
            is_marked_for_deletion: answer.deleted_date().is_some(),
            primary_region: answer.primary_region().map(str::to_owned),
            labels: answer
                .version_ids_to_stages()
                .into_iter()
                .flatten()
                .map(|(version, labels)| (version.as_str(), labels.as_slice()))
                .collect(),
            admin_secret_arn: answer
                .tags()
                .iter()
                .find(|tag| tag.key() == Some(ADMIN_TAG))
                .and_then(|tag| tag.value())
                // An empty name is no name.
                .filter(|name| !name.trim().is_empty())
                .map(str::to_owned),
        }
    }
}

pub(super) fn time(date: &DateTime) -> Option<SystemTime> {
    SystemTime::try_from(*date).ok()
}
