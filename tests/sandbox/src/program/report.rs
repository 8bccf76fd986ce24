//! What is left when the story is told: the data behind the pictures, and the `--json` document.

use std::time::Duration;

use sandbox::credential::{has_grace, keys_of};
use sandbox::datadog::{Class, Key};
use sandbox::lambda::FunctionError;
use sandbox::ledger::Standing;
use sandbox::promise::{Breach, Promise, leaks};
use sandbox::rotation::Step;
use sandbox::secrets_manager::Secret;
use sandbox::stack::Stack;
use sandbox::world::World;
use serde::Serialize;

use super::history::{History, Rotation, Snapshot};

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Every rotation succeeded, every promise held, and in the end both services agree.
    pub(crate) held: bool,
    pub(crate) succeeded: bool,
    pub(crate) agree: bool,
    /// Calls to Secrets Manager and Datadog, each followed by a check.
    pub(crate) calls: u64,
    pub(crate) promises: Vec<Verdict>,
    pub(crate) rotations: Vec<RotationReport>,
    pub(crate) keys: Vec<KeyReport>,
    pub(crate) versions: Vec<VersionReport>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Verdict {
    pub(crate) promise: Promise,
    pub(crate) text: &'static str,
    /// When or where it was looked for.
    pub(crate) checked: String,
    pub(crate) held: bool,
    pub(crate) breaches: Vec<Breach>,
}

#[derive(Debug, Serialize)]
pub(crate) struct RotationReport {
    pub(crate) secret: String,
    pub(crate) version: String,
    pub(crate) succeeded: bool,
    pub(crate) steps: Vec<StepReport>,
}

#[derive(Debug, Serialize)]
pub(crate) struct StepReport {
    step: &'static str,
    attempt: u32,
    milliseconds: u128,
    error: Option<FunctionError>,
}

#[derive(Debug, Serialize)]
pub(crate) struct KeyReport {
    pub(crate) id: String,
    pub(crate) class: &'static str,
    pub(crate) name: String,
    pub(crate) secret: String,
    /// Made by a rotation rather than by hand.
    pub(crate) minted: bool,
    pub(crate) live: bool,
    pub(crate) before: Option<Standing>,
    /// After each step, rotation by rotation; `null` before the key was made.
    pub(crate) rotations: Vec<[Option<Standing>; 4]>,
}

#[derive(Debug, Serialize)]
pub(crate) struct VersionReport {
    pub(crate) secret: String,
    pub(crate) version: String,
    pub(crate) labels: Vec<String>,
    pub(crate) keys: Vec<HeldKey>,
}

#[derive(Debug, Serialize)]
pub(crate) struct HeldKey {
    pub(crate) id: String,
    pub(crate) live: bool,
    /// It is alive if and only if the version's labels say that somebody may need it.
    pub(crate) agrees: bool,
}

impl Report {
    /// Reads everything off after the functions have been stopped.
    pub(crate) fn draw_up(stack: &Stack, history: &History, before: &Snapshot) -> Self {
        let mut breaches = stack.ledger.breaches();
        let unsettled = |world: &mut World| stack.ledger.orphans_and_losses(world);
        breaches.extend(stack.gate.with_world(unsettled));
        let spoken = spoken(stack, history);
        let texts = spoken.iter().map(|(speaker, text)| (&**speaker, &**text));
        breaches.extend(leaks(&secrets(stack, history), texts));
        let calls = stack.ledger.calls();
        let promises = Promise::ALL.map(|promise| verdict(promise, calls, spoken.len(), &breaches));
        let (rotations, keys, succeeded) = history.with_rotations(|all| {
            let real: Vec<_> = all
                .iter()
                .filter(|rotation| rotation.number.is_some())
                .collect();
            let keys = stack
                .gate
                .with_world(|world| key_reports(world, stack, before, &real));
            let succeeded = all.iter().all(|rotation| rotation.succeeded);
            let rotations = real
                .iter()
                .map(|rotation| rotation_report(rotation))
                .collect();
            (rotations, keys, succeeded)
        });
        let versions = stack.gate.with_world(|world| version_reports(world));
        let agree = versions
            .iter()
            .flat_map(|version| &version.keys)
            .all(|key| key.agrees);
        Self {
            // Of a run in which nothing happened or was said, every promise would hold.
            held: breaches.is_empty() && succeeded && agree && calls > 0 && !spoken.is_empty(),
            succeeded,
            agree,
            calls,
            promises: promises.into(),
            rotations,
            keys,
            versions,
        }
    }
}

