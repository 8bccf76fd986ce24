//! What people and other rotations do in between.

use std::time::Duration;

use harness::bench::Bench;
use harness::by_hand::ids;
use harness::function::Function;
use harness::overlap::meanwhile;

use crate::invocations::{Invocations, name};
use crate::plan::Act;

/// Longer than a reading of labels is believed.
const ROLL_BACK_AFTER: Duration = Duration::from_secs(4);

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
