//! One delivery is held at one of its calls while others run past it.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use datadog_rotation::Kind;
use sandbox::gate::{Call, Fate, Release, pause};
use sandbox::rotation::{Step, event};
use sandbox::secrets_manager::RotationJob;
use tokio::sync::Notify;

use crate::bench::{Bench, caller};
use crate::case::Case;
use crate::function::Function;
use crate::listen::Listening;
use crate::stage;
use crate::sweep::in_virtual_time;
use crate::verdict::{Broken, Verdict, rights};

/// What happens while the first delivery is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meanwhile {
    /// Another delivery of the very step.
    SameStep,
    /// The rest of the rotation, from that step on.
    Rotation,
    /// That, and the whole of the next rotation.
    TwoRotations,
    /// A person takes AWSPENDING off; then the whole of the next rotation.
    TakenOff,
    /// A person stores a value of their own; then the whole of the next rotation.
    Displaced,
    /// The secrets of the three other types rotate: the admin pair that the held delivery works
    /// with, or those that work with the held admin pair.
    OtherTypes,
    /// Another secret of the type rotates twice.
    AnotherSecret,
}

impl Meanwhile {
    pub const ALL: [Self; 7] = [
        Self::SameStep,
        Self::Rotation,
        Self::TwoRotations,
        Self::TakenOff,
        Self::Displaced,
        Self::OtherTypes,
        Self::AnotherSecret,
    ];
}

impl fmt::Display for Meanwhile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SameStep => "another invocation of the step",
            Self::Rotation => "the rest of the rotation",
            Self::TwoRotations => "that and the next rotation",
            Self::TakenOff => "AWSPENDING taken off by hand, the next rotation",
            Self::Displaced => "a value stored by hand, the next rotation",
            Self::OtherTypes => "rotations of the other three types",
            Self::AnotherSecret => "two rotations of another secret",
        })
    }
}

/// What becomes of the held call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    GoOn,
    DieBefore,
    DieAfter,
}

impl Then {
    pub const ALL: [Self; 3] = [Self::GoOn, Self::DieBefore, Self::DieAfter];

    fn release(self, release: Release) {
        release.with(match self {
            Self::GoOn => Fate::Pass,
            Self::DieBefore => Fate::KillBefore,
            Self::DieAfter => Fate::KillAfter,
        });
    }
}

/// One schedule. The held call is counted from the rotation's first, 0.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    pub case: Case,
    pub held: u64,
    pub meanwhile: Meanwhile,
    pub then: Then,
}

/// Runs a schedule; `None`: the rotation has no such call.
#[must_use]
pub fn run(schedule: Schedule) -> Option<Result<(), Box<Broken>>> {
    in_virtual_time(overlap(schedule))
}

async fn overlap(schedule: Schedule) -> Option<Result<(), Box<Broken>>> {
    let listening = Listening::begin();
    let case = schedule.case;
    let kind = case.subject.kind();
    let (bench, _) = stage::set(case).await;
    let rights: Vec<_> = Kind::ALL.iter().map(|kind| rights(&bench, *kind)).collect();
    bench.gate.forget_calls();
    let function = |name: &str| {
        let caller = format!("{}#{name}", caller(kind));
        Function::new(kind, &caller, &bench.gate, bench.settings.clone())
    };
    let (held, release) = hold(&bench, schedule.held);
    let job = bench.begin(kind);
    let (first, second) = (function("first"), function("second"));

    let step = Cell::new(Step::CreateSecret);
    let mut running = Box::pin(async {
        for next in Step::ALL {
            step.set(next);
            first
                .deliver(&event(&job, next))
                .await
                .and_then(Result::ok)?;
        }
        Some(())
    });
    let is_held = tokio::select! {
        biased;
        () = held.notified() => true,
        _ = &mut running => false,
    };
    if !is_held {
        return None;
    }
    meanwhile(&bench, &second, &job, step.get(), schedule.meanwhile).await;
    schedule.then.release(release);
    running.await;
    bench.give_up(&job);
    let verdict = Verdict {
        bench: &bench,
        kinds: &Kind::ALL,
        rights: &rights,
        lossy: lossy(schedule),
        is_dead: false,
    };
    Some(match verdict.pass(&listening).await {
        Ok(_) => Ok(()),
        Err(what) => Err(Box::new(Broken {
            run: format!("{schedule:?}"),
            what,
            story: bench.story(),
        })),
    })
}

