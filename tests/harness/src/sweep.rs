//! The crash sweep: one rotation, with faults at chosen calls, and the next one undisturbed.
//!
//! Deterministic: the same case and faults tell the same story, to the call.

use std::time::Duration;

use sandbox::gate::{Call, CallRecord, Fate};
use sandbox::rotation::{Attempts, drive};

use crate::bench::Bench;
use crate::case::{Case, Faults, Setting, Subject};
use crate::listen::Listening;
use crate::stage;
use crate::verdict::{Broken, Verdict, rights};

/// How a run ended that kept every promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Healing {
    /// The disturbed rotation succeeded in the end.
    Same,
    /// It failed, and the next one put everything right.
    Next,
}

/// A run that kept its promises.
#[derive(Clone, Debug)]
pub struct Run {
    pub healing: Healing,
    /// The calls of the disturbed rotation, and of its repair if a fault was left for that.
    pub calls: u64,
    /// Their operations, in the order of arrival.
    pub operations: Vec<String>,
    /// The calls of the rotation that came next.
    pub repair: u64,
    /// How many of the faults met a call.
    pub met: usize,
    /// API keys that are left alive and can't be found without `api_keys_read`.
    pub leaks: usize,
}

/// Runs one case in a runtime of its own, with virtual time.
pub fn run(case: Case, faults: &Faults) -> Result<Run, Box<Broken>> {
    in_virtual_time(disturb(case, faults))
}

pub fn in_virtual_time<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(future)
}

async fn disturb(case: Case, faults: &Faults) -> Result<Run, Box<Broken>> {
    let listening = Listening::begin();
    let (bench, begun) = stage::set(case).await;
    let kind = case.subject.kind();
    let rights = [rights(&bench, kind)];
    bench.gate.forget_calls();
    let script = faults.clone();
    let mut number = 0;
    bench.gate.follow(move |_: &Call| {
        number += 1;
        script
            .get(&(number - 1))
            .map_or(Fate::Pass, |fault| fault.fate())
    });
    let attempts = Attempts {
        count: if case.redelivered { 3 } else { 1 },
        ..bench.attempts
    };
    let job = begun.unwrap_or_else(|| bench.begin(kind));
    let disturbed = drive(&bench.gate, &job, attempts, &bench.function(kind), &()).await;
    let is_disturbed = disturbed.is_err() && !job.test_only;
    if is_disturbed && faults.keys().any(|it| *it >= arrived(&bench)) {
        // The repair is disturbed too. Whether it succeeds is for the next one to mend.
        bench.wait(Duration::from_mins(16)).await;
        let _either_way = bench.rotate(kind).await;
    }
    let calls = bench.gate.calls();
    let broken = |what: String| {
        Box::new(Broken {
            run: format!("{case:?} with {faults:?}"),
            what,
            story: bench.story(),
        })
    };
    if job.test_only && calls.iter().any(|it| it.changed_something) {
        return Err(broken(
            "a check of the configuration changed something".to_owned(),
        ));
    }
    if disturbed.is_ok() && !job.test_only && !has_told(&bench, case) {
        return Err(broken(
            "the rotation ended well, and its message did not come, or one came for no keys"
                .to_owned(),
        ));
    }
    let first = calls.first().map_or(0, |it| it.call.number);
    let number = arrived(&bench);
    let mut operations: Vec<_> = calls
        .iter()
        .map(|it| (it.call.number, it.call.operation.clone()))
        .collect();
    operations.sort();

    let verdict = Verdict {
        bench: &bench,
        kinds: &[kind],
        rights: &rights,
        lossy: if case.reads {
            0
        } else {
            losable(&calls, first, faults)
        },
        is_dead: case.setting.is_dead(),
    };
    let leaks = verdict.pass(&listening).await.map_err(broken)?;
    if !has_told(&bench, case) {
        return Err(broken("the next rotation sent no message".to_owned()));
    }
    Ok(Run {
        healing: if disturbed.is_ok() {
            Healing::Same
        } else {
            Healing::Next
        },
        calls: number,
        operations: operations.into_iter().map(|(_, it)| it).collect(),
        repair: arrived(&bench) - number,
        met: faults.keys().filter(|it| **it < number).count(),
        leaks,
    })
}

/// Whether the topic, where there is one, has got a message of the version in AWSCURRENT; and none of a
/// secret without keys, of which nothing is replaced.
fn has_told(bench: &Bench, case: Case) -> bool {
    if case.setting != Setting::Topic {
        return true;
    }
    let kind = case.subject.kind();
    let (told, current) = (bench.told(kind), bench.labelled(kind, "AWSCURRENT"));
    let mut of_current = told
        .iter()
        .filter(|it| it["versionId"].as_str() == current.as_deref());
    match case.subject {
        Subject::KeylessAdmin => told.is_empty(),
        _ => of_current.next().is_some(),
    }
}

/// How many calls have arrived since the record was emptied.
fn arrived(bench: &Bench) -> u64 {
    let calls = bench.gate.calls();
    let numbers = || calls.iter().map(|it| it.call.number);
    let (first, last) = (numbers().min(), numbers().max());
    last.zip(first).map_or(0, |(last, first)| last - first + 1)
}

/// How many of the faults met a call from a mint's effect to the store: there each may cost an API
/// key that can't be listed, as the documentation says.
fn losable(calls: &[CallRecord], first: u64, faults: &Faults) -> usize {
    let met = faults
        .iter()
        .filter(|(_, fault)| fault.loses_keys())
        .filter_map(|(number, _)| calls.iter().find(|it| it.call.number == first + number));
    met.filter(|record| {
        let operation = record.call.operation.as_str();
        ["POST /api/v2/api_keys", "DescribeSecret", "PutSecretValue"].contains(&operation)
    })
    .count()
}
