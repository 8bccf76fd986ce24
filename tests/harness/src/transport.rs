//! The library's HTTP transport, bound for the gate instead of the network.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use datadog_rotation::http::{LARGEST_BODY, Sending, Transport, TransportError};
use http::header::DATE;
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

impl InProcess {
    /// Says what time it is at the service, as every server does.
    fn dated(&self, mut answer: http::Response<Bytes>) -> http::Response<Bytes> {
        let now = self.gate.with_world(|world| world.now());
        let (weekday, month) = (now.weekday().to_string(), now.month().to_string());
        let (hour, minute, second) = now.to_hms();
        let date = format!(
            "{weekday:.3}, {:02} {month:.3} {} {hour:02}:{minute:02}:{second:02} GMT",
            now.day(),
            now.year()
        );
        let date = date.parse().expect("a header's value");
        answer.headers_mut().insert(DATE, date);
        answer
    }
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
                Outcome::Answer(answer) => Ok(self.dated(answer)),
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
