//! Wrong answers of a right shape, and worlds in which a service answers otherwise.

use harness::case::{Case, Fault, Faults, Setting, Subject, is_wanted};
use harness::sweep::run;
use harness::verdict::Broken;

use super::FEW;

/// What one fault, or one world, has come to.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) runs: usize,
    pub(super) broken: Vec<Broken>,
}

impl Outcome {
    pub(super) fn count(&mut self, case: Case, faults: &Faults) {
        self.runs += 1;
        self.broken.extend(run(case, faults).err().map(|it| *it));
    }

    /// Fails unless every run has held.
    pub(super) fn judge(&self, subject: Subject, by: &str) {
        if let Some(broken) = self.broken.iter().min_by_key(|it| it.story.len()) {
            let (count, runs) = (self.broken.len(), self.runs);
            panic!("{subject}, {by}: {count} of {runs} runs broke, for example:\n{broken:?}");
        }
    }
}

/// Each lie at each call that it can meet, in every one of so many situations.
pub(super) fn tell_lies(
    subject: Subject,
    lies: &[Fault],
    one_in: usize,
    judge: impl Fn(&Outcome, Subject, &str),
) {
    let cases: Vec<_> = Case::all(subject, &Setting::PLAIN)
        .into_iter()
        .map(|case| (case, run(case, &Faults::new()).expect("undisturbed")))
        .collect();
    for &fault in lies.iter().filter(|it| is_wanted(*it)) {
        let by = format!("{fault:?}");
        let mut outcome = Outcome::default();
        let meetings = cases.iter().flat_map(|(case, undisturbed)| {
            let operations = (0..).zip(&undisturbed.operations);
            let meetings = operations.filter(|(_, operation)| fault.can_meet(operation));
            meetings.map(|(number, operation)| (*case, number, operation))
        });
        let meetings: Vec<_> = meetings.collect();
        // What few calls can meet, they all meet.
        let one_in = if meetings.len() <= FEW { 1 } else { one_in };
        for (index, (case, number, operation)) in meetings.into_iter().enumerate() {
            // A sample changes with every call that a rotation gains, and these say which keys are to live.
            let is_always_met = one_in < FEW && tells_of_keys(operation);
            if is_always_met || index % one_in == 0 {
                outcome.count(case, &Faults::from([(number, fault)]));
            }
        }
        judge(&outcome, subject, &by);
    }
}

/// Each world undisturbed, and a sample of the single faults in it.
pub(super) fn visit_worlds(
    subject: Subject,
    one_in: usize,
    judge: impl Fn(&Outcome, Subject, &str),
) {
    for setting in Setting::worlds(subject).into_iter().filter(is_wanted) {
        let by = format!("{setting:?}");
        let mut outcome = Outcome::default();
        let mut met = 0;
        for case in Case::all(subject, &[setting]) {
            let (calls, operations) = match run(case, &Faults::new()) {
                Ok(run) => (run.calls, run.operations),
                Err(broken) => {
                    outcome.broken.push(*broken);
                    (0, Vec::new())
                }
            };
            outcome.runs += 1;
            // What was created can't be stored: it is undone in this world too.
            for number in (0..)
                .zip(&operations)
                .filter(|(_, it)| *it == "PutSecretValue")
                .map(|it| it.0)
            {
                outcome.count(case, &Faults::from([(number, Fault::Refused(404))]));
            }
            // What was created and is known to nobody is found again in this world too.
            for number in (0..)
                .zip(&operations)
                .filter(|(_, it)| creates_key(it))
                .map(|it| it.0)
            {
                outcome.count(case, &Faults::from([(number, Fault::CutAfter)]));
                outcome.count(case, &Faults::from([(number, Fault::KillAfter)]));
            }
            for number in 0..calls {
                // A message may be lost at no other call than its own.
                let is_message = usize::try_from(number)
                    .is_ok_and(|it| operations.get(it).is_some_and(|it| it == "Publish"));
                for fault in Fault::ALL {
                    met += 1;
                    if is_message || met % one_in == 0 {
                        outcome.count(case, &Faults::from([(number, fault)]));
                    }
                }
            }
        }
        judge(&outcome, subject, &by);
    }
}

fn tells_of_keys(operation: &str) -> bool {
    operation == "GetSecretValue" || creates_key(operation)
}

fn creates_key(operation: &str) -> bool {
    let is_of_keys = operation.ends_with("_keys") || operation.ends_with("/access_tokens");
    operation.starts_with("POST ") && is_of_keys
}
