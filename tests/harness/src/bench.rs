//! One world with a secret of each type, and the functions to rotate them.

use std::time::Duration;

use datadog_rotation::Kind;
use datadog_rotation::settings::{DelegationSettings, Settings, TopicArn, TopicSettings};
use sandbox::datadog::Datadog;
use sandbox::gate::{CallRecord, Gate};
use sandbox::lambda::FunctionError;
use sandbox::ledger::Ledger;
use sandbox::rotation::{Attempts, drive};
use sandbox::scene::{Scene, SceneOptions, request, role_of, token};
use sandbox::secrets_manager::{RotationJob, SecretsManager};
use sandbox::stack::{ACCOUNT, REGION};
use sandbox::world::{Clock, World};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::function::Function;

/// 2026-01-01T00:00:00Z: every run tells the same story.
const EPOCH: i64 = 1_767_225_600;

/// Names by which the gate and the ledger know the functions.
#[must_use]
pub fn caller(kind: Kind) -> &'static str {
    match kind {
        Kind::ApiKey => "datadog-api-key",
        Kind::ApplicationKey => "datadog-application-key",
        Kind::AdminKey => "datadog-admin-key",
        Kind::ServiceAccessToken => "datadog-service-access-token",
    }
}

#[derive(Debug)]
pub struct Bench {
    pub gate: Gate,
    pub scene: Scene,
    pub ledger: Ledger,
    pub settings: Settings,
    pub attempts: Attempts,
    counted: std::cell::Cell<u32>,
}

impl Bench {
    /// A world whose keys are 90 days old, with rotation turned on for every secret. Needs tokio's
    /// paused clock.
    #[must_use]
    pub fn new(options: SceneOptions<'_>) -> Self {
        let start = OffsetDateTime::from_unix_timestamp(EPOCH).expect("a date");
        let clock = Clock::starting_at(start);
        let mut world = World::new(clock, SecretsManager::new(REGION, ACCOUNT), Datadog::new());
        let scene = Scene::set(&mut world, options).expect("a scene");
        world.clock.skip(Duration::from_hours(90 * 24));
        let gate = Gate::new(world);
        let rotates =
            Kind::ALL.map(|kind| (caller(kind).to_owned(), secret(&scene, kind).to_owned()));
        let bench = Self {
            ledger: Ledger::open(&gate, rotates),
            gate,
            settings: settings(&scene),
            scene,
            attempts: Attempts {
                count: 3,
                apart: Duration::from_secs(1),
            },
            counted: 0.into(),
        };
        for kind in Kind::ALL {
            bench.turn_rotation_on(bench.secret(kind), caller(kind));
        }
        if options.admin_scopes.contains(&"api_keys_read") {
            bench.make_api_keys_unlike_new_ones();
        }
        bench
    }

    /// Returns a copy of this world as it was at `now`, behind a gate of its own.
    #[must_use]
    pub fn fork(&self, now: OffsetDateTime) -> Self {
        let mut world = self.gate.with_world(|world| world.clone());
        world.clock = Clock::starting_at(now);
        let gate = Gate::new(world);
        Self {
            ledger: self.ledger.fork(&gate),
            gate,
            scene: self.scene.clone(),
            settings: self.settings.clone(),
            attempts: self.attempts,
            counted: self.counted.clone(),
        }
    }

    /// Has the functions send messages of promotions from now on.
    ///
    /// # Panics
    /// If the sandbox's ARN is none.
    pub fn tell_a_topic(&mut self) {
        let create = |world: &mut World| world.sns.create_topic(ACCOUNT, "promotions");
        let arn = self.gate.with_world(create);
        let arn = TopicArn::parse(&arn).expect("the ARN of a topic");
        self.settings.promotion_topic = Some(TopicSettings { arn, url: None });
    }

    /// The messages of promotions of this secret's versions so far.
    #[must_use]
    pub fn told(&self, kind: Kind) -> Vec<Value> {
        let messages = self.gate.with_world(|world| world.sns.messages().to_vec());
        let texts = messages.iter().map(|it| serde_json::from_str(&it.text));
        let told = texts.map(|it| it.expect("JSON"));
        told.filter(|it: &Value| it["secretArn"] == self.secret(kind))
            .collect()
    }

