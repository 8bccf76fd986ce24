//! Many secrets of one organisation: what limits on calls and invocations do to their rotations.
//!
//! Everything in one process and in virtual time; the same fleet comes to the same figures.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use datadog_rotation::Kind;
use datadog_rotation::settings::Settings;
use sandbox::datadog::{Datadog, RateLimit};
use sandbox::gate::{Call, Fate, Gate, Service};
use sandbox::lambda::FunctionError;
use sandbox::rotation::{Attempts, Invoke, drive};
use sandbox::scene::{ADMIN_SCOPES, request, token};
use sandbox::secrets_manager::{RotationJob, SecretsManager};
use sandbox::stack::{ACCOUNT, REGION};
use sandbox::world::{Clock, World};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::bench::caller;
use crate::function::Function;
use crate::sweep::in_virtual_time;

/// How long a call takes, there and back: between services of one region, and to Datadog.
const SECRETS_MANAGER: Duration = Duration::from_millis(15);
const DATADOG: Duration = Duration::from_millis(120);

/// How often the service tries a rotation, and how far apart: not published.
const ATTEMPTS: Attempts = Attempts {
    count: 5,
    apart: Duration::from_mins(5),
};

/// Calls a second that write labels or values; `PutSecretValue` and `UpdateSecretVersionStage`
/// share it.
const WRITES: u32 = 50;

#[derive(Clone, Copy, Debug)]
pub struct Fleet {
    /// API keys and application keys in turn, all of one admin pair.
    pub secrets: usize,
    /// The rotations begin evenly over so long.
    pub window: Duration,
    /// Datadog's, for each family of its end points.
    pub limit: Option<RateLimit>,
    /// Invocations that may run at once, of both functions together.
    pub concurrency: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub rotated: usize,
    /// Until the last rotation ended.
    pub took: Duration,
    pub calls: usize,
    /// Calls that a service refused because there were too many.
    pub refused: usize,
    /// Invocations that Lambda refused because there were too many.
    pub turned_away: usize,
    /// Invocations that ended with an error of the function.
    pub failed: usize,
}

impl Fleet {
    /// Rotates every secret once.
    ///
    /// # Panics
    /// If a secret's key does not work at the end, or a key is left that it should not hold.
    #[must_use]
    pub fn rotate(self) -> Outcome {
        in_virtual_time(self.run())
    }

    async fn run(self) -> Outcome {
        let (gate, secrets) = self.scene();
        gate.follow(pace());
        let slots = Arc::new(Semaphore::new(self.concurrency));
        let (turned_away, failed) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let began = Instant::now();
        let mut rotations = JoinSet::new();
        for (n, (kind, secret)) in secrets.iter().cloned().enumerate() {
            let gate = gate.clone();
            let function = Reserved {
                function: Function::new(kind, caller(kind), &gate, Settings::default()),
                slots: Arc::clone(&slots),
                turned_away: Arc::clone(&turned_away),
                failed: Arc::clone(&failed),
            };
            let share = u32::try_from(n).expect("a number of secrets");
            let all = u32::try_from(self.secrets).expect("a number of secrets");
            let start = self.window * share / all;
            rotations.spawn(async move {
                tokio::time::sleep(start).await;
                let job = begin(&gate, &secret);
                drive(&gate, &job, ATTEMPTS, &function, &()).await.is_ok()
            });
        }
        let ended = rotations.join_all().await;
        let took = began.elapsed();
        assert_settled(&gate, &secrets, &ended);
        let calls = gate.calls();
        let too_many = |status: u16| status == 429;
        Outcome {
            rotated: ended.into_iter().filter(|it| *it).count(),
            took,
            refused: calls
                .iter()
                .filter(|it| {
                    it.fate == "throttle" || it.status.is_some_and(|it| too_many(it.as_u16()))
                })
                .count(),
            calls: calls.len(),
            turned_away: turned_away.load(Ordering::Relaxed),
            failed: failed.load(Ordering::Relaxed),
        }
    }

    /// The world, and the secrets' types and ARNs.
    fn scene(self) -> (Gate, Vec<(Kind, String)>) {
        let start = OffsetDateTime::from_unix_timestamp(1_767_225_600).expect("a date");
        let mut world = World::new(
            Clock::starting_at(start),
            SecretsManager::new(REGION, ACCOUNT),
            Datadog::new(),
        );
        let now = world.now();
        let datadog = &mut world.datadog;
        datadog.settings.rate_limit = self.limit;
        // Datadog's support raises them: 50 API keys are less than a fleet.
        datadog.settings.api_key_quota = usize::MAX;
        datadog.settings.application_key_quota = usize::MAX;
        let account = datadog.create_service_account(now, "key-rotation", &ADMIN_SCOPES);
        let api = datadog.create_api_key(now, "key-rotation");
        let application =
            datadog.create_application_key(now, &account, "key-rotation", Some(&ADMIN_SCOPES));
        let admin = json!({
            "adminApiKey": api.value, "adminApiKeyId": api.id, "adminAppKey": application.value,
            "adminAppKeyId": application.id, "serviceAccountId": account, "site": "datadoghq.com",
        });
        let admin = create(&mut world, "datadog/admin", &admin, None);
        let secrets = (0..self.secrets).map(|n| {
            let datadog = &mut world.datadog;
            let (kind, value) = if n % 2 == 0 {
                let key = datadog.create_api_key(now, &format!("agents {n}"));
                let value = json!({ "apiKey": key.value, "apiKeyId": key.id });
                (Kind::ApiKey, value)
            } else {
                let name = format!("dashboards {n}");
                let key = datadog.create_application_key(now, &account, &name, None);
                let value = json!({
                    "appKey": key.value, "appKeyId": key.id, "serviceAccountId": account,
                });
                (Kind::ApplicationKey, value)
            };
            let secret = create(
                &mut world,
                &format!("team-{n:05}/datadog"),
                &value,
                Some(&admin),
            );
            turn_rotation_on(&mut world, kind, &secret);
            (kind, secret)
        });
        let secrets = secrets.collect();
        world.clock.skip(Duration::from_hours(90 * 24));
        (Gate::new(world), secrets)
    }
}

