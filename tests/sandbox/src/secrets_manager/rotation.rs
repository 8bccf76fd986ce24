//! The rotation of a secret, and one run of it.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::schedule::Rules;
use super::timestamp::epoch;

/// One rotation that the service wants done: the four steps, or testSecret alone.
#[derive(Clone, PartialEq, Eq)]
pub struct RotationJob {
    pub arn: String,
    /// The `ClientRequestToken` of the event, and the id of the version to fill.
    pub token: String,
    pub function_arn: String,
    /// Proof that a write belongs to this rotation. Never to be printed.
    pub rotation_token: String,
    /// `RotateSecret` came with `RotateImmediately=false`.
    pub test_only: bool,
}

impl std::fmt::Debug for RotationJob {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("RotationJob")
            .field("arn", &self.arn)
            .field("token", &self.token)
            .field("function_arn", &self.function_arn)
            .field("test_only", &self.test_only)
            .finish_non_exhaustive()
    }
}

/// A secret's rotation settings and the rotation that is under way.
#[derive(Clone, Default)]
pub(super) struct Rotation {
    pub(super) enabled: bool,
    pub(super) function_arn: String,
    pub(super) rules: Rules,
    pub(super) last: Option<OffsetDateTime>,
    pub(super) next: Option<OffsetDateTime>,
    pub(super) under_way: Option<RotationJob>,
    /// The rotation tokens of all rotations so far.
    pub(super) proofs: Vec<String>,
}

impl std::fmt::Debug for Rotation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Rotation")
            .field("enabled", &self.enabled)
            .field("rules", &self.rules)
            .field("under_way", &self.under_way)
            .finish_non_exhaustive()
    }
}

impl Rotation {
    pub(super) fn is_enabled(&self) -> bool {
        self.enabled
    }

    pub(super) fn schedule(&mut self, now: OffsetDateTime) {
        self.next = self.rules.next(now);
    }

    /// Whether the service has ever handed out this rotation token for the secret. Late writes
    /// of an earlier rotation are let in: that the service keeps them out is not documented.
    pub(super) fn is_proof(&self, rotation_token: &str) -> bool {
        self.proofs.iter().any(|proof| proof == rotation_token)
    }

    pub(super) fn proofs(&self) -> impl Iterator<Item = &str> {
        self.proofs.iter().map(String::as_str)
    }

    pub(super) fn begin(&mut self, job: RotationJob) {
        self.enabled = true;
        self.function_arn.clone_from(&job.function_arn);
        self.proofs.push(job.rotation_token.clone());
        self.under_way = Some(job);
    }

    /// The members that `DescribeSecret` and `ListSecrets` show of it.
    pub(super) fn describe(&self, answer: &mut Value) {
        answer["RotationEnabled"] = json!(self.enabled);
        answer["RotationLambdaARN"] = json!(self.function_arn);
        answer["RotationRules"] = self.rules.as_json();
        answer["LastRotatedDate"] = self.last.map_or(Value::Null, epoch);
        answer["NextRotationDate"] = self
            .next
            .filter(|_| self.enabled)
            .map_or(Value::Null, epoch);
    }
}
