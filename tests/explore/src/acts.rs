//! When people and other rotations may do something in between.

use harness::by_hand::ids;
use sandbox::datadog::Key;
use sandbox::rotation::Step;
use sandbox::world::World;

use crate::plan::{Act, Manager, Plan, Shape};
use crate::run::Run;

/// Whether an act can happen now.
pub(crate) fn is_possible(act: Act, run: &Run, plan: &Plan, manager: &Manager) -> bool {
    let kind = plan.case.subject.kind();
    match act {
        Act::Meanwhile(_) => plan.shape == Shape::Rotation && manager.rotation == 0,
        Act::BeginAnew => {
            let pending = run.bench.labelled(kind, "AWSPENDING");
            plan.shape == Shape::Rotation
                && pending != run.bench.labelled(kind, "AWSCURRENT")
                && !is_about_to_promote(run)
        }
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
        // Nothing is revoked within an invocation: the next rotation finds it so, or finishSecret after its
        // promotion.
        Act::RevokeCurrent(_) => {
            let is_next = manager.rotation == 1 && manager.steps == [Step::CreateSecret];
            let current = run.bench.labelled(kind, "AWSCURRENT");
            let is_promoted = current.is_some_and(|it| it == manager.job.token);
            let finishes_again = manager.steps == [Step::FinishSecret] && is_promoted;
            (is_next || finishes_again) && !run.has_begun()
        }
    }
}

/// A person goes back to what works. A DELETE that was sent can't be called back.
fn can_roll_back(run: &Run, plan: &Plan) -> bool {
    let previous = run.bench.value(plan.case.subject.kind(), "AWSPREVIOUS");
    let works = |id: &String| {
        let key = |world: &mut World| world.datadog.key(id).is_some_and(Key::is_live);
        run.bench.gate.with_world(key)
    };
    !is_about_to_delete(run) && previous.is_some_and(|it| ids(&it).iter().all(works))
}

fn is_about_to_delete(run: &Run) -> bool {
    let mut waiting = run.waiting().into_iter();
    waiting.any(|it| it.operation.starts_with("DELETE "))
}

/// Whether a promotion is under way, which can't be called back.
fn is_about_to_promote(run: &Run) -> bool {
    let mut waiting = run.waiting().into_iter();
    waiting.any(|it| it.operation == "UpdateSecretVersionStage")
}
