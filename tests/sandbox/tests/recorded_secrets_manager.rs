//! Holds the sandbox's Secrets Manager to recordings of the real one: the same calls must get
//! the same answers, member by member, with the same error codes and texts.

#![expect(
    clippy::unwrap_used,
    reason = "a recording that cannot be read ends the test"
)]

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::Request;
use sandbox::secrets_manager::SecretsManager;
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

const RECORDINGS: &str = include_str!("../recordings/secrets-manager.json");

/// How many there are: none may get lost from the file.
const RECORDED: usize = 50;

/// Recordings that cannot be replayed, each with the reason.
const NOT_REPLAYED: [(&str, &str); 0] = [];

/// Operations whose token an SDK fills in.
const WITH_TOKEN: [&str; 4] = [
    "CreateSecret",
    "PutSecretValue",
    "RotateSecret",
    "UpdateSecret",
];

const ACCOUNT: &str = "111111111111";
const FUNCTION: &str = "arn:aws:lambda:us-east-1:111111111111:function:rotation";

#[test]
fn answers_are_those_of_the_recordings() {
    let file: Value = serde_json::from_str(RECORDINGS).unwrap();
    let recordings = file["recordings"].as_object().unwrap();
    let mut defects = Vec::new();
    let mut replayed = 0;
    for (test, recording) in recordings {
        if NOT_REPLAYED.iter().any(|(name, _)| name == test) {
            continue;
        }
        match Replay::new().run(recording) {
            Ok(()) => replayed += 1,
            Err(defect) => defects.push(format!("{test}: {defect}")),
        }
    }
    assert!(defects.is_empty(), "{}", defects.join("\n"));
    assert_eq!(recordings.len(), RECORDED);
    assert_eq!(replayed, RECORDED - NOT_REPLAYED.len());
}

#[test]
fn a_wrong_answer_is_noticed() {
    let file: Value = serde_json::from_str(RECORDINGS).unwrap();
    let spoil = |pointer: &str, value: Value| {
        let mut recording =
            file["recordings"]["test_update_secret_version_stages_current_pending"].clone();
        *recording["answers"].pointer_mut(pointer).unwrap() = value;
        Replay::new().run(&recording)
    };
    let labels = "/list_secret_version_ids_res_2/Versions/0/VersionStages/0";
    spoil(labels, json!("AWSPREVIOUS")).unwrap();
    spoil(labels, json!("AWSPENDING")).unwrap_err();
    spoil("/create_secret_rs_0/VersionId", Value::Null).unwrap_err();
    spoil(
        "/put_secret_value_res_1/VersionId",
        json!("<version_uuid:2>"),
    )
    .unwrap_err();
    spoil(
        "/delete_secret_res_0/ResponseMetadata/HTTPStatusCode",
        json!(400),
    )
    .unwrap_err();
}

/// One recorded test, called again. The clock moves by a second a call.
struct Replay {
    service: SecretsManager,
    now: OffsetDateTime,
    calls: u64,
    bound: BTreeMap<String, String>,
}

type Outcome<T = ()> = Result<T, String>;

impl Replay {
    fn new() -> Self {
        let mut service = SecretsManager::new("us-east-1", ACCOUNT);
        service.permit_invocation(FUNCTION);
        let bound = [
            ("<partition>", "aws"),
            ("<region>", "us-east-1"),
            ("<lambda-arn:1>", FUNCTION),
            ("<name:1>", "test-version-3c0e1b7d"),
            ("<SecretId-0idx>", "s-7d1f0c3a"),
            ("<SecretId-1idx>", "s-9b2e4f60"),
            ("<SecretId-2idx>", "s-5a8c6d12"),
        ];
        Self {
            service,
            now: OffsetDateTime::from_unix_timestamp(1_664_352_000).unwrap(),
            calls: 0,
            bound: bound
                .map(|(name, text)| (name.to_owned(), text.to_owned()))
                .into(),
        }
    }

