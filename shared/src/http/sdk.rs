//! The transport as the AWS SDK wants it.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use bytes::Bytes;

use super::{Http, TransportError};

/// For a caller that names no time-out of its own.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

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

/// The SDK sends again what is called I/O here, and nothing that is called the user's fault.
fn connector_error(error: TransportError) -> ConnectorError {
    match &error {
        TransportError::NotConnected(connect) if connect.is_transient() => {
            ConnectorError::io(error.into()).never_connected()
        }
        TransportError::TimedOut { .. } => ConnectorError::timeout(error.into()),
        TransportError::Cut => ConnectorError::io(error.into()),
        TransportError::NotConnected(_) | TransportError::TooLarge | TransportError::NotSent => {
            ConnectorError::user(error.into())
        }
    }
}
