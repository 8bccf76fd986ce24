//! Deliveries at once, one of which may die, and deliveries long after their time.
//!
//! The figures of `docs/figures/overlap.md` are the figures of these tests.

use datadog_rotation::Kind;
use harness::bench::Bench;
use harness::case::{Case, Setting, Subject, is_wanted};
use harness::figures;
use harness::overlap::{Meanwhile, Schedule, Then, run};
use sandbox::rotation::Step;
use sandbox::scene::SceneOptions;

/// Each call of a rotation is held, whatever happens meanwhile, whatever becomes of it.
fn overlaps(subject: Subject) {
    let mut rows = Vec::new();
    for meanwhile in Meanwhile::ALL.into_iter().filter(is_wanted) {
        let mut schedules = 0;
        let mut hold = |reads, held, then| {
            let case = Case {
                subject,
                setting: Setting::Later,
                reads,
                redelivered: false,
            };
            let result = run(Schedule {
                case,
                held,
                meanwhile,
                then,
            });
            schedules += usize::from(result.is_some());
            if let Some(Err(broken)) = &result {
                panic!("{broken:?}");
            }
            result.is_some()
        };
        for then in Then::ALL {
            let mut calls = 0;
            while hold(true, calls, then) {
                calls += 1;
            }
            assert!(calls > 0, "no call was held");
        }
        // Without api_keys_read the calls differ little: each is held once.
        for (held, then) in (0..).zip(Then::ALL.into_iter().cycle()) {
            if !hold(false, held, then) {
                assert!(held > 0, "no call was held");
                break;
            }
        }
        rows.push(format!(
            "| {subject} | {meanwhile} | {schedules} | {schedules} |\n"
        ));
    }
    figures::compare_held(
        subject.page("figures/overlap"),
        &format!("held invocations, {subject}"),
        &figures::table(&["type", "meanwhile", "schedules", "held"], &rows.concat()),
    );
}

#[test]
fn api_key() {
    overlaps(Subject::ApiKey);
}

#[test]
fn application_key() {
    overlaps(Subject::ApplicationKey);
}

#[test]
fn admin_key() {
    overlaps(Subject::AdminKey);
}

#[test]
fn service_access_token() {
    overlaps(Subject::ServiceAccessToken);
}

#[test]
fn assisted_admin_key() {
    overlaps(Subject::AssistedAdminKey);
}

#[test]
fn grace_on_demand() {
    for subject in Subject::ON_DEMAND {
        overlaps(subject);
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_long_after_its_time_changes_nothing() {
    for kind in Kind::ALL {
        for newer in 1..=2 {
            let bench = Bench::new(SceneOptions::default());
            let job = bench.begin(kind);
            for step in Step::ALL {
                bench.deliver(kind, &job, step).await.unwrap();
            }
            bench.gate.with_world(|world| {
                let now = world.now();
                world.secrets_manager.rotation_ended(now, &job, true);
            });
            for _ in 0..newer {
                bench.rotate(kind).await.unwrap();
            }
            bench.gate.forget_calls();
            for step in Step::ALL {
                let _either_way = bench.deliver(kind, &job, step).await;
            }
            assert!(bench.changes().is_empty(), "{}", bench.story());
            bench.assert_settled();
        }
    }
}
