//! The custom resources of trust, in this process and in virtual time.

pub mod case;
pub mod stack;
pub mod sweep;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use datadog_rotation::deadline::Deadline;
use datadog_rotation::http::Http;
use datadog_rotation::settings::{LogPlace, Settings};
use datadog_trust::Trust;
use datadog_trust::invocation::Undelivered;
use datadog_trust::leash::Leash;
use sandbox::datadog::{Datadog, MappingKind};
use sandbox::gate::Gate;
use sandbox::scene::{pair, request, token};
use sandbox::secrets_manager::SecretsManager;
use sandbox::stack::{ACCOUNT, REGION};
use sandbox::world::{Clock, World};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::sync::Notify;

use crate::function::config;
use crate::listen::print_debug;
use crate::transport::InProcess;

pub const CALLER: &str = "datadog-trust";

/// The same function in a second environment.
pub const TWIN: &str = "datadog-trust#twin";

/// 2026-01-01T00:00:00Z
const EPOCH: i64 = 1_767_225_600;

/// As long as the template lets the function run.
pub const TIMEOUT: Duration = Duration::from_mins(5);

/// What the admin key of the deployment must permit, beside all that the mapped account may.
pub const PERMISSIONS: [&str; 5] = [
    "workload_identity_federation_read",
    "workload_identity_federation_write",
    "aws_configuration_read",
    "aws_configuration_edit",
    "aws_configurations_manage",
];

/// Any role of the stack's AWS account.
const ALLOWED_ROLES: &str = "arn:aws:sts::123456789012:assumed-role/*/*";
const ALLOWED_AWS_ACCOUNTS: &str = "123456789012,210987654321";

/// Of the service accounts that roles are mapped to.
const OF_TARGETS: [&str; 2] = ["api_keys_write", "service_account_write"];

/// A world to deploy in.
#[derive(Debug)]
pub struct Site {
    pub gate: Gate,
    /// The ARN of the secret with the admin key of the deployment.
    pub bootstrap: String,
    /// Service accounts.
    pub account: String,
    pub other_account: String,
    pub scratch: PathBuf,
    /// Of the second environment.
    twin_scratch: PathBuf,
    pub timeout: Duration,
    /// What the function is allowed to touch.
    pub leash: Leash,
}

/// Directories that no two sites share.
static SITES: AtomicU64 = AtomicU64::new(0);

impl Site {
    /// Needs tokio's paused clock.
    #[must_use]
    pub fn new(permissions: &[&str]) -> Self {
        let start = OffsetDateTime::from_unix_timestamp(EPOCH).expect("a date");
        let clock = Clock::starting_at(start);
        Self::of(
            World::new(clock, SecretsManager::new(REGION, ACCOUNT), Datadog::new()),
            permissions,
        )
    }

    #[must_use]
    pub fn of(mut world: World, permissions: &[&str]) -> Self {
        let now = world.now();
        let permissions = [permissions, &OF_TARGETS].concat();
        let datadog = &mut world.datadog;
        let account = datadog.create_service_account(now, "key-rotation", &OF_TARGETS);
        let other_account = datadog.create_service_account(now, "other", &OF_TARGETS[..1]);
        let admin = datadog.create_service_account(now, "deployment", &permissions);
        let value = pair(&mut world, &admin, &permissions);
        let body = json!({
            "Name": "datadog/bootstrap", "ClientRequestToken": token("bootstrap"),
            "SecretString": value.to_string(),
        });
        let answer = world
            .secrets_manager
            .call(now, &request("CreateSecret", &body));
        let answer: Value = serde_json::from_slice(answer.body()).expect("JSON");
        let number = SITES.fetch_add(1, Ordering::Relaxed);
        let scratch = std::env::temp_dir().join(format!("trust-{}-{number}", std::process::id()));
        let twin_scratch = scratch.join("twin");
        std::fs::create_dir_all(&twin_scratch).expect("a directory");
        let accounts = format!("{account},{other_account}");
        Self {
            leash: Leash::new(ALLOWED_ROLES, &accounts, ALLOWED_AWS_ACCOUNTS),
            gate: Gate::new(world),
            bootstrap: answer["ARN"].as_str().expect("an ARN").to_owned(),
            account,
            other_account,
            scratch,
            twin_scratch,
            timeout: TIMEOUT,
        }
    }

