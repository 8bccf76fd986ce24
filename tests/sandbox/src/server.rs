//! A gate on a loopback port, one port per service.

#[cfg(test)]
mod tests;

use std::fmt;
use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;

use crate::certificate::Certificate;
use crate::gate::{Caller, Gate, Outcome, Service};
use crate::loopback::{Loopback, Reply};

/// One service as seen by one caller.
#[derive(Clone)]
pub struct Door {
    pub service: Service,
    /// 0 for a free one.
    pub port: u16,
    /// Who comes in here: the name in [`crate::gate::Call::caller`].
    pub caller: Option<String>,
    /// How long the network takes, each way. Opening a connection costs one way and back.
    pub delay: Duration,
    /// Without one the door speaks plain HTTP.
    pub certificate: Option<Certificate>,
    /// Called when the gate decides that the caller dies.
    pub on_kill: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl Door {
    /// A door for anybody, on a free port.
    #[must_use]
    pub fn to(service: Service) -> Self {
        Self {
            service,
            port: 0,
            caller: None,
            delay: Duration::ZERO,
            certificate: None,
            on_kill: None,
        }
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door")
            .field("service", &self.service)
            .field("port", &self.port)
            .field("caller", &self.caller)
            .field("delay", &self.delay)
            .field("tls", &self.certificate.is_some())
            .finish_non_exhaustive()
    }
}

/// A door that is open; dropping it closes it and every connection through it.
#[derive(Debug)]
pub struct Server {
    scheme: &'static str,
    loopback: Loopback,
}

impl Server {
    /// # Errors
    /// The port is taken.
    pub async fn start(gate: Gate, door: Door) -> io::Result<Self> {
        let Door { port, delay, .. } = door;
        let tls = door.certificate.as_ref().map(Certificate::acceptor);
        let scheme = if tls.is_some() { "https" } else { "http" };
        let handler = move |request| handle(gate.clone(), door.clone(), request);
        let loopback = Loopback::start(port, delay, tls, handler).await?;
        Ok(Self { scheme, loopback })
    }

    /// `http://127.0.0.1:<port>`, or with `https`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.loopback.address())
    }
}

async fn handle(gate: Gate, door: Door, mut request: Request<Bytes>) -> Reply {
    request.extensions_mut().insert(door.service);
    if let Some(caller) = door.caller {
        request.extensions_mut().insert(Caller(caller));
    }
    match gate.pass(request).await {
        Outcome::Answer(response) => Reply::Answer(response),
        Outcome::Cut => Reply::Close,
        Outcome::Silence => pending().await,
        Outcome::Killed => match door.on_kill {
            Some(kill) => {
                kill();
                pending().await
            }
            // Nobody to kill: a caller from outside sees what a dead peer would leave, a silence.
            None => pending().await,
        },
    }
}
