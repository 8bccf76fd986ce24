//! A pending key that works, and is not like the current one: it is given up, and lives on until it is
//! found as an orphaned key.

#![expect(
    clippy::expect_used,
    reason = "a panic is how a test says that something is wrong"
)]

use std::sync::Arc;
use std::time::Duration;

use datadog_rotation::Kind;
use harness::bench::{Bench, caller};
use harness::by_hand::ids;
use harness::function::Function;
use sandbox::gate::{Call, Fate, Lie, pause};
use sandbox::rotation::{Step, event};
use sandbox::scene::{ADMIN_SCOPES, SceneOptions};
use sandbox::secrets_manager::RotationJob;
use tokio::sync::Notify;

const KINDS: [Kind; 3] = [
    Kind::ApplicationKey,
    Kind::AdminKey,
    Kind::ServiceAccessToken,
];

/// The key of a version that has scopes.
fn owned(bench: &Bench, kind: Kind, label: &str) -> String {
    let value = bench.value(kind, label).expect("a stored value");
    let mut ids = ids(&value).into_iter();
    let has_scopes = |id: &String| {
        bench.gate.with_world(|world| {
            let key = world.datadog.key(id);
            key.is_some_and(|it| !it.is_api_key())
        })
    };
    ids.find(has_scopes).expect("a key with scopes")
}

fn scopes(bench: &Bench, id: &str) -> Option<Vec<String>> {
    bench.gate.with_world(|world| {
        let key = world.datadog.key(id).expect("an existing key");
        let scopes = key.scopes().map(<[_]>::to_vec);
        scopes.map(|mut it| {
            it.sort();
            it
        })
    })
}

fn edit(bench: &Bench, id: &str) {
    let mut scopes = ADMIN_SCOPES.to_vec();
    scopes.push("dashboards_read");
    let edited = |world: &mut sandbox::world::World| world.datadog.set_scopes(id, Some(&scopes));
    bench.gate.with_world(edited);
}

async fn up_to_test(bench: &Bench, kind: Kind) -> RotationJob {
    let job = bench.begin(kind);
    for step in &Step::ALL[..2] {
        bench.deliver(kind, &job, *step).await.expect("undisturbed");
    }
    job
}

/// What Secrets Manager does next, and then the next rotation.
async fn starts_afresh(bench: &Bench, kind: Kind, job: &RotationJob) {
    let again = bench.deliver(kind, job, Step::TestSecret).await;
    bench.assert_failed(again, "NoStagingLabel", &[]);
    bench.give_up(job);
    bench.wait(Duration::from_mins(16)).await;
    bench.rotate(kind).await.expect("afresh");
    bench.assert_settled();
}

