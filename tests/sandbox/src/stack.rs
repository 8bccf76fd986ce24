//! The whole sandbox in one handle: world, gate, functions and a scene to rotate in.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use time::OffsetDateTime;

pub use crate::account::{ACCOUNT, FUNCTIONS, REGION};
use crate::datadog::{Datadog, Settings};
use crate::executables::Executables;
use crate::gate::{Gate, Outcome};
use crate::lambda::{Function, FunctionError, FunctionOptions, Line, Output};
use crate::ledger::Ledger;
use crate::rotation::{Attempts, Invoke, Observer, drive};
use crate::scene::{Scene, SceneError, SceneOptions, request, token};
use crate::secrets_manager::{RotationJob, SecretsManager};
use crate::world::{Clock, World};

/// How old the keys and secrets of the scene are: due for rotation.
const AGE: Duration = Duration::from_hours(90 * 24);

#[derive(Debug)]
pub struct StackOptions {
    pub executables: Executables,
    pub scene: SceneOptions<'static>,
    pub datadog: Settings,
    pub attempts: Attempts,
    /// The functions' time-out.
    pub timeout: Duration,
    /// Further variables of every function.
    pub variables: BTreeMap<String, String>,
}

impl StackOptions {
    #[must_use]
    pub fn new(executables: Executables) -> Self {
        Self {
            executables,
            scene: SceneOptions::default(),
            datadog: Settings::default(),
            attempts: Attempts::default(),
            timeout: Duration::from_mins(1),
            variables: BTreeMap::new(),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum StackError {
    #[error(transparent)]
    Scene(#[from] SceneError),
    #[error("RotateSecret of {secret}: {answer}")]
    RotationRefused { secret: String, answer: String },
    #[error("{secret} did not rotate")]
    RotationFailed {
        secret: String,
        #[source]
        error: FunctionError,
    },
}

/// A secret and the function that rotates it.
#[derive(Debug)]
struct Rotator {
    secret: String,
    function: Function,
}

impl Rotator {
    /// For the ledger: who works for which secret.
    fn entry(&self) -> (String, String) {
        (self.function.name().to_owned(), self.secret.clone())
    }
}

/// Its functions run as child processes, which end with it.
#[derive(Debug)]
pub struct Stack {
    pub gate: Gate,
    pub scene: Scene,
    pub ledger: Ledger,
    rotators: [Rotator; 4],
    output: Output,
    attempts: Attempts,
    timeout: Duration,
    /// Rotations asked for so far.
    asked: AtomicU64,
}

impl Stack {
    /// Sets the scene and makes the functions known. Nothing runs yet, and no secret has rotation
    /// turned on: see [`Self::turn_rotation_on`].
    pub fn start(options: &StackOptions) -> Result<Self, StackError> {
        let clock = Clock::starting_at(OffsetDateTime::now_utc() - AGE);
        let mut world = World::new(clock, SecretsManager::new(REGION, ACCOUNT), Datadog::new());
        world.datadog.settings = options.datadog.clone();
        // Of the two that are told, what was seen at AWS.
        world.secrets_manager.tests_a_copy = true;
        let scene = Scene::set(&mut world, options.scene)?;
        world.clock.skip(AGE);

        let gate = Gate::new(world);
        let output = Output::default();
        let functions = &options.executables;
        let secrets = &scene.secrets;
        let [admin_key, api_key, application_key, service_access_token] = FUNCTIONS;
        let rotators = [
            (admin_key, &functions.admin_key, &secrets.admin_key),
            (api_key, &functions.api_key, &secrets.api_key),
            (
                application_key,
                &functions.application_key,
                &secrets.application_key,
            ),
            (
                service_access_token,
                &functions.service_access_token,
                &secrets.service_access_token,
            ),
        ];
        let mut variables = scene.variables.clone();
        variables.extend(options.variables.clone());
        let rotators = rotators.map(|(name, executable, secret)| {
            let options = FunctionOptions {
                name: name.to_owned(),
                executable: executable.clone(),
                region: REGION.to_owned(),
                account: ACCOUNT.to_owned(),
                variables: variables.clone(),
            };
            Rotator {
                secret: secret.clone(),
                function: Function::new(options, gate.clone(), output.clone()),
            }
        });
        let rotates = rotators.iter().map(Rotator::entry);
        Ok(Self {
            ledger: Ledger::open(&gate, rotates),
            scene,
            rotators,
            output,
            attempts: options.attempts,
            timeout: options.timeout,
            asked: AtomicU64::new(0),
            gate,
        })
    }

    /// The function that rotates a secret, for invoking it directly.
    #[must_use]
    pub fn function(&self, secret: &str) -> Option<&Function> {
        let rotator = self
            .rotators
            .iter()
            .find(|rotator| rotator.secret == secret);
        rotator.map(|rotator| &rotator.function)
    }

    /// Ties each secret to its function with `RotateImmediately=false`, as the console does for a
    /// check of the set-up, and runs that check: testSecret alone.
    pub async fn turn_rotation_on(&self, observer: &impl Observer) -> Result<(), StackError> {
        for Rotator { secret, function } in &self.rotators {
            self.gate.with_world(|world| world.deploy(&function.arn()));
            let settings = json!({
                "SecretId": secret,
                "ClientRequestToken": self.new_token(),
                "RotationLambdaARN": function.arn(),
                "RotationRules": { "AutomaticallyAfterDays": 90 },
                "RotateImmediately": false,
            });
            self.rotate_with(secret, settings, observer).await?;
        }
        Ok(())
    }

    /// Rotates a secret, by ARN or name, and waits for the end.
    pub async fn rotate(&self, secret: &str, observer: &impl Observer) -> Result<(), StackError> {
        let settings = json!({ "SecretId": secret, "ClientRequestToken": self.new_token() });
        self.rotate_with(secret, settings, observer).await
    }

    /// The rotations that were begun since the last call and wait to be carried out.
    #[must_use]
    pub fn take_rotations(&self) -> Vec<RotationJob> {
        self.gate
            .with_world(|world| world.secrets_manager.take_rotations())
    }

    /// Carries out one rotation that `RotateSecret` has begun.
    pub async fn carry_out(
        &self,
        job: &RotationJob,
        observer: &impl Observer,
    ) -> Result<(), FunctionError> {
        let mut functions = self.rotators.iter().map(|rotator| &rotator.function);
        let Some(function) = functions.find(|function| function.arn() == job.function_arn) else {
            return Err(FunctionError {
                error_type: "ResourceNotFoundException".to_owned(),
                message: format!("Function not found: {}", job.function_arn),
            });
        };
        let function = Timed {
            function,
            timeout: self.timeout,
        };
        drive(&self.gate, job, self.attempts, &function, observer).await
    }

    /// Everything that the functions have printed so far.
    #[must_use]
    pub fn output(&self) -> Vec<Line> {
        self.output.lines()
    }

    /// Ends the function processes and waits for their last output.
    pub async fn stop(&self) {
        for Rotator { function, .. } in &self.rotators {
            function.stop().await;
        }
    }

    async fn rotate_with(
        &self,
        secret: &str,
        settings: Value,
        observer: &impl Observer,
    ) -> Result<(), StackError> {
        let outcome = self.gate.pass(request("RotateSecret", &settings)).await;
        match outcome {
            Outcome::Answer(response) if response.status() == StatusCode::OK => {}
            outcome => {
                return Err(StackError::RotationRefused {
                    secret: secret.to_owned(),
                    answer: format!("{outcome:?}"),
                });
            }
        }
        for job in self.take_rotations() {
            self.carry_out(&job, observer)
                .await
                .map_err(|error| StackError::RotationFailed {
                    secret: secret.to_owned(),
                    error,
                })?;
        }
        Ok(())
    }

    fn new_token(&self) -> String {
        let number = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        token(&format!("rotation {number}"))
    }
}

struct Timed<'a> {
    function: &'a Function,
    timeout: Duration,
}

impl Invoke for Timed<'_> {
    async fn invoke(&self, event: Value) -> Result<Value, FunctionError> {
        self.function.invoke(&event, self.timeout).await
    }
}
