//! The part of a state that is neither world nor invocation.

use crate::canonical::{Print, print};
use crate::invocations::name;
use crate::moves::{Choices, Next, Turn};
use crate::plan::{Budget, Manager, Plan, Shape};
use crate::run::Run;
use crate::story::Story;

/// The part of a state that is neither world nor invocation, and how it was reached.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) manager: Manager,
    pub(crate) left: Budget,
    pub(crate) story: Story,
    pub(crate) turn: Turn,
}

impl Place {
    /// Where a plan begins.
    pub(crate) fn first(plan: &Plan, manager: Manager) -> Self {
        Self {
            manager,
            left: plan.budget,
            story: Story::default(),
            turn: Turn::Open,
        }
    }

    /// The state: paths that lead to equal ones have equal futures. Besides, its world alone.
    pub(crate) fn state(&self, plan: &Plan, run: &Run) -> (Print, Print) {
        let (roles, ledger) = (run.roles(), &run.bench.ledger);
        let world = run
            .bench
            .gate
            .with_world(|world| roles.world(world, ledger));
        let mut late: Vec<_> = run.late.iter().map(|it| roles.request(it)).collect();
        late.sort();
        let (mut invocations, mut turn) = (run.invocations(), self.turn);
        if let Shape::Pair(first, second) = plan.shape
            && first == second
            && invocations[1] < invocations[0]
        {
            invocations.swap(0, 1);
            turn = turn.of_the_other();
        }
        let world = print(&world);
        let whole = print((
            world,
            late,
            invocations,
            self.left,
            self.manager.form(),
            turn,
        ));
        (whole, world)
    }

    /// What can happen next, and whether an invocation has an effect under way beside another call.
    pub(crate) fn moves(&self, plan: &Plan, run: &Run) -> (Vec<Next>, bool) {
        let choices = Choices {
            plan,
            run,
            manager: &self.manager,
            waiting: run.waiting(),
            left: self.left,
        };
        (choices.all(self.turn), choices.is_mixed())
    }

    /// An invocation, as the story calls it.
    pub(crate) fn who(&self, plan: &Plan, actor: usize) -> String {
        let step = self.manager.steps[actor];
        match plan.shape {
            Shape::Pair(..) => {
                let name = name(plan.case.subject.kind(), actor);
                let name = name.rsplit('#').next().unwrap_or_default();
                format!("{name} {step}")
            }
            Shape::Rotation => step.to_string(),
        }
    }
}
