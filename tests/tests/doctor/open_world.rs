//! A world that is open on loopback ports, in this machine's time, and the program as it is shipped.

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use datadog_rotation::Kind;
use datadog_rotation::event::VersionId;
use datadog_rotation::key_name::KeyNames;
use datadog_rotation::keys::KeyClass;
use harness::listen::indiscretion;
use sandbox::datadog::Datadog;
use sandbox::gate::{Gate, Service};
use sandbox::scene::{Scene, SceneOptions};
use sandbox::secrets_manager::SecretsManager;
use sandbox::server::{Door, Server};
use sandbox::stack::{ACCOUNT, REGION};
use sandbox::world::{Clock, World};
use serde_json::Value;
use tokio::process::{Child, Command};

/// The program, built.
pub(crate) static DOCTOR: LazyLock<PathBuf> = LazyLock::new(|| {
    let [doctor] = sandbox::executables::build(["datadog-doctor"], |_| {}).unwrap();
    doctor
});

pub(crate) struct OpenWorld {
    pub(crate) gate: Gate,
    pub(crate) scene: Scene,
    pub(crate) secrets_manager: Server,
    datadog: Server,
    pub(crate) lambda: Server,
}

impl OpenWorld {
    pub(crate) async fn open(options: SceneOptions<'_>) -> Self {
        Self::open_at(Clock::system(), options).await
    }

    pub(crate) async fn open_at(clock: Clock, options: SceneOptions<'_>) -> Self {
        let manager = SecretsManager::new(REGION, ACCOUNT);
        let mut world = World::new(clock, manager, Datadog::new());
        let scene = Scene::set(&mut world, options).unwrap();
        let gate = Gate::new(world);
        let door = |service| Server::start(gate.clone(), Door::to(service));
        Self {
            secrets_manager: door(Service::SecretsManager).await.unwrap(),
            datadog: door(Service::Datadog).await.unwrap(),
            lambda: door(Service::Lambda).await.unwrap(),
            scene,
            gate,
        }
    }

    pub(crate) async fn doctor(&self, arguments: &[&str]) -> Output {
        let output = self.begin(arguments).wait_with_output().await.unwrap();
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert_eq!(indiscretion(&self.gate, &said), None);
        output
    }

    /// The program, at work.
    pub(crate) fn begin(&self, arguments: &[&str]) -> Child {
        Command::new(&*DOCTOR)
            .args(arguments)
            .env_clear()
            .env("AWS_REGION", REGION) // of names
            .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env(
                "AWS_ENDPOINT_URL_SECRETS_MANAGER",
                self.secrets_manager.url(),
            )
            .env("AWS_ENDPOINT_URL_LAMBDA", self.lambda.url())
            .env("DATADOG_API_URL", self.datadog.url())
            .env("RUST_LOG", "trace")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// A key of a version that does not hold it.
    pub(crate) fn lose_application_key(&self, age: Duration) -> String {
        let arn = &self.scene.secrets.application_key;
        let names = KeyNames::new(Kind::ApplicationKey, arn, "datadog/app-key");
        self.gate.with_world(|world| {
            let secret = world.secrets_manager.secret(arn).unwrap();
            let held = secret.labelled("AWSCURRENT").unwrap();
            let version = VersionId::parse(held.id()).unwrap();
            let value: Value = serde_json::from_str(held.value().unwrap()).unwrap();
            let current = value["appKeyId"].as_str().unwrap().to_owned();
            // A rotation created the key in AWSCURRENT, too.
            let name = names.name(KeyClass::Application, &version, 0, "20260101");
            world.datadog.rename(&current, &name);
            let name = names.name(KeyClass::Application, &version, 2, "20260101");
            let (now, account) = (world.now(), self.scene.service_account.clone());
            let key = world
                .datadog
                .create_application_key(now, &account, &name, None);
            world.datadog.backdate(&key.id, now - age);
            key.id
        })
    }

    pub(crate) fn is_live(&self, id: &str) -> bool {
        self.gate
            .with_world(|world| world.datadog.key(id).unwrap().is_live())
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
