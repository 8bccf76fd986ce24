//! What there is to know of a secret beside its values.

use std::time::SystemTime;

use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_sdk_secretsmanager::types::{ReplicationStatusType, StatusType};
use aws_smithy_types::DateTime;

use super::{ADMIN_TAG, Labels, MAY_LOSE_TAG, SecretArn};

/// What `DescribeSecret` tells.
#[derive(Clone, Debug)]
pub struct Description {
    pub arn: SecretArn,
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
    /// The tag `mayLoseAttributes`: what a new API key may lack.
    pub may_lose: Option<String>,
    pub replicas: Vec<Replica>,
}

/// A copy of the secret in another region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    pub region: String,
    pub status: ReplicaStatus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplicaStatus {
    InSync,
    /// Not there yet, or of a status that nobody has documented.
    InProgress,
    Failed,
}

impl Description {
    pub(super) fn of(secret: &str, answer: &DescribeSecretOutput) -> Self {
        Self {
            arn: SecretArn::trusted(answer.arn().unwrap_or(secret)),
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
            admin_secret_arn: tag(answer, ADMIN_TAG),
            may_lose: tag(answer, MAY_LOSE_TAG),
            replicas: answer.replication_status().iter().map(replica).collect(),
        }
    }
}

/// Returns a tag's value. An empty one says nothing.
fn tag(answer: &DescribeSecretOutput, key: &str) -> Option<String> {
    let tag = answer.tags().iter().find(|tag| tag.key() == Some(key))?;
    let value = tag.value().filter(|value| !value.trim().is_empty())?;
    Some(value.to_owned())
}

fn replica(told: &ReplicationStatusType) -> Replica {
    Replica {
        region: told.region().unwrap_or("an unnamed region").to_owned(),
        status: match told.status() {
            Some(StatusType::InSync) => ReplicaStatus::InSync,
            Some(StatusType::Failed) => ReplicaStatus::Failed,
            _ => ReplicaStatus::InProgress,
        },
    }
}

pub(super) fn time(date: &DateTime) -> Option<SystemTime> {
    SystemTime::try_from(*date).ok()
}
