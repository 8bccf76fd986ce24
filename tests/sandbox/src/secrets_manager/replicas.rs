//! Replicas of a secret in other regions and accounts: what each of them has, and what its primary tells of it.

use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::SecretsManager;
use super::error::Refusal;
use super::input::Input;
use super::replica::{Replica, Replication};
use super::secret::{Secret, Version};

/// What a replica answers; everything else is the primary's.
const READS: [&str; 4] = [
    "DescribeSecret",
    "GetResourcePolicy",
    "GetSecretValue",
    "ListSecretVersionIds",
];

impl SecretsManager {
    /// Gives the secret a replica in this region or account, or changes how that one follows. A
    /// secret that is unknown is no matter.
    pub fn replicate(&mut self, id: &str, place: &str, replication: Replication) {
        let mut secrets = self.secrets.iter_mut();
        let Some(secret) = secrets.find(|secret| secret.answers_to(id)) else {
            return;
        };
        secret.replicas.retain(|it| it.place != place);
        secret.replicas.push(Replica {
            place: place.to_owned(),
            replication,
        });
    }

    /// Whether any secret has a replica.
    #[must_use]
    pub fn has_replicas(&self) -> bool {
        self.secrets.iter().any(|it| !it.replicas.is_empty())
    }

    /// Every replica has everything, and follows at once.
    pub fn mend_replicas(&mut self) {
        let replicas = self.secrets.iter_mut().flat_map(|it| &mut it.replicas);
        replicas.for_each(|it| it.replication = Replication::After(Duration::ZERO));
    }

    /// The service in the region of the replica that a request names by ARN, if it names one. It
    /// holds that replica alone.
    pub(super) fn elsewhere(&self, now: OffsetDateTime, input: &Input) -> Option<Self> {
        let id = input.named_secret().filter(|id| id.starts_with("arn:"))?;
        let replicas = self.secrets.iter().flat_map(|it| it.in_replicas(now));
        let replica = replicas
            .map(|(_, secret)| secret)
            .find(|secret| secret.answers_to(id))?;
        Some(Self {
            label_lag: time::Duration::ZERO,
            secrets: vec![replica],
            ..self.clone()
        })
    }

    /// Answers as the region of a replica does.
    pub(super) fn perform_elsewhere(
        &mut self,
        now: OffsetDateTime,
        operation: &str,
        input: &Input,
    ) -> Result<Value, Refusal> {
        if READS.contains(&operation) {
            return self.perform(now, operation, input);
        }
        Err(Refusal::invalid_request(
            "Operation not permitted on a replica secret. Call must be made in primary secret's \
             region.",
        ))
    }
}

impl Secret {
    /// The version that a label sits on in each replica, with the replica's place.
    pub fn labelled_in_replicas(
        &self,
        now: OffsetDateTime,
        label: &str,
    ) -> impl Iterator<Item = (&str, &Version)> {
        self.replicas.iter().filter_map(move |replica| {
            let seen = self
                .labels
                .seen(replica.has_seen(now), time::Duration::ZERO);
            let version = self.version(seen.holder(label)?)?;
            Some((replica.place.as_str(), version))
        })
    }

    /// Each replica as its own region and account show it, with its place.
    fn in_replicas(&self, now: OffsetDateTime) -> impl Iterator<Item = (&str, Self)> {
        self.replicas.iter().map(move |replica| {
            let primary_region = self.arn.split(':').nth(3).unwrap_or_default();
            let mut secret = self.clone();
            secret.arn = replica.arn(&self.arn);
            secret.labels = self.labels.as_of(replica.has_seen(now));
            secret.primary_region = Some(primary_region.to_owned());
            secret.replicas = Vec::new();
            (replica.place.as_str(), secret)
        })
    }

    /// The members that `DescribeSecret` and `ListSecrets` show of replication.
    pub(super) fn describe_replication(&self, now: OffsetDateTime, answer: &mut Value) {
        if let Some(region) = &self.primary_region {
            answer["PrimaryRegion"] = json!(region);
        }
        let (abroad, at_home): (Vec<_>, Vec<_>) =
            self.replicas.iter().partition(|it| it.is_across_accounts());
        if !at_home.is_empty() {
            answer["PrimaryRegion"] = json!(self.arn.split(':').nth(3));
            let told = at_home.into_iter().map(|replica| {
                let (status, message) = replica.status(now, self.changed);
                json!({
                    "Region": replica.place,
                    "KmsKeyId": "alias/aws/secretsmanager",
                    "Status": status,
                    "StatusMessage": (!message.is_empty()).then_some(message),
                })
            });
            answer["ReplicationStatus"] = told.collect();
        }
        if !abroad.is_empty() {
            let told = abroad.into_iter().map(|replica| {
                let (status, message) = replica.status(now, self.changed);
                json!({
                    "ReplicaSecretARN": replica.arn(&self.arn),
                    "ReplicationStatus": status,
                    "StatusMessage": (!message.is_empty()).then_some(message),
                })
            });
            answer["CrossAccountReplicas"] = told.collect();
        }
    }
}
