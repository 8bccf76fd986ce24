//! What was answered, by status: errors and successes tell of it in words alone.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use datadog_rotation::datadog::Call;
use datadog_rotation::http::{Http, Sending, Transport, TransportError};
use http::{HeaderMap, Method, StatusCode};

/// Listens to a transport. Keeps no body, and of the headers the rate limits alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wire(Arc<Mutex<Vec<Exchange>>>);

/// A rate limit, as the headers of an answer tell it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RateLimit {
    /// Datadog's own, or the path of the call.
    pub(crate) name: String,
    pub(crate) requests: u64,
    pub(crate) period_seconds: Option<u64>,
}

#[derive(Clone, Debug)]
struct Exchange {
    method: Method,
    /// With the query.
    path: String,
    came: Result<StatusCode, TransportError>,
    limit: Option<RateLimit>,
}

#[derive(Debug)]
struct Heard {
    http: Http,
    wire: Wire,
}

impl Wire {
    pub(crate) fn listen(&self, http: Http) -> Http {
        let wire = self.clone();
        Http::new(Heard { http, wire })
    }

    /// Returns a moment, for [`Self::seen`].
    pub(crate) fn mark(&self) -> usize {
        self.lock().len()
    }

    /// Returns what attempts of this call came to since then: `500, 201`, `403 (3 times), 200`.
    pub(crate) fn seen(&self, call: &Call, since: usize) -> String {
        let mut told: Vec<(String, usize)> = Vec::new();
        for came in self.of(call, since) {
            let text = match came {
                Ok(status) => status.as_u16().to_string(),
                Err(error) => error.to_string(),
            };
            match told.last_mut() {
                Some((last, times)) if *last == text => *times += 1,
                _ => told.push((text, 1)),
            }
        }
        let mut seen = String::new();
        for (text, times) in told {
            let comma = if seen.is_empty() { "" } else { ", " };
            let _infallible = match times {
                1 => write!(seen, "{comma}{text}"),
                _ => write!(seen, "{comma}{text} ({times} times)"),
            };
        }
        seen
    }

    /// Returns the status of the last attempt, if that was answered.
    pub(crate) fn last(&self, call: &Call, since: usize) -> Option<u16> {
        let last = self.of(call, since).pop()?;
        Some(last.ok()?.as_u16())
    }

    /// Every limit that was told, once.
    pub(crate) fn limits(&self) -> BTreeSet<RateLimit> {
        let exchanges = self.lock();
        exchanges.iter().filter_map(|it| it.limit.clone()).collect()
    }

    fn of(&self, call: &Call, since: usize) -> Vec<Result<StatusCode, TransportError>> {
        let exchanges = self.lock();
        let those = exchanges.iter().skip(since);
        let those =
            those.filter(|it| it.method == *call.method() && it.path.ends_with(call.path()));
        those.map(|it| it.came.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Exchange>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for Heard {
    fn send(&self, request: http::Request<Bytes>, timeout: Duration) -> Sending<'_> {
        let method = request.method().clone();
        let path = request.uri().path_and_query();
        let path = path.map(ToString::to_string).unwrap_or_default();
        Box::pin(async move {
            let answer = self.http.send(request, timeout).await;
            let came = answer.as_ref().map(http::Response::status);
            let headers = answer.as_ref().map(http::Response::headers);
            let limit = headers
                .ok()
                .and_then(|it| RateLimit::read(it, &method, &path));
            self.wire.lock().push(Exchange {
                limit,
                method,
                path,
                came: came.map_err(Clone::clone),
            });
            answer
        })
    }
}

impl RateLimit {
    fn read(headers: &HeaderMap, method: &Method, path: &str) -> Option<Self> {
        let text = |name: &str| headers.get(name)?.to_str().ok();
        let number = |name| text(name)?.trim().parse().ok();
        let name = text("x-ratelimit-name").map(|it| {
            // Whatever answers may name it as it likes.
            let plain = it.chars().filter(char::is_ascii_graphic);
            plain.take(64).collect::<String>()
        });
        let path = path.split('?').next().unwrap_or_default();
        Some(Self {
            name: name.unwrap_or_else(|| format!("{method} {path}")),
            requests: number("x-ratelimit-limit")?,
            period_seconds: number("x-ratelimit-period"),
        })
    }
}
