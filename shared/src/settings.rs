//! The environment, read here and nowhere else (the AWS SDK reads its own variables).

mod check;
mod error;
mod log;
mod network;
mod terminal;
mod topic;

use std::path::PathBuf;

pub use check::check;
pub use error::{SettingError, StartError};
pub(crate) use log::OURS;
pub use log::{LambdaLevel, LogSettings};
pub use network::NetworkSettings;
pub use terminal::TerminalSettings;
pub use topic::{TopicArn, TopicSettings};

const DATADOG_API_URL: &str = "DATADOG_API_URL";

/// What a deployment sets.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `ADMIN_SECRET_ARN`: the admin secret of secrets that name none themselves.
    pub admin_secret_arn: Option<String>,
    /// `DATADOG_API_URL`: replaces `https://api.<site>`, without a slash at its end; for the sandbox
    /// and for tests.
    pub datadog_api_url: Option<String>,
    /// `AWS_ENDPOINT_URL_SECRETS_MANAGER`, else `AWS_ENDPOINT_URL`: the SDK goes by it. The doctor tells
    /// where it leads.
    pub secrets_manager_url: Option<String>,
    /// `AWS_ENDPOINT_URL_LAMBDA`, else `AWS_ENDPOINT_URL`: replaces the host of Lambda, of which the
    /// doctor alone asks anything; without a slash at its end.
    pub lambda_url: Option<String>,
    /// For secrets that name no admin secret: goes before [`Self::admin_secret_arn`].
    pub delegation: DelegationSettings,
    /// `None`: nobody is told of promotions.
    pub promotion_topic: Option<TopicSettings>,
    /// `None`: not in Lambda, where nobody collects metrics.
    pub metrics: Option<MetricSettings>,
}

/// Keyless: as whom the function's own identity is to act.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DelegationSettings {
    /// `DATADOG_ORG_UUID`
    pub organisation: Option<String>,
    /// `DATADOG_SERVICE_ACCOUNT_ID`
    pub service_account: Option<String>,
    /// `DATADOG_SITE`
    pub site: Option<String>,
    /// `DATADOG_API_KEY_SECRET_ARN`: with whose API key application keys are tried.
    pub api_key_secret_arn: Option<String>,
    /// `DATADOG_FALLBACK_ADMIN_SECRET_ARN`: whose pair may act where Datadog refuses the identity.
    pub fallback_admin_secret_arn: Option<String>,
}

impl DelegationSettings {
    fn from_env() -> Self {
        Self {
            organisation: variable("DATADOG_ORG_UUID"),
            service_account: variable("DATADOG_SERVICE_ACCOUNT_ID"),
            site: variable("DATADOG_SITE"),
            api_key_secret_arn: variable("DATADOG_API_KEY_SECRET_ARN"),
            fallback_admin_secret_arn: variable("DATADOG_FALLBACK_ADMIN_SECRET_ARN"),
        }
    }

    /// Returns whether none of them is set.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        *self == Self::default()
    }
}

/// What Lambda says that metrics need to know.
#[derive(Clone, Debug)]
pub struct MetricSettings {
    /// `AWS_LAMBDA_FUNCTION_NAME`: their dimension `Function`.
    pub function: String,
    /// `AWS_LAMBDA_LOG_LEVEL`, else `INFO`: Lambda's log filter lets lines of this level pass.
    pub level: String,
}

impl Settings {
    #[must_use]
    pub fn from_env() -> Self {
        Self {
            admin_secret_arn: variable("ADMIN_SECRET_ARN"),
            datadog_api_url: variable(DATADOG_API_URL)
                .map(|it| it.trim_end_matches('/').to_owned()),
            secrets_manager_url: variable("AWS_ENDPOINT_URL_SECRETS_MANAGER")
                .or_else(|| variable("AWS_ENDPOINT_URL")),
            lambda_url: variable("AWS_ENDPOINT_URL_LAMBDA")
                .or_else(|| variable("AWS_ENDPOINT_URL"))
                .map(|it| it.trim_end_matches('/').to_owned()),
            delegation: DelegationSettings::from_env(),
            promotion_topic: TopicSettings::from_env(),
            metrics: variable("AWS_LAMBDA_FUNCTION_NAME").map(|function| MetricSettings {
                function,
                level: variable("AWS_LAMBDA_LOG_LEVEL").unwrap_or_else(|| "INFO".into()),
            }),
        }
    }
}

/// Where a function's log is, for whoever is to read it.
#[derive(Clone, Debug, Default)]
pub struct LogPlace {
    /// `AWS_LAMBDA_LOG_GROUP_NAME`
    pub group: Option<String>,
    /// `AWS_LAMBDA_LOG_STREAM_NAME`
    pub stream: Option<String>,
}

impl LogPlace {
    #[must_use]
    pub fn from_env() -> Self {
        Self {
            group: variable("AWS_LAMBDA_LOG_GROUP_NAME"),
            stream: variable("AWS_LAMBDA_LOG_STREAM_NAME"),
        }
    }
}

/// Returns a directory for notes that may get lost: of a function `/tmp`, which outlives a process that
/// crashed as long as Lambda keeps its environment.
#[must_use]
pub fn scratch() -> PathBuf {
    std::env::temp_dir()
}

/// Returns whether this process is a Lambda function's.
#[must_use]
pub fn is_lambda() -> bool {
    variable("AWS_LAMBDA_RUNTIME_API").is_some()
}

/// An unset parameter of the template arrives as an empty variable.
pub(crate) fn variable(name: &'static str) -> Option<String> {
    text(name).ok().flatten()
}

/// Returns the same of a variable that must not be passed over because it can't be read. Blanks around a
/// value never mean anything.
fn text(name: &'static str) -> Result<Option<String>, SettingError> {
    let Some(text) = std::env::var_os(name) else {
        return Ok(None);
    };
    let text = text.into_string();
    let text = text.map_err(|_| SettingError::new(name, "is no Unicode text"))?;
    let text = text.trim();
    Ok((!text.is_empty()).then(|| text.to_owned()))
}