fn verdict(promise: Promise, calls: u64, lines: usize, breaches: &[Breach]) -> Verdict {
    let breaches: Vec<_> = breaches
        .iter()
        .filter(|breach| breach.promise == promise)
        .cloned()
        .collect();
    Verdict {
        promise,
        text: promise.text(),
        checked: match promise {
            Promise::CurrentWorks
            | Promise::OnlyOwn
            | Promise::SameRights
            | Promise::Protection
            | Promise::Message
            | Promise::Role => {
                format!("after each of {calls} calls")
            }
            Promise::NoOrphans => "at the end".to_owned(),
            Promise::Silence => format!("in {lines} lines of output"),
        },
        held: breaches.is_empty(),
        breaches,
    }
}

/// Everything that the functions have printed or answered with, and who it was.
fn spoken(stack: &Stack, history: &History) -> Vec<(String, String)> {
    let output = stack.output().into_iter();
    let mut spoken: Vec<_> = output.map(|line| (line.process, line.text)).collect();
    history.with_rotations(|rotations| {
        let steps = rotations.iter().flat_map(|rotation| &rotation.steps);
        let errors = steps.filter_map(|run| run.error.as_ref());
        spoken.extend(errors.map(|error| ("an error".to_owned(), error.to_string())));
    });
    spoken
}

/// What none of it may contain.
fn secrets(stack: &Stack, history: &History) -> Vec<String> {
    let mut secrets = history.rotation_tokens();
    stack.gate.with_world(|world| {
        secrets.extend(world.datadog.every_value().map(str::to_owned));
    });
    secrets
}

fn rotation_report(rotation: &Rotation) -> RotationReport {
    RotationReport {
        secret: rotation.secret.clone(),
        version: rotation.token.clone(),
        succeeded: rotation.succeeded,
        steps: rotation
            .steps
            .iter()
            .map(|run| StepReport {
                step: run.step.name(),
                attempt: run.attempt,
                milliseconds: run.took.as_millis(),
                error: run.error.clone(),
            })
            .collect(),
    }
}

/// The keys that belong to a secret, secret by secret in the order of making.
fn key_reports(
    world: &World,
    stack: &Stack,
    before: &Snapshot,
    rotations: &[&Rotation],
) -> Vec<KeyReport> {
    let of_secret = |secret: &Secret| -> Vec<KeyReport> {
        let belongs = |key: &&Key| stack.ledger.secret_of(&key.id).as_deref() == Some(secret.arn());
        world
            .datadog
            .keys()
            .iter()
            .filter(belongs)
            .map(|key| KeyReport {
                id: key.id.clone(),
                class: class_of(key),
                name: key.name.clone(),
                secret: secret.name().to_owned(),
                minted: stack.ledger.was_minted(&key.id),
                live: key.is_live(),
                before: before.get(&key.id).copied(),
                rotations: course(&key.id, before, rotations),
            })
            .collect()
    };
    world
        .secrets_manager
        .secrets()
        .flat_map(of_secret)
        .collect()
}

fn class_of(key: &Key) -> &'static str {
    match key.class {
        Class::Api { .. } => "api",
        Class::Application { .. } => "app",
        Class::AccessToken { .. } => "token",
    }
}

/// A step that did not run changes nothing.
fn course(key_id: &str, before: &Snapshot, rotations: &[&Rotation]) -> Vec<[Option<Standing>; 4]> {
    let mut last = before.get(key_id).copied();
    rotations
        .iter()
        .map(|rotation| {
            Step::ALL.map(|step| {
                let run = rotation.steps.iter().rfind(|run| run.step == step);
                last = run.map_or(last, |run| run.after.get(key_id).copied());
                last
            })
        })
        .collect()
}

fn version_reports(world: &World) -> Vec<VersionReport> {
    let of_secret = |secret: &Secret| -> Vec<VersionReport> {
        let is_needed = |label: &String| match label.as_str() {
            "AWSCURRENT" | "AWSPENDING" => true,
            "AWSPREVIOUS" => has_grace(secret),
            _ => false,
        };
        secret
            .versions()
            .map(|version| {
                let labels: Vec<_> = secret.labels(version.id()).map(str::to_owned).collect();
                let needed = labels.iter().any(is_needed);
                let keys = keys_of(version).into_iter().map(|key| {
                    let live = world.datadog.key(&key.id).is_some_and(Key::is_live);
                    HeldKey {
                        id: key.id,
                        live,
                        agrees: live == needed,
                    }
                });
                VersionReport {
                    secret: secret.name().to_owned(),
                    version: version.id().to_owned(),
                    keys: keys.collect(),
                    labels,
                }
            })
            .collect()
    };
    world
        .secrets_manager
        .secrets()
        .flat_map(of_secret)
        .collect()
}

impl RotationReport {
    pub(crate) fn took(&self) -> Duration {
        let milliseconds: u128 = self.steps.iter().map(|step| step.milliseconds).sum();
        Duration::from_millis(u64::try_from(milliseconds).unwrap_or(u64::MAX))
    }
}
