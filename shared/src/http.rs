//! One HTTP client, shared by the AWS SDK and the Datadog client: one TLS stack, one seam.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use bytes::{Bytes, BytesMut};

/// No answer that rotation needs comes near this (the largest recorded one has 175 KB).
pub const LARGEST_BODY: usize = 1024 * 1024;

/// Opening a connection takes milliseconds; a VPC without a route takes for ever.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// For a caller that names no time-out of its own.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no answer. Only after [`TransportError::NotConnected`] is it certain that the
/// request had no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    #[error("no connection could be opened")]
    NotConnected,
    #[error("no answer came in time")]
    TimedOut,
    #[error("the connection ended before the answer did")]
    Cut,
    #[error("the answer was larger than 1 MiB")]
    TooLarge,
    #[error("the request could not be put together")]
    NotSent,
}

pub type Sending<'a> =
    Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, TransportError>> + Send + 'a>>;

/// Sends one request and reads its whole answer. Every call to either service passes here.
pub trait Transport: Debug + Send + Sync {
    fn send(&self, request: http::Request<Bytes>, timeout: Duration) -> Sending<'_>;
}

/// The transport in use.
#[derive(Clone, Debug)]
pub struct Http(Arc<dyn Transport>);

impl Http {
    pub fn new(transport: impl Transport + 'static) -> Self {
        Self(Arc::new(transport))
    }

    /// The real network.
    ///
    /// # Errors
    /// The TLS set-up's, among them an unreadable `SSL_CERT_FILE`.
    pub fn network() -> Result<Self, crate::tls::TlsError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(crate::tls::config()?)
            .user_agent(concat!("datadog-rotation/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none()) // keys go to the host they are meant for
            .build()
            .map_err(|_| crate::tls::TlsError::Client)?;
        Ok(Self::new(Network(client)))
    }

    pub async fn send(
        &self,
        request: http::Request<Bytes>,
        timeout: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        self.0.send(request, timeout).await
    }
}

#[derive(Debug)]
struct Network(reqwest::Client);

impl Transport for Network {
    fn send(&self, request: http::Request<Bytes>, timeout: Duration) -> Sending<'_> {
        Box::pin(async move {
            let request = reqwest::Request::try_from(request.map(reqwest::Body::from));
            let mut request = request.map_err(|_| TransportError::NotSent)?;
            *request.timeout_mut() = Some(timeout);
            let answer = self
                .0
                .execute(request)
                .await
                .map_err(|error| classify(&error))?;
            read(answer).await
        })
    }
}

fn classify(error: &reqwest::Error) -> TransportError {
    if error.is_connect() {
        TransportError::NotConnected
    } else if error.is_timeout() {
        TransportError::TimedOut
    } else if error.is_builder() {
        TransportError::NotSent
    } else {
        TransportError::Cut
    }
}

async fn read(mut answer: reqwest::Response) -> Result<http::Response<Bytes>, TransportError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| classify(&error))? {
        if body.len() + chunk.len() > LARGEST_BODY {
            return Err(TransportError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    let mut whole = http::Response::new(body.freeze());
    *whole.status_mut() = answer.status();
    *whole.headers_mut() = std::mem::take(answer.headers_mut());
    Ok(whole)
}

impl HttpClient for Http {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let timeout = settings.read_timeout().unwrap_or(DEFAULT_TIMEOUT);
        SharedHttpConnector::new(SdkConnector {
            http: self.clone(),
            timeout,
        })
    }
}

#[derive(Debug)]
struct SdkConnector {
    http: Http,
    timeout: Duration,
}

impl HttpConnector for SdkConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (http, timeout) = (self.http.clone(), self.timeout);
        HttpConnectorFuture::new(async move {
            let request = request
                .try_into_http1x()
                .map_err(|error| ConnectorError::user(error.into()))?
                // Every request of the operations in use is a small JSON document in memory.
                .map(|body| Bytes::copy_from_slice(body.bytes().unwrap_or_default()));
            let answer = http.send(request, timeout).await.map_err(connector_error)?;
            HttpResponse::try_from(answer.map(Into::into))
                .map_err(|error| ConnectorError::user(error.into()))
        })
    }
}

fn connector_error(error: TransportError) -> ConnectorError {
    match error {
        TransportError::NotConnected => ConnectorError::io(error.into()).never_connected(),
        TransportError::TimedOut => ConnectorError::timeout(error.into()),
        TransportError::Cut => ConnectorError::io(error.into()),
        TransportError::TooLarge | TransportError::NotSent => ConnectorError::user(error.into()),
    }
}
