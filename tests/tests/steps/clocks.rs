//! A function whose clock is wrong, or whose environment was frozen: nothing young is taken for old.

#![expect(
    clippy::expect_used,
    reason = "a panic is how a test says that something is wrong"
)]

use std::time::Duration;

use datadog_rotation::Kind;
use datadog_rotation::keys::KeyClass;
use harness::bench::{Bench, DOCUMENTED_SCOPES};
use harness::by_hand::ids;
use harness::function::{Function, Skew};
use sandbox::rotation::{Step, event};
use sandbox::scene::SceneOptions;
use sandbox::secrets_manager::RotationJob;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

const STEPS: [Step; 3] = [Step::CreateSecret, Step::TestSecret, Step::FinishSecret];

fn function(bench: &Bench, kind: Kind, clock: Skew) -> Function {
    let mut function = bench.function(kind);
    function.clock = clock;
    function
}

async fn rotate(bench: &Bench, function: &Function) {
    let job = bench.begin(function.kind);
    for step in STEPS {
        deliver(function, &job, step).await;
    }
    end(bench, &job);
}

async fn deliver(function: &Function, job: &RotationJob, step: Step) {
    let delivered = function.deliver(&event(job, step)).await;
    delivered.expect("nobody kills it").expect("undisturbed");
}

fn end(bench: &Bench, job: &RotationJob) {
    bench.gate.with_world(|world| {
        let now = world.now();
        world.secrets_manager.rotation_ended(now, job, true);
    });
}

#[tokio::test(start_paused = true)]
async fn no_clock_stops_a_rotation_or_loses_a_key() {
    for kind in Kind::ALL {
        for clock in [
            Skew::Ahead(3 * MINUTE),
            Skew::Ahead(30 * MINUTE),
            Skew::Ahead(DAY),
            Skew::Behind(3 * MINUTE),
            Skew::Behind(30 * MINUTE),
            Skew::Behind(DAY),
        ] {
            let bench = Bench::new(SceneOptions::default());
            let function = function(&bench, kind, clock);
            for _ in 0..3 {
                rotate(&bench, &function).await;
                bench.wait(20 * MINUTE).await;
            }
            bench.assert_settled();
        }
    }
}

/// Another invocation may be about to store it.
#[tokio::test(start_paused = true)]
async fn a_clock_that_is_ahead_makes_no_key_an_orphan() {
    for (kind, class) in [
        (Kind::ApiKey, KeyClass::Api),
        (Kind::ApplicationKey, KeyClass::Application),
        (Kind::AdminKey, KeyClass::Application),
    ] {
        for ahead in [2 * MINUTE, 10 * MINUTE, HOUR, DAY] {
            let bench = Bench::new(SceneOptions::default());
            // Twice: then the key that AWSPREVIOUS holds has the name of that version, too.
            bench.rotate(kind).await.expect("undisturbed");
            bench.rotate(kind).await.expect("undisturbed");
            let version = bench.labelled(kind, "AWSPREVIOUS").expect("a version");
            let young = bench.plant(kind, class, &version, 13 * MINUTE);
            let old = bench.plant(kind, class, &version, HOUR);
            let job = bench.begin(kind);
            let function = function(&bench, kind, Skew::Ahead(ahead));
            deliver(&function, &job, Step::CreateSecret).await;
            assert!(bench.is_live(&young), "{ahead:?}: {}", bench.story());
            assert!(!bench.is_live(&old), "{ahead:?}: {}", bench.story());
        }
    }
}

/// The orphaned key goes once the clock is right.
#[tokio::test(start_paused = true)]
async fn a_clock_that_is_behind_leaves_orphaned_keys_to_a_later_rotation() {
    let (kind, bench) = (Kind::ApiKey, Bench::new(SceneOptions::default()));
    bench.rotate(kind).await.expect("undisturbed");
    let version = bench.labelled(kind, "AWSPREVIOUS").expect("a version");
    let orphan = bench.plant(kind, KeyClass::Api, &version, HOUR);
    rotate(&bench, &function(&bench, kind, Skew::Behind(2 * HOUR))).await;
    assert!(bench.is_live(&orphan), "{}", bench.story());
    bench.rotate(kind).await.expect("undisturbed");
    assert!(!bench.is_live(&orphan), "{}", bench.story());
}

/// Without `api_keys_read` refusals show that a key is dead, if its version is old.
#[tokio::test(start_paused = true)]
async fn a_clock_that_is_ahead_makes_no_pending_key_dead() {
    let (kind, bench) = (
        Kind::ApiKey,
        Bench::new(SceneOptions {
            admin_scopes: &DOCUMENTED_SCOPES,
            ..SceneOptions::default()
        }),
    );
    let job = bench.begin(kind);
    let function = function(&bench, kind, Skew::Ahead(HOUR));
    bench
        .gate
        .with_world(|world| world.datadog.settings.fresh_key_unusable_for = 5 * MINUTE);
    deliver(&function, &job, Step::CreateSecret).await;
    let tested = function.deliver(&event(&job, Step::TestSecret)).await;
    let error = tested.expect("nobody kills it").unwrap_err();
    assert_eq!(error.error_type(), "NewKeyUnusable", "{error}");
    assert_eq!(
        bench.labelled(kind, "AWSPENDING"),
        Some(job.token.clone()),
        "{}",
        bench.story()
    );
    bench.wait(5 * MINUTE).await;
    for step in [Step::TestSecret, Step::FinishSecret] {
        deliver(&function, &job, step).await;
    }
    bench.assert_kept();
}

/// So a clock that is ahead by more than the timeout makes it seem.
#[tokio::test(start_paused = true)]
async fn a_deadline_that_has_passed_changes_nothing() {
    for kind in Kind::ALL {
        let bench = Bench::new(SceneOptions::default());
        let job = bench.begin(kind);
        let mut function = bench.function(kind);
        function.timeout = Duration::ZERO;
        let created = function.deliver(&event(&job, Step::CreateSecret)).await;
        let error = created.expect("nobody kills it").unwrap_err();
        assert_eq!(error.error_type(), "NotEnoughTime", "{error}");
        for step in &STEPS[1..] {
            function.deliver(&event(&job, *step)).await;
        }
        assert!(bench.changes().is_empty(), "{}", bench.story());
    }
}

/// Lambda freezes an environment between two invocations: the time of day jumps, and the clock that
/// counts pauses stands still.
#[tokio::test(start_paused = true)]
async fn an_environment_that_was_frozen_goes_on() {
    for kind in Kind::ALL {
        for frozen in [20 * MINUTE, 40 * DAY] {
            let bench = Bench::new(SceneOptions::default());
            let function = bench.function(kind);
            for _ in 0..3 {
                let job = bench.begin(kind);
                for step in STEPS {
                    bench.gate.with_world(|world| world.clock.skip(frozen));
                    deliver(&function, &job, step).await;
                }
                end(&bench, &job);
            }
            assert_eq!(ids(&bench.current(kind)).len(), kind.classes().len());
            bench.assert_settled();
        }
    }
}
