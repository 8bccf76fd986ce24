//! The event that Secrets Manager invokes a rotation function with.

use std::fmt;

use secrecy::SecretString;
use serde_json::Value;

/// What one invocation is asked to do.
///
/// An own struct, for the public event crate lacks `RotationToken`. Unknown members are ignored.
#[derive(Clone, Debug)]
pub struct RotationEvent {
    pub step: Step,
    pub secret: SecretRef,
    pub token: VersionId,
    /// Proof that the service began this rotation; handed on to `PutSecretValue`, never shown.
    pub rotation_token: Option<SecretString>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    CreateSecret,
    SetSecret,
    TestSecret,
    FinishSecret,
}

/// What the event calls the secret: its ARN, as Secrets Manager sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRef(String);

/// The id of a secret's version; of the one that a rotation makes, the `ClientRequestToken`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionId(String);

/// Why an event was refused before anything was called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    #[error("the event is not a JSON object")]
    NotAnObject,
    #[error("the event has no string member `{0}`")]
    Missing(&'static str),
    #[error("the event's `{0}` is empty, too long or holds characters that no such ID has")]
    IllFormed(&'static str),
    #[error("the event's `Step` is none of createSecret, setSecret, testSecret and finishSecret")]
    UnknownStep,
}

impl RotationEvent {
    pub fn parse(event: &Value) -> Result<Self, EventError> {
        let event = event.as_object().ok_or(EventError::NotAnObject)?;
        let text = |name| {
            event
                .get(name)
                .and_then(Value::as_str)
                .ok_or(EventError::Missing(name))
        };
        Ok(Self {
            step: Step::parse(text("Step")?).ok_or(EventError::UnknownStep)?,
            secret: SecretRef::parse(text("SecretId")?).ok_or(EventError::IllFormed("SecretId"))?,
            token: VersionId::parse(text("ClientRequestToken")?)
                .ok_or(EventError::IllFormed("ClientRequestToken"))?,
            rotation_token: event
                .get("RotationToken")
                .and_then(Value::as_str)
                .map(Into::into),
        })
    }
}

impl Step {
    fn parse(text: &str) -> Option<Self> {
        [
            Self::CreateSecret,
            Self::SetSecret,
            Self::TestSecret,
            Self::FinishSecret,
        ]
        .into_iter()
        .find(|step| step.as_str() == text)
    }

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreateSecret => "createSecret",
            Self::SetSecret => "setSecret",
            Self::TestSecret => "testSecret",
            Self::FinishSecret => "finishSecret",
        }
    }
}

/// Ids go into logs and request paths: nothing but printable ASCII without spaces gets in.
fn is_plain(text: &str, longest: usize) -> bool {
    !text.is_empty() && text.len() <= longest && text.bytes().all(|byte| byte.is_ascii_graphic())
}

impl SecretRef {
    /// At most 2048 characters (API reference).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_plain(text, 2048).then(|| Self(text.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl VersionId {
    /// At most 64 characters (API reference); Secrets Manager itself sends UUIDs.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_plain(text, 64).then(|| Self(text.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{EventError, RotationEvent, Step};

    fn event() -> Value {
        json!({
            "Step": "createSecret",
            "SecretId": "arn:aws:secretsmanager:us-east-1:123456789012:secret:datadog/api-AbCdEf",
            "ClientRequestToken": "11111111-2222-4333-8444-555555555555",
            "RotationToken": "do-not-print",
            "SomethingNew": true,
        })
    }

    fn without(name: &str) -> Value {
        let mut event = event();
        event.as_object_mut().unwrap().remove(name);
        event
    }

    #[test]
    fn unknown_members_are_ignored_and_the_rotation_token_is_not_shown() {
        let event = RotationEvent::parse(&event()).unwrap();
        assert_eq!(event.step, Step::CreateSecret);
        assert!(event.rotation_token.is_some());
        assert!(!format!("{event:?}").contains("do-not-print"));
        assert!(
            RotationEvent::parse(&without("RotationToken"))
                .unwrap()
                .rotation_token
                .is_none()
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        for name in ["Step", "SecretId", "ClientRequestToken"] {
            let error = RotationEvent::parse(&without(name)).unwrap_err();
            assert_eq!(error, EventError::Missing(name));
        }
        assert_eq!(
            RotationEvent::parse(&json!([])).unwrap_err(),
            EventError::NotAnObject
        );
    }

    #[test]
    fn ids_that_would_forge_a_log_line_are_refused() {
        let mut event = event();
        event["SecretId"] = json!("arn:aws\n{\"level\":\"INFO\"}");
        let error = RotationEvent::parse(&event).unwrap_err();
        assert_eq!(error, EventError::IllFormed("SecretId"));
    }

    #[test]
    fn only_the_strings_on_the_wire_are_steps() {
        for step in ["create_secret", "CreateSecret", "", "deleteSecret"] {
            let mut event = event();
            event["Step"] = json!(step);
            assert_eq!(
                RotationEvent::parse(&event).unwrap_err(),
                EventError::UnknownStep
            );
        }
    }
}
