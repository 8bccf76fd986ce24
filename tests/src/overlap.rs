//! Two deliveries at once: one is held at one of its calls while another runs past it.

use std::cell::Cell;
use std::sync::Arc;

use sandbox::gate::{Call, Fate, Release, pause};
use sandbox::rotation::{Step, event};
use sandbox::secrets_manager::RotationJob;
use tokio::sync::Notify;

use crate::bench::{Bench, caller};
use crate::function::Function;
use crate::sweep::{Broken, Case, Faults, stage, verdict};

/// What happens while the first delivery is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meanwhile {
    /// Another delivery of the very step.
    SameStep,
    /// The rest of the rotation, from that step on.
    Rotation,
    /// That, and the whole of the next rotation.
    TwoRotations,
}

impl Meanwhile {
    pub const ALL: [Self; 3] = [Self::SameStep, Self::Rotation, Self::TwoRotations];
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
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(overlap(schedule))
}

async fn overlap(schedule: Schedule) -> Option<Result<(), Box<Broken>>> {
    let case = schedule.case;
    let kind = case.subject.kind();
    let bench = stage(case).await;
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
    Some(verdict(&bench, case, &Faults::new(), 1).await.map(drop))
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

async fn meanwhile(
    bench: &Bench,
    second: &Function,
    job: &RotationJob,
    step: Step,
    meanwhile: Meanwhile,
) {
    let kind = second.kind;
    let from = Step::ALL
        .iter()
        .position(|it| *it == step)
        .unwrap_or_default();
    let steps = match meanwhile {
        Meanwhile::SameStep => &Step::ALL[from..=from],
        Meanwhile::Rotation | Meanwhile::TwoRotations => &Step::ALL[from..],
    };
    for &step in steps {
        second.deliver(&event(job, step)).await;
    }
    if meanwhile == Meanwhile::TwoRotations {
        bench.gate.with_world(|world| {
            let now = world.now();
            world.secrets_manager.rotation_ended(now, job, true);
        });
        let next = bench.begin(kind);
        for step in Step::ALL {
            second.deliver(&event(&next, step)).await;
        }
        bench.gate.with_world(|world| {
            let now = world.now();
            world.secrets_manager.rotation_ended(now, &next, true);
        });
    }
}
