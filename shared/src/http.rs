//! One HTTP client, shared by the AWS SDK and the Datadog client: one TLS stack, one seam.

mod connect;
mod network;
mod proxies;
mod sdk;

use std::fmt::{self, Debug};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::log::ALWAYS;
use crate::settings::{NetworkSettings, StartError};

pub use connect::{CertificateDefect, ConnectCause, ConnectError, Peer};
use network::Network;

/// No answer that rotation needs comes near this (the largest recorded one has 175 KB).
pub const LARGEST_BODY: usize = 1024 * 1024;

/// Why there is no answer. Only after [`TransportError::NotConnected`] is it certain that the
/// request had no effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    #[error(transparent)]
    NotConnected(#[from] ConnectError),
    #[error("no answer came within {}", Seconds(*.after))]
    TimedOut { after: Duration },
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

    /// Returns the real network, by the way that the environment says.
    ///
    /// # Errors
    /// A variable that can't be used, such as `HTTPS_PROXY` or `SSL_CERT_FILE`.
    pub fn network() -> Result<Self, StartError> {
        let settings = NetworkSettings::from_env()?;
        for warning in settings.warnings() {
            tracing::warn!(target: ALWAYS, "{warning}");
        }
        Self::over_network(&settings)
    }

    /// Returns the real network, by this way.
    ///
    /// # Errors
    /// A proxy's address or a PEM bundle that can't be used.
    pub fn over_network(settings: &NetworkSettings) -> Result<Self, StartError> {
        Network::new(settings).map(Self::new)
    }

    pub async fn send(
        &self,
        request: http::Request<Bytes>,
        timeout: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        self.0.send(request, timeout).await
    }
}

/// A duration as it is told: to a tenth of a second.
#[derive(Clone, Copy, Debug)]
pub struct Seconds(pub Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0.as_millis() + 50) / 100;
        match (tenths / 10, tenths % 10) {
            (whole, 0) => write!(f, "{whole} s"),
            (whole, tenths) => write!(f, "{whole}.{tenths} s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_to_a_tenth_of_a_second() {
        for (millis, text) in [
            (0, "0 s"),
            (40, "0 s"),
            (60, "0.1 s"),
            (999, "1 s"),
            (1500, "1.5 s"),
        ] {
            assert_eq!(Seconds(Duration::from_millis(millis)).to_string(), text);
        }
    }
}
