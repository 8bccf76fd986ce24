//! AWS Secrets Manager, as far as rotation needs it.

mod across_accounts;
mod arn;
mod description;
pub mod error;
mod grace;
mod labels;
mod leak;
mod unthrottled;

use std::collections::HashSet;
use std::future::Future;
use std::time::{Duration, SystemTime};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::retry::{RetryConfig, RetryPartition};
use aws_sdk_secretsmanager::config::timeout::TimeoutConfig;
use aws_sdk_secretsmanager::config::{Builder, Region, StalledStreamProtectionConfig};
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use crate::deadline::{Backoff, Deadline, JitteredBackoff};
use crate::event::{RotationEvent, VersionId};
use crate::http::Http;

use across_accounts::AcrossAccounts;
pub use arn::{SecretArn, region_of};
pub use description::{Description, Replica, ReplicaStatus, Schedule};
pub use error::{Reason, SecretsError, SecretsProblem};
pub use grace::{GRACE_TAG, GraceTags, LEAKED_TAG};
pub use labels::{CURRENT, Labels, PENDING, PREVIOUS};
pub use leak::Begun;
use unthrottled::Unthrottled;

/// The tag (and value field) by which a secret names its admin secret.
pub const ADMIN_TAG: &str = "adminSecretArn";

/// The tag (and value field) with the attributes that a new API key may lack, parted by blanks.
pub const MAY_LOSE_TAG: &str = "mayLoseAttributes";

/// One try of one call.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// Over which time calls that were throttled come back: a rotation writes twice, and an account may
/// write 50 times a second (documented), so that this suffices for 1 500 secrets at once.
const THROTTLED_FOR: Duration = Duration::from_mins(1);

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

/// How an attempt to store ended, as far as it did not simply succeed.
#[derive(Debug)]
pub enum StoreError {
    /// The version holds another value already: nothing was stored, and nothing ever can be.
    Taken,
    /// Refused: nothing was stored.
    Refused(SecretsError),
    /// No usable answer: it may be stored or not.
    Unknown(SecretsError),
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

    /// Stores the value of the version that the event's token names, as AWSPENDING.
    ///
    /// Sent again after an answer that tells nothing, for the same token and value are one
    /// effect; a refusal after such an answer proves nothing any more.
    pub async fn store_pending(
        &self,
        event: &RotationEvent,
        value: &SecretString,
        deadline: &Deadline,
    ) -> Result<(), StoreError> {
        let secret = event.secret.as_str();
        let mut backoff = Backoff::new(
            Duration::from_millis(250),
            Duration::from_secs(2),
            Duration::from_secs(8),
        );
        let rotation_token = event.rotation_token.as_ref();
        let call = self
            .client
            .put_secret_value()
            .secret_id(secret)
            .client_request_token(event.token.as_str())
            .secret_string(value.expose_secret())
            .version_stages(PENDING)
            .set_rotation_token(rotation_token.map(|it| it.expose_secret().into()));
        // Its retries would hide an attempt whose effect is unknown.
        let unrepeated = Builder::new().retry_config(RetryConfig::disabled());
        let send = || {
            let call = call.clone().customize();
            call.config_override(unrepeated.clone()).send()
        };
        let mut unknown = false;
        loop {
            let stored = within(deadline, "PutSecretValue", secret, send).await;
            let Err(error) = stored else { return Ok(()) };
            if error.problem == SecretsProblem::ResourceExists {
                return Err(StoreError::Taken);
            }
            let again = error.is_transient() && !error.is_throttled();
            unknown |= !error.is_definite();
            if !(again && backoff.pause(deadline).await) {
                let refused = if unknown {
                    StoreError::Unknown
                } else {
                    StoreError::Refused
                };
                return Err(refused(error));
            }
        }
    }

    /// Moves AWSCURRENT; [`SecretsProblem::Contradiction`] unless `from` still carries it.
    pub async fn promote(
        &self,
        secret: &str,
        from: &VersionId,
        to: &VersionId,
        deadline: &Deadline,
    ) -> Result<(), SecretsError> {
        self.move_label(CURRENT, secret, from, Some(to), deadline)
            .await
    }

    /// Takes AWSPENDING off a version, so that the next rotation starts afresh;
    /// [`SecretsProblem::Contradiction`] if it does not carry it.
    pub async fn abandon(
        &self,
        secret: &str,
        version: &VersionId,
        deadline: &Deadline,
    ) -> Result<(), SecretsError> {
        self.move_label(PENDING, secret, version, None, deadline)
            .await
    }

    async fn move_label(
        &self,
        label: &str,
        secret: &str,
        from: &VersionId,
        to: Option<&VersionId>,
        deadline: &Deadline,
    ) -> Result<(), SecretsError> {
        let call = self
            .client
            .update_secret_version_stage()
            .secret_id(secret)
            .version_stage(label)
            .remove_from_version_id(from.as_str())
            .set_move_to_version_id(to.map(|it| it.as_str().to_owned()));
        within(deadline, "UpdateSecretVersionStage", secret, || {
            call.clone().send()
        })
        .await
        .map(drop)
        .map_err(SecretsError::of_label)
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

/// Throttled calls are sent again here, and not by the SDK: see [`Unthrottled`].
async fn within<T, E, F>(
    deadline: &Deadline,
    call: &'static str,
    secret: &str,
    send: impl Fn() -> F,
) -> Result<T, SecretsError>
where
    E: ProvideErrorMetadata,
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
{
    let mut jittered = JitteredBackoff::new(THROTTLED_FOR);
    loop {
        let left = deadline.left();
        // Boxed: a step makes several calls side by side, and the SDK's futures are large.
        let problem = match tokio::time::timeout(left, Box::pin(send())).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => SecretsProblem::of(call, &error),
            Err(_) => SecretsProblem::of_deadline(left),
        };
        let error = SecretsError {
            call,
            secret: secret.to_owned(),
            version: Box::default(),
            problem,
        };
        let (at_least, after) = (Duration::ZERO, Duration::from_secs(1));
        if !(error.is_throttled() && jittered.pause(at_least, deadline, after).await) {
            return Err(error);
        }
    }
}