    #[must_use]
    pub fn secret(&self, kind: Kind) -> &str {
        secret(&self.scene, kind)
    }

    #[must_use]
    pub fn function(&self, kind: Kind) -> Function {
        Function::new(kind, caller(kind), &self.gate, self.settings.clone())
    }

    /// Where they can be read, the members of an API key have to be copied: they are none that a
    /// key gets by default.
    fn make_api_keys_unlike_new_ones(&self) {
        for (kind, id) in [
            (Kind::ApiKey, "apiKeyId"),
            (Kind::AdminKey, "adminApiKeyId"),
        ] {
            let value = self.current(kind);
            // A keyless admin secret has none.
            let Some(id) = value[id].as_str() else {
                continue;
            };
            self.gate
                .with_world(|it| it.datadog.set_members(id, "mobile", false));
        }
    }

    /// Turns rotation on as the console does, and takes away the test that comes with it.
    fn turn_rotation_on(&self, secret: &str, caller: &str) {
        let function = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{caller}");
        self.gate.with_world(|world| world.deploy(&function));
        self.manage(
            "RotateSecret",
            &json!({
                "SecretId": secret,
                "ClientRequestToken": token(&format!("check {caller}")),
                "RotationLambdaARN": function,
                "RotationRules": { "AutomaticallyAfterDays": 90 },
                "RotateImmediately": false,
            }),
        );
        self.gate.with_world(|world| {
            let now = world.now();
            for job in world.secrets_manager.take_rotations() {
                world.secrets_manager.rotation_ended(now, &job, true);
            }
        });
    }

    /// A call of an operator's: past the gate, and asserted to succeed.
    pub fn manage(&self, operation: &str, body: &Value) -> Value {
        let response = self.gate.with_world(|world| {
            let now = world.now();
            world.secrets_manager.call(now, &request(operation, body))
        });
        assert!(
            response.status().is_success(),
            "{operation}: {:?}",
            response.body()
        );
        serde_json::from_slice(response.body()).expect("JSON")
    }

    /// Begins a rotation as `RotateSecret` does, or the unfinished one again, which it answers with
    /// an error all the same. Nothing has been invoked yet.
    pub fn begin(&self, kind: Kind) -> RotationJob {
        self.begin_of(self.secret(kind), true)
    }

    /// The check of the configuration that `RotateImmediately=false` asks for: the pending version holds a
    /// copy of the current value, or nothing.
    pub(crate) fn begin_check(&self, kind: Kind, holds_a_copy: bool) -> RotationJob {
        self.gate
            .with_world(|world| world.secrets_manager.tests_a_copy = holds_a_copy);
        self.begin_of(self.secret(kind), false)
    }

    fn begin_of(&self, secret: &str, at_once: bool) -> RotationJob {
        let token = token(&format!("rotation {}", self.count()));
        let body = json!({
            "SecretId": secret, "ClientRequestToken": token, "RotateImmediately": at_once,
        });
        let jobs = self.gate.with_world(|world| {
            let now = world.now();
            world
                .secrets_manager
                .call(now, &request("RotateSecret", &body));
            world.secrets_manager.take_rotations()
        });
        jobs.into_iter().next().expect("one rotation")
    }

    /// Another number each time, for tokens.
    pub(crate) fn count(&self) -> u32 {
        self.counted.set(self.counted.get() + 1);
        self.counted.get()
    }

    /// The service gives the rotation up; its labels stay.
    pub fn give_up(&self, job: &RotationJob) {
        self.gate.with_world(|world| {
            let now = world.now();
            world.secrets_manager.rotation_ended(now, job, false);
        });
    }

    /// A whole rotation, tried as often as the service would.
    pub async fn rotate(&self, kind: Kind) -> Result<(), FunctionError> {
        self.carry_on(kind, &self.begin(kind)).await
    }

    /// The same, of a rotation that has begun.
    pub async fn carry_on(&self, kind: Kind, job: &RotationJob) -> Result<(), FunctionError> {
        drive(&self.gate, job, self.attempts, &self.function(kind), &()).await
    }

    /// The value under AWSCURRENT.
    #[must_use]
    pub fn current(&self, kind: Kind) -> Value {
        self.value(kind, "AWSCURRENT").expect("a current value")
    }