    /// One delivery, in a process that ends with it; `None` if the gate killed it.
    pub async fn deliver(&self, event: &Value) -> Option<Result<(), Undelivered>> {
        self.deliver_to(CALLER, &self.scratch, event).await
    }

    /// The same event in two environments at once, which do not know of each other. Answers what
    /// became of each.
    pub async fn deliver_twice(&self, event: &Value) -> [Option<Result<(), Undelivered>>; 2] {
        let first = self.deliver_to(CALLER, &self.scratch, event);
        let second = self.deliver_to(TWIN, &self.twin_scratch, event);
        tokio::join!(first, second).into()
    }

    async fn deliver_to(
        &self,
        caller: &str,
        scratch: &Path,
        event: &Value,
    ) -> Option<Result<(), Undelivered>> {
        let killed = Arc::new(Notify::new());
        let transport = InProcess {
            gate: self.gate.clone(),
            caller: caller.to_owned(),
            killed: Arc::clone(&killed),
        };
        let settings = Settings {
            admin_secret_arn: Some(self.bootstrap.clone()),
            ..Settings::default()
        };
        let place = LogPlace {
            group: Some("/aws/lambda/datadog-trust".to_owned()),
            stream: Some("2026/01/01/[1]".to_owned()),
        };
        let config = config(REGION, &self.gate, caller);
        let http = Http::new(transport);
        let (leash, scratch) = (self.leash.clone(), scratch.to_owned());
        let trust = Trust::new(settings, leash, place, scratch, http, &config);
        let now = self.gate.with_world(|world| world.now()).into();
        let deadline = Deadline::new(now, self.timeout);
        let result = tokio::select! {
            result = trust.deliver(event, &deadline) => result,
            () = killed.notified() => return None,
        };
        print_debug(&trust, &result);
        Some(result)
    }

    /// Lambda has given the environment up, with all that was in it.
    pub fn lose_environment(&self) {
        std::fs::remove_dir_all(&self.scratch).expect("a directory");
        std::fs::create_dir_all(&self.twin_scratch).expect("a directory");
    }

    /// What Datadog trusts, but for ids and times.
    #[must_use]
    pub fn trusted(&self) -> BTreeSet<String> {
        self.gate.with_world(|world| {
            let mappings = world
                .datadog
                .every_mapping()
                .iter()
                .map(|it| match it.kind {
                    MappingKind::Identity => {
                        format!(
                            "{} acts as {}",
                            it.pattern,
                            it.user.as_deref().unwrap_or_default()
                        )
                    }
                    MappingKind::Intake => format!("{} sends", it.pattern),
                });
            let accounts = world.datadog.every_account().iter().map(|it| {
                let mut attributes = it.attributes.clone();
                for name in ["created_at", "modified_at"] {
                    attributes.remove(name);
                }
                let mut attributes = Value::from(attributes);
                if let Some(way) = attributes["auth_config"].as_object_mut() {
                    way.remove("external_id");
                }
                attributes.to_string()
            });
            mappings.chain(accounts).collect()
        })
    }

    /// The ids of all that Datadog trusts.
    #[must_use]
    pub fn ids(&self) -> BTreeSet<String> {
        self.gate.with_world(|world| {
            let mappings = world.datadog.every_mapping().iter().map(|it| it.id.clone());
            let accounts = world.datadog.every_account().iter().map(|it| it.id.clone());
            mappings.chain(accounts).collect()
        })
    }

    /// The calls so far, a line each.
    #[must_use]
    pub fn story(&self) -> String {
        let lines = self.gate.calls().into_iter().map(|it| format!("{it}\n"));
        lines.collect()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // Under the system's directory for such, which is emptied by others too.
        let _gone = std::fs::remove_dir_all(&self.scratch);
    }
}