/// How many API keys may be left where they can't be listed: that of the held delivery, and where
/// a person's value takes AWSPENDING from a version that held one, that version's.
fn lossy(schedule: Schedule) -> usize {
    match (schedule.case.reads, schedule.meanwhile) {
        (true, _) => 0,
        (false, Meanwhile::Displaced) => 2,
        (false, _) => 1,
    }
}

/// The script that holds the first delivery's call of this number.
fn hold(bench: &Bench, number: u64) -> (Arc<Notify>, Release) {
    let (pause, release) = pause();
    let held = Arc::new(Notify::new());
    let (mut pause, tell, mut count) = (Some(pause), Arc::clone(&held), 0);
    bench.gate.follow(move |call: &Call| {
        if !call
            .caller
            .as_deref()
            .is_some_and(|it| it.ends_with("#first"))
        {
            return Fate::Pass;
        }
        count += 1;
        match pause.take_if(|_| count == number + 1) {
            Some(pause) => {
                tell.notify_one();
                Fate::Pause(pause)
            }
            None => Fate::Pass,
        }
    });
    (held, release)
}

/// Lets other invocations run, and a person act, while one invocation is held.
pub async fn meanwhile(
    bench: &Bench,
    second: &Function,
    job: &RotationJob,
    step: Step,
    meanwhile: Meanwhile,
) {
    let kind = second.kind;
    let from = Step::ALL.iter().position(|it| *it == step);
    let rest = &Step::ALL[from.unwrap_or_default()..];
    match meanwhile {
        Meanwhile::SameStep => deliver(second, job, &rest[..1]).await,
        Meanwhile::Rotation => deliver(second, job, rest).await,
        Meanwhile::TwoRotations => {
            deliver(second, job, rest).await;
            end(bench, job, true);
            next_rotation(bench, second).await;
        }
        Meanwhile::TakenOff => {
            end(bench, job, false);
            if bench.labelled(kind, "AWSPENDING").is_some() {
                bench.take_pending_off(kind);
            }
            next_rotation(bench, second).await;
        }
        Meanwhile::Displaced => {
            bench.store(kind, &bench.by_hand(kind));
            end(bench, job, false);
            next_rotation(bench, second).await;
        }
        Meanwhile::OtherTypes => {
            for kind in Kind::ALL.into_iter().filter(|it| *it != kind) {
                bench
                    .rotate(kind)
                    .await
                    .expect("a held rotation is in nobody's way");
            }
        }
        Meanwhile::AnotherSecret => {
            let another = bench.another(kind);
            for _ in 0..2 {
                bench
                    .rotate_another(&another)
                    .await
                    .expect("a held rotation is in nobody's way");
            }
        }
    }
}

async fn next_rotation(bench: &Bench, second: &Function) {
    let next = bench.begin(second.kind);
    deliver(second, &next, &Step::ALL).await;
    end(bench, &next, true);
}

/// Either way: what an overtaken rotation answers is its own affair.
async fn deliver(function: &Function, job: &RotationJob, steps: &[Step]) {
    for &step in steps {
        function.deliver(&event(job, step)).await;
    }
}

fn end(bench: &Bench, job: &RotationJob, succeeded: bool) {
    bench.gate.with_world(|world| {
        let now = world.now();
        world.secrets_manager.rotation_ended(now, job, succeeded);
    });
}
