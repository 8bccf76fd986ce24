//! The real network.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::Uri;

use super::proxies::Proxies;
use super::{ConnectCause, ConnectError, LARGEST_BODY, Sending, Transport, TransportError};
use crate::settings::{NetworkSettings, StartError};

/// Opening a connection takes milliseconds; a VPC without a route takes for ever.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a proxy that refuses for once is left alone: it may be short of something.
const PROXY_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Network {
    client: reqwest::Client,
    proxies: Proxies,
}

impl Network {
    pub(super) fn new(settings: &NetworkSettings) -> Result<Self, StartError> {
        let proxies = Proxies::new(settings);
        let mut client = reqwest::Client::builder()
            .tls_backend_preconfigured(crate::tls::config(settings.cert_file.as_deref())?)
            .user_agent(concat!("datadog-rotation/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none()) // keys go to the host they are meant for
            .no_proxy(); // none that the HTTP stack reads by itself
        for proxy in Proxies::of_client(settings)? {
            client = client.proxy(proxy);
        }
        let client = client.build().map_err(|_| StartError::Client)?;
        Ok(Self { client, proxies })
    }

    async fn send_once(
        &self,
        request: http::Request<Bytes>,
        timeout: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let uri = request.uri().clone();
        let request = reqwest::Request::try_from(request.map(reqwest::Body::from));
        let mut request = request.map_err(|_| TransportError::NotSent)?;
        *request.timeout_mut() = Some(timeout);
        let classify = |error: &reqwest::Error| self.classify(error, &uri, timeout);
        let mut answer = self
            .client
            .execute(request)
            .await
            .map_err(|it| classify(&it))?;
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(|it| classify(&it))? {
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

    fn classify(&self, error: &reqwest::Error, uri: &Uri, after: Duration) -> TransportError {
        if error.is_connect() {
            let proxy = self.proxies.of(uri);
            let is_tunnelled = uri.scheme() == Some(&http::uri::Scheme::HTTPS);
            ConnectError {
                cause: ConnectCause::of(error, proxy.is_some(), is_tunnelled),
                host: uri.host().unwrap_or_default().into(),
                proxy,
            }
            .into()
        } else if error.is_timeout() {
            TransportError::TimedOut { after }
        } else if error.is_builder() {
            TransportError::NotSent
        } else {
            TransportError::Cut
        }
    }
}

impl Transport for Network {
    fn send(&self, request: http::Request<Bytes>, timeout: Duration) -> Sending<'_> {
        Box::pin(async move {
            let answer = self.send_once(request.clone(), timeout).await;
            // 403 stays and 503 passes, and the HTTP stack does not tell the two apart.
            if is_refused_by_proxy(&answer) && timeout > PROXY_PAUSE {
                tokio::time::sleep(PROXY_PAUSE).await;
                return self.send_once(request, timeout).await;
            }
            answer
        })
    }
}

fn is_refused_by_proxy(answer: &Result<http::Response<Bytes>, TransportError>) -> bool {
    match answer {
        Err(TransportError::NotConnected(error)) => error.cause == ConnectCause::ProxyRefused,
        _ => false,
    }
}
