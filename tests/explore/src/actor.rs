//! A live invocation.

use std::sync::Arc;

use datadog_rotation::error::RotationError;
use harness::bench::Bench;
use harness::function::Function;
use sandbox::rotation::event;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::canonical::{Print, Roles, print};
use crate::door::{Door, Heard};
use crate::invocations::{Invocations, Standing, name};
use crate::request::{operation, reads, sent};

/// A call that an invocation has made. One that was dropped before anybody saw it is empty.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// As it was sent.
    sent: Print,
    /// In canonical form, as the world was.
    form: Print,
    /// The answer in canonical form, once there is one.
    heard: Option<Print>,
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

/// A live invocation, or one that has ended.
#[derive(Debug)]
pub(crate) struct Actor {
    pub(crate) door: Door,
    task: JoinHandle<Option<Result<(), RotationError>>>,
    end: Option<Standing>,
    asked: Vec<Asked>,
}

impl Actor {
    /// Begins the invocation of this number.
    pub(crate) fn begin(
        number: usize,
        invocations: &Invocations,
        bench: &Bench,
        stirred: &Arc<Notify>,
    ) -> Self {
        let Invocations {
            kind,
            job,
            steps,
            clock,
        } = invocations;
        let name = name(*kind, number);
        let door = Door::new(&name, Arc::clone(stirred));
        let settings = bench.settings.clone();
        let mut function = Function::over(door.clone(), *kind, &name, &bench.gate, settings);
        function.clock = *clock;
        let (event, stirred) = (event(job, steps[number]), Arc::clone(stirred));
        let task = tokio::spawn(async move {
            let ended = function.deliver(&event).await;
            stirred.notify_one();
            ended
        });
        Self {
            door,
            task,
            end: None,
            asked: Vec::new(),
        }
    }

    pub(crate) fn kill(&mut self) {
        self.task.abort();
        self.end = Some(Standing::Dead);
    }

    /// Answers a held call.
    ///
    /// # Panics
    /// If the call is not held: what an invocation does follows from more than what it has heard.
    pub(crate) fn answer(&mut self, number: usize, heard: Heard, roles: &Roles) {
        let held = self.door.take(number).expect("the call is made again");
        self.asked[number].heard = Some(print(roles.heard(&heard)));
        held.answer(heard);
    }

    /// Notes what has happened at its door, and whether it has ended.
    pub(crate) async fn look(&mut self, roles: &Roles) {
        if self.end.is_none() && self.task.is_finished() {
            let ended = (&mut self.task).await;
            self.end = Some(match ended.expect("no panic").expect("nobody killed it") {
                Ok(()) => Standing::Succeeded,
                Err(_) => Standing::Failed,
            });
        }
        let asked = &mut self.asked;
        self.door.for_each(|held| {
            if held.number >= asked.len() {
                asked.resize_with(held.number, Asked::default);
                asked.push(Asked {
                    sent: sent(&held.request),
                    form: print(roles.request(&held.request)),
                    heard: None,
                });
            }
        });
    }

    pub(crate) fn standing(&self) -> Standing {
        self.end.unwrap_or(Standing::Live)
    }

    /// Its calls so far, and their answers.
    pub(crate) fn asked(&self) -> &[Asked] {
        &self.asked
    }

    /// Takes the canonical forms from the first time: the world that goes with them is not there when what
    /// was heard is fed again.
    ///
    /// # Panics
    /// If the invocation has made other calls this time.
    pub(crate) fn recognise(&mut self, asked: &[Asked]) {
        let is_same = self.asked.iter().map(|it| it.sent);
        let is_same = is_same.eq(asked.iter().map(|it| it.sent));
        assert!(is_same, "other calls are made after the same answers");
        self.asked = asked.to_vec();
    }

    pub(crate) fn has_heard(&self) -> bool {
        self.asked.iter().any(|it| it.heard.is_some())
    }

    /// Its calls that wait to be let go, in canonical order. `number` is its own.
    pub(crate) fn waiting(&self, number: usize) -> Vec<Waiting> {
        let mut waiting = Vec::new();
        if self.end.is_some() {
            return waiting;
        }
        self.door.for_each(|held| {
            waiting.push(Waiting {
                actor: number,
                number: held.number,
                form: self.asked[held.number].form,
                operation: operation(&held.request),
                reads: reads(&held.request),
                is_long: held.is_long(),
            });
        });
        waiting.sort_by_key(|it| it.form);
        waiting
    }

    /// What its future depends on, but for the time.
    pub(crate) fn print(&self) -> Print {
        if let Some(end) = self.end {
            return print(end as u8);
        }
        let mut waits = Vec::new();
        self.door
            .for_each(|held| waits.push((self.asked[held.number].form, held.is_long())));
        waits.sort_unstable();
        // Calls side by side are answered in any order. By the question, and for the same question by
        // time, is an order that tells nothing of that.
        let mut told: Vec<_> = self.asked.iter().map(|it| (it.form, it.heard)).collect();
        told.sort_by_key(|it| it.0);
        print((told, waits))
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.task.abort();
    }
}
