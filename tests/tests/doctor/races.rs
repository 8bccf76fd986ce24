//! `datadog-doctor orphans --delete` while rotations run, and on a desk whose clock is wrong.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use datadog_rotation::Kind;
use datadog_rotation::http::{Sending, Transport};
use datadog_rotation::keys::KeyClass;
use harness::bench::{Bench, DOCUMENTED_SCOPES, caller};
use harness::doctor::{CALLER, line};
use harness::orphans::states;
use harness::stall::Stalled;
use harness::transport::InProcess;
use sandbox::gate::{Call, Fate, pause};
use sandbox::rotation::{Step, event};
use sandbox::scene::{ADMIN_SCOPES, SceneOptions};
use sandbox::secrets_manager::RotationJob;
use tokio::sync::Notify;

const MINUTE: Duration = Duration::from_mins(1);

/// A secret that was rotated; a rotation under way whose first delivery died after a mint; and the
/// key that it lost, which is old by now.
async fn lost(kind: Kind, admin_scopes: &[&str]) -> (Bench, RotationJob) {
    let bench = Bench::new(SceneOptions {
        admin_scopes,
        ..SceneOptions::default()
    });
    bench.ledger.assign(CALLER, bench.secret(kind));
    bench.rotate(kind).await.unwrap();
    bench.wait(20 * MINUTE).await;
    let job = bench.begin(kind);
    bench.gate.follow(|call: &Call| {
        let is_mint = call.operation.starts_with("POST ");
        if is_mint { Fate::KillAfter } else { Fate::Pass }
    });
    let create = event(&job, Step::CreateSecret);
    assert!(bench.function(kind).deliver(&create).await.is_none());
    bench.gate.follow(|_: &Call| Fate::Pass);
    bench.wait(20 * MINUTE).await;
    (bench, job)
}

/// The admin pair dies while it is tried, and what replaces it is dead too.
#[tokio::test(start_paused = true)]
async fn an_admin_pair_that_is_replaced_by_a_dead_one_is_dead() {
    let bench = Bench::new(SceneOptions::default());
    let change = || {
        let next = bench.by_hand(Kind::AdminKey);
        for value in [&next, &bench.current(Kind::AdminKey)] {
            bench.revoke(value["adminAppKeyId"].as_str().expect("an id"));
        }
        bench.store(Kind::AdminKey, &next);
    };
    // Boxed: a future of 30 KB.
    let check = Box::pin(bench.checkup(bench.secret(Kind::ApiKey)));
    let checkup = bench
        .meanwhile("GET /api/v2/validate_keys", check, change)
        .await;
    assert_eq!(line(&checkup, "admin_keys")["status"], "failed");
}

/// The deletions that the doctor has asked for; a rotation may have been first.
fn deletions(bench: &Bench) -> usize {
    let calls = bench.gate.calls();
    let own = calls
        .iter()
        .filter(|it| it.call.caller.as_deref() == Some(CALLER));
    own.filter(|it| it.call.changes()).count()
}

/// Every promise holds, and the next rotation puts everything in order.
async fn assert_healthy(bench: &Bench, kind: Kind, what: &str) {
    assert_eq!(bench.ledger.breaches(), [], "{what}");
    bench.wait(16 * MINUTE).await;
    let next = bench.rotate(kind).await;
    assert!(next.is_ok(), "{what}: {next:?}\n{}", bench.story());
    bench.assert_settled();
}

