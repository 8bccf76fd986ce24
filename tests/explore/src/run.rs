//! A world with its live invocations, brought to where the search wants them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use harness::bench::Bench;
use harness::case::Fault;
use http::Request;
use sandbox::gate::{Call, Fate, Gate, Outcome};
use time::OffsetDateTime;
use tokio::sync::Notify;

use crate::act::perform;
use crate::actor::{Actor, Asked, Waiting};
use crate::canonical::{Print, Roles, print};
use crate::door::Heard;
use crate::invocations::{Invocations, Standing};
use crate::past::{Event, Past};
use crate::plan::Act;
use crate::request::asked;
use crate::snapshot::Snapshot;

/// Longer than any pause of the functions.
const LONGEST_PAUSE: Duration = Duration::from_mins(6);

/// A world with its live invocations.
#[derive(Debug)]
pub struct Run {
    pub bench: Bench,
    /// Calls whose callers have given up on them, and which the services have not seen yet.
    pub late: Vec<Request<Bytes>>,
    actors: Vec<Actor>,
    began: OffsetDateTime,
    stirred: Arc<Notify>,
}

impl Run {
    /// Begins the invocations.
    pub async fn begin(start: &Snapshot, invocations: &Invocations) -> Self {
        // The SDK's own back-off draws from this.
        fastrand::seed(0);
        let bench = start.bench();
        let stirred = Arc::new(Notify::new());
        let numbers = 0..invocations.steps.len();
        let actors = numbers.map(|it| Actor::begin(it, invocations, &bench, &stirred));
        let mut run = Self {
            actors: actors.collect(),
            late: start.late.clone(),
            began: start.now,
            bench,
            stirred,
        };
        run.settle().await;
        run
    }

    /// Begins them again and feeds them what they have heard. Then the world is as it was.
    pub async fn again(past: &Past, invocations: &Invocations) -> Self {
        let mut run = Self::begin(&past.start, invocations).await;
        for event in &past.events {
            match event {
                Event::Heard(actor, number, heard) => {
                    run.answer(*actor, *number, heard.clone()).await;
                }
                Event::Died(actor) => run.kill(*actor).await,
                Event::Acted(act, before) => {
                    run.bench = before.bench();
                    run.act(*act, invocations).await;
                }
                Event::Waited => run.wait().await,
            }
        }
        for (actor, asked) in run.actors.iter_mut().zip(&past.asked) {
            actor.recognise(asked);
        }
        run.bench = past.here.bench();
        run.late.clone_from(&past.here.late);
        run
    }

    /// Carries a call to its service, or a fault in its place. Returns what happened to the caller,
    /// and the line of it for the story.
    pub async fn call(
        &mut self,
        actor: usize,
        number: usize,
        fault: Option<Fault>,
    ) -> (Event, String) {
        let mut request = None;
        self.actors[actor].door.for_each(|held| {
            if held.number == number {
                request = Some(held.request.clone());
            }
        });
        let request = request.expect("a held call");
        let fate = fault.map_or(Fate::Pass, Fault::fate);
        let heard = if let Fate::Late(_) = fate {
            self.late.push(request.clone());
            Some(Heard::Silence)
        } else {
            Heard::of(pass(&self.bench.gate, fate, request.clone()).await)
        };
        let line = match fault {
            Some(Fault::Late) => {
                let asked = asked(&request, &self.roles());
                format!("{asked}: no answer, done later")
            }
            fault => self.told(&request, fault),
        };
        let event = if let Some(heard) = heard {
            self.answer(actor, number, heard.clone()).await;
            Event::Heard(actor, number, heard)
        } else {
            self.kill(actor).await;
            Event::Died(actor)
        };
        (event, line)
    }

    /// The service gets to see a late call.
    pub async fn arrive(&mut self, index: usize) -> String {
        let request = self.late.remove(index);
        let _nobody = pass(&self.bench.gate, Fate::SilenceAfter, request.clone()).await;
        format!("late: {}", self.told(&request, None))
    }

