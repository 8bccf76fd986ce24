//! Which actions the functions and the doctor use at Secrets Manager and Lambda. That the functions use no
//! others on other secrets is checked at every call of every test, by the ledger.
//!
//! `docs/figures/permissions.md` is what the template's policies are compared with.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test says that something is wrong"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use datadog_rotation::Kind;
use harness::bench::{Bench, caller};
use harness::case::{Case, Setting, Subject};
use harness::doctor::CALLER;
use harness::{figures, stage};
use sandbox::gate::Service;
use sandbox::permissions::{ADMIN_SECRET, ROTATED_SECRET};
use sandbox::scene::SceneOptions;

type Used = BTreeMap<(&'static str, &'static str), BTreeSet<String>>;

/// The secret that a function rotates, or that the doctor is given.
const ROTATED: &str = "rotated secret";
const GIVEN: &str = "given secret";

/// What a secret is attached to.
const FUNCTION: &str = "rotation function";

/// What the doctor may do to a secret that it is given.
const READING: [&str; 3] = ["DescribeSecret", "GetSecretValue", "ListSecretVersionIds"];

/// What the doctor may ask of a function.
const LOOKING: [&str; 2] = ["GetFunctionConfiguration", "GetPolicy"];

/// Books the calls that `caller`, shown as `function`, has made about the secret of this type, which
/// is its `own`, and about others.
fn book(
    bench: &Bench,
    kind: Kind,
    (caller, function): (&str, &'static str),
    own: &'static str,
    used: &mut Used,
) {
    for record in bench.gate.calls() {
        let call = record.call;
        if call.service == Service::SecretsManager && call.caller.as_deref() == Some(caller) {
            let is_own = call.subject.as_deref() == Some(bench.secret(kind));
            let on = if is_own { own } else { "admin secret" };
            let operations = used.entry((function, on)).or_default();
            operations.insert(call.operation);
        }
    }
}

/// Books the doctor's calls about the functions that rotate.
fn book_functions(bench: &Bench, used: &mut Used) {
    for record in bench.gate.calls() {
        if record.call.service == Service::Lambda {
            assert_eq!(record.call.caller.as_deref(), Some(CALLER));
            let operations = used.entry((CALLER, FUNCTION)).or_default();
            operations.insert(record.call.operation);
        }
    }
}

/// The doctor, asked for all that it can do.
async fn ask_doctor(used: &mut Used) {
    for kind in Kind::ALL {
        let bench = Bench::new(SceneOptions::default());
        bench.rotate(kind).await.unwrap();
        let secret = bench.secret(kind);
        bench.doctor(&["check", secret]).await;
        bench.doctor(&["orphans", secret, "--delete"]).await;
        book(&bench, kind, (CALLER, CALLER), GIVEN, used);
        book_functions(&bench, used);
    }
}

/// Rotations that have something to sweep: only these ask for all versions.
async fn sweep_orphans(used: &mut Used) {
    for kind in Kind::ALL {
        let bench = Bench::new(SceneOptions::default());
        bench.rotate(kind).await.unwrap();
        let current = bench.labelled(kind, "AWSCURRENT").unwrap();
        let class = kind.classes()[0];
        let orphan = bench.plant(kind, class, &current, Duration::from_mins(20));
        bench.rotate(kind).await.unwrap();
        assert!(!bench.is_live(&orphan));
        book(&bench, kind, (caller(kind), kind.name()), ROTATED, used);
    }
}

#[tokio::test(start_paused = true)]
async fn every_allowed_action_is_used() {
    let mut used = Used::new();
    for subject in Subject::ALL {
        let settings = [&Setting::PLAIN, Setting::troubled(subject)].concat();
        for case in Case::all(subject, &settings) {
            let (bench, begun) = stage::set(case).await;
            let _either_way = match begun {
                Some(job) => bench.carry_on(case.subject.kind(), &job).await,
                None => bench.rotate(case.subject.kind()).await,
            };
            let kind = subject.kind();
            book(
                &bench,
                kind,
                (caller(kind), kind.name()),
                ROTATED,
                &mut used,
            );
            assert_eq!(bench.ledger.breaches(), []);
        }
    }
    sweep_orphans(&mut used).await;
    ask_doctor(&mut used).await;
    let rows = used.iter().map(|((function, on), operations)| {
        let allowed = match *on {
            ROTATED => &ROTATED_SECRET[..],
            GIVEN => &READING,
            FUNCTION => &LOOKING,
            _ => &ADMIN_SECRET,
        };
        let allowed: BTreeSet<_> = allowed.iter().map(ToString::to_string).collect();
        assert_eq!(*operations, allowed, "{function}, {on}");
        let operations: Vec<_> = operations.iter().map(String::as_str).collect();
        format!("| {function} | {on} | {} |\n", operations.join(", "))
    });
    figures::compare(
        "figures/permissions",
        "actions",
        &figures::table(&["function", "on", "uses"], &rows.collect::<String>()),
    );
}
