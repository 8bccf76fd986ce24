//! What people and other rotations do in between.

use std::time::Duration;

use harness::bench::Bench;
use harness::by_hand::ids;
use harness::function::Function;
use harness::overlap::meanwhile;
use sandbox::gate::{Call, Fate};
use sandbox::rotation::{Step, event};

use crate::invocations::{Invocations, name};
use crate::plan::Act;

/// Longer than a reading of labels is believed.
const AFTER: Duration = Duration::from_secs(4);

/// Does what a person, or other rotations, do.
pub(crate) async fn perform(act: Act, bench: &Bench, invocations: &Invocations) {
    let Invocations {
        kind, job, steps, ..
    } = invocations;
    let kind = *kind;
    match act {
        Act::Meanwhile(what) => {
            pass_all(bench);
            let second = another(bench, invocations);
            meanwhile(bench, &second, job, steps[0], what).await;
        }
        Act::BeginAnew => {
            pass_all(bench);
            bench.wait(AFTER).await;
            bench.give_up(job);
            bench.take_pending_off(kind);
            let next = bench.begin(kind);
            let second = another(bench, invocations);
            let _either_way = second.deliver(&event(&next, Step::CreateSecret)).await;
            bench.give_up(&next);
        }
        Act::RollBack => {
            bench.wait(AFTER).await;
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

fn pass_all(bench: &Bench) {
    bench.gate.follow(|_: &Call| Fate::Pass);
}

/// Another environment of the function.
fn another(bench: &Bench, invocations: &Invocations) -> Function {
    let (kind, settings) = (invocations.kind, bench.settings.clone());
    let mut second = Function::new(kind, &name(kind, 1), &bench.gate, settings);
    second.clock = invocations.clock;
    second
}
