//! The calls of an undisturbed rotation, and how many of them wait for one another.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test says that something is wrong"
)]

use std::fmt::Write;
use std::time::Duration;

use datadog_rotation::Kind;
use harness::case::{Case, Setting, Subject};
use harness::figures;
use harness::stage;
use sandbox::gate::{Call, Fate};
use sandbox::rotation::Step;
use tokio::time::Instant;

/// How long a call takes, so that the time of a step tells how many of its calls waited for others.
const CALL: Duration = Duration::from_secs(1);

/// The calls of each step and the longest chain of them, of a later rotation.
async fn steps(subject: Subject, reads: bool) -> Vec<(Step, Vec<String>, u64)> {
    let case = Case {
        subject,
        setting: Setting::Later,
        reads,
        redelivered: false,
    };
    let (mut bench, _) = stage::set(case).await;
    // As the template sets it.
    bench.settings.admin_secret_arn = Some(bench.secret(Kind::AdminKey).to_owned());
    let kind = subject.kind();
    bench.gate.follow(|_: &Call| Fate::Slow(CALL));
    let job = bench.begin(kind);
    let mut steps = Vec::new();
    for step in Step::ALL {
        bench.gate.forget_calls();
        let begun = Instant::now();
        bench.deliver(kind, &job, step).await.unwrap();
        let chain = begun.elapsed().as_secs();
        let calls = bench.gate.calls().into_iter();
        let calls = calls.map(|it| it.call.operation).collect();
        steps.push((step, calls, chain));
    }
    bench.assert_settled();
    steps
}

#[tokio::test(start_paused = true)]
async fn of_a_rotation() {
    let (mut counts, mut lists) = (String::new(), String::new());
    for subject in Subject::ALL {
        for reads in [true, false] {
            let steps = steps(subject, reads).await;
            let calls: usize = steps.iter().map(|(_, calls, _)| calls.len()).sum();
            let chain: u64 = steps.iter().map(|(_, _, chain)| chain).sum();
            let each: Vec<_> = steps
                .iter()
                .map(|(_, calls, _)| calls.len().to_string())
                .collect();
            let with = if reads { "yes" } else { "no" };
            let each = each.join(" | ");
            writeln!(
                counts,
                "| {subject} | {with} | {each} | {calls} | {chain} |"
            )
            .unwrap();
            if reads {
                for (step, calls, _) in &steps {
                    let step = step.name();
                    let calls = calls.join(", ");
                    writeln!(lists, "| {subject} | {step} | {calls} |").unwrap();
                }
            }
        }
    }
    let columns = [
        "type",
        "`api_keys_read`",
        "createSecret",
        "setSecret",
        "testSecret",
        "finishSecret",
        "calls",
        "longest chain",
    ];
    figures::compare(
        "figures/calls",
        "counts",
        &figures::table(&columns, &counts),
    );
    figures::compare(
        "figures/calls",
        "lists",
        &figures::table(
            &[
                "type",
                "step",
                "calls, in the order in which they reach the services",
            ],
            &lists,
        ),
    );
}
