//! Whether the services can be reached from here. Who can't reach them knows nothing of a rotation,
//! and should hear so soon.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use datadog_rotation::http::{Http, Sending, Transport};
use datadog_rotation::inspect::Unreached;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// A host that has never answered is given up this long after it was first asked.
const PATIENCE: Duration = Duration::from_secs(8);

/// The hosts that were asked for anything, shared by whoever asks.
#[derive(Clone, Debug)]
pub(crate) struct Reach(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Host and port that a variable puts in the place of Secrets Manager's.
    aws: Option<String>,
    hosts: Mutex<BTreeMap<String, Host>>,
    is_new: Notify,
}

#[derive(Debug)]
struct Host {
    since: Instant,
    has_answered: bool,
    /// Whether it was asked for since [`Reach::forget_questions`].
    is_asked: bool,
    /// Why the last request has no answer.
    error: Option<String>,
}

impl Reach {
    /// Nothing was asked for yet. `aws_url` is the address that replaces Secrets Manager's.
    pub(crate) fn new(aws_url: Option<&str>) -> Self {
        let uri = aws_url.and_then(|it| it.parse::<http::Uri>().ok());
        Self(Arc::new(Shared {
            aws: uri.and_then(|it| it.authority().map(ToString::to_string)),
            ..Shared::default()
        }))
    }

    /// Returns the same transport, watched.
    pub(crate) fn watch(&self, http: Http) -> Http {
        let reach = self.clone();
        Http::new(Watched { http, reach })
    }

    /// From now on only a host that is asked anew can be given up.
    pub(crate) fn forget_questions(&self) {
        self.with(|hosts| hosts.values_mut().for_each(|it| it.is_asked = false));
    }

    /// Waits until a host is to be given up. Else never ends.
    pub(crate) async fn lost(&self) -> Unreached {
        loop {
            let first = self.with(|hosts| {
                let silent = hosts
                    .iter()
                    .filter(|(_, it)| it.is_asked && !it.has_answered);
                silent
                    .map(|(host, it)| (it.since + PATIENCE, host.clone(), it.error.clone()))
                    .min()
            });
            match first {
                Some((end, host, error)) if end <= Instant::now() => {
                    let is_aws =
                        host.contains("amazonaws.com") || self.0.aws.as_ref() == Some(&host);
                    return Unreached {
                        host,
                        is_aws,
                        error,
                    };
                }
                Some((end, ..)) => tokio::select! {
                    () = sleep_until(end) => {}
                    () = self.0.is_new.notified() => {}
                },
                None => self.0.is_new.notified().await,
            }
        }
    }

    fn asked(&self, host: &str) {
        self.with(|hosts| {
            let host = hosts.entry(host.to_owned()).or_insert_with(|| Host {
                since: Instant::now(),
                has_answered: false,
                is_asked: true,
                error: None,
            });
            host.is_asked = true;
        });
        self.0.is_new.notify_one();
    }

    fn heard(&self, host: &str, error: Option<String>) {
        self.with(|hosts| {
            if let Some(host) = hosts.get_mut(host) {
                host.has_answered |= error.is_none();
                host.error = error;
            }
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<String, Host>) -> T) -> T {
        act(&mut self.0.hosts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[derive(Debug)]
struct Watched {
    http: Http,
    reach: Reach,
}

impl Transport for Watched {
    fn send(&self, request: http::Request<Bytes>, timeout: Duration) -> Sending<'_> {
        Box::pin(async move {
            let host = request.uri().authority().map(ToString::to_string);
            let host = host.unwrap_or_default();
            self.reach.asked(&host);
            let answer = self.http.send(request, timeout).await;
            let error = answer.as_ref().err().map(ToString::to_string);
            self.reach.heard(&host, error);
            answer
        })
    }
}
