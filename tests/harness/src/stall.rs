//! A caller that stands still before one of its calls, for as long as a test likes: a process that
//! is not given its turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use datadog_rotation::http::{Sending, Transport};
use tokio::sync::Notify;

use crate::transport::InProcess;

#[derive(Clone, Debug)]
pub struct Stalled {
    way: InProcess,
    /// The first call is 0.
    at: usize,
    made: Arc<AtomicUsize>,
    reached: Arc<Notify>,
    go: Arc<Notify>,
}

impl Stalled {
    #[must_use]
    pub fn new(way: InProcess, at: usize) -> Self {
        Self {
            way,
            at,
            made: Arc::default(),
            reached: Arc::default(),
            go: Arc::default(),
        }
    }

    /// Until it stands still.
    pub async fn reached(&self) {
        self.reached.notified().await;
    }

    pub fn go_on(&self) {
        self.go.notify_one();
    }
}

impl Transport for Stalled {
    fn send(&self, request: http::Request<Bytes>, timeout: Duration) -> Sending<'_> {
        Box::pin(async move {
            if self.made.fetch_add(1, Ordering::Relaxed) == self.at {
                self.reached.notify_one();
                self.go.notified().await;
            }
            self.way.send(request, timeout).await
        })
    }
}
