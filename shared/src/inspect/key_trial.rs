//! Whether Datadog accepts a key, where one refusal proves nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Map, Value};

use crate::deadline::Deadline;
use crate::error::Problem;
use crate::http::{Http, Sending, Transport};
use crate::rotation::observe::patience;

/// What Datadog says of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trial {
    Works,
    Refused,
    /// What refused it is not Datadog: a firewall or a proxy on the way.
    Unknown,
}

/// Counts the refusals that are not Datadog's own, which answers in JSON.
#[derive(Clone, Debug, Default)]
pub(super) struct ForeignRefusals(Arc<AtomicU64>);

impl ForeignRefusals {
    /// Returns the same transport, watched.
    pub(super) fn watch(&self, http: Http) -> Http {
        let refusals = self.clone();
        Http::new(Watched { http, refusals })
    }

    fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Tries a key: once, or for some seconds until Datadog accepts it if there is a `deadline`. Returns
    /// what the last trial came to.
    pub(super) async fn tried(
        &self,
        works: &impl AsyncFn() -> Result<bool, Problem>,
        deadline: Option<&Deadline>,
    ) -> Result<Trial, Problem> {
        let mut backoff = patience();
        loop {
            let before = self.count();
            if works().await? {
                return Ok(Trial::Works);
            }
            let trial = if self.count() == before {
                Trial::Refused
            } else {
                Trial::Unknown
            };
            let is_over = match deadline {
                Some(deadline) => !backoff.pause(deadline).await,
                None => true,
            };
            if is_over {
                return Ok(trial);
            }
        }
    }
}

#[derive(Debug)]
struct Watched {
    http: Http,
    refusals: ForeignRefusals,
}

impl Transport for Watched {
    fn send(&self, request: http::Request<Bytes>, timeout: Duration) -> Sending<'_> {
        Box::pin(async move {
            let answer = self.http.send(request, timeout).await?;
            let is_refusal = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
            if is_refusal.contains(&answer.status())
                && serde_json::from_slice::<Map<String, Value>>(answer.body()).is_err()
            {
                self.refusals.0.fetch_add(1, Ordering::Relaxed);
            }
            Ok(answer)
        })
    }
}
