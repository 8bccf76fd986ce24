use serde_json::{Value, json};

use super::SecretsManager;
use super::error::Refusal;
use super::input::Input;

impl SecretsManager {
    pub(super) fn get_resource_policy(&self, input: &Input) -> Result<Value, Refusal> {
        let secret = &self.secrets[self.live_index(input)?];
        Ok(json!({ "ARN": secret.arn, "Name": secret.name, "ResourcePolicy": secret.policy }))
    }

    pub(super) fn put_resource_policy(&mut self, input: &Input) -> Result<Value, Refusal> {
        let policy = read_policy(input)?;
        let secret = self.live_mut(input)?;
        if let Some(defect) = defect(policy) {
            return Err(Refusal::malformed_policy(defect));
        }
        secret.policy = Some(policy.to_owned());
        Ok(json!({ "ARN": secret.arn, "Name": secret.name }))
    }

    pub(super) fn delete_resource_policy(&mut self, input: &Input) -> Result<Value, Refusal> {
        let secret = self.live_mut(input)?;
        secret.policy = None;
        Ok(json!({ "ARN": secret.arn, "Name": secret.name }))
    }

    pub(super) fn validate_resource_policy(&self, input: &Input) -> Result<Value, Refusal> {
        let policy = read_policy(input)?;
        if input.named_secret().is_some() {
            self.index(input)?;
        }
        let errors: Vec<_> = defect(policy)
            .into_iter()
            .map(|defect| json!({ "CheckName": "Syntax", "ErrorMessage": defect }))
            .collect();
        Ok(json!({ "PolicyValidationPassed": errors.is_empty(), "ValidationErrors": errors }))
    }
}

fn read_policy(input: &Input) -> Result<&str, Refusal> {
    input.required("ResourcePolicy", 1..=20480)
}

/// What makes a policy unusable, by shape alone: who it lets do what is not judged here.
fn defect(policy: &str) -> Option<&'static str> {
    let Ok(policy) = serde_json::from_str::<Value>(policy) else {
        return Some("This resource policy contains invalid Json.");
    };
    let statements = match &policy["Statement"] {
        Value::Array(statements) => statements.as_slice(),
        statement @ Value::Object(_) => std::slice::from_ref(statement),
        _ => return Some("This resource policy contains no statement."),
    };
    let is_complete = |statement: &Value| {
        ["Effect", "Principal", "Action", "Resource"]
            .iter()
            .all(|member| statement.get(member).is_some())
    };
    (!statements.iter().all(is_complete))
        .then_some("A statement needs Effect, Principal, Action and Resource.")
}
