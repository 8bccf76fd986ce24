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

/// A copy of the secret in another region or another account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// A region, or `account` with its number.
    pub place: String,
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
    /// `across_accounts`: the replicas that the SDK does not read.
    pub(super) fn of(
        secret: &str,
        answer: &DescribeSecretOutput,
        across_accounts: Vec<Replica>,
    ) -> Self {
        let mut replicas = across_accounts;
        replicas.extend(answer.replication_status().iter().map(in_region));
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
            replicas,
        }
    }
}

/// Returns a tag's value. An empty one says nothing.
fn tag(answer: &DescribeSecretOutput, key: &str) -> Option<String> {
    let tag = answer.tags().iter().find(|tag| tag.key() == Some(key))?;
    let value = tag.value().filter(|value| !value.trim().is_empty())?;
    Some(value.to_owned())
}

impl ReplicaStatus {
    /// Reads a word of the API. `Detached`: the replica's account has stopped its replication, and its
    /// readers keep what it had.
    pub(super) fn of(word: Option<&str>) -> Self {
        match word {
            Some("InSync") => Self::InSync,
            Some("Failed" | "Detached") => Self::Failed,
            _ => Self::InProgress,
        }
    }
}

fn in_region(told: &ReplicationStatusType) -> Replica {
    Replica {
        place: told.region().unwrap_or("an unnamed region").to_owned(),
        status: ReplicaStatus::of(told.status().map(StatusType::as_str)),
    }
}

pub(super) fn time(date: &DateTime) -> Option<SystemTime> {
    SystemTime::try_from(*date).ok()
}