/// A function of which only so many run at once.
struct Reserved {
    function: Function,
    slots: Arc<Semaphore>,
    turned_away: Arc<AtomicUsize>,
    failed: Arc<AtomicUsize>,
}

impl Invoke for Reserved {
    async fn invoke(&self, event: Value) -> Result<Value, FunctionError> {
        let Ok(_slot) = self.slots.try_acquire() else {
            self.turned_away.fetch_add(1, Ordering::Relaxed);
            return Err(FunctionError {
                error_type: "TooManyRequestsException".to_owned(),
                message: "Rate exceeded".to_owned(),
            });
        };
        let result = self.function.invoke(event).await;
        self.failed
            .fetch_add(usize::from(result.is_err()), Ordering::Relaxed);
        result
    }
}

/// Every call takes its time, and Secrets Manager throttles writes.
fn pace() -> impl FnMut(&Call) -> Fate + Send + 'static {
    let mut second = (0, 0);
    move |call: &Call| {
        let writes = ["PutSecretValue", "UpdateSecretVersionStage"];
        if call.service == Service::Datadog {
            return Fate::Slow(DATADOG);
        }
        if writes.contains(&call.operation.as_str()) {
            let now = call.at.unix_timestamp();
            second = if second.0 == now {
                (now, second.1 + 1)
            } else {
                (now, 1)
            };
            if second.1 > WRITES {
                return Fate::Throttle;
            }
        }
        Fate::Slow(SECRETS_MANAGER)
    }
}

fn manage(world: &mut World, operation: &str, body: &Value) -> Value {
    let now = world.now();
    let response = world.secrets_manager.call(now, &request(operation, body));
    assert!(
        response.status().is_success(),
        "{operation}: {:?}",
        response.body()
    );
    serde_json::from_slice(response.body()).expect("JSON")
}

fn create(world: &mut World, name: &str, value: &Value, admin: Option<&str>) -> String {
    let tags: Vec<_> = admin
        .map(|arn| json!({ "Key": "adminSecretArn", "Value": arn }))
        .into_iter()
        .collect();
    let body = json!({
        "Name": name, "ClientRequestToken": token(name), "SecretString": value.to_string(),
        "Tags": tags,
    });
    let created = manage(world, "CreateSecret", &body);
    created["ARN"].as_str().expect("an ARN").to_owned()
}

fn turn_rotation_on(world: &mut World, kind: Kind, secret: &str) {
    let function = format!(
        "arn:aws:lambda:{REGION}:{ACCOUNT}:function:{}",
        caller(kind)
    );
    world.secrets_manager.permit_invocation(&function);
    let body = json!({
        "SecretId": secret, "ClientRequestToken": token(&format!("check {secret}")),
        "RotationLambdaARN": function, "RotationRules": { "AutomaticallyAfterDays": 90 },
        "RotateImmediately": false,
    });
    manage(world, "RotateSecret", &body);
    let now = world.now();
    for job in world.secrets_manager.take_rotations() {
        world.secrets_manager.rotation_ended(now, &job, true);
    }
}

fn begin(gate: &Gate, secret: &str) -> RotationJob {
    gate.with_world(|world| {
        let body = json!({ "SecretId": secret, "ClientRequestToken": token(secret) });
        manage(world, "RotateSecret", &body);
        let mut jobs = world.secrets_manager.take_rotations();
        assert_eq!(jobs.len(), 1, "rotations of {secret}");
        jobs.remove(0)
    })
}

/// Every current key lives; of the keys that rotations minted just the current ones do.
fn assert_settled(gate: &Gate, secrets: &[(Kind, String)], rotated: &[bool]) {
    gate.with_world(|world| {
        for (_, secret) in secrets {
            let secret = world.secrets_manager.secret(secret).expect("the secret");
            let value = secret.labelled("AWSCURRENT").and_then(|it| it.value());
            let value: Value = serde_json::from_str(value.expect("a value")).expect("JSON");
            for id in crate::by_hand::ids(&value) {
                let lives = world.datadog.key(&id).is_some_and(|it| it.is_live());
                assert!(lives, "{} is dead", secret.name());
            }
        }
        let keys = world.datadog.keys().iter();
        let minted = keys
            .filter(|it| it.is_live() && it.name.starts_with("aws-sm-"))
            .count();
        let all = rotated.iter().all(|it| *it);
        assert!(
            !all || minted == secrets.len(),
            "{minted} keys of {}",
            secrets.len()
        );
    });
}
