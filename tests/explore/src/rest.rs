//! Judges the states in which nothing is left to happen.

use std::collections::HashSet;

use crate::canonical::{Print, print};
use crate::ear::Ear;
use crate::invariants::{end, judge, ways};
use crate::place::Place;
use crate::plan::Plan;
use crate::run::Run;
use crate::snapshot::Snapshot;
use crate::story::Broken;

/// Judges rests, each world once.
#[derive(Debug)]
pub(crate) struct Rests<'a> {
    plan: &'a Plan,
    rights: Vec<String>,
    judged: HashSet<Print>,
}

impl<'a> Rests<'a> {
    /// `rights` is what each secret's keys may do.
    pub(crate) fn new(plan: &'a Plan, rights: Vec<String>) -> Self {
        Self {
            plan,
            rights,
            judged: HashSet::new(),
        }
    }

    pub(crate) fn forget(&mut self) {
        self.judged.clear();
    }

    /// Returns what is broken once the rotation has ended, and the next one, undisturbed, after it.
    pub(crate) async fn judge(
        &mut self,
        run: &Run,
        here: &Snapshot,
        place: &Place,
        ear: &mut Ear,
    ) -> Result<(), Broken> {
        let (roles, ledger) = (run.roles(), &run.bench.ledger);
        let world = run
            .bench
            .gate
            .with_world(|world| roles.world(world, ledger));
        if !self.judged.insert(print((world, place.manager.form()))) {
            return Ok(());
        }
        for &carry_on in ways(self.plan) {
            let bench = here.bench();
            let (plan, manager) = (self.plan, &place.manager);
            let mut judged = end(&bench, plan, manager, carry_on, ear.anew()).await;
            if judged.is_ok() {
                judged = judge(&bench, plan, manager, &self.rights, ear.anew()).await;
            }
            judged.map_err(|what| {
                let then = if carry_on {
                    "rest; the same rotation is tried again, then the next one"
                } else {
                    "rest; then the next rotation"
                };
                let mut story = place.story.and(then.to_owned(), false);
                for record in bench.changes() {
                    story = story.and(format!("  {record}"), false);
                }
                Broken { what, story }
            })?;
        }
        Ok(())
    }
}
