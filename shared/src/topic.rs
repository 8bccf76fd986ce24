//! An SNS topic, as far as a message to it goes.
//!
//! The one call is `Publish` in SNS's query protocol:
//! <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>. SNS's own SDK would do as well, and add
//! 205 KB to each of four functions, ten times what this adds. What is hard about the call, its
//! signature, is AWS's own code here too.

mod error;

use std::fmt::{self, Write};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::deadline::{Backoff, Deadline};
use crate::endpoint::Service;
use crate::http::Http;
use crate::settings::{TopicArn, TopicSettings};
use crate::signature::Signer;

pub use error::TopicError;

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// What forms leave as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// One try of one call.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);

/// What is sent. No part of it may be secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub text: String,
    /// By these, subscriptions choose what they want.
    pub attributes: Vec<(&'static str, String)>,
}

/// One topic, in whatever region it is.
#[derive(Clone)]
pub struct Topic {
    arn: TopicArn,
    url: String,
    http: Http,
    provider: Option<SharedCredentialsProvider>,
}

impl Topic {
    /// `config` brings the credentials, and whether the host is one of the special ones.
    #[must_use]
    pub fn new(settings: &TopicSettings, http: &Http, config: &SdkConfig) -> Self {
        let (arn, url) = (&settings.arn, settings.url.clone());
        let own = || Service::Sns.url(arn.partition(), arn.region(), config);
        Self {
            url: url.unwrap_or_else(own),
            arn: arn.clone(),
            http: http.clone(),
            provider: config.credentials_provider(),
        }
    }

    #[must_use]
    pub fn arn(&self) -> &TopicArn {
        &self.arn
    }

    /// Sends a message, and again until `deadline` as long as it is not known to have arrived or to be
    /// refused: it may arrive more than once.
    pub async fn publish(&self, message: &Message, deadline: &Deadline) -> Result<(), TopicError> {
        let (first, longest) = (Duration::from_millis(250), Duration::from_secs(1));
        let mut backoff = Backoff::new(first, longest, deadline.left());
        let form = self.form(message);
        loop {
            let Err(error) = self.publish_once(&form, deadline).await else {
                return Ok(());
            };
            let after = Duration::from_millis(100);
            if !(error.may_pass() && backoff.pause_for(deadline, after).await) {
                return Err(error);
            }
        }
    }

    async fn publish_once(&self, form: &Bytes, deadline: &Deadline) -> Result<(), TopicError> {
        let timeout = ATTEMPT_TIMEOUT.min(deadline.left());
        if timeout.is_zero() {
            return Err(TopicError::NoTime);
        }
        let request = self.signed(form, deadline).await?;
        let answer = self.http.send(request, timeout).await?;
        error::judge(&answer)
    }

    async fn signed(
        &self,
        form: &Bytes,
        deadline: &Deadline,
    ) -> Result<http::Request<Bytes>, TopicError> {
        let provider = self.provider.as_ref().ok_or(TopicError::NoCredentials)?;
        // The provider's own error may quote its configuration.
        let credentials = provider.provide_credentials().await;
        let signer = Signer {
            credentials: credentials.map_err(|_| TopicError::NoCredentials)?,
            region: self.arn.region(),
            service: Service::Sns.word(),
            time: deadline.now(),
        };
        let url = format!("{}/", self.url);
        let added = signer
            .sign_post(&url, &[(CONTENT_TYPE.as_str(), FORM)], form)
            .map_err(|_| TopicError::Unsigned)?;
        let mut request = http::Request::post(&url).header(CONTENT_TYPE, FORM);
        for (name, value) in added.headers() {
            request = request.header(name, value);
        }
        request.body(form.clone()).map_err(|_| TopicError::Unsigned)
    }

    fn form(&self, message: &Message) -> Bytes {
        let mut form = "Action=Publish&Version=2010-03-31".to_owned();
        let mut field = |name: &str, value: &str| {
            let value = utf8_percent_encode(value, ENCODED);
            // Writing to a string never fails.
            let _written = write!(form, "&{name}={value}");
        };
        field("TopicArn", self.arn.as_str());
        field("Message", &message.text);
        for (number, (name, value)) in (1..).zip(&message.attributes) {
            let entry = format!("MessageAttributes.entry.{number}");
            field(&format!("{entry}.Name"), name);
            field(&format!("{entry}.Value.DataType"), "String");
            field(&format!("{entry}.Value.StringValue"), value);
        }
        form.into()
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topic")
            .field("arn", &self.arn.as_str())
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}