#[tokio::test(start_paused = true)]
async fn rotations_that_come_between_its_calls_lose_nothing() {
    for kind in Kind::ALL {
        for rotations in 1..=3 {
            let mut deleted = 0;
            let mut held = 0;
            loop {
                let (bench, job) = lost(kind, &ADMIN_SCOPES).await;
                let what = format!("{} held at {held}, {rotations} rotations", kind.name());
                let stalled = Stalled::new(bench.way(CALLER), held);
                let now = bench.gate.with_world(|world| world.now()).into();
                let arguments = ["orphans", bench.secret(kind), "--json", "--delete"];
                let mut doctor = std::pin::pin!(bench.doctor_at(now, stalled.clone(), &arguments));
                tokio::select! {
                    _ = &mut doctor => break,
                    () = stalled.reached() => {}
                }
                for step in Step::ALL {
                    bench.deliver(kind, &job, step).await.unwrap();
                }
                bench.give_up(&job);
                for _ in 1..rotations {
                    bench.wait(16 * MINUTE).await;
                    bench.rotate(kind).await.unwrap();
                }
                stalled.go_on();
                let _told = doctor.await;
                deleted += deletions(&bench);
                assert_healthy(&bench, kind, &what).await;
                held += 1;
            }
            assert!(held >= 7, "only {held} calls");
            assert!(deleted > 0, "the doctor never came to delete anything");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rotation_that_stands_at_any_call_loses_nothing() {
    for (kind, scopes) in Kind::ALL
        .into_iter()
        .flat_map(|kind| [(kind, &ADMIN_SCOPES[..]), (kind, &DOCUMENTED_SCOPES)])
    {
        for (nth, step) in Step::ALL.into_iter().enumerate() {
            for held in 0.. {
                let (bench, job) = lost(kind, scopes).await;
                for earlier in &Step::ALL[..nth] {
                    bench.deliver(kind, &job, *earlier).await.unwrap();
                }
                let what = format!("{} {step} held at {held}", kind.name());
                let (mut made, reached) = (0, Arc::new(Notify::new()));
                let (bell, (pause, release)) = (Arc::clone(&reached), pause());
                let mut pause = Some(pause);
                bench.gate.follow(move |call: &Call| {
                    if call.caller.as_deref() != Some(caller(kind)) {
                        return Fate::Pass;
                    }
                    made += 1;
                    match pause.take_if(|_| made == held + 1) {
                        Some(pause) => {
                            bell.notify_one();
                            Fate::Pause(pause)
                        }
                        None => Fate::Pass,
                    }
                });
                let (function, event) = (bench.function(kind), event(&job, step));
                let mut delivery = std::pin::pin!(function.deliver(&event));
                let ended = tokio::select! {
                    ended = &mut delivery => Some(ended),
                    () = reached.notified() => None,
                };
                if ended.is_some() {
                    break;
                }
                let arguments = ["orphans", bench.secret(kind), "--json", "--delete"];
                bench.doctor(&arguments).await;
                release.pass();
                let delivered = delivery.await.unwrap();
                assert!(
                    delivered.is_ok(),
                    "{what}: {delivered:?}\n{}",
                    bench.story()
                );
                for later in &Step::ALL[nth + 1..] {
                    bench.deliver(kind, &job, *later).await.unwrap();
                }
                bench.give_up(&job);
                assert_eq!(bench.ledger.breaches(), [], "{what}");
                if scopes.len() > DOCUMENTED_SCOPES.len() {
                    assert_healthy(&bench, kind, &what).await;
                }
            }
        }
    }
}

/// Answers that do not tell the time.
#[derive(Debug)]
struct Undated(InProcess);

impl Transport for Undated {
    fn send(&self, request: http::Request<Bytes>, timeout: Duration) -> Sending<'_> {
        Box::pin(async move {
            let mut answer = self.0.send(request, timeout).await?;
            answer.headers_mut().remove("date");
            Ok(answer)
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_ahead_makes_no_key_old() {
    let bench = Bench::new(SceneOptions::default());
    let kind = Kind::ApplicationKey;
    let current = bench.named_by_rotation(kind, KeyClass::Application);
    let plant = |age| bench.plant(kind, KeyClass::Application, &current, age);
    let (young, old) = (plant(10 * MINUTE), plant(20 * MINUTE));
    let arguments = ["orphans", bench.secret(kind), "--json", "--delete"];
    let now: SystemTime = bench.gate.with_world(|world| world.now()).into();

    let told = bench
        .doctor_at(now + 30 * MINUTE, bench.way(CALLER), &arguments)
        .await;
    let states = states(&told);
    assert_eq!((&*states[&young], &*states[&old]), ("young", "deletable"));
    assert!(bench.is_live(&young) && !bench.is_live(&old));
    // A clock that is behind, and answers that do not tell, change nothing.
    let behind = now - 30 * MINUTE;
    bench.doctor_at(behind, bench.way(CALLER), &arguments).await;
    assert!(bench.is_live(&young));
    bench
        .doctor_at(now + 30 * MINUTE, Undated(bench.way(CALLER)), &arguments)
        .await;
    let live: BTreeSet<_> = bench.live();
    assert!(
        !live.contains(&young),
        "the answers' dates were what spared it"
    );
}
