//! One invocation for one event: `CloudFormation` is answered, whatever comes of it.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_config::SdkConfig;
use datadog_rotation::clients::Clients;
use datadog_rotation::clock_skew::ClockSkew;
use datadog_rotation::datadog::Limits;
use datadog_rotation::deadline::{Backoff, Deadline};
use datadog_rotation::http::Http;
use datadog_rotation::identity::Identity;
use datadog_rotation::secrets::Secrets;
use datadog_rotation::settings::{LogPlace, Settings, StartError};
use lambda_runtime::Diagnostic;
use serde_json::{Map, Value};

use crate::answer::Answer;
use crate::context::{Done, Unmark};
use crate::error::{Stop, TrustError, sentence};
use crate::event::Envelope;
use crate::leash::Leash;
use crate::notes::Notes;
use crate::panic_response::Ready;
use crate::physical_id::PhysicalId;

/// Kept back for the answer.
const TIME_FOR_ANSWER: Duration = Duration::from_secs(15);

/// How long 401 and 403 are not believed. A twin that Datadog does not refuse answers meanwhile.
const FORBIDDEN: Duration = Duration::from_secs(30);

/// Answers events, one after the other.
#[derive(Clone, Debug)]
pub struct Trust {
    pub(crate) clients: Clients,
    pub(crate) leash: Leash,
    place: LogPlace,
    scratch: PathBuf,
}

/// Nobody was answered: Lambda is to deliver the event again.
#[derive(Debug, thiserror::Error)]
pub enum Undelivered {
    #[error(
        "the event is none of CloudFormation's, or its ResponseURL is not https (plain HTTP only to this machine, and no user name)"
    )]
    Event,
    #[error("CloudFormation's presigned URL did not take the answer")]
    Unanswered,
}

/// Answers an event by why the function can't begin its work. An earlier invocation may have done something.
pub(crate) async fn refuse(
    event: &Value,
    place: &LogPlace,
    http: &Http,
    problem: &StartError,
    deadline: &Deadline,
) -> Result<(), Undelivered> {
    let envelope: Result<Envelope, _> = serde_json::from_value(event.clone());
    let envelope = envelope.map_err(|_| Undelivered::Event)?;
    let given = envelope
        .physical_resource_id
        .as_deref()
        .map(PhysicalId::read);
    let answer = Answer {
        is_success: false,
        reason: Some(format!("the function can't begin its work: {problem}")),
        physical_id: echo(given.as_ref(), &envelope, false).to_string(),
        attributes: Map::new(),
    };
    let put = answer.put(&envelope, place, http, deadline).await;
    put.map_err(|_| Undelivered::Unanswered)
}

fn again() -> Backoff {
    Backoff::new(
        Duration::from_secs(1),
        Duration::from_secs(8),
        Duration::from_mins(1),
    )
}

impl Trust {
    #[must_use]
    pub fn new(
        settings: Settings,
        leash: Leash,
        place: LogPlace,
        scratch: PathBuf,
        http: Http,
        config: &SdkConfig,
    ) -> Self {
        Self {
            clients: Clients {
                secrets: Secrets::new(config, &http),
                identity: Identity::new(config),
                http,
                skew: ClockSkew::default(),
                limits: Limits::default(),
                settings,
                topic: None,
            },
            leash,
            place,
            scratch,
        }
    }

    /// Does what the event asks, and answers. An invocation that has answered by failure is one that
    /// went well.
    pub async fn deliver(&self, event: &Value, deadline: &Deadline) -> Result<(), Undelivered> {
        let envelope: Result<Envelope, _> = serde_json::from_value(event.clone());
        let envelope = envelope.map_err(|_| Undelivered::Event)?;
        let mut notes = Notes::open(&self.scratch, &envelope);
        if notes.has_answered(&envelope.request_id) {
            tracing::info!(request = envelope.request_id, "answered already");
            return Ok(());
        }
        let given = envelope
            .physical_resource_id
            .as_deref()
            .map(PhysicalId::read);
        let unknown = echo(given.as_ref(), &envelope, false);
        let ready = Ready::begin(&envelope, &self.place, unknown.to_string());

        let own = deadline.reserving(TIME_FOR_ANSWER.min(deadline.left() / 3));
        let attempts = Attempts::default();
        let work = self.work_on(
            event,
            &envelope,
            given.as_ref(),
            &mut notes,
            &own,
            &attempts,
        );
        // Boxed: it holds every call of an event, and is raced with the clock.
        let done = match tokio::time::timeout(own.left(), Box::pin(work)).await {
            Ok(done) => done,
            Err(_) => Err(attempts.conclude(TrustError::OutOfTime.into())),
        };
        let made = done.as_ref().ok().map(|it| it.id.clone());
        let (answer, after) = answer(done, given.as_ref(), &envelope);
        let put = answer
            .put(&envelope, &self.place, &self.clients.http, deadline)
            .await;
        drop(ready);
        put.map_err(|_| Undelivered::Unanswered)?;
        if let Some(after) = after {
            self.unmark(event, &envelope, &mut notes, &after, deadline)
                .await;
        }
        notes.answered(&envelope.request_id, made.as_ref());
        Ok(())
    }

