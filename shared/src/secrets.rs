//! AWS Secrets Manager, as far as rotation needs it.

mod across_accounts;
mod arn;
mod description;
pub mod error;
mod grace;
mod labels;
mod leak;
mod sending;
mod unthrottled;

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::retry::{RetryConfig, RetryPartition};
use aws_sdk_secretsmanager::config::timeout::TimeoutConfig;
use aws_sdk_secretsmanager::config::{Builder, Region, StalledStreamProtectionConfig};
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
use aws_sdk_secretsmanager::operation::update_secret_version_stage::builders::UpdateSecretVersionStageFluentBuilder;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use crate::deadline::Deadline;
use crate::event::{RotationEvent, VersionId};
use crate::http::Http;

use across_accounts::AcrossAccounts;
pub use arn::{SecretArn, region_of};
pub use description::{Description, Replica, ReplicaStatus, Schedule};
pub use error::{Reason, SecretsError, SecretsProblem};
pub use grace::{GRACE_TAG, GraceTags, LEAKED_TAG};
pub use labels::{CURRENT, Labels, PENDING, PREVIOUS};
pub use leak::Begun;
pub use sending::Repeats;
use sending::{once, unrepeated, within};
use unthrottled::Unthrottled;

/// The tag (and value field) by which a secret names its admin secret.
pub const ADMIN_TAG: &str = "adminSecretArn";

/// The tag (and value field) with the attributes that a new API key may lack, parted by blanks.
pub const MAY_LOSE_TAG: &str = "mayLoseAttributes";

/// One try of one call.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// The client for one region.
#[derive(Clone, Debug)]
pub struct Secrets {
    client: Client,
}

/// The value of one version.
#[derive(Clone, Debug)]
pub struct StoredValue {
    /// The secret's ARN as Secrets Manager spells it.
    pub arn: Option<SecretArn>,
    pub version: Option<VersionId>,
    /// `None`: a binary value, or an answer that lacks it.
    pub text: Option<SecretString>,
    pub is_binary: bool,
    /// When the version was made.
    pub created: Option<SystemTime>,
}

