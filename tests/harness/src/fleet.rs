//! Many secrets of one organisation: what limits on calls and invocations do to their rotations.
//!
//! The real functions, all in one thread and in virtual time: the same fleet comes to the same
//! figures.

mod lambda;
mod limits;
mod members;
mod price;

use std::sync::Arc;
use std::time::Duration;

use datadog_rotation::Kind;
use sandbox::datadog::Key;
use sandbox::gate::{CallRecord, Gate, Service};
use sandbox::rotation::{Attempts, drive};
use sandbox::scene::token;
use sandbox::secrets_manager::RotationJob;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::by_hand::ids;
use crate::sweep::in_virtual_time;
use lambda::{Deployed, Lambda};
use members::Member;

pub use lambda::Invocations;
pub use limits::Limits;
pub use price::Price;

/// How often Secrets Manager tries a rotation, and how far apart: not published.
const ATTEMPTS: Attempts = Attempts {
    count: 5,
    apart: Duration::from_mins(5),
};

/// From the end of one rotation of all to the next. It begins at another second of the minute each
/// time, as the windows of rate limits see it.
const BETWEEN: Duration = Duration::from_hours(30 * 24);

/// One rotation of all secrets.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    pub limits: Limits,
    /// The rotations begin evenly over so long.
    pub window: Duration,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub rotated: usize,
    /// That Secrets Manager gave up.
    pub lost: usize,
    /// Until the last rotation ended.
    pub took: Duration,
    pub calls: usize,
    /// Those among them that were Secrets Manager's.
    pub managed: usize,
    /// Those that were refused because there were too many.
    pub refused: usize,
    pub invocations: Invocations,
}

/// Rotates so many secrets by one schedule after the other, each with its keys made by the rotation
/// before.
///
/// # Panics
/// If a secret's key does not work at the end of one, or a key is left that it should not hold.
#[must_use]
pub fn rotate(secrets: usize, schedules: &[Schedule]) -> Vec<Outcome> {
    // The SDK draws its pauses.
    fastrand::seed(0);
    in_virtual_time(async {
        let fleet = Fleet::new(secrets);
        let first = Schedule {
            limits: Limits::DOCUMENTED,
            window: Duration::from_hours(24),
        };
        let mut outcomes = Vec::new();
        for (n, schedule) in [first].iter().chain(schedules).enumerate() {
            tokio::time::sleep(BETWEEN).await;
            outcomes.push(fleet.rotate(n, *schedule).await);
        }
        outcomes.split_off(1)
    })
}

/// The calls that the rotations of so many secrets need.
#[must_use]
pub fn needed(secrets: usize) -> usize {
    let undisturbed = Schedule {
        limits: Limits::DOCUMENTED,
        window: Duration::from_hours(1),
    };
    let calls = |secrets| rotate(secrets, &[undisturbed])[0].calls;
    let (api_key, both) = (calls(1), calls(2));
    secrets.div_ceil(2) * api_key + secrets / 2 * (both - api_key)
}

struct Fleet {
    gate: Gate,
    members: Arc<Vec<Member>>,
}

impl Fleet {
    fn new(secrets: usize) -> Self {
        let (gate, members) = members::enlist(secrets);
        gate.follow(limits::pace());
        let members = Arc::new(members);
        Self { gate, members }
    }

    /// `n`: how many rotations have been before.
    async fn rotate(&self, n: usize, schedule: Schedule) -> Outcome {
        self.gate.forget_calls();
        self.gate
            .with_world(|it| it.datadog.settings.rate_limit = schedule.limits.datadog());
        let lambda = Arc::new(Lambda::new(schedule.limits.concurrency));
        let began = Instant::now();
        let mut rotations = JoinSet::new();
        let all = u32::try_from(self.members.len()).expect("a number of secrets");
        for (number, share) in (0..self.members.len()).zip(0..all) {
            let (gate, members) = (self.gate.clone(), Arc::clone(&self.members));
            let lambda = Arc::clone(&lambda);
            rotations.spawn(async move {
                tokio::time::sleep(schedule.window * share / all).await;
                let Member { secret, function } = &members[number];
                let function = Deployed {
                    lambda: &lambda,
                    function,
                };
                let job = begin(&gate, secret, n);
                drive(&gate, &job, ATTEMPTS, &function, &()).await.is_ok()
            });
        }
        let ended = rotations.join_all().await;
        let took = began.elapsed();
        let rotated = ended.iter().filter(|it| **it).count();
        let lost = ended.len() - rotated;
        self.assert_settled(n, lost);
        let calls = self.gate.calls();
        let count = |of: fn(&CallRecord) -> bool| calls.iter().filter(|it| of(it)).count();
        Outcome {
            rotated,
            lost,
            took,
            calls: calls.len(),
            managed: count(|it| it.call.service == Service::SecretsManager),
            refused: count(is_refused),
            invocations: lambda.invocations(),
        }
    }

    /// Every current key lives; of the keys that rotations minted just those live that should: of
    /// an API key also the one before.
    fn assert_settled(&self, n: usize, lost: usize) {
        let mut expected = 0;
        self.gate.with_world(|world| {
            for Member { secret, function } in &*self.members {
                let secret = world.secrets_manager.secret(secret).expect("the secret");
                let value = secret.labelled("AWSCURRENT").and_then(|it| it.value());
                let value: Value = serde_json::from_str(value.expect("a value")).expect("JSON");
                for id in ids(&value) {
                    let lives = world.datadog.key(&id).is_some_and(Key::is_live);
                    assert!(lives, "{} is dead", secret.name());
                }
                expected += if function.kind == Kind::ApiKey {
                    2.min(n + 1)
                } else {
                    1
                };
            }
            let keys = world.datadog.keys().iter();
            let minted = keys.filter(|it| it.is_live() && it.name.starts_with("aws-sm-"));
            let minted = minted.count();
            assert!(
                lost > 0 || minted == expected,
                "{minted} of {expected} keys"
            );
        });
    }
}

fn is_refused(record: &CallRecord) -> bool {
    record.fate == "throttle" || record.status.is_some_and(|it| it.as_u16() == 429)
}

fn begin(gate: &Gate, secret: &str, n: usize) -> RotationJob {
    gate.with_world(|world| {
        let token = token(&format!("{secret} {n}"));
        let body = json!({ "SecretId": secret, "ClientRequestToken": token });
        members::manage(world, "RotateSecret", &body);
        let mut jobs = world.secrets_manager.take_rotations();
        assert_eq!(jobs.len(), 1, "rotations of {secret}");
        jobs.remove(0)
    })
}
