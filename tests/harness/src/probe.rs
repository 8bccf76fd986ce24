//! Worlds to probe in, and what is in them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use sandbox::datadog::Key;
use sandbox::scene::{Admin, SceneOptions, pair, role_of, token, trust};
use sandbox::stack::ACCOUNT;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::bench::Bench;
use crate::doctor::{CALLER, Told};

/// All that a probe with mappings needs, and what the service account may besides: nobody maps a
/// role to somebody who may more.
pub const SCOPES: [&str; 10] = [
    "api_keys_write",
    "api_keys_delete",
    "org_app_keys_read",
    "org_app_keys_write",
    "service_account_write",
    "dashboards_read",
    "monitors_read",
    "workload_identity_federation_read",
    "workload_identity_federation_write",
    "api_keys_read",
];

/// In whose name a probe acts.
pub const WHO: [Admin; 3] = [Admin::Pair, Admin::Identity, Admin::IdentityOfVariables];

/// How a disturbed probe ended.
#[derive(Debug)]
pub struct Probed {
    /// `None`: it was killed.
    pub told: Option<Told>,
    pub notes: String,
    pub took: Duration,
}

/// The ids of all live keys and of all mappings.
#[must_use]
pub fn inventory(bench: &Bench) -> BTreeSet<String> {
    bench.gate.with_world(|world| {
        let keys = world.datadog.keys().iter().filter(|it| Key::is_live(it));
        let keys = keys.map(|it| it.id.clone());
        let mappings = world.datadog.every_mapping().iter();
        keys.chain(mappings.map(|it| it.id.clone())).collect()
    })
}

/// The names and patterns of what lives of probes.
#[must_use]
pub fn left(bench: &Bench) -> Vec<String> {
    bench.gate.with_world(|world| {
        let keys = world.datadog.keys().iter().filter(|it| Key::is_live(it));
        let keys = keys.map(|it| it.name.clone());
        let mappings = world.datadog.every_mapping().iter();
        let all = keys.chain(mappings.map(|it| it.pattern.clone()));
        all.filter(|it| it.contains("datadog-doctor-probe-"))
            .collect()
    })
}

/// A world in which a probe may do everything, with scopes left out.
#[must_use]
pub fn world_without(admin: Admin, scopes: &[&str]) -> Bench {
    let mut held = SCOPES.to_vec();
    held.retain(|it| !scopes.contains(it));
    let bench = Bench::new(SceneOptions {
        admin,
        admin_scopes: &held,
        ..SceneOptions::default()
    });
    let account = &bench.scene.service_account;
    bench.gate.with_world(|world| {
        let role = json!({ "role_name": "Datadog", "external_id": "1".repeat(32) });
        world.datadog.integrate(ACCOUNT, &role, &json!({}));
        if admin != Admin::Pair {
            trust(world, &role_of(CALLER), account);
        }
        let others = format!("arn:aws:sts::{ACCOUNT}:assumed-role/agents/*");
        world.datadog.map_intake(&others);
    });
    bench.gate.forget_calls();
    bench
}

#[must_use]
pub fn world(admin: Admin) -> Bench {
    world_without(admin, &[])
}

impl Bench {
    /// An admin secret with a pair of the service account: its ARN.
    #[must_use]
    pub fn another_pair(&self) -> String {
        let account = &self.scene.service_account;
        let pair = self.gate.with_world(|world| pair(world, account, &SCOPES));
        let secret = self.manage(
            "CreateSecret",
            &json!({
                "Name": "another-pair", "ClientRequestToken": token("another pair"),
                "SecretString": pair.to_string(),
            }),
        );
        secret["ARN"].as_str().expect("an ARN").to_owned()
    }

    /// Runs a probe of everything.
    pub async fn probe(&self) -> Told {
        let probed = self.probe_until(&Notify::new()).await;
        probed.told.expect("nobody has killed it")
    }

    /// The same, until it is told to stop, or is killed.
    pub async fn probe_until(&self, stop: &Notify) -> Probed {
        let secret = self.scene.secrets.admin_key.as_str();
        let mut arguments = vec!["probe", "--json", "--mappings", ACCOUNT];
        if self.scene.variables.is_empty() {
            arguments.extend(["--admin-secret", secret]);
        }
        let now = self.gate.with_world(|world| world.now()).into();
        let (begun, mut notes) = (Instant::now(), Vec::new());
        let way = self.way(CALLER);
        let killed = Arc::clone(&way.killed);
        let told = tokio::select! {
            told = self.doctor_until(stop, &mut notes, now, way, &arguments) => Some(told),
            () = killed.notified() => None,
        };
        let notes = String::from_utf8(notes).expect("text");
        self.assert_silent(&notes);
        let took = begun.elapsed();
        Probed { told, notes, took }
    }
}

/// A probe's answer to a question.
#[must_use]
pub fn answer<'a>(document: &'a Value, question: &str) -> &'a Value {
    let mut answers = document["answers"].as_array().into_iter().flatten();
    answers
        .find(|it| it["question"] == question)
        .unwrap_or(&Value::Null)
}

/// The questions that were answered so.
#[must_use]
pub fn answered<'a>(document: &'a Value, word: &str) -> Vec<&'a str> {
    let answers = document["answers"].as_array().into_iter().flatten();
    let those = answers.filter(|it| it["answer"] == word);
    those.filter_map(|it| it["question"].as_str()).collect()
}
