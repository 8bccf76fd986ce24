//! What can happen next, with one order in place of all orders that come to the same.
//!
//! Two reads commute; a read and an effect do not. Of two live invocations therefore only this
//! matters: who has the next effect, and which reads of the other come before it. So a [`Turn`] is
//! chosen after each effect. The writer makes its calls up to its next effect without
//! alternatives. Before them, the other makes any of its reads, in any order: which of them are left
//! for later is what the search tries. Nothing is lost as long as no invocation has an effect under
//! way beside another call of its own; the search tells if one has.

use harness::case::Fault;

use crate::actor::Waiting;
use crate::acts::is_possible;
use crate::invocations::Standing;
use crate::plan::{Act, Budget, Manager, Plan, Way};
use crate::run::Run;

/// Something that can happen next.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Move {
    /// The invocation, the number of its call, what befalls it, and whether the call only reads.
    Call(usize, usize, Option<Fault>, bool),
    Die(usize),
    Wait,
    /// A service gets to see a late call.
    Arrive(usize),
    Act(Act),
    Manage(Way),
}

/// Who has the next effect, if two invocations are live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Turn {
    Open,
    /// The other may still read before this one begins.
    Chosen(usize),
    Begun(usize),
}

impl Turn {
    pub(crate) fn of_the_other(self) -> Self {
        match self {
            Self::Open => self,
            Self::Chosen(writer) => Self::Chosen(1 - writer),
            Self::Begun(writer) => Self::Begun(1 - writer),
        }
    }
}

/// A move and whose turn it is after it.
pub(crate) type Next = (Move, Turn);

#[derive(Debug)]
pub(crate) struct Choices<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) run: &'a Run,
    pub(crate) manager: &'a Manager,
    /// Each invocation's calls in canonical order.
    pub(crate) waiting: Vec<Waiting>,
    pub(crate) left: Budget,
}

