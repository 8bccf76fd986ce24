//! What must hold: after every call, and at every rest.

use std::collections::BTreeSet;

use harness::bench::Bench;
use harness::by_hand::ids;
use harness::listen::Listening;
use harness::verdict::{Verdict, false_claims};
use sandbox::credential::keys_of;
use sandbox::promise::Promise;

use crate::plan::{Manager, Plan, Shape};

/// The secrets of which a labelled version works as a whole.
#[must_use]
pub fn working(bench: &Bench) -> BTreeSet<String> {
    bench.gate.with_world(|world| {
        let now = world.now();
        let works = |text: &str| world.datadog.is_usable(now, text);
        let secrets = world.secrets_manager.secrets();
        secrets
            .filter(|secret| {
                ["AWSCURRENT", "AWSPREVIOUS", "AWSPENDING"]
                    .iter()
                    .any(|it| {
                        let keys = secret.labelled(it).map(keys_of).unwrap_or_default();
                        !keys.is_empty() && keys.iter().all(|key| works(&key.text))
                    })
            })
            .map(|secret| secret.name().to_owned())
            .collect()
    })
}

/// Returns the promise that the last call has broken: P1, P2, P4, the role's, that no call costs
/// a secret its last working version, and that no line claims a deletion that did not happen.
#[must_use]
pub fn broken(
    bench: &Bench,
    manager: &Manager,
    worked: &BTreeSet<String>,
    listening: &Listening,
) -> Option<String> {
    let lost = worked.difference(&working(bench)).next().cloned();
    if let Some(secret) = lost {
        return Some(format!("{secret}: the last version that worked is lost"));
    }
    let breaches = bench.ledger.breaches();
    let is_ours = |it: Promise| it != Promise::CurrentWorks || !manager.is_current_dead;
    if let Some(breach) = breaches.iter().find(|it| is_ours(it.promise)) {
        return Some(format!("{}: {}", breach.promise.code(), breach.text));
    }
    leak(bench, listening).or_else(|| false_claims(bench, &listening.heard()).err())
}

/// Whether AWSCURRENT holds a key that AWSPREVIOUS holds too.
#[must_use]
pub fn replaced_nothing(bench: &Bench, plan: &Plan) -> bool {
    let kind = plan.case.subject.kind();
    let of = |label: &str| {
        bench
            .value(kind, label)
            .map(|it| ids(&it))
            .unwrap_or_default()
    };
    let previous = of("AWSPREVIOUS");
    of("AWSCURRENT").iter().any(|it| previous.contains(it))
}

/// P4. What AWS gives as the reason of a refusal is said on purpose: no secret is in it.
fn leak(bench: &Bench, listening: &Listening) -> Option<String> {
    let heard = listening.heard();
    let is_said = bench.gate.with_world(|world| {
        let mut values = world.datadog.every_value();
        values.any(|it| heard.contains(it))
            || (world.secrets_manager.every_value()).any(|it| heard.contains(it))
    });
    is_said.then(|| "P4: a key, a token or a secret value was printed".to_owned())
}

/// Ends the rotation as Secrets Manager does. Where two invocations have ended, the same rotation
/// may also be carried on first.
pub async fn end(
    bench: &Bench,
    plan: &Plan,
    manager: &Manager,
    carry_on: bool,
    listening: &Listening,
) -> Result<(), String> {
    if carry_on {
        let _either_way = bench.carry_on(plan.case.subject.kind(), &manager.job).await;
    } else if manager.is_done {
        bench.gate.with_world(|world| {
            let now = world.now();
            (world.secrets_manager).rotation_ended(now, &manager.job, true);
        });
    } else {
        bench.give_up(&manager.job);
    }
    leak(bench, listening).map_or(Ok(()), Err)
}

/// Judges a rest: the next rotation is undisturbed, then P3, P4 and P6 hold.
pub async fn judge(
    bench: &Bench,
    plan: &Plan,
    manager: &Manager,
    rights: &[String],
    listening: &Listening,
) -> Result<(), String> {
    // What a person has broken is the person's to repair.
    if manager.is_current_dead {
        return Ok(());
    }
    let verdict = Verdict {
        bench,
        kinds: &[plan.case.subject.kind()],
        rights,
        lossy: plan.case.most_left(),
        is_dead: manager.is_dead || plan.case.setting.is_dead(),
    };
    // Only the last transitions were listened to.
    verdict.pass_partly_heard(listening).await.map(drop)
}

/// The ways in which a rest goes on.
#[must_use]
pub fn ways(plan: &Plan) -> &'static [bool] {
    match plan.shape {
        Shape::Pair(..) => &[false, true],
        Shape::Rotation => &[false],
    }
}
