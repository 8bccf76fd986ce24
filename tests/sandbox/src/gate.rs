//! The one way to either service: every call is recorded here, and every fault is made here.
//!
//! No sockets: [`crate::server`] puts a gate on a port, and a test can call [`Gate::pass`] from its
//! own HTTP transport.

mod answer;
mod call;
mod fate;
mod lie;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};

pub use call::{Call, CallRecord, Caller};
pub use fate::{Edit, Fate, Pause, Release, Script, pause};
pub use lie::Lie;

pub use crate::service::Service;
use crate::world::World;

/// What became of a call, from its caller's side.
#[derive(Debug)]
pub enum Outcome {
    Answer(Response<Bytes>),
    /// The connection was closed without an answer.
    Cut,
    /// No answer will ever come: the caller waits until its own time-out.
    Silence,
    /// The caller died at this call and sees nothing any more.
    Killed,
}

type Watcher = Box<dyn FnMut(&World, &CallRecord) + Send>;

/// A handle on the gate; clones are the same gate.
#[derive(Clone)]
pub struct Gate(Arc<Mutex<Inner>>);

struct Inner {
    world: World,
    script: Box<dyn Script>,
    watchers: Vec<Watcher>,
    records: Vec<CallRecord>,
    admitted: u64,
    complaints: BTreeSet<String>,
}

impl Gate {
    /// A gate that lets every call pass.
    #[must_use]
    pub fn new(world: World) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            world,
            script: Box::new(|_: &Call| Fate::Pass),
            watchers: Vec::new(),
            records: Vec::new(),
            admitted: 0,
            complaints: BTreeSet::new(),
        })))
    }

    /// Replaces what decides the fate of calls that arrive from now on.
    pub fn follow(&self, script: impl Script + 'static) {
        self.lock().script = Box::new(script);
    }

    /// Adds a look at the world after every call, before its caller learns of the outcome. It must
    /// not use the gate itself.
    pub fn watch(&self, watcher: impl FnMut(&World, &CallRecord) + Send + 'static) {
        self.lock().watchers.push(Box::new(watcher));
    }

    /// Carries a request to its service and the outcome back.
    ///
    /// The service is the request's [`Service`] extension, else told by its headers; the caller is
    /// its [`Caller`] extension. A call that is dropped while paused never takes effect.
    pub async fn pass(&self, request: Request<Bytes>) -> Outcome {
        let (call, mut fate) = self.admit(&request);
        while let Fate::Pause(pause) = fate {
            fate = pause.released().await;
        }
        match fate {
            Fate::Slow(time) => tokio::time::sleep(time).await,
            Fate::Late(time) => self.clone().do_later(time, call.clone(), request.clone()),
            _ => {}
        }
        self.settle(call, &fate, &request)
    }

    /// The calls so far, in the order in which they were settled.
    #[must_use]
    pub fn calls(&self) -> Vec<CallRecord> {
        self.lock().records.clone()
    }

    /// The number of the last call that has arrived; 0 before the first.
    #[must_use]
    pub fn last_number(&self) -> u64 {
        self.lock().admitted
    }

    /// The calls that arrived after the one of this number, in the order in which they were settled.
    #[must_use]
    pub fn calls_after(&self, number: u64) -> Vec<CallRecord> {
        let inner = self.lock();
        let later = inner.records.iter().filter(|it| it.call.number > number);
        later.cloned().collect()
    }

    /// Empties the record; call numbers go on.
    pub fn forget_calls(&self) {
        self.lock().records.clear();
    }

    /// What the answers that were no success have said so far: the texts of 12 characters and more
    /// in their bodies, which nobody is to repeat. The error's code is not among them.
    #[must_use]
    pub fn complaints(&self) -> BTreeSet<String> {
        self.lock().complaints.clone()
    }

    /// Looks at the world, or changes it as a person would: unrecorded and unwatched.
    pub fn with_world<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        act(&mut self.lock().world)
    }

    fn admit(&self, request: &Request<Bytes>) -> (Call, Fate) {
        let mut inner = self.lock();
        inner.admitted += 1;
        let call = Call::read(inner.admitted, inner.world.now(), request);
        let fate = inner.script.fate(&call);
        (call, fate)
    }

    fn do_later(self, time: Duration, call: Call, request: Request<Bytes>) {
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            self.settle(call, &Fate::SilenceAfter, &request);
        });
    }

    fn settle(&self, call: Call, fate: &Fate, request: &Request<Bytes>) -> Outcome {
        let mut inner = self.lock();
        let now = inner.world.now();
        match fate {
            Fate::TokensExpired => inner.world.datadog.expire_tokens(now),
            Fate::TokensRevoked => inner.world.datadog.revoke_tokens(now),
            Fate::NewShape => inner.world.datadog.settings.new_shape = true,
            Fate::Undeletable(status) => {
                if let Some(id) = &call.subject {
                    inner.world.datadog.refuse_deletion(id, *status);
                }
            }
            _ => {}
        }
        let authenticated_by = match call.service {
            Service::Datadog => inner.world.datadog.keys_in(request.headers()),
            _ => Vec::new(),
        };
        let answer = fate
            .reaches_service()
            .then(|| inner.world.answer(call.service, request));
        if matches!(fate, Fate::NewShape) {
            inner.world.datadog.settings.new_shape = false;
        }
        let settings = &inner.world.datadog.settings;
        let habits = [
            (settings.numbered_dates, Lie::Retyped("created_at")),
            (settings.hides_ends, Lie::Masked),
        ];
        let is_datadog = call.service == Service::Datadog;
        let habits = habits.into_iter().filter(|(has, _)| is_datadog && *has);
        let answer = answer.map(|it| habits.fold(it, |it, (_, habit)| habit.told(it)));
        let answer = match (fate, &call.subject) {
            (Fate::Lie(Lie::AnothersAnswer), Some(asked)) => {
                let secrets = &inner.world.secrets_manager;
                answer.map(|it| lie::anothers(secrets, asked, it))
            }
            _ => answer,
        };
        let status = answer.as_ref().map(Response::status);
        let mut record = CallRecord::new(call, fate.name(), status).by(authenticated_by);
        if record.creates_key() {
            let new = inner.world.datadog.keys().last();
            record.created = new.map(|key| key.id.clone());
        }
        let outcome = answer::outcome(record.call.service, fate, answer);
        if let Outcome::Answer(answer) = &outcome {
            let complaints = answer::complaints(&record.call, answer);
            inner.complaints.extend(complaints);
        }
        let Inner {
            world, watchers, ..
        } = &mut *inner;
        for watcher in watchers {
            watcher(world, &record);
        }
        inner.records.push(record);
        outcome
    }

    /// A watcher that asserts may panic while it holds the lock; the world is still worth reading.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").finish_non_exhaustive()
    }
}
