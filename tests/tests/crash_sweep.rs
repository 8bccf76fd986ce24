//! Nothing is lost and nothing leaks, whatever dies whenever: every call of a rotation meets every
//! fault, and the next rotation finds everything in order.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a panic is how a test says that something is wrong; the figures go with the run"
)]

use tests::sweep::{Broken, Case, Fault, Faults, Healing, Subject, run};

fn cases(subject: Subject) -> impl Iterator<Item = Case> {
    [true, false].into_iter().flat_map(move |reads| {
        [0, 2].into_iter().flat_map(move |later| {
            [true, false].map(|redelivered| Case {
                subject,
                reads,
                later,
                redelivered,
            })
        })
    })
}

/// What a sweep has counted.
#[derive(Default)]
struct Tally {
    runs: usize,
    same: usize,
    leaks: usize,
    broken: Vec<Broken>,
}

impl Tally {
    fn count(&mut self, case: Case, faults: &Faults) {
        self.runs += 1;
        match run(case, faults) {
            Ok(run) => {
                self.same += usize::from(run.healing == Healing::Same);
                self.leaks += run.leaks;
            }
            Err(broken) => self.broken.push(*broken),
        }
    }

    /// `leaks` are API keys that can't be listed without `api_keys_read`, as documented.
    fn conclude(&self, subject: Subject, faults: &str) {
        let Self {
            runs,
            same,
            leaks,
            broken,
        } = self;
        println!(
            "{subject:?}: {runs} {faults}, {} held, {same} healed within the rotation, {} at the \
             next; {leaks} API keys left where they can't be listed",
            runs - broken.len(),
            runs - broken.len() - same,
        );
        if let Some(first) = broken.iter().min_by_key(|it| it.story.len()) {
            panic!(
                "{} of {runs} broke a promise, the shortest:\n{first:?}",
                broken.len()
            );
        }
    }
}

/// So many pairs of faults, drawn by a fixed seed.
fn sweep_double(subject: Subject, pairs: usize) {
    let (mut tally, mut random) = (Tally::default(), fastrand::Rng::with_seed(1));
    let cases: Vec<_> = cases(subject)
        .map(|case| (case, run(case, &Faults::new()).expect("undisturbed").calls))
        .collect();
    for n in 0..pairs {
        let (case, calls) = cases[n % cases.len()];
        let first = random.u64(0..calls);
        let second = first + random.u64(1..=calls);
        let mut fault = || Fault::ALL[random.usize(0..Fault::ALL.len())];
        tally.count(case, &Faults::from([(first, fault()), (second, fault())]));
    }
    tally.conclude(subject, "double faults");
}

fn sweep_single(subject: Subject) {
    let mut tally = Tally::default();
    for case in cases(subject) {
        let calls = run(case, &Faults::new()).expect("undisturbed").calls;
        for (number, fault) in (0..calls).flat_map(|n| Fault::ALL.map(|fault| (n, fault))) {
            tally.count(case, &Faults::from([(number, fault)]));
        }
    }
    tally.conclude(subject, "single faults");
}

#[test]
fn api_key() {
    sweep_single(Subject::ApiKey);
}

#[test]
fn application_key() {
    sweep_single(Subject::ApplicationKey);
}

#[test]
fn admin_key() {
    sweep_single(Subject::AdminKey);
}

#[test]
fn assisted_admin_key() {
    sweep_single(Subject::AssistedAdminKey);
}

#[test]
fn a_sample_of_double_faults() {
    for subject in Subject::ALL {
        sweep_double(subject, 400);
    }
}

#[test]
#[ignore = "80,000 runs, of which 1,600 take half a minute on two cores"]
fn double_faults() {
    std::thread::scope(|scope| {
        for subject in Subject::ALL {
            scope.spawn(move || sweep_double(subject, 20_000));
        }
    });
}
