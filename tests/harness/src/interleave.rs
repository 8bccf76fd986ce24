//! Two deliveries of one step at once, one call at a time, in an order that is given.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use sandbox::gate::{Call, Fate, Gate, Release, pause};
use sandbox::rotation::{Step, event};
use tokio::task::JoinHandle;

use crate::bench::{Bench, caller};
use crate::case::Case;
use crate::function::Function;
use crate::listen::Listening;
use crate::stage;
use crate::sweep::in_virtual_time;
use crate::verdict::{Broken, Verdict, rights};

/// Whose call is next.
#[derive(Clone, Debug)]
pub enum Order {
    /// So many calls of the first, so many of the second, the rest of the first, the rest of the
    /// second: every order in which the first is interrupted once and the second once.
    Twice(usize, usize),
    /// Drawn by this seed, and each call kills its process with a chance of 1 in 40.
    Drawn(u64),
}

#[derive(Clone, Debug)]
pub struct Interleaving {
    pub case: Case,
    /// The steps before it have been delivered.
    pub step: Step,
    pub order: Order,
}

/// Runs two deliveries; answers how many calls each made.
pub fn run(interleaving: &Interleaving) -> Result<[usize; 2], Box<Broken>> {
    in_virtual_time(interleave(interleaving))
}

async fn interleave(interleaving: &Interleaving) -> Result<[usize; 2], Box<Broken>> {
    let Interleaving { case, step, order } = interleaving;
    let listening = Listening::begin();
    let (bench, _) = stage::set(*case).await;
    let kind = case.subject.kind();
    let rights = [rights(&bench, kind)];
    let job = bench.begin(kind);
    for earlier in Step::ALL.iter().take_while(|it| *it != step) {
        let delivered = bench.deliver(kind, &job, *earlier).await;
        delivered.expect("nothing is in its way");
    }
    bench.gate.forget_calls();

    let stopped = Stopped::default();
    stopped.watch(&bench.gate);
    let deliveries = NAMES.map(|name| {
        let caller = format!("{}{name}", caller(kind));
        let function = Function::new(kind, &caller, &bench.gate, bench.settings.clone());
        let event = event(&job, *step);
        tokio::spawn(async move {
            function.deliver(&event).await;
        })
    });
    let made = conduct(&stopped, &deliveries, order).await;
    bench.give_up(&job);
    judge(&bench, interleaving, &rights, &listening)
        .await
        .map(|()| made)
}

async fn judge(
    bench: &Bench,
    interleaving: &Interleaving,
    rights: &[String],
    listening: &Listening,
) -> Result<(), Box<Broken>> {
    let case = interleaving.case;
    let verdict = Verdict {
        bench,
        kinds: &[case.subject.kind()],
        rights,
        lossy: if case.reads { 0 } else { 2 },
        is_dead: false,
    };
    let judged = verdict.pass(listening).await;
    judged.map(drop).map_err(|what| {
        Box::new(Broken {
            run: format!("{interleaving:?}"),
            what,
            story: bench.story(),
        })
    })
}

/// Lets one call after the other go, until both deliveries have ended.
async fn conduct(stopped: &Stopped, deliveries: &[JoinHandle<()>; 2], order: &Order) -> [usize; 2] {
    let mut made = [0, 0];
    let mut random = match order {
        Order::Twice(..) => Rng::with_seed(0),
        Order::Drawn(seed) => Rng::with_seed(*seed),
    };
    loop {
        // Whoever can go on without us does, until it stops at a call, sleeps or ends.
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        let left: Vec<usize> = [0, 1]
            .into_iter()
            .filter(|it| !deliveries[*it].is_finished())
            .collect();
        let next = match (&left[..], order) {
            ([], _) => return made,
            ([only], _) => *only,
            (_, Order::Twice(first, _)) if made[0] < *first => 0,
            (_, Order::Twice(_, second)) => usize::from(made[1] < *second),
            (_, Order::Drawn(_)) => random.usize(0..2),
        };
        match stopped.take(next) {
            Some(release) => {
                made[next] += 1;
                release.with(match order {
                    Order::Drawn(_) if random.usize(0..40) == 0 => random
                        .choice([Fate::KillBefore, Fate::KillAfter])
                        .unwrap_or(Fate::Pass),
                    _ => Fate::Pass,
                });
            }
            // It sleeps: let time pass.
            None => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

const NAMES: [&str; 2] = ["#first", "#second"];

/// The calls that wait to be let go, by delivery. Each makes one call at a time.
#[derive(Clone, Debug, Default)]
struct Stopped(Arc<Mutex<[Option<Release>; 2]>>);

impl Stopped {
    fn watch(&self, gate: &Gate) {
        let stopped = self.clone();
        gate.follow(move |call: &Call| {
            let caller = call.caller.as_deref().unwrap_or_default();
            let Some(who) = NAMES.iter().position(|name| caller.ends_with(name)) else {
                return Fate::Pass;
            };
            let (pause, release) = pause();
            stopped.lock()[who] = Some(release);
            Fate::Pause(pause)
        });
    }

    fn take(&self, who: usize) -> Option<Release> {
        self.lock()[who].take()
    }

    fn lock(&self) -> MutexGuard<'_, [Option<Release>; 2]> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
