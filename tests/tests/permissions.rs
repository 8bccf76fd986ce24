//! Which actions the functions use at Secrets Manager. That they use no others on other secrets is
//! checked at every call of every test, by the ledger.
//!
//! `docs/figures/permissions.md` is what the template's policies are compared with.

use std::collections::{BTreeMap, BTreeSet};

use sandbox::gate::Service;
use sandbox::permissions::{ADMIN_SECRET, ROTATED_SECRET};
use tests::bench::{Bench, caller};
use tests::case::{Case, Setting, Subject};
use tests::{figures, stage};

type Used = BTreeMap<(&'static str, &'static str), BTreeSet<String>>;

fn book(bench: &Bench, subject: Subject, used: &mut Used) {
    let kind = subject.kind();
    for record in bench.gate.calls() {
        let call = record.call;
        if call.service == Service::SecretsManager && call.caller.as_deref() == Some(caller(kind)) {
            let is_own = call.subject.as_deref() == Some(bench.secret(kind));
            let on = if is_own {
                "rotated secret"
            } else {
                "admin secret"
            };
            let operations = used.entry((kind.name(), on)).or_default();
            operations.insert(call.operation);
        }
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
            book(&bench, subject, &mut used);
            assert_eq!(bench.ledger.breaches(), []);
        }
    }
    let rows = used.iter().map(|((kind, on), operations)| {
        let allowed = if *on == "rotated secret" {
            &ROTATED_SECRET[..]
        } else {
            &ADMIN_SECRET
        };
        let allowed: BTreeSet<_> = allowed.iter().map(ToString::to_string).collect();
        assert_eq!(*operations, allowed, "{kind}, {on}");
        let operations: Vec<_> = operations.iter().map(String::as_str).collect();
        format!("| {kind} | {on} | {} |\n", operations.join(", "))
    });
    figures::compare(
        "figures/permissions",
        "actions",
        &figures::table(&["function", "on", "uses"], &rows.collect::<String>()),
    );
}