    /// Again after a failure that may pass: what was made is found by the next attempt as by the
    /// next invocation. A rollback that fails is worse than one that takes longer.
    async fn work_on(
        &self,
        event: &Value,
        envelope: &Envelope,
        given: Option<&PhysicalId>,
        notes: &mut Notes,
        deadline: &Deadline,
        attempts: &Attempts,
    ) -> Result<Done, Stop> {
        let mut passing = again();
        let mut forbidden = Backoff::new(Duration::from_secs(1), Duration::from_secs(8), FORBIDDEN);
        loop {
            // Boxed, for the same reason.
            let stop = match Box::pin(self.work(event, envelope, given, notes, deadline)).await {
                Ok(done) => return Ok(done),
                Err(stop) => stop,
            };
            let again = !stop.is_final
                && if stop.error.is_forbidden() {
                    forbidden.pause(deadline).await
                } else {
                    stop.error.may_pass() && passing.pause(deadline).await
                };
            if !again {
                return Err(attempts.conclude(stop));
            }
            tracing::warn!(problem = %stop.error, "trying again");
            attempts.add(stop);
        }
    }

    /// Best effort: a mark that stays is a tag too many.
    async fn unmark(
        &self,
        event: &Value,
        envelope: &Envelope,
        notes: &mut Notes,
        after: &Unmark,
        deadline: &Deadline,
    ) {
        let mut backoff = again();
        loop {
            let Err(stop) = self
                .unmark_once(event, envelope, notes, after, deadline)
                .await
            else {
                return;
            };
            if !(stop.error.may_pass() && backoff.pause(deadline).await) {
                let (error, id) = (&stop.error, after.0.as_str());
                tracing::warn!(%error, id, "the tag datadog-trust stays on the integration until its next update");
                return;
            }
        }
    }
}

/// What the attempts so far have come to.
#[derive(Debug, Default)]
struct Attempts(Mutex<Option<Stop>>);

impl Attempts {
    /// Keeps the first of the errors that tell the most: a time-out that comes last says nothing of
    /// what was wrong. What one attempt may have made is not known to be absent because of another.
    fn add(&self, stop: Stop) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some(match kept.take() {
            None => stop,
            Some(first) => {
                let is_certain = first.is_certain && stop.is_certain;
                let tells_more = stop.error.weight() > first.error.weight();
                Stop {
                    is_certain,
                    ..if tells_more { stop } else { first }
                }
            }
        });
    }

    fn conclude(&self, last: Stop) -> Stop {
        let after = last.after.clone();
        self.add(last);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stop = kept.take();
        let mut stop = stop.unwrap_or_else(|| TrustError::OutOfTime.into());
        stop.after = after;
        stop
    }
}

/// Returns the id of a resource that is as it was, or of one that was not made.
fn echo(given: Option<&PhysicalId>, envelope: &Envelope, is_certain: bool) -> PhysicalId {
    let failed = || PhysicalId::failed(&envelope.logical_resource_id, is_certain);
    given.cloned().unwrap_or_else(failed)
}

fn answer(
    done: Result<Done, Stop>,
    given: Option<&PhysicalId>,
    envelope: &Envelope,
) -> (Answer, Option<Unmark>) {
    let resource = envelope.logical_resource_id.as_str();
    match done {
        Ok(done) => {
            let physical_id = done.id.to_string();
            tracing::info!(resource, physical_id, "resource done");
            if let Some(note) = &done.note {
                tracing::warn!(resource, "{note}");
            }
            let answer = Answer {
                is_success: true,
                reason: done.note,
                physical_id,
                attributes: done.attributes,
            };
            (answer, done.after)
        }
        Err(stop) => {
            let Stop {
                error, is_certain, ..
            } = &stop;
            tracing::error!(resource, is_certain, "{error}");
            let left = if *is_certain {
                ""
            } else {
                " Whether it was made is not known; if it was, and the rollback does not find it, \
                 it is left at Datadog."
            };
            let answer = Answer {
                is_success: false,
                reason: Some(format!("{}{left}", sentence(error))),
                physical_id: echo(given, envelope, *is_certain).to_string(),
                attributes: Map::new(),
            };
            (answer, stop.after)
        }
    }
}

impl From<Undelivered> for Diagnostic {
    fn from(undelivered: Undelivered) -> Self {
        let error_type = match undelivered {
            Undelivered::Event => "InvalidEvent",
            Undelivered::Unanswered => "CloudFormationUnanswered",
        };
        tracing::error!(error_type, "{undelivered}");
        Self {
            error_type: error_type.to_owned(),
            error_message: undelivered.to_string(),
        }
    }
}