    fn run(mut self, recording: &Value) -> Outcome {
        let answers = recording["answers"].as_object().unwrap();
        let calls = recording["calls"].as_array().unwrap();
        let mut unseen: Vec<_> = answers.keys().map(String::as_str).collect();
        for call in calls {
            if let Some(token) = call["rotation"].as_str() {
                self.rotate(token)?;
                continue;
            }
            let key = call["key"].as_str();
            let (status, answer) = self.call(call)?;
            unseen.retain(|unseen| Some(*unseen) != key);
            let expected = key.map_or(&call["answer"], |key| &answers[key]);
            self.compare(expected, status, &answer)
                .map_err(|defect| format!("{}: {defect}", key.unwrap_or("(unrecorded)")))?;
        }
        if unseen.is_empty() {
            Ok(())
        } else {
            Err(format!("answers never asked for: {unseen:?}"))
        }
    }

    fn call(&mut self, call: &Value) -> Outcome<(u16, Value)> {
        let operation = call["operation"].as_str().unwrap();
        let mut members = self.resolve(&call["members"])?;
        if WITH_TOKEN.contains(&operation) && call["sdk"] != json!(false) {
            let token = format!("00000000-0000-4000-8000-{:012x}", self.calls);
            members["ClientRequestToken"] = json!(token);
        }
        Ok(self.send(operation, &members))
    }

    fn send(&mut self, operation: &str, members: &Value) -> (u16, Value) {
        self.calls += 1;
        self.now += Duration::SECOND;
        let request = Request::post("/")
            .header("X-Amz-Target", format!("secretsmanager.{operation}"))
            .body(Bytes::from(members.to_string()))
            .unwrap();
        let response = self.service.call(self.now, &request);
        let answer = serde_json::from_slice(response.body()).unwrap();
        (response.status().as_u16(), answer)
    }

    /// What the recorded rotation function did, and the service's tidying after it.
    fn rotate(&mut self, token: &str) -> Outcome {
        let token = self.fill(token);
        let [job] = <[_; 1]>::try_from(self.service.take_rotations()).unwrap();
        assert_eq!((&job.token, job.test_only), (&token, false));
        let arn = &job.arn;
        let (_, current) = self.send("GetSecretValue", &json!({ "SecretId": arn }));
        let pending = json!({ "SecretId": arn, "VersionId": token, "VersionStage": "AWSPENDING" });
        let (_, refusal) = self.send("GetSecretValue", &pending);
        if refusal["__type"] != "ResourceNotFoundException" {
            return Err(format!("a pending version that holds a value: {refusal}"));
        }
        let put = json!({
            "SecretId": arn,
            "ClientRequestToken": token,
            "SecretString": "rotated",
            "VersionStages": ["AWSPENDING"],
        });
        self.send("PutSecretValue", &put);
        let promote = json!({
            "SecretId": arn,
            "VersionStage": "AWSCURRENT",
            "MoveToVersionId": token,
            "RemoveFromVersionId": current["VersionId"],
        });
        self.send("UpdateSecretVersionStage", &promote);
        self.service.rotation_ended(self.now, &job, true);
        Ok(())
    }

    fn compare(&mut self, expected: &Value, status: u16, answer: &Value) -> Outcome {
        let Some(expected) = expected.as_object() else {
            // An unrecorded call; that it succeeds is known from the test that made it.
            return equal(&json!(200), &json!(status));
        };
        let mut expected = expected.clone();
        let metadata = expected
            .remove("ResponseMetadata")
            .or_else(|| expected.remove("Metadata"))
            .unwrap_or(Value::Null);
        for code in ["HTTPStatusCode", "StatusCode"] {
            if let Some(code) = metadata.get(code) {
                equal(code, &json!(status))?;
            }
        }
        let Some(error) = expected.get("Error") else {
            return self.same(&Value::Object(expected), answer);
        };
        if error.get("__type").is_some() {
            return self.same(error, answer);
        }
        // The client that recorded this has renamed the members.
        let message = answer.get("Message").or_else(|| answer.get("message"));
        self.same(
            error,
            &json!({ "Code": answer["__type"], "Message": message }),
        )
    }

