use std::sync::Mutex;

use serde_json::Value;
use time::OffsetDateTime;

use super::*;
use crate::datadog::Datadog;
use crate::scene::{Scene, SceneOptions, request, token};
use crate::secrets_manager::SecretsManager;
use crate::world::{Clock, World};

const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:rotate";

/// Fails as often as it is told to, at one step.
struct Failing {
    at: Step,
    times: Mutex<u32>,
    events: Mutex<Vec<Value>>,
}

impl Failing {
    fn new(at: Step, times: u32) -> Self {
        Self {
            at,
            times: Mutex::new(times),
            events: Mutex::default(),
        }
    }

    fn steps(&self) -> Vec<String> {
        let events = self.events.lock().unwrap();
        let steps = events
            .iter()
            .map(|event| event["Step"].as_str().unwrap().to_owned());
        steps.collect()
    }
}

impl Invoke for Failing {
    async fn invoke(&self, event: Value) -> Result<Value, FunctionError> {
        let fails = event["Step"] == self.at.name();
        self.events.lock().unwrap().push(event);
        let mut times = self.times.lock().unwrap();
        if fails && *times > 0 {
            *times -= 1;
            return Err(FunctionError {
                error_type: "Test".to_owned(),
                message: "told to".to_owned(),
            });
        }
        Ok(Value::Null)
    }
}

fn begin(rotate_immediately: bool) -> (Gate, RotationJob) {
    let secrets_manager = SecretsManager::new("us-east-1", "123456789012");
    let clock = Clock::starting_at(OffsetDateTime::UNIX_EPOCH);
    let mut world = World::new(clock, secrets_manager, Datadog::new());
    Scene::set(&mut world, SceneOptions::default()).unwrap();
    world.secrets_manager.permit_invocation(FUNCTION);
    let settings = json!({
        "SecretId": "datadog/api-key",
        "ClientRequestToken": token("rotation"),
        "RotationLambdaARN": FUNCTION,
        "RotationRules": { "AutomaticallyAfterDays": 1 },
        "RotateImmediately": rotate_immediately,
    });
    let now = world.now();
    let answer = world
        .secrets_manager
        .call(now, &request("RotateSecret", &settings));
    assert_eq!(answer.status(), 200, "{answer:?}");
    let job = world.secrets_manager.take_rotations().remove(0);
    (Gate::new(world), job)
}

fn is_under_way(gate: &Gate, job: &RotationJob) -> bool {
    gate.with_world(|world| world.secrets_manager.is_wanted(job))
}

#[tokio::test(start_paused = true)]
async fn the_steps_come_in_order_and_carry_what_the_function_needs() {
    let (gate, job) = begin(true);
    let function = Failing::new(Step::CreateSecret, 0);

    drive(&gate, &job, Attempts::default(), &function, &())
        .await
        .unwrap();

    assert_eq!(
        function.steps(),
        ["createSecret", "setSecret", "testSecret", "finishSecret"]
    );
    let event = &function.events.lock().unwrap()[0];
    assert_eq!(event["SecretId"], job.arn);
    assert_eq!(event["ClientRequestToken"], job.token);
    assert_eq!(event["RotationToken"], job.rotation_token);
    assert!(!is_under_way(&gate, &job));
}

#[tokio::test(start_paused = true)]
async fn a_failed_step_brings_the_whole_rotation_again_with_the_same_token() {
    let (gate, job) = begin(true);
    let function = Failing::new(Step::TestSecret, 1);

    drive(&gate, &job, Attempts::default(), &function, &())
        .await
        .unwrap();

    let first = ["createSecret", "setSecret", "testSecret"];
    let second = ["createSecret", "setSecret", "testSecret", "finishSecret"];
    assert_eq!(function.steps(), [&first[..], &second[..]].concat());
    let events = function.events.lock().unwrap();
    assert!(
        events
            .iter()
            .all(|event| event["ClientRequestToken"] == job.token)
    );
}

#[tokio::test(start_paused = true)]
async fn after_the_last_attempt_the_error_is_the_functions_own() {
    let (gate, job) = begin(true);
    let function = Failing::new(Step::CreateSecret, 5);

    let error = drive(&gate, &job, Attempts::default(), &function, &())
        .await
        .unwrap_err();

    assert_eq!(error.error_type, "Test");
    assert_eq!(function.steps().len(), 3);
    let pending = gate.with_world(|world| {
        let secret = world.secrets_manager.secret(&job.arn).unwrap();
        secret.labelled("AWSPENDING").is_some()
    });
    assert!(pending, "a failed rotation leaves its label for the next");
}

#[tokio::test(start_paused = true)]
async fn a_value_written_by_hand_ends_the_attempts() {
    let (gate, job) = begin(true);
    let function = Failing::new(Step::CreateSecret, 5);
    let put = json!({
        "SecretId": job.arn,
        "ClientRequestToken": token("by hand"),
        "SecretString": "{}",
    });
    gate.pass(request("PutSecretValue", &put)).await;

    drive(&gate, &job, Attempts::default(), &function, &())
        .await
        .unwrap_err();

    assert_eq!(function.steps(), ["createSecret"]);
}

#[tokio::test(start_paused = true)]
async fn a_check_is_test_secret_alone() {
    let (gate, job) = begin(false);
    let function = Failing::new(Step::CreateSecret, 0);

    drive(&gate, &job, Attempts::default(), &function, &())
        .await
        .unwrap();

    assert_eq!(function.steps(), ["testSecret"]);
    let versions = gate.with_world(|world| {
        let secret = world.secrets_manager.secret(&job.arn).unwrap();
        secret.versions().count()
    });
    assert_eq!(versions, 1, "the version made for the check is gone");
}