    pub async fn kill(&mut self, actor: usize) {
        self.actors[actor].kill();
        self.settle().await;
    }

    /// Has somebody else act. Meanwhile the held calls wait, for longer than their callers do.
    pub async fn act(&mut self, act: Act, invocations: &Invocations) {
        // Whatever was drawn before: when it is done again, the same pauses are drawn.
        fastrand::seed(0);
        perform(act, &self.bench, invocations).await;
        fastrand::seed(0);
        self.settle().await;
    }

    /// Lets time pass until an invocation goes on by itself.
    pub async fn wait(&mut self) {
        let stirred = Arc::clone(&self.stirred);
        let went_on = tokio::time::timeout(LONGEST_PAUSE, stirred.notified()).await;
        assert!(went_on.is_ok(), "an invocation pauses without end");
        self.settle().await;
    }

    async fn answer(&mut self, actor: usize, number: usize, heard: Heard) {
        let roles = self.roles();
        self.actors[actor].answer(number, heard, &roles);
        self.settle().await;
    }

    /// Runs everybody until nobody can go on without us: only then does time pass.
    async fn settle(&mut self) {
        tokio::time::sleep(Duration::from_millis(1)).await;
        // What stirred until now is no news.
        tokio::select! {
            biased;
            () = self.stirred.notified() => {}
            () = std::future::ready(()) => {}
        }
        let roles = self.roles();
        for actor in &mut self.actors {
            actor.look(&roles).await;
        }
    }

    #[must_use]
    pub fn standings(&self) -> Vec<Standing> {
        self.actors.iter().map(Actor::standing).collect()
    }

    /// Whether an invocation has been answered anything.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.actors.iter().any(Actor::has_heard)
    }

    /// Each invocation's calls so far.
    #[must_use]
    pub fn asked(&self) -> Vec<Vec<Asked>> {
        self.actors.iter().map(|it| it.asked().to_vec()).collect()
    }

    /// The calls that wait to be let go, each invocation's in canonical order.
    #[must_use]
    pub fn waiting(&self) -> Vec<Waiting> {
        let actors = self.actors.iter().enumerate();
        actors.flat_map(|(number, it)| it.waiting(number)).collect()
    }

    /// What the future of the live invocations depends on.
    #[must_use]
    pub fn invocations(&self) -> Vec<Print> {
        let mut prints: Vec<_> = self.actors.iter().map(Actor::print).collect();
        // A pause ends by the clock.
        prints.push(print(self.elapsed().as_secs()));
        prints
    }

    #[must_use]
    pub fn elapsed(&self) -> Duration {
        let now = self.bench.gate.with_world(|world| world.now());
        (now - self.began).try_into().unwrap_or_default()
    }

    /// Whether Datadog answers from several edges, in turn.
    #[must_use]
    pub fn has_edges(&self) -> bool {
        let gate = &self.bench.gate;
        gate.with_world(|world| !world.datadog.settings.edges.is_empty())
    }

    #[must_use]
    pub fn roles(&self) -> Roles {
        self.bench.gate.with_world(|world| Roles::of(world))
    }

    /// The last call as the gate has recorded it.
    fn told(&self, request: &Request<Bytes>, fault: Option<Fault>) -> String {
        let record = self.bench.gate.calls().pop().expect("a call");
        let status = record.status.map(|it| format!(", {}", it.as_u16()));
        let status = status.unwrap_or_else(|| ", not reached".to_owned());
        let fate = fault.map_or(record.fate.to_owned(), |it| it.to_string());
        format!("{}: {fate}{status}", asked(request, &self.roles()))
    }
}

async fn pass(gate: &Gate, fate: Fate, request: Request<Bytes>) -> Outcome {
    let mut fate = Some(fate);
    gate.follow(move |_: &Call| fate.take().unwrap_or(Fate::Pass));
    gate.pass(request).await
}
