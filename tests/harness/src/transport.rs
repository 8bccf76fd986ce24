//! The library's HTTP transport, bound for the gate instead of the network.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use datadog_rotation::http::{LARGEST_BODY, Sending, Transport, TransportError};
use sandbox::gate::{Caller, Gate, Outcome};
use tokio::sync::Notify;
use tokio::time::Instant;

/// One function's way to the gate.
#[derive(Clone, Debug)]
pub struct InProcess {
    pub gate: Gate,
    pub caller: String,
    /// Told when the gate has killed the caller; whoever runs it must then drop it.
    pub killed: Arc<Notify>,
}

impl Transport for InProcess {
    fn send(&self, mut request: http::Request<Bytes>, timeout: Duration) -> Sending<'_> {
        request.extensions_mut().insert(Caller(self.caller.clone()));
        Box::pin(async move {
            let deadline = Instant::now() + timeout;
            let passing = tokio::time::timeout_at(deadline, self.gate.pass(request));
            match passing.await.unwrap_or(Outcome::Silence) {
                Outcome::Answer(answer) if answer.body().len() > LARGEST_BODY => {
                    Err(TransportError::TooLarge)
                }
                Outcome::Answer(answer) => Ok(answer),
                Outcome::Cut => Err(TransportError::Cut),
                Outcome::Silence => {
                    tokio::time::sleep_until(deadline).await;
                    Err(TransportError::TimedOut { after: timeout })
                }
                Outcome::Killed => {
                    self.killed.notify_one();
                    std::future::pending().await
                }
            }
        })
    }
}
