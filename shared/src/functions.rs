//! Lambda functions, as far as the doctor asks for them. Nothing here changes anything.
//!
//! The calls are `GetFunctionConfiguration` and `GetPolicy`:
//! <https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html>,
//! <https://docs.aws.amazon.com/lambda/latest/api/API_GetPolicy.html>. They are signed as a message to a
//! topic is ([`crate::topic`]), and for the same reason without Lambda's own SDK: its size.

mod arn;
mod error;
mod policy;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use tokio::sync::OnceCell;

use crate::deadline::{Backoff, Deadline};
use crate::endpoint::Service;
use crate::http::Http;
use crate::settings::Settings;
use crate::signature::Signer;

pub use arn::FunctionArn;
pub use error::FunctionsError;
pub use policy::{Permission, Policy};

/// What a path escapes: a signature is of the path as it was sent.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// One try of one call.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);

/// The functions of any account and region that the credentials may look at.
#[derive(Clone)]
pub struct Functions {
    /// Replaces the host of each ARN's region.
    url: Option<String>,
    http: Http,
    config: SdkConfig,
    /// Had once for all secrets: a program that provides them may ask a person.
    credentials: Arc<OnceCell<Credentials>>,
}

/// What a function says of itself. Its variables, which may hold anything, are passed over.
#[derive(Clone, Debug, Deserialize)]
pub struct Configuration {
    #[serde(rename = "Description", default)]
    pub description: String,
}

/// What `GetPolicy` answers.
#[derive(Deserialize)]
struct PolicyAnswer {
    #[serde(rename = "Policy")]
    policy: String,
}

impl Functions {
    /// `config` brings the credentials, and whether the host is one of the special ones.
    #[must_use]
    pub fn new(settings: &Settings, http: &Http, config: &SdkConfig) -> Self {
        Self {
            url: settings.lambda_url.clone(),
            http: http.clone(),
            config: config.clone(),
            credentials: Arc::default(),
        }
    }

    /// Returns what the function says of itself.
    ///
    /// # Errors
    /// [`FunctionsError::NotFound`] if it does not exist. The others tell nothing of it.
    pub async fn configuration(
        &self,
        arn: &FunctionArn,
        deadline: &Deadline,
    ) -> Result<Configuration, FunctionsError> {
        let body = self.get(arn, "configuration", deadline).await?;
        serde_json::from_slice(&body).map_err(|_| FunctionsError::Unexpected { status: 200 })
    }

    /// Returns who may invoke the function, as its own policy says: nobody, if it has none.
    ///
    /// # Errors
    /// None of them tells anything of the policy.
    pub async fn policy(
        &self,
        arn: &FunctionArn,
        deadline: &Deadline,
    ) -> Result<Policy, FunctionsError> {
        let body = match self.get(arn, "policy", deadline).await {
            Err(FunctionsError::NotFound) => return Ok(Policy::default()),
            body => body?,
        };
        let unexpected = FunctionsError::Unexpected { status: 200 };
        let answer: PolicyAnswer = serde_json::from_slice(&body).map_err(|_| unexpected.clone())?;
        Policy::parse(&answer.policy).ok_or(unexpected)
    }

    /// Asks again until `deadline` if Lambda is busy, or an answer was lost.
    async fn get(
        &self,
        arn: &FunctionArn,
        what: &str,
        deadline: &Deadline,
    ) -> Result<Bytes, FunctionsError> {
        let own = || Service::Lambda.url(arn.partition(), arn.region(), &self.config);
        let host = self.url.clone().unwrap_or_else(own);
        let name = utf8_percent_encode(arn.as_str(), RESERVED);
        let url = format!("{host}/2015-03-31/functions/{name}/{what}");
        let (first, longest) = (Duration::from_millis(250), Duration::from_secs(1));
        let mut backoff = Backoff::new(first, longest, deadline.left());
        loop {
            match self.get_once(&url, arn.region(), deadline).await {
                Err(error)
                    if error.may_pass()
                        && backoff
                            .pause_for(deadline, Duration::from_millis(100))
                            .await => {}
                done => return done,
            }
        }
    }

    async fn get_once(
        &self,
        url: &str,
        region: &str,
        deadline: &Deadline,
    ) -> Result<Bytes, FunctionsError> {
        let timeout = ATTEMPT_TIMEOUT.min(deadline.left());
        if timeout.is_zero() {
            return Err(FunctionsError::NoTime);
        }
        // A program that provides them may hang.
        let credentials = tokio::time::timeout(deadline.left(), self.credentials()).await;
        let signer = Signer {
            credentials: credentials.map_err(|_| FunctionsError::NoTime)??,
            region,
            service: Service::Lambda.word(),
            time: deadline.now(),
        };
        let added = signer.sign_get(url);
        let mut request = http::Request::get(url);
        for (name, value) in added.map_err(|_| FunctionsError::Unsigned)?.headers() {
            request = request.header(name, value);
        }
        let request = request.body(Bytes::new());
        let request = request.map_err(|_| FunctionsError::Unsigned)?;
        error::judge(self.http.send(request, timeout).await?)
    }

    async fn credentials(&self) -> Result<Credentials, FunctionsError> {
        let provider = self.config.credentials_provider();
        let provider = provider.ok_or(FunctionsError::NoCredentials)?;
        let had = self
            .credentials
            .get_or_try_init(|| provider.provide_credentials());
        // The provider's own error may quote its configuration.
        let had = had.await.map_err(|_| FunctionsError::NoCredentials);
        had.cloned()
    }
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Functions")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}
