//! Live invocations, brought to where the search wants them.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use datadog_rotation::error::RotationError;
use harness::bench::Bench;
use harness::case::Fault;
use harness::function::Function;
use http::Request;
use sandbox::gate::{Call, Fate, Gate};
use sandbox::rotation::event;
use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::act::perform;
use crate::canonical::{Print, Roles, print};
use crate::door::{Door, Heard};
use crate::invocations::{Invocations, Standing, name};
use crate::plan::Act;

/// Longer than any pause of the functions.
const LONGEST_PAUSE: Duration = Duration::from_mins(6);

/// A moment to which the search can return.
#[derive(Clone, Debug)]
pub struct Snapshot {
    bench: Rc<Bench>,
    now: OffsetDateTime,
    late: Vec<Request<Bytes>>,
}

impl Snapshot {
    #[must_use]
    pub fn of(bench: &Bench, late: &[Request<Bytes>]) -> Self {
        let now = bench.gate.with_world(|world| world.now());
        Self {
            bench: Rc::new(bench.fork(now)),
            now,
            late: late.to_vec(),
        }
    }

    /// Returns a world of its own, as it was.
    #[must_use]
    pub fn bench(&self) -> Bench {
        self.bench.fork(self.now)
    }
}

/// What has happened to the live invocations since they began.
#[derive(Clone, Debug)]
pub enum Event {
    /// An invocation's call of this number was answered.
    Heard(usize, usize, Heard),
    Died(usize),
    /// A person, or another rotation, did something to this world, which took time.
    Acted(Act, Rc<Snapshot>),
    /// Time has passed until an invocation went on by itself.
    Waited,
}

#[derive(Debug)]
struct Actor {
    door: Door,
    task: JoinHandle<Option<Result<(), RotationError>>>,
    end: Option<Standing>,
    /// Per call: what was asked and, once it was, what was answered.
    answers: Vec<(Print, Option<Print>)>,
}