impl Secrets {
    /// `config` brings region, credentials and end point; HTTP goes over `http`.
    #[must_use]
    pub fn new(config: &aws_config::SdkConfig, http: &Http) -> Self {
        let config = Builder::from(config)
            .http_client(http.clone())
            .retry_config(RetryConfig::standard().with_max_attempts(4))
            .retry_classifier(Unthrottled)
            // An allowance for retries of its own, as large as the SDK's: that is one for all clients of
            // a process, so that what a client may try again would depend on what others had tried.
            .retry_partition(RetryPartition::custom("rotation").build())
            .timeout_config(
                TimeoutConfig::builder()
                    .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                    .build(),
            )
            // Answers are a few KB and have a time-out and a bound of their own.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        Self {
            client: Client::from_conf(config.build()),
        }
    }

    /// Returns a client for the region that this ARN names, which may be another one.
    #[must_use]
    pub fn in_region_of(&self, arn: &SecretArn) -> Self {
        let config = self.client.config();
        match arn.region() {
            Some(region) if config.region().is_none_or(|own| own.as_ref() != region) => {
                let config = config.to_builder().region(Region::new(region.to_owned()));
                Self {
                    client: Client::from_conf(config.build()),
                }
            }
            _ => self.clone(),
        }
    }

    pub async fn describe(
        &self,
        secret: &str,
        deadline: &Deadline,
    ) -> Result<Description, SecretsError> {
        let call = self.client.describe_secret().secret_id(secret);
        let across_accounts = AcrossAccounts::default();
        let send = || {
            let call = call.clone().customize();
            call.interceptor(across_accounts.clone()).send()
        };
        let asked_at = Instant::now();
        let answer = within(deadline, "DescribeSecret", secret, send).await?;
        let replicas = across_accounts.replicas();
        let description = Description::of(asked_at, &answer, replicas);
        // Of no secret, or of another one: the answer is none.
        let description = description.filter(|it| it.arn.may_be(secret));
        description.ok_or_else(|| SecretsError {
            call: "DescribeSecret",
            secret: secret.to_owned(),
            version: Box::default(),
            problem: SecretsProblem::Cut,
        })
    }

    /// Returns the value of the version that carries this label, or `None` if that version holds none
    /// yet. A version that does not carry it is [`SecretsProblem::Contradiction`]: labels lag.
    pub async fn value(
        &self,
        secret: &str,
        version: &VersionId,
        label: &str,
        deadline: &Deadline,
    ) -> Result<Option<StoredValue>, SecretsError> {
        let call = self
            .client
            .get_secret_value()
            .secret_id(secret)
            .version_id(version.as_str())
            .version_stage(label);
        match within(deadline, "GetSecretValue", secret, || call.clone().send()).await {
            Ok(answer) => Ok(Some(StoredValue::of(answer))),
            Err(error) if error.problem == SecretsProblem::NotFound => Ok(None),
            Err(error) => Err(SecretsError {
                version: format!(", version {version} ({label}),").into(),
                ..error
            }),
        }
    }

    /// Returns the value that carries AWSCURRENT, whichever version that is.
    pub async fn current_value(
        &self,
        secret: &str,
        deadline: &Deadline,
    ) -> Result<StoredValue, SecretsError> {
        let call = self
            .client
            .get_secret_value()
            .secret_id(secret)
            .version_stage(CURRENT);
        within(deadline, "GetSecretValue", secret, || call.clone().send())
            .await
            .map(StoredValue::of)
    }

    /// Returns all versions that Secrets Manager still knows, those without a label included.
    pub async fn versions(
        &self,
        secret: &str,
        deadline: &Deadline,
    ) -> Result<Labels, SecretsError> {
        let mut versions = Labels::default();
        let mut next: Option<String> = None;
        let mut followed = HashSet::new();
        loop {
            let call = self
                .client
                .list_secret_version_ids()
                .secret_id(secret)
                .include_deprecated(true)
                .max_results(100)
                .set_next_token(next);
            let page = within(deadline, "ListSecretVersionIds", secret, || {
                call.clone().send()
            })
            .await?;
            versions.extend(page.versions().iter().filter_map(|version| {
                version
                    .version_id()
                    .map(|id| (id, version.version_stages()))
            }));
            // Some servers end a list with an empty token instead of none.
            let token = page.next_token().filter(|token| !token.is_empty());
            next = token.map(str::to_owned);
            match &next {
                None => return Ok(versions),
                Some(token) if followed.insert(token.clone()) => {}
                // It leads round in a circle: what was read may be a part.
                Some(_) => {
                    return Err(SecretsError {
                        call: "ListSecretVersionIds",
                        secret: secret.to_owned(),
                        version: Box::default(),
                        problem: SecretsProblem::Cut,
                    });
                }
            }
        }
    }

    /// Stores the value of the version that the event's token names, as AWSPENDING: one attempt. It puts
    /// AWSPENDING back where that was taken off.
    ///
    /// For the same token and value two attempts are one effect. A refusal after an attempt whose effect is
    /// not known proves nothing any more; [`SecretsProblem::ResourceExists`]: the version holds another
    /// value, and always will.
    pub async fn store_pending(
        &self,
        event: &RotationEvent,
        value: &SecretString,
        deadline: &Deadline,
    ) -> Result<(), SecretsError> {
        let rotation_token = event.rotation_token.as_ref();
        let call = self
            .client
            .put_secret_value()
            .secret_id(event.secret.as_str())
            .client_request_token(event.token.as_str())
            .secret_string(value.expose_secret())
            .version_stages(PENDING)
            .set_rotation_token(rotation_token.map(|it| it.expose_secret().into()));
        let send = || {
            call.clone()
                .customize()
                .config_override(unrepeated())
                .send()
        };
        let stored = once(deadline, "PutSecretValue", event.secret.as_str(), send).await;
        stored.map(drop)
    }

    /// Moves AWSCURRENT: one attempt. [`SecretsProblem::Contradiction`] unless `from` still carries it.
    pub async fn promote(
        &self,
        secret: &str,
        from: &VersionId,
        to: &VersionId,
        deadline: &Deadline,
    ) -> Result<(), SecretsError> {
        let call = self
            .label_move(CURRENT, secret, from)
            .move_to_version_id(to.as_str());
        let send = || {
            call.clone()
                .customize()
                .config_override(unrepeated())
                .send()
        };
        let moved = once(deadline, "UpdateSecretVersionStage", secret, send).await;
        moved.map(drop).map_err(SecretsError::of_label)
    }

    /// Takes AWSPENDING off a version, so that the next rotation starts afresh;
    /// [`SecretsProblem::Contradiction`] if it does not carry it.
    pub async fn abandon(
        &self,
        secret: &str,
        version: &VersionId,
        deadline: &Deadline,
    ) -> Result<(), SecretsError> {
        let call = self.label_move(PENDING, secret, version);
        let send = || call.clone().send();
        let removed = within(deadline, "UpdateSecretVersionStage", secret, send).await;
        removed.map(drop).map_err(SecretsError::of_label)
    }

    /// The call that takes a label off a version.
    fn label_move(
        &self,
        label: &str,
        secret: &str,
        from: &VersionId,
    ) -> UpdateSecretVersionStageFluentBuilder {
        self.client
            .update_secret_version_stage()
            .secret_id(secret)
            .version_stage(label)
            .remove_from_version_id(from.as_str())
    }
}

impl StoredValue {
    /// Returns whether the answer holds no value at all, which no version can be made of.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.text.is_none() && !self.is_binary
    }

    /// Returns whether the answer may be of the secret that was asked for.
    #[must_use]
    pub fn may_be_of(&self, asked: &str) -> bool {
        self.arn.as_ref().is_none_or(|it| it.may_be(asked))
    }

    fn of(answer: GetSecretValueOutput) -> Self {
        Self {
            arn: answer.arn.as_deref().map(SecretArn::trusted),
            version: answer.version_id.as_deref().and_then(VersionId::parse),
            created: answer.created_date.as_ref().and_then(description::time),
            is_binary: answer.secret_binary.is_some(),
            text: answer.secret_string.map(Into::into),
        }
    }
}
