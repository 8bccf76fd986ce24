//! AWS Secrets Manager (JSON 1.1), as far as rotation and its users need it.
//!
//! Answers follow recordings of the service itself (`recordings/secrets-manager.json`, replayed
//! by a test) and the API model of 2017-10-17. Where neither settles a point that rotation meets,
//! a comment at that point says what is assumed.
//!
//! Not here: rotations that a schedule starts, the calls that make and unmake replicas, replicas in
//! other accounts, `BatchGetSecretValue`, the quota of versions, and what a resource policy allows.

mod access;
mod error;
mod ids;
mod input;
mod labels;
mod lifecycle;
mod listing;
mod password;
mod policy;
mod replica;
mod replicas;
mod rotation;
mod rotations;
mod schedule;
mod secret;
mod tags;
#[cfg(test)]
mod tests;
mod timestamp;
mod values;
mod versions;

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use error::{Refusal, respond};
use ids::Ids;
use input::Input;

pub use replica::Replication;
pub use rotation::RotationJob;
pub use secret::{Secret, Version};

/// Readings of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readings {
    All,
    /// One is behind, the next is not: what is read may go back.
    EverySecond,
}

/// The Secrets Manager of one account in one region.
#[derive(Clone, Debug)]
pub struct SecretsManager {
    /// How far readers are behind on labels. Writes always act on the labels as they are.
    pub label_lag: Duration,
    /// Which readings of a value are behind.
    pub readings_behind: Readings,
    /// Whether the last reading was not behind.
    was_fresh: bool,
    /// Whether a version without a label is gone once it is a day old. AWS does so where a secret has more than
    /// 100 versions: <https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html>.
    pub forgets_versions: bool,
    /// Whether the version of `RotateImmediately=false` holds a copy of the current value, as an
    /// emulator's tests against AWS show, or none, as others do.
    pub tests_a_copy: bool,
    region: String,
    account: String,
    secrets: Vec<Secret>,
    ids: Ids,
    denied: BTreeSet<(String, String)>,
    invocable: BTreeSet<String>,
    begun: Vec<RotationJob>,
}

impl SecretsManager {
    #[must_use]
    pub fn new(region: &str, account: &str) -> Self {
        Self {
            label_lag: Duration::ZERO,
            readings_behind: Readings::All,
            was_fresh: false,
            forgets_versions: false,
            tests_a_copy: false,
            region: region.to_owned(),
            account: account.to_owned(),
            secrets: Vec::new(),
            ids: Ids::new(),
            denied: BTreeSet::new(),
            invocable: BTreeSet::new(),
            begun: Vec::new(),
        }
    }

    /// Answers one request. Method, path and signature are not looked at.
    pub fn call(&mut self, now: OffsetDateTime, request: &Request<Bytes>) -> Response<Bytes> {
        let request_id = self.ids.uuid();
        self.remove_deleted(now);
        if self.forgets_versions {
            self.forget_versions(now);
        }
        let operation = request
            .headers()
            .get("x-amz-target")
            .and_then(|target| target.to_str().ok())
            .and_then(|target| target.strip_prefix("secretsmanager."))
            .unwrap_or_default();
        let answer = Input::parse(request.body()).and_then(|input| {
            self.check_access(operation, &input)?;
            match self.elsewhere(now, &input) {
                Some(mut region) => region.perform_elsewhere(now, operation, &input),
                None => self.perform(now, operation, &input),
            }
        });
        match answer {
            Ok(mut answer) => {
                drop_nulls(&mut answer);
                respond(StatusCode::OK, &request_id, &answer)
            }
            Err(refusal) => refusal.into_response(&request_id),
        }
    }

    fn perform(
        &mut self,
        now: OffsetDateTime,
        operation: &str,
        input: &Input,
    ) -> Result<Value, Refusal> {
        match operation {
            "CancelRotateSecret" => self.cancel_rotate_secret(input),
            "CreateSecret" => self.create_secret(now, input),
            "DeleteResourcePolicy" => self.delete_resource_policy(input),
            "DeleteSecret" => self.delete_secret(now, input),
            "DescribeSecret" => self.describe_secret(now, input),
            "GetRandomPassword" => self.get_random_password(input),
            "GetResourcePolicy" => self.get_resource_policy(input),
            "GetSecretValue" => self.get_secret_value(now, input),
            "ListSecretVersionIds" => self.list_secret_version_ids(now, input),
            "ListSecrets" => self.list_secrets(now, input),
            "PutResourcePolicy" => self.put_resource_policy(input),
            "PutSecretValue" => self.put_secret_value(now, input),
            "RestoreSecret" => self.restore_secret(now, input),
            "RotateSecret" => self.rotate_secret(now, input),
            "TagResource" => self.tag_resource(input),
            "UntagResource" => self.untag_resource(input),
            "UpdateSecret" => self.update_secret(now, input),
            "UpdateSecretVersionStage" => self.update_secret_version_stage(now, input),
            "ValidateResourcePolicy" => self.validate_resource_policy(input),
            _ => Err(Refusal::unknown_operation()),
        }
    }

    /// All secrets, in order of creation.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.secrets.iter()
    }

    /// The secret of that name, ARN or partial ARN.
    #[must_use]
    pub fn secret(&self, id: &str) -> Option<&Secret> {
        self.secrets.iter().find(|secret| secret.answers_to(id))
    }

    /// Every `SecretString` that any secret holds in any version, and every rotation token: to be
    /// searched for in all output.
    pub fn every_value(&self) -> impl Iterator<Item = &str> {
        let values = self.secrets.iter().flat_map(Secret::versions);
        let rotations = self.secrets.iter().filter_map(|it| it.rotation.as_ref());
        values
            .filter_map(Version::value)
            .chain(rotations.flat_map(rotation::Rotation::proofs))
    }

    /// Removes unlabelled versions older than a day, as the service does in its own time.
    pub fn purge(&mut self, now: OffsetDateTime) {
        for secret in &mut self.secrets {
            secret.purge(now);
        }
    }

    fn index(&self, input: &Input) -> Result<usize, Refusal> {
        let id = input.secret_id()?;
        lifecycle::check_name(id)?;
        self.secrets
            .iter()
            .position(|secret| secret.answers_to(id))
            .ok_or_else(Refusal::secret_not_found)
    }

    /// As [`Self::index`], for operations that a secret marked for deletion refuses.
    fn live_index(&self, input: &Input) -> Result<usize, Refusal> {
        let index = self.index(input)?;
        match self.secrets[index].deletion {
            None => Ok(index),
            Some(_) => Err(Refusal::marked_for_deletion()),
        }
    }

    fn live_mut(&mut self, input: &Input) -> Result<&mut Secret, Refusal> {
        let index = self.live_index(input)?;
        Ok(&mut self.secrets[index])
    }
}

/// The service leaves out what it has no value for.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}