/// A call that waits to be let go.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub actor: usize,
    pub number: usize,
    pub form: Print,
    /// As the gate names it.
    pub operation: String,
    pub reads: bool,
    /// It has been held for as long as the SDK waits for an answer, but for one more pause.
    pub is_long: bool,
}

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
        let actors = invocations.steps.iter().enumerate();
        let actors = actors.map(|(number, step)| {
            let Invocations {
                kind, job, clock, ..
            } = invocations;
            let name = name(*kind, number);
            let door = Door::new(&name, Arc::clone(&stirred));
            let settings = bench.settings.clone();
            let mut function = Function::over(door.clone(), *kind, &name, &bench.gate, settings);
            function.clock = *clock;
            let (event, stirred) = (event(job, *step), Arc::clone(&stirred));
            let task = tokio::spawn(async move {
                let ended = function.deliver(&event).await;
                stirred.notify_one();
                ended
            });
            Actor {
                door,
                task,
                end: None,
                answers: Vec::new(),
            }
        });
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

    /// Begins them again and feeds them what they have heard. Then the world is that of `here`.
    pub async fn again(
        start: &Snapshot,
        invocations: &Invocations,
        path: &[Event],
        here: &Snapshot,
    ) -> Self {
        let mut run = Self::begin(start, invocations).await;
        for event in path {
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
        run.bench = here.bench();
        run.late.clone_from(&here.late);
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
            Some(Fault::Late) => format!("{}: no answer, done later", self.asked(&request)),
            _ => self.told(&request),
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
        format!("late: {}", self.told(&request))
    }

    pub async fn kill(&mut self, actor: usize) {
        let actor = &mut self.actors[actor];
        actor.task.abort();
        actor.end = Some(Standing::Dead);
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
        let held = self.actors[actor].door.take(number);
        let held = held.expect("the call is made again");
        let roles = self.roles();
        let form = print(roles.heard(&heard));
        self.actors[actor].answers[number].1 = Some(form);
        held.answer(heard);
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
            if actor.end.is_none() && actor.task.is_finished() {
                let ended = (&mut actor.task).await;
                actor.end = Some(match ended.expect("no panic").expect("nobody killed it") {
                    Ok(()) => Standing::Succeeded,
                    Err(_) => Standing::Failed,
                });
            }
            let (door, answers) = (&actor.door, &mut actor.answers);
            door.for_each(|held| {
                if held.number >= answers.len() {
                    // A call that was dropped before anybody saw it leaves a gap.
                    answers.resize(held.number, (0, None));
                    answers.push((print(roles.request(&held.request)), None));
                }
            });
        }
    }

    #[must_use]
    pub fn standings(&self) -> Vec<Standing> {
        let ends = self.actors.iter().map(|it| it.end);
        ends.map(|end| end.unwrap_or(Standing::Live)).collect()
    }

    /// Whether an invocation has been answered anything.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        let mut answers = self.actors.iter().flat_map(|it| &it.answers);
        answers.any(|it| it.1.is_some())
    }

    /// The calls that wait to be let go, each invocation's in canonical order.
    #[must_use]
    pub fn waiting(&self) -> Vec<Waiting> {
        let mut waiting = Vec::new();
        for (actor, it) in self.actors.iter().enumerate() {
            if it.end.is_some() {
                continue;
            }
            let begin = waiting.len();
            it.door.for_each(|held| {
                waiting.push(Waiting {
                    actor,
                    number: held.number,
                    form: it.answers[held.number].0,
                    operation: operation(&held.request),
                    reads: reads(&held.request),
                    is_long: held.is_long(),
                });
            });
            waiting[begin..].sort_by_key(|it| it.form);
        }
        waiting
    }

    /// What the future of the live invocations depends on.
    #[must_use]
    pub fn invocations(&self) -> Vec<Print> {
        let actors = self.actors.iter();
        let mut prints: Vec<_> = actors
            .map(|it| {
                let mut waits = Vec::new();
                it.door
                    .for_each(|held| waits.push((it.answers[held.number].0, held.is_long())));
                waits.sort_unstable();
                // Calls side by side are answered in any order. By the question, and for the same
                // question by time, is an order that tells nothing of that.
                let mut answers = it.answers.clone();
                answers.sort_by_key(|it| it.0);
                match it.end {
                    None => print((answers, waits)),
                    Some(end) => print(end as u8),
                }
            })
            .collect();
        // A pause ends by the clock.
        prints.push(print(self.elapsed().as_secs()));
        prints
    }

    #[must_use]
    pub fn elapsed(&self) -> Duration {
        let now = self.bench.gate.with_world(|world| world.now());
        (now - self.began).try_into().unwrap_or_default()
    }

    #[must_use]
    pub fn roles(&self) -> Roles {
        self.bench.gate.with_world(|world| Roles::of(world))
    }

    /// The last call as the gate has recorded it, with its key's role in place of the id.
    fn told(&self, request: &Request<Bytes>) -> String {
        let record = self.bench.gate.calls().pop().expect("a call");
        let status = record.status.map(|it| format!(", {}", it.as_u16()));
        let status = status.unwrap_or_else(|| ", not reached".to_owned());
        format!("{}: {}{status}", self.asked(request), record.fate)
    }

    fn asked(&self, request: &Request<Bytes>) -> String {
        let headers = request.headers();
        let target = headers.get("x-amz-target").and_then(|it| it.to_str().ok());
        let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let Some(target) = target else {
            let (roles, path) = (self.roles(), request.uri().path());
            let id = path.rsplit('/').next().unwrap_or_default();
            let name = body["data"]["attributes"]["name"].as_str();
            let key = name.unwrap_or_else(|| roles.of_id(id));
            let path = path.replace(id, "{id}");
            return match key == id {
                true => format!("{} {}", request.method(), request.uri().path()),
                false if name.is_some() => {
                    format!("{} {} {key}", request.method(), request.uri().path())
                }
                false => format!("{} {path} {key}", request.method()),
            };
        };
        let operation = target.trim_start_matches("secretsmanager.");
        let detail = [
            "VersionStage",
            "VersionId",
            "MoveToVersionId",
            "ClientRequestToken",
        ];
        let detail = detail.iter().filter_map(|it| body[*it].as_str());
        let detail: Vec<_> = detail
            .map(|it| it.chars().take(13).collect::<String>())
            .collect();
        format!("{operation} {}", detail.join(" "))
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        for actor in &self.actors {
            actor.task.abort();
        }
    }
}

async fn pass(gate: &Gate, fate: Fate, request: Request<Bytes>) -> sandbox::gate::Outcome {
    let mut fate = Some(fate);
    gate.follow(move |_: &Call| fate.take().unwrap_or(Fate::Pass));
    gate.pass(request).await
}

fn operation(request: &Request<Bytes>) -> String {
    Call::read(0, OffsetDateTime::UNIX_EPOCH, request).operation
}

/// Whether a call changes nothing, so that it commutes with every other read.
fn reads(request: &Request<Bytes>) -> bool {
    match request.headers().get("x-amz-target") {
        Some(target) => {
            let target = target.to_str().unwrap_or_default();
            let operation = target.trim_start_matches("secretsmanager.");
            ["Describe", "Get", "List"]
                .iter()
                .any(|it| operation.starts_with(it))
        }
        None => request.method() == http::Method::GET,
    }
}
