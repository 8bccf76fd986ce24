//! The Runtime API of one execution environment, version 2018-06-01.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use serde_json::Value;
use tokio::sync::{Mutex, mpsc};

use super::FunctionError;
use crate::loopback::{Loopback, Reply, status};

const ROOT: &str = "/2018-06-01/runtime/";

/// One event on its way to the process.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) request_id: String,
    pub(super) function_arn: String,
    /// On the clock of this machine, which is the process's own.
    pub(super) deadline: SystemTime,
    pub(super) event: Bytes,
}

/// What the process reports.
#[derive(Debug)]
pub(super) enum Report {
    Ended {
        request_id: String,
        result: Result<Value, FunctionError>,
    },
    InitFailed(FunctionError),
}

/// The near side of the API: send an invocation, receive reports.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    server: Loopback,
    invocations: mpsc::UnboundedSender<Invocation>,
    reports: mpsc::UnboundedReceiver<Report>,
}

impl RuntimeApi {
    pub(super) async fn start() -> io::Result<Self> {
        let (invocations, waiting) = mpsc::unbounded_channel();
        let (reporter, reports) = mpsc::unbounded_channel();
        let far_side = Arc::new(FarSide {
            waiting: Mutex::new(waiting),
            reporter,
            handed_out: std::sync::Mutex::default(),
        });
        let handler = move |request| {
            let far_side = Arc::clone(&far_side);
            async move { far_side.handle(&request).await }
        };
        Ok(Self {
            server: Loopback::start(0, Duration::ZERO, None, handler).await?,
            invocations,
            reports,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    pub(super) fn send(&self, invocation: Invocation) {
        // The other end lives in the server, which lives as long as `self`.
        let _sent = self.invocations.send(invocation);
    }

    /// Waits for the end of one invocation, or of the initialisation before it. Late reports of
    /// earlier invocations are dropped.
    pub(super) async fn report_on(&mut self, invocation: &str) -> Report {
        loop {
            match self.reports.recv().await {
                Some(Report::Ended { request_id, .. }) if request_id != invocation => {}
                Some(report) => return report,
                None => std::future::pending().await,
            }
        }
    }
}

/// What the process talks to.
#[derive(Debug)]
struct FarSide {
    waiting: Mutex<mpsc::UnboundedReceiver<Invocation>>,
    reporter: mpsc::UnboundedSender<Report>,
    /// The invocations that were handed out, and whether each was reported on.
    handed_out: std::sync::Mutex<BTreeMap<String, bool>>,
}

impl FarSide {
    async fn handle(&self, request: &Request<Bytes>) -> Reply {
        let Some(route) = request.uri().path().strip_prefix(ROOT) else {
            return Reply::Answer(status(StatusCode::NOT_FOUND));
        };
        let route: Vec<_> = route.split('/').collect();
        match (request.method(), route.as_slice()) {
            (&Method::GET, ["invocation", "next"]) => self.next().await,
            (&Method::POST, ["invocation", id, "response"]) => {
                self.ended(id, response(request.body()))
            }
            (&Method::POST, ["invocation", id, "error"]) => {
                self.ended(id, Err(error(request.body())))
            }
            (&Method::POST, ["init", "error"]) => {
                self.report(Report::InitFailed(error(request.body())))
            }
            _ => Reply::Answer(status(StatusCode::NOT_FOUND)),
        }
    }

    async fn next(&self) -> Reply {
        match self.waiting.lock().await.recv().await {
            Some(invocation) => {
                let id = invocation.request_id.clone();
                self.handed_out().insert(id, false);
                announce(&invocation).map_or(Reply::Close, Reply::Answer)
            }
            None => Reply::Close,
        }
    }

    fn handed_out(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, bool>> {
        let handed_out = self.handed_out.lock();
        handed_out.unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// An id that was never handed out is refused with 400, a second report on one with 403, as
    /// AWS's own emulator of this API does.
    fn ended(&self, id: &str, result: Result<Value, FunctionError>) -> Reply {
        let was_reported = self
            .handed_out()
            .get_mut(id)
            .map(|it| std::mem::replace(it, true));
        match was_reported {
            None => refused(StatusCode::BAD_REQUEST, "InvalidRequestID"),
            Some(true) => refused(StatusCode::FORBIDDEN, "InvalidStateTransition"),
            Some(false) => self.report(Report::Ended {
                request_id: id.to_owned(),
                result,
            }),
        }
    }

    fn report(&self, report: Report) -> Reply {
        // Nobody listens any more once the invocation was given up.
        let _listening = self.reporter.send(report);
        let mut response = status(StatusCode::ACCEPTED);
        *response.body_mut() = Bytes::from_static(br#"{"status":"OK"}"#);
        Reply::Answer(response)
    }
}

fn announce(invocation: &Invocation) -> Result<Response<Bytes>, http::Error> {
    let deadline = invocation
        .deadline
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    let header = |name: &'static str, value: &str| {
        HeaderValue::from_str(value).map(|value| (HeaderName::from_static(name), value))
    };
    let mut response = Response::new(invocation.event.clone());
    response.headers_mut().extend([
        header("lambda-runtime-aws-request-id", &invocation.request_id)?,
        header(
            "lambda-runtime-deadline-ms",
            &deadline.as_millis().to_string(),
        )?,
        header(
            "lambda-runtime-invoked-function-arn",
            &invocation.function_arn,
        )?,
        header(
            "lambda-runtime-trace-id",
            "Root=1-00000000-000000000000000000000000;Sampled=0",
        )?,
        header("content-type", "application/json")?,
    ]);
    Ok(response)
}

fn refused(code: StatusCode, error_type: &str) -> Reply {
    let mut response = status(code);
    let body = serde_json::json!({ "errorMessage": error_type, "errorType": error_type });
    *response.body_mut() = Bytes::from(body.to_string());
    Reply::Answer(response)
}

fn response(body: &Bytes) -> Result<Value, FunctionError> {
    serde_json::from_slice(body).map_err(|error| FunctionError {
        error_type: "Function.ResponseNotJson".to_owned(),
        message: error.to_string(),
    })
}

fn error(body: &Bytes) -> FunctionError {
    serde_json::from_slice(body).unwrap_or_else(|error| FunctionError {
        error_type: "Function.ErrorNotJson".to_owned(),
        message: error.to_string(),
    })
}