    fn same(&mut self, expected: &Value, actual: &Value) -> Outcome {
        match (expected, actual) {
            (Value::Object(expected), Value::Object(actual)) => self.same_members(expected, actual),
            (Value::Array(expected), Value::Array(actual)) if expected.len() == actual.len() => {
                let mut pairs = expected.iter().zip(actual);
                pairs.try_for_each(|(expected, actual)| self.same(expected, actual))
            }
            // The recording shows the policy in the string as JSON.
            (Value::Object(_), Value::String(text)) => {
                self.same(expected, &serde_json::from_str(text).unwrap_or_default())
            }
            (Value::String(pattern), Value::Number(_)) if pattern == "datetime" => Ok(()),
            (Value::String(pattern), Value::String(text)) if pattern.starts_with("b'") => {
                equal(expected, &json!(python_bytes(text)))
            }
            (Value::String(pattern), Value::String(text)) => self.unify(pattern, text),
            _ => equal(expected, actual),
        }
    }

    fn same_members(
        &mut self,
        expected: &Map<String, Value>,
        actual: &Map<String, Value>,
    ) -> Outcome {
        let mut unmatched: Vec<_> = actual.keys().collect();
        for (name, value) in expected {
            let mut known = self.fill(name);
            if known.contains('<') {
                // A map keyed by version ids: the one that no other name stands for.
                let names: Vec<_> = expected.keys().map(|name| self.fill(name)).collect();
                let mut rest = unmatched.iter().filter(|key| !names.contains(key));
                let only = rest.next().ok_or("too few members")?;
                self.unify(name, only)?;
                known.clone_from(only);
            }
            let found = actual
                .get(&known)
                .ok_or_else(|| format!("member {known} is missing"))?;
            self.same(value, found)
                .map_err(|defect| format!("{name}: {defect}"))?;
            unmatched.retain(|key| **key != known);
        }
        if unmatched.is_empty() {
            Ok(())
        } else {
            Err(format!("members too many: {unmatched:?}"))
        }
    }

    /// Matches a text with a pattern of which one placeholder may still be free, and binds it.
    fn unify(&mut self, pattern: &str, text: &str) -> Outcome {
        let pattern = self.fill(pattern);
        let Some((before, rest)) = pattern.split_once('<') else {
            return equal(&json!(pattern), &json!(text));
        };
        let (name, after) = rest.split_once('>').ok_or("not a placeholder")?;
        let value = text
            .strip_prefix(before)
            .and_then(|text| text.strip_suffix(after))
            .ok_or_else(|| format!("{text} is no {pattern}"))?;
        if self.bound.values().any(|bound| bound == value) {
            return Err(format!("{name} is another's {value}"));
        }
        self.bound.insert(format!("<{name}>"), value.to_owned());
        Ok(())
    }

    fn fill(&self, pattern: &str) -> String {
        let mut text = pattern.to_owned();
        for (name, value) in &self.bound {
            text = text.replace(name, value);
        }
        text
    }

    /// A request's members, with what the placeholders stand for.
    fn resolve(&self, members: &Value) -> Outcome<Value> {
        let text = self.fill(&members.to_string());
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }
}

fn equal(expected: &Value, actual: &Value) -> Outcome {
    if expected == actual {
        Ok(())
    } else {
        Err(format!("expected {expected}, got {actual}"))
    }
}

/// How Python prints what the client has decoded.
fn python_bytes(base64: &str) -> String {
    let bytes = BASE64_STANDARD.decode(base64).unwrap();
    let text: String = bytes
        .iter()
        .map(|byte| match byte {
            b' '..=b'~' => char::from(*byte).to_string(),
            _ => format!("\\x{byte:02x}"),
        })
        .collect();
    format!("b'{text}'")
}