#[tokio::test(start_paused = true)]
async fn scopes_that_are_edited_while_a_rotation_is_pending_cost_that_rotation() {
    for kind in KINDS {
        for step in [Step::TestSecret, Step::FinishSecret] {
            let bench = Bench::new(SceneOptions::default());
            let job = up_to_test(&bench, kind).await;
            let (current, pending) = (
                owned(&bench, kind, "AWSCURRENT"),
                owned(&bench, kind, "AWSPENDING"),
            );
            edit(&bench, &current);
            let edited = scopes(&bench, &current);
            let failed = bench.deliver(kind, &job, step).await;
            let said = ["scopes", "AWSPENDING was taken off", pending.as_str()];
            bench.assert_failed(failed, "NewKeyDiffers", &said);
            assert!(bench.is_live(&pending), "{}", bench.story());
            starts_afresh(&bench, kind, &job).await;
            assert_eq!(scopes(&bench, &owned(&bench, kind, "AWSCURRENT")), edited);
            assert!(!bench.is_live(&pending), "{}", bench.story());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn scopes_that_are_told_wrongly_all_through_create_secret_cost_that_rotation() {
    // Tokens always have scopes: `null` is refused.
    for kind in [Kind::ApplicationKey, Kind::AdminKey] {
        let bench = Bench::new(SceneOptions::default());
        bench.rotate(kind).await.expect("undisturbed");
        let before = scopes(&bench, &owned(&bench, kind, "AWSCURRENT"));
        let job = bench.begin(kind);
        bench.gate.follow(|call: &Call| {
            let is_read = call.operation.starts_with("GET ");
            let is_wrong = is_read && call.operation.contains("/service_accounts/");
            if is_wrong {
                Fate::Lie(Lie::Null("scopes"))
            } else {
                Fate::Pass
            }
        });
        let created = bench.deliver(kind, &job, Step::CreateSecret).await;
        created.expect("nothing shows that the scopes are others");
        bench.gate.follow(|_: &Call| Fate::Pass);
        let failed = bench.deliver(kind, &job, Step::TestSecret).await;
        bench.assert_failed(failed, "NewKeyDiffers", &["AWSPENDING was taken off"]);
        starts_afresh(&bench, kind, &job).await;
        assert_eq!(scopes(&bench, &owned(&bench, kind, "AWSCURRENT")), before);
    }
}

#[tokio::test(start_paused = true)]
async fn one_wrong_answer_about_scopes_gives_no_key_up() {
    for kind in KINDS {
        for step in [Step::TestSecret, Step::FinishSecret] {
            for wrong in 1.. {
                let bench = Bench::new(SceneOptions::default());
                let job = up_to_test(&bench, kind).await;
                let reads = |call: &Call| {
                    let operation = &call.operation;
                    operation.starts_with("GET ") && operation.contains("/service_accounts/")
                };
                let mut left = wrong;
                bench.gate.forget_calls();
                bench.gate.follow(move |call: &Call| {
                    left -= i32::from(reads(call));
                    if left == 0 && reads(call) {
                        Fate::Lie(Lie::Null("scopes"))
                    } else {
                        Fate::Pass
                    }
                });
                let failed = bench.deliver(kind, &job, step).await;
                let met = bench
                    .gate
                    .calls()
                    .iter()
                    .filter(|it| reads(&it.call))
                    .count();
                bench.gate.follow(|_: &Call| Fate::Pass);
                if failed.is_err() {
                    let said = ["The new value is stored as AWSPENDING"];
                    let is_token = kind == Kind::ServiceAccessToken;
                    let as_what = ["NewKeyDiffers", "ScopesUnknown"][usize::from(is_token)];
                    bench.assert_failed(failed, as_what, &said);
                    let again = bench.deliver(kind, &job, step).await;
                    again.expect("undisturbed");
                }
                let finished = bench.deliver(kind, &job, Step::FinishSecret).await;
                finished.expect("undisturbed");
                bench.assert_settled();
                if usize::try_from(wrong).is_ok_and(|it| it > met) {
                    break;
                }
            }
        }
    }
}

/// Two invocations at once: what Datadog tells the one of the new key's scopes is wrong at each look.
#[tokio::test(start_paused = true)]
async fn what_one_invocation_gives_up_another_one_promotes() {
    let kind = Kind::ApplicationKey;
    let bench = Bench::new(SceneOptions::default());
    let job = up_to_test(&bench, kind).await;
    let fresh = owned(&bench, kind, "AWSPENDING");
    let name = format!("{}#misled", caller(kind));
    let misled = Function::new(kind, &name, &bench.gate, bench.settings.clone());
    let (held, go_on) = pause();
    let (finishing, promote) = pause();
    let (mut held, mut finishing) = (Some(held), Some(finishing));
    let (decided, verified) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (has_decided, has_verified) = (Arc::clone(&decided), Arc::clone(&verified));
    let (key, mut readings) = (Some(fresh.clone()), 0);
    bench.gate.follow(move |call: &Call| {
        let is_misled = call.caller.as_ref() == Some(&name);
        let operation = call.operation.as_str();
        readings += usize::from(is_misled && operation == "DescribeSecret");
        let fate = match operation {
            "DescribeSecret" if is_misled && readings == 2 => {
                decided.notify_one();
                held.take()
            }
            "UpdateSecretVersionStage" if !is_misled => {
                verified.notify_one();
                finishing.take()
            }
            _ if is_misled && operation.ends_with("/application_keys") => {
                return Fate::Lie(Lie::Without("scopes"));
            }
            _ if is_misled && call.subject == key => return Fate::Lie(Lie::Null("scopes")),
            _ => None,
        };
        fate.map_or(Fate::Pass, Fate::Pause)
    });
    let test = event(&job, Step::TestSecret);
    let (tested, promoted) = tokio::join!(
        async {
            let tested = misled.deliver(&test).await;
            promote.pass();
            tested
        },
        async {
            has_decided.notified().await;
            let finish = bench.deliver(kind, &job, Step::FinishSecret);
            let release = async {
                has_verified.notified().await;
                go_on.pass();
            };
            tokio::join!(finish, release).0
        },
    );
    let said = ["AWSPENDING was taken off", fresh.as_str()];
    bench.assert_failed(tested.expect("it lives"), "NewKeyDiffers", &said);
    promoted.expect("it had verified the key");
    bench.assert_kept();
    assert_eq!(owned(&bench, kind, "AWSCURRENT"), fresh);
    bench.assert_settled();
}