impl Choices<'_> {
    /// Whatever can happen next, but of orders that come to the same only one.
    pub(crate) fn all(&self, turn: Turn) -> Vec<Next> {
        let (late, standings) = (self.run.late.len(), self.run.standings());
        let is_live = |actor: usize| standings.get(actor) == Some(&Standing::Live);
        let mut moves: Vec<_> = match (is_live(0), is_live(1)) {
            (false, false) if late == 0 => {
                let ways = self.manager.ways(self.plan, &standings, self.left);
                return ways
                    .into_iter()
                    .map(|it| (Move::Manage(it), Turn::Open))
                    .collect();
            }
            (false, false) => Vec::new(),
            (true, true) if late == 0 && !self.plan.every_order => self.of_two(turn),
            (true, true) => [self.of(0), self.of(1)].concat(),
            (first, _) => {
                let actor = usize::from(!first);
                if late == 0 && self.left.acts == 0 && !self.plan.every_order {
                    self.alone(actor)
                } else {
                    self.of(actor)
                }
            }
        };
        if self.left.acts > 0 {
            let acts = self.plan.acts.iter().copied();
            let acts = acts.filter(|it| is_possible(*it, self.run, self.plan, self.manager));
            moves.extend(acts.map(|it| (Move::Act(it), Turn::Open)));
        }
        moves.extend((0..late).map(|it| (Move::Arrive(it), Turn::Open)));
        moves
    }

    /// Whether an invocation has an effect under way beside another call.
    pub(crate) fn is_mixed(&self) -> bool {
        let mut effects = self.waiting.iter().filter(|it| !it.reads);
        effects.any(|effect| self.waiting_of(effect.actor).count() > 1)
    }

    /// All that an invocation can do or meet.
    fn of(&self, actor: usize) -> Vec<Next> {
        let calls = self.waiting_of(actor);
        let mut moves: Vec<_> = calls.flat_map(|it| self.fates(it, Turn::Open)).collect();
        moves.extend(self.death(actor));
        moves.extend(self.pause(actor, Turn::Open));
        moves
    }

    /// An invocation that is the only one: its reads in one order.
    fn alone(&self, actor: usize) -> Vec<Next> {
        let mut moves = self.forward(actor, Turn::Open);
        moves.extend(self.death(actor));
        moves
    }

    /// Two live invocations.
    fn of_two(&self, turn: Turn) -> Vec<Next> {
        match turn {
            Turn::Open => [self.chosen(0), self.chosen(1)].concat(),
            Turn::Chosen(writer) => self.chosen(writer),
            Turn::Begun(writer) => self.forward(writer, Turn::Begun(writer)),
        }
    }

    /// The other's reads and its death, or the writer's first call. The writer's own death would
    /// change nothing that another turn does not try.
    fn chosen(&self, writer: usize) -> Vec<Next> {
        let other = 1 - writer;
        let reads = self.waiting_of(other).filter(|it| it.reads);
        let mut moves: Vec<_> = reads
            .flat_map(|it| self.fates(it, Turn::Chosen(writer)))
            .collect();
        moves.extend(self.pause(other, Turn::Chosen(writer)));
        moves.extend(self.death(other));
        moves.extend(self.forward(writer, Turn::Begun(writer)));
        moves
    }

    /// The calls of an invocation up to its next effect: reads in canonical order.
    fn forward(&self, actor: usize, turn: Turn) -> Vec<Next> {
        let calls: Vec<_> = self.waiting_of(actor).collect();
        let one_will_do = calls.iter().all(|it| it.reads);
        let considered = if one_will_do { 1 } else { calls.len() };
        let calls = calls.into_iter().take(considered);
        let mut moves: Vec<_> = calls.flat_map(|it| self.fates(it, turn)).collect();
        moves.extend(self.pause(actor, turn));
        moves
    }

    /// A call undisturbed, and with each fault. An effect ends the turn.
    fn fates(&self, call: &Waiting, turn: Turn) -> Vec<Next> {
        let turn = if call.reads { turn } else { Turn::Open };
        let (actor, number, reads) = (call.actor, call.number, call.reads);
        let mut moves = vec![(Move::Call(actor, number, None, reads), turn)];
        if self.left.faults > 0 {
            let can_meet = |it: &&Fault| (self.plan.can_meet)(**it, &call.operation);
            let is_one_of_two = |it: &&Fault| call.reads && self.has_twin(**it);
            let faults = self.plan.faults.iter().filter(can_meet);
            let faults = faults.filter(|it| !is_one_of_two(it));
            let fault = |it| (Move::Call(actor, number, Some(it), false), Turn::Open);
            moves.extend(faults.copied().map(fault));
        }
        moves
    }

    /// Whether a read that meets this fault comes to the same as one that meets another fault of the
    /// plan: it changes nothing, be it carried out before, afterwards or never. Where edges answer in turn,
    /// it does.
    fn has_twin(&self, fault: Fault) -> bool {
        let twin = match fault {
            Fault::FailAfter => Fault::FailBefore,
            Fault::CutAfter => Fault::CutBefore,
            Fault::SilenceAfter | Fault::Late => Fault::SilenceBefore,
            Fault::KillAfter => Fault::KillBefore,
            _ => return false,
        };
        !self.plan.every_order && self.plan.faults.contains(&twin) && !self.run.has_edges()
    }

    fn death(&self, actor: usize) -> Option<Next> {
        (self.left.deaths > 0).then_some((Move::Die(actor), Turn::Open))
    }

    /// An invocation without a call pauses: time has to pass. Not while a call of the other one has
    /// been held for long, for no call is.
    fn pause(&self, actor: usize, turn: Turn) -> Option<Next> {
        let is_pausing = self.waiting_of(actor).next().is_none();
        let may_pass = !self.waiting.iter().any(|it| it.is_long);
        (is_pausing && may_pass).then_some((Move::Wait, turn))
    }

    fn waiting_of(&self, actor: usize) -> impl Iterator<Item = &Waiting> {
        self.waiting.iter().filter(move |it| it.actor == actor)
    }
}
