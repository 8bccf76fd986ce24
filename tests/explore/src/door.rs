//! A transport that holds each call until the search answers it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use datadog_rotation::http::{LARGEST_BODY, Sending, Transport, TransportError};
use http::{Request, Response};
use sandbox::gate::{Caller, Outcome};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

/// What a caller hears.
#[derive(Clone, Debug)]
pub enum Heard {
    Answer(Response<Bytes>),
    Cut,
    Silence,
}

impl Heard {
    /// Returns what a caller hears of an outcome, or `None` if the caller is dead by then.
    #[must_use]
    pub fn of(outcome: Outcome) -> Option<Self> {
        match outcome {
            Outcome::Answer(answer) => Some(Self::Answer(answer)),
            Outcome::Cut => Some(Self::Cut),
            Outcome::Silence => Some(Self::Silence),
            Outcome::Killed => None,
        }
    }
}

/// A call that waits at the door.
pub struct Held {
    /// 0 for the invocation's first call.
    pub number: usize,
    pub request: Request<Bytes>,
    since: Instant,
    reply: oneshot::Sender<Heard>,
}

/// A function's Debug form shows its transport's, and is searched for secrets: the call is not the function's
/// to hide.
impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut held = f.debug_struct("Held");
        held.field("number", &self.number).finish_non_exhaustive()
    }
}

impl Held {
    /// Returns whether the SDK would give the attempt up during the next pause of the functions, and
    /// try again after a pause that it draws.
    #[must_use]
    pub fn is_long(&self) -> bool {
        let is_of_sdk = self.request.headers().contains_key("x-amz-target");
        is_of_sdk && self.since.elapsed() > Duration::from_millis(900)
    }

    /// Answers the call. A caller that has gone meanwhile is no matter.
    pub fn answer(self, heard: Heard) {
        let _gone = self.reply.send(heard);
    }
}

/// The held calls of one invocation, in the order in which it made them.
#[derive(Clone, Debug)]
pub struct Door {
    caller: String,
    held: Arc<Mutex<(usize, Vec<Held>)>>,
    /// Told of every call at any door.
    stirred: Arc<Notify>,
}

impl Door {
    #[must_use]
    pub fn new(caller: &str, stirred: Arc<Notify>) -> Self {
        Self {
            caller: caller.to_owned(),
            held: Arc::default(),
            stirred,
        }
    }

    /// Calls `look` for each held call whose caller still waits.
    pub fn for_each(&self, mut look: impl FnMut(&Held)) {
        let mut held = self.lock();
        held.1.retain(|it| !it.reply.is_closed());
        held.1.iter().for_each(&mut look);
    }

    #[must_use]
    pub fn take(&self, number: usize) -> Option<Held> {
        let mut held = self.lock();
        let position = held.1.iter().position(|it| it.number == number)?;
        Some(held.1.remove(position))
    }

    fn hold(&self, request: Request<Bytes>) -> oneshot::Receiver<Heard> {
        let (reply, heard) = oneshot::channel();
        let mut held = self.lock();
        let number = held.0;
        held.0 += 1;
        held.1.push(Held {
            number,
            request,
            since: Instant::now(),
            reply,
        });
        self.stirred.notify_one();
        heard
    }

    fn lock(&self) -> MutexGuard<'_, (usize, Vec<Held>)> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for Door {
    /// The time-out begins when the call is let go: how long the search holds it is no fault.
    fn send(&self, mut request: Request<Bytes>, timeout: Duration) -> Sending<'_> {
        request.extensions_mut().insert(Caller(self.caller.clone()));
        Box::pin(async move {
            match self.hold(request).await {
                Ok(Heard::Answer(answer)) if answer.body().len() > LARGEST_BODY => {
                    Err(TransportError::TooLarge)
                }
                Ok(Heard::Answer(answer)) => Ok(answer),
                Ok(Heard::Cut) => Err(TransportError::Cut),
                Ok(Heard::Silence) => {
                    tokio::time::sleep(timeout).await;
                    Err(TransportError::TimedOut { after: timeout })
                }
                // The run is over.
                Err(_) => std::future::pending().await,
            }
        })
    }
}
