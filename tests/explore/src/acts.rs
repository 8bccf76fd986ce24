//! What people and other rotations do in between.

use harness::bench::Bench;
use harness::function::Function;
use harness::overlap::meanwhile;
use sandbox::rotation::Step;

use crate::plan::{Act, Manager, Plan, Shape};
use crate::run::{Run, name};

/// Whether an act can happen now.
pub(crate) fn is_possible(act: Act, run: &Run, plan: &Plan, manager: &Manager) -> bool {
    let kind = plan.case.subject.kind();
    match act {
        Act::Meanwhile(_) => plan.shape == Shape::Rotation && manager.rotation == 0,
        Act::RevokePending => {
            let bench = &run.bench;
            bench.value(kind, "AWSPENDING").is_some()
                && bench.labelled(kind, "AWSPENDING") != bench.labelled(kind, "AWSCURRENT")
        }
        // Nothing is revoked within a rotation: the next one finds it so.
        Act::RevokeCurrent => {
            manager.rotation == 1
                && manager.steps == [Step::CreateSecret]
                && run.elapsed().as_secs() == 0
        }
    }
}

/// Does what a person, or other rotations, do.
pub(crate) async fn perform(act: Act, bench: &Bench, plan: &Plan, manager: &mut Manager) {
    let kind = plan.case.subject.kind();
    match act {
        Act::Meanwhile(what) => {
            bench
                .gate
                .follow(|_: &sandbox::gate::Call| sandbox::gate::Fate::Pass);
            let second = Function::new(kind, &name(kind, 1), &bench.gate, bench.settings.clone());
            meanwhile(bench, &second, &manager.job, manager.steps[0], what).await;
            manager.is_overtaken = true;
        }
        Act::RevokePending => {
            let value = bench.value(kind, "AWSPENDING").expect("a pending value");
            bench.revoke(&harness::by_hand::ids(&value)[0]);
            manager.is_dead = true;
        }
        Act::RevokeCurrent => {
            let value = bench.current(kind);
            let ids = harness::by_hand::ids(&value);
            bench.revoke(ids.last().expect("an application key"));
            manager.is_current_dead = true;
        }
    }
}
