//! What people and other rotations do in between.

use std::time::Duration;

use harness::bench::Bench;
use harness::by_hand::ids;
use harness::function::Function;
use harness::overlap::meanwhile;
use sandbox::datadog::Key;
use sandbox::rotation::Step;
use sandbox::world::World;

use crate::plan::{Act, Manager, Plan, Shape};
use crate::run::{Invocations, Run, name};

/// Longer than a reading of labels is believed.
const ROLL_BACK_AFTER: Duration = Duration::from_secs(4);

/// Whether an act can happen now.
pub(crate) fn is_possible(act: Act, run: &Run, plan: &Plan, manager: &Manager) -> bool {
    let kind = plan.case.subject.kind();
    match act {
        Act::Meanwhile(_) => plan.shape == Shape::Rotation && manager.rotation == 0,
        // A rotation that was ended before is mended by two more.
        Act::RollBack => {
            plan.shape == Shape::Rotation && manager.rotation == 0 && can_roll_back(run, plan)
        }
        Act::RevokePending => {
            let bench = &run.bench;
            // Between finishSecret's proof and the promotion nobody can hold a person.
            let is_proven = manager.steps == [Step::FinishSecret] && run.has_begun();
            !is_proven
                && bench.value(kind, "AWSPENDING").is_some()
                && bench.labelled(kind, "AWSPENDING") != bench.labelled(kind, "AWSCURRENT")
        }
        // Nothing is revoked within a rotation: the next one finds it so.
        Act::RevokeCurrent(_) => {
            manager.rotation == 1 && manager.steps == [Step::CreateSecret] && !run.has_begun()
        }
    }
}

/// A person goes back to what works. From the last look at the labels a DELETE can't be called back:
/// between the two only these are read.
fn can_roll_back(run: &Run, plan: &Plan) -> bool {
    let is_late = |operation: &str| {
        operation.starts_with("DELETE ")
            || operation.contains("/validate")
            || operation.ends_with("/access_tokens/{id}")
    };
    let previous = run.bench.value(plan.case.subject.kind(), "AWSPREVIOUS");
    let works = |id: &String| {
        let key = |world: &mut World| world.datadog.key(id).is_some_and(Key::is_live);
        run.bench.gate.with_world(key)
    };
    !run.waiting().iter().any(|it| is_late(&it.operation))
        && previous.is_some_and(|it| ids(&it).iter().all(works))
}

/// Does what a person, or other rotations, do.
pub(crate) async fn perform(act: Act, bench: &Bench, invocations: &Invocations) {
    let Invocations {
        kind,
        job,
        steps,
        clock,
    } = invocations;
    let kind = *kind;
    match act {
        Act::Meanwhile(what) => {
            bench
                .gate
                .follow(|_: &sandbox::gate::Call| sandbox::gate::Fate::Pass);
            let mut second =
                Function::new(kind, &name(kind, 1), &bench.gate, bench.settings.clone());
            second.clock = *clock;
            meanwhile(bench, &second, job, steps[0], what).await;
        }
        Act::RollBack => {
            bench.wait(ROLL_BACK_AFTER).await;
            bench.roll_back(kind);
        }
        Act::RevokePending => {
            let value = bench.value(kind, "AWSPENDING").expect("a pending value");
            bench.revoke(&ids(&value)[0]);
        }
        Act::RevokeCurrent(which) => {
            let value = bench.current(kind);
            bench.revoke(&ids(&value)[which]);
        }
    }
}