    /// The value under a label.
    #[must_use]
    pub fn value(&self, kind: Kind, label: &str) -> Option<Value> {
        self.gate.with_world(|world| {
            let secret = world.secrets_manager.secret(self.secret(kind))?;
            serde_json::from_str(secret.labelled(label)?.value()?).ok()
        })
    }

    /// The calls that changed something.
    #[must_use]
    pub fn changes(&self) -> Vec<CallRecord> {
        self.gate
            .calls()
            .into_iter()
            .filter(|record| record.changed_something)
            .collect()
    }

    /// Another secret of the type, with keys made by hand and a function of its own; its rotation
    /// is turned on.
    #[must_use]
    pub fn another(&self, kind: Kind) -> Another {
        let caller = format!("another-{}", caller(kind));
        let value = self.by_hand(kind);
        let admin = self.secret(Kind::AdminKey);
        let tags = match kind {
            Kind::AdminKey => json!([]),
            _ if self.scene.variables.is_empty() => {
                json!([{ "Key": "adminSecretArn", "Value": admin }])
            }
            _ => json!([]),
        };
        let secret = self.manage(
            "CreateSecret",
            &json!({
                "Name": caller, "ClientRequestToken": token(&caller), "Tags": tags,
                "SecretString": value.to_string(),
            }),
        );
        let secret = secret["ARN"].as_str().expect("an ARN").to_owned();
        self.ledger.assign(&caller, &secret);
        self.gate.with_world(|world| {
            let pattern = format!("arn:aws:sts::{ACCOUNT}:assumed-role/{}/*", role_of(&caller));
            let account = &self.scene.service_account;
            world.datadog.map_identity(&pattern, account);
        });
        self.turn_rotation_on(&secret, &caller);
        Another {
            function: Function::new(kind, &caller, &self.gate, self.settings.clone()),
            secret,
        }
    }

    /// A whole rotation of another secret.
    pub async fn rotate_another(&self, another: &Another) -> Result<(), FunctionError> {
        let job = self.begin_of(&another.secret, true);
        drive(&self.gate, &job, self.attempts, &another.function, &()).await
    }

    /// Lets time pass for everybody.
    pub async fn wait(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// P1 and P2 were kept at every call.
    #[track_caller]
    pub fn assert_kept(&self) {
        if let Some(breach) = self.ledger.breaches().first() {
            panic!("{breach}\n{}", self.story());
        }
    }

    /// P1 and P2 were kept at every call; P3 holds now.
    #[track_caller]
    pub fn assert_settled(&self) {
        self.assert_kept();
        let unsettled = self
            .gate
            .with_world(|world| self.ledger.orphans_and_losses(world));
        assert_eq!(unsettled, [], "{}", self.story());
    }

    /// The calls so far, a line each.
    #[must_use]
    pub fn story(&self) -> String {
        let lines = self.gate.calls().into_iter().map(|it| format!("{it}\n"));
        lines.collect()
    }
}

/// A secret beside those of the scene.
#[derive(Clone, Debug)]
pub struct Another {
    pub secret: String,
    pub function: Function,
}

fn settings(scene: &Scene) -> Settings {
    let variable = |name: &str| scene.variables.get(name).cloned();
    Settings {
        delegation: DelegationSettings {
            organisation: variable("DATADOG_ORG_UUID"),
            service_account: variable("DATADOG_SERVICE_ACCOUNT_ID"),
            site: variable("DATADOG_SITE"),
            api_key_secret_arn: variable("DATADOG_API_KEY_SECRET_ARN"),
            fallback_admin_secret_arn: None,
        },
        ..Settings::default()
    }
}

fn secret(scene: &Scene, kind: Kind) -> &str {
    match kind {
        Kind::ApiKey => &scene.secrets.api_key,
        Kind::ApplicationKey => &scene.secrets.application_key,
        Kind::AdminKey => &scene.secrets.admin_key,
        Kind::ServiceAccessToken => &scene.secrets.service_access_token,
    }
}

/// The admin scopes as the managed service documents them: without `api_keys_read`.
pub const DOCUMENTED_SCOPES: [&str; 5] = [
    "api_keys_write",
    "api_keys_delete",
    "org_app_keys_read",
    "org_app_keys_write",
    "service_account_write",
];
