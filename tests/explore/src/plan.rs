//! What is explored: which invocations begin, what may go wrong, and what Secrets Manager does next.

use std::fmt;
use std::time::Duration;

use harness::bench::Bench;
use harness::case::{Case, Fault, Setting};
use harness::function::Skew;
use harness::overlap::Meanwhile;
use sandbox::rotation::Step;
use sandbox::secrets_manager::RotationJob;

use crate::invocations::{Invocations, Standing};

/// A rotation is tried this often. Secrets Manager's own figure is not published.
const ATTEMPTS: u8 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Two invocations of one rotation at once, the second's earlier steps done.
    Pair(Step, Step),
    /// One rotation, invocation by invocation, and its repair.
    Rotation,
}

/// What a person does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// While an invocation is held: [`Meanwhile`] without calls of its own to explore.
    Meanwhile(Meanwhile),
    /// Takes AWSPENDING off and starts a rotation, whose createSecret alone runs, four seconds after the last call.
    BeginAnew,
    /// Moves AWSCURRENT back to what AWSPREVIOUS holds, four seconds after the last call.
    RollBack,
    /// Revokes a key of the pending version.
    RevokePending,
    /// Revokes a key of the current version, by its place in the value. From then on P1 is the person's
    /// to keep; that the last key pair is not lost is the functions'.
    RevokeCurrent(usize),
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Meanwhile(meanwhile) => write!(f, "{meanwhile}"),
            Self::BeginAnew => {
                f.write_str("AWSPENDING taken off by hand, createSecret of the next rotation")
            }
            Self::RollBack => f.write_str("a person moves AWSCURRENT back to AWSPREVIOUS"),
            Self::RevokePending => f.write_str("a person revokes the pending key"),
            Self::RevokeCurrent(0) => f.write_str("a person revokes the current key"),
            Self::RevokeCurrent(_) => f.write_str("a person revokes the second current key"),
        }
    }
}

/// How many things may go wrong. Steps are not counted: the search ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Budget {
    pub faults: u8,
    pub deaths: u8,
    pub acts: u8,
}

#[derive(Clone, Debug)]
pub struct Plan {
    pub case: Case,
    pub shape: Shape,
    pub faults: Vec<Fault>,
    /// Which fault can meet which operation, as the gate names it.
    pub can_meet: fn(Fault, &str) -> bool,
    pub acts: Vec<Act>,
    pub budget: Budget,
    /// How wrong the functions' clock is.
    pub clock: Skew,
    /// Reads in every order, also where it makes no difference.
    pub every_order: bool,
    /// Of the first faults only one in so many, and everything after it.
    pub every_first_fault: Option<u128>,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Case {
            subject,
            setting,
            reads,
            ..
        } = self.case;
        match self.shape {
            Shape::Pair(first, second) => write!(f, "{subject}: {first} and {second}")?,
            Shape::Rotation => write!(f, "{subject}: a rotation and its repair")?,
        }
        let Budget {
            faults,
            deaths,
            acts,
        } = self.budget;
        let are_lies = self.faults.iter().all(|it| Fault::LIES.contains(it));
        let are_both = !are_lies && Fault::LIES.iter().all(|it| self.faults.contains(it));
        let what = match (are_lies, are_both) {
            (true, _) => "lies",
            (_, true) => "faults or lies",
            _ => "faults",
        };
        for (count, what) in [(faults, what), (deaths, "deaths"), (acts, "acts")] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        if let Some(every) = self.every_first_fault {
            write!(f, "; one first fault in {every}")?;
        }
        if !reads {
            f.write_str("; without `api_keys_read`")?;
        }
        if setting != Setting::Later {
            write!(f, "; {setting}")?;
        }
        if self.clock != Skew::NONE {
            f.write_str("; a wrong clock")?;
        }
        for act in &self.acts {
            write!(f, "; {act}")?;
        }
        Ok(())
    }
}

/// Where Secrets Manager stands in the plan.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is true or not by itself"
)]
pub struct Manager {
    pub job: RotationJob,
    /// The live steps.
    pub steps: Vec<Step>,
    pub attempt: u8,
    /// 0: the rotation that things go wrong with; 1: its repair.
    pub rotation: u8,
    /// The rotation has succeeded.
    pub is_done: bool,
    /// A person, or another rotation, has ended it: nothing more is delivered.
    pub is_overtaken: bool,
    /// A pending key was revoked by a person: the rotation can only be given up.
    pub is_dead: bool,
    /// A current key was revoked by a person.
    pub is_current_dead: bool,
}

/// What Secrets Manager can do once no invocation is live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Deliver(Step),
    /// The whole of it again, with the same token.
    Again,
    /// Gives up; the next rotation begins 16 minutes later.
    NextRotation,
    /// Nothing is left to explore: the promises of a rest are judged.
    Rest,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deliver(step) => write!(f, "{step}"),
            Self::Again => f.write_str("Secrets Manager tries again, with the same token"),
            Self::NextRotation => {
                f.write_str("Secrets Manager gives up; 16 minutes later the next rotation begins")
            }
            Self::Rest => f.write_str("rest"),
        }
    }
}

impl Manager {
    /// The part of a state that is neither world nor invocation.
    #[must_use]
    pub fn form(&self) -> impl std::hash::Hash {
        (
            self.job.token.clone(),
            self.steps.clone(),
            (self.attempt, self.rotation, self.is_done),
            (self.is_overtaken, self.is_dead, self.is_current_dead),
        )
    }

    #[must_use]
    pub fn invocations(&self, plan: &Plan) -> Invocations {
        Invocations {
            kind: plan.case.subject.kind(),
            job: self.job.clone(),
            steps: self.steps.clone(),
            clock: plan.clock,
        }
    }

    /// What can happen now that every invocation has ended.
    #[must_use]
    pub fn ways(&self, plan: &Plan, ended: &[Standing], left: Budget) -> Vec<Way> {
        if matches!(plan.shape, Shape::Pair(..)) || self.is_overtaken || self.is_done {
            return vec![Way::Rest];
        }
        if ended == [Standing::Succeeded] {
            let following = Step::ALL.into_iter().find(|it| *it > self.steps[0]);
            return vec![following.map_or(Way::Rest, Way::Deliver)];
        }
        let mut ways = Vec::new();
        if self.attempt < ATTEMPTS {
            ways.push(Way::Again);
        }
        let may_go_wrong = left.faults > 0 || left.deaths > 0 || left.acts > 0;
        ways.push(if self.rotation == 0 && may_go_wrong {
            Way::NextRotation
        } else {
            Way::Rest
        });
        ways
    }

    /// Notes what an act means for what follows.
    pub fn after(&mut self, act: Act) {
        match act {
            Act::Meanwhile(_) | Act::BeginAnew | Act::RollBack => self.is_overtaken = true,
            Act::RevokePending => self.is_dead = true,
            Act::RevokeCurrent(_) => self.is_current_dead = true,
        }
    }

    /// Does it, as far as the world outside the functions goes.
    pub async fn go_on(&mut self, plan: &Plan, way: Way, bench: &Bench) {
        match way {
            Way::Deliver(step) => self.steps = vec![step],
            Way::Again => {
                bench.wait(Duration::from_secs(1)).await;
                self.steps = vec![Step::CreateSecret];
                self.attempt += 1;
            }
            Way::NextRotation => {
                bench.give_up(&self.job);
                bench.wait(Duration::from_mins(16)).await;
                self.job = bench.begin(plan.case.subject.kind());
                self.steps = vec![Step::CreateSecret];
                (self.attempt, self.rotation) = (1, 1);
            }
            Way::Rest => {}
        }
    }
}
