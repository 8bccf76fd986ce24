//! What the recordings do not show: rotations that fail, overlap or are interfered with, label
//! lag, and the refusals of ill-formed requests.

mod labels;
mod replicas;
mod requests;
mod rotations;

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::{RotationJob, SecretsManager};

const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:rotation";

/// A Secrets Manager with one secret, `app`, whose first version holds `one`.
struct Story {
    service: SecretsManager,
    now: OffsetDateTime,
}

/// The n-th token of a story, and so the id of the version it makes.
fn id(n: u8) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

impl Story {
    fn new() -> Self {
        let mut story = Self {
            service: SecretsManager::new("us-east-1", "123456789012"),
            now: OffsetDateTime::from_unix_timestamp(1_760_000_000).unwrap(),
        };
        story.service.permit_invocation(FUNCTION);
        let first = json!({ "Name": "app", "SecretString": "one", "ClientRequestToken": id(1) });
        story.ok("CreateSecret", first);
        story
    }

    fn call(&mut self, operation: &str, members: &Value) -> (u16, Value) {
        self.now += Duration::SECOND;
        let request = Request::post("/")
            .header("X-Amz-Target", format!("secretsmanager.{operation}"))
            .body(Bytes::from(members.to_string()))
            .unwrap();
        let response = self.service.call(self.now, &request);
        let answer = serde_json::from_slice(response.body()).unwrap();
        (response.status().as_u16(), answer)
    }

    /// A call about `app` that succeeds.
    fn ok(&mut self, operation: &str, mut members: Value) -> Value {
        if operation != "CreateSecret" {
            members["SecretId"] = json!("app");
        }
        let (status, answer) = self.call(operation, &members);
        assert_eq!(status, 200, "{operation}: {answer}");
        answer
    }

    /// A call about `app` that is refused: the error code, and its text.
    fn refused(&mut self, operation: &str, mut members: Value) -> (String, String) {
        members["SecretId"] = json!("app");
        let (status, answer) = self.call(operation, &members);
        assert_eq!(status, 400, "{operation}: {answer}");
        let text = answer.get("Message").or_else(|| answer.get("message"));
        let text = text.and_then(Value::as_str).unwrap_or_default();
        (
            answer["__type"].as_str().unwrap().to_owned(),
            text.to_owned(),
        )
    }

    fn rotate(&mut self, token: u8) -> RotationJob {
        let members = json!({ "ClientRequestToken": id(token), "RotationLambdaARN": FUNCTION });
        self.ok("RotateSecret", members);
        self.taken()
    }

    fn taken(&mut self) -> RotationJob {
        let [job] = <[_; 1]>::try_from(self.service.take_rotations()).unwrap();
        job
    }

    /// As the rotation function does in createSecret.
    fn store_pending(&mut self, token: u8, value: &str) -> Value {
        self.ok(
            "PutSecretValue",
            json!({
                "ClientRequestToken": id(token),
                "SecretString": value,
                "VersionStages": ["AWSPENDING"],
            }),
        )
    }

    fn write_by_hand(&mut self, token: u8, value: &str) {
        let members = json!({ "ClientRequestToken": id(token), "SecretString": value });
        self.ok("PutSecretValue", members);
    }

    /// As the rotation function does in finishSecret.
    fn promote(&mut self, from: u8, to: u8) {
        let members = json!({
            "VersionStage": "AWSCURRENT",
            "RemoveFromVersionId": id(from),
            "MoveToVersionId": id(to),
        });
        self.ok("UpdateSecretVersionStage", members);
    }

    fn end(&mut self, job: &RotationJob, succeeded: bool) {
        self.service.rotation_ended(self.now, job, succeeded);
    }

    /// What `DescribeSecret` shows of the labels.
    fn labels(&mut self) -> Value {
        self.ok("DescribeSecret", json!({}))["VersionIdsToStages"].clone()
    }
}
