//! Who may invoke a function.

use serde_json::Value;

use crate::secrets::SecretArn;

const SECRETS_MANAGER: &str = "secretsmanager.amazonaws.com";

/// A function's resource-based policy. The default one lets in nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    statements: Vec<Value>,
}

/// Whether Secrets Manager may invoke the function for a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permission {
    Allowed,
    /// No statement is about Secrets Manager.
    NotNamed,
    /// The statements about it are for others: the condition that none of them meets, and its value.
    ForAnother {
        key: String,
        value: String,
    },
    Denied,
    /// By a condition that is not judged here.
    Unknown {
        key: String,
    },
}

impl Policy {
    /// Returns `None` for a text that is no policy.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let policy: Value = serde_json::from_str(text).ok()?;
        Some(Self {
            statements: listed(policy.get("Statement")?).cloned().collect(),
        })
    }

    /// Returns whether Secrets Manager may invoke the function for this secret. Secrets Manager tells
    /// the secret's ARN as `aws:SourceArn` and its account as `aws:SourceAccount`.
    #[must_use]
    pub fn permission(&self, secret: &SecretArn) -> Permission {
        let of_us = || self.statements.iter().filter(|it| is_about_us(it));
        let mut found = Permission::NotNamed;
        let mut denied = None;
        for statement in of_us() {
            match (statement["Effect"].as_str(), meets(statement, secret)) {
                (Some("Allow"), Met::Yes) if found != Permission::Allowed => {
                    found = Permission::Allowed;
                }
                (Some("Allow"), Met::Unknown(key)) if found != Permission::Allowed => {
                    found = Permission::Unknown { key };
                }
                (Some("Allow"), Met::No { key, value }) if found == Permission::NotNamed => {
                    found = Permission::ForAnother { key, value };
                }
                (Some("Deny"), Met::Yes) => return Permission::Denied,
                (Some("Deny"), Met::Unknown(key)) => denied = Some(key),
                _ => {}
            }
        }
        match denied {
            Some(key) if found == Permission::Allowed => Permission::Unknown { key },
            _ => found,
        }
    }
}

/// Whether the conditions of a statement are met.
enum Met {
    Yes,
    No { key: String, value: String },
    Unknown(String),
}

/// Whether a statement is about Secrets Manager's invocations.
fn is_about_us(statement: &Value) -> bool {
    let principal = &statement["Principal"];
    let is_ours = |it: &Value| matches!(it.as_str(), Some("*" | SECRETS_MANAGER));
    let named = is_ours(principal) || listed(&principal["Service"]).any(is_ours);
    let action = |it: &Value| {
        let action = it.as_str().unwrap_or_default().to_ascii_lowercase();
        is_like("lambda:invokefunction", &action)
    };
    named && listed(&statement["Action"]).any(action)
}

/// All conditions have to be met, each by one of its values.
fn meets(statement: &Value, secret: &SecretArn) -> Met {
    let operators = statement["Condition"].as_object().into_iter().flatten();
    let conditions = operators.flat_map(|(operator, keys)| {
        let keys = keys.as_object().into_iter().flatten();
        keys.map(move |(key, values)| (operator.as_str(), key, values))
    });
    let mut unknown = None;
    for (operator, key, values) in conditions {
        let told = match &*key.to_ascii_lowercase() {
            "aws:sourcearn" => Some(secret.as_str()),
            "aws:sourceaccount" => secret.account(),
            _ => None,
        };
        let operator = operator.strip_suffix("IfExists").unwrap_or(operator);
        let is_known = ["StringEquals", "StringLike", "ArnEquals", "ArnLike"].contains(&operator);
        let Some(told) = told.filter(|_| is_known) else {
            unknown = Some(key.clone());
            continue;
        };
        let is_met = |it: &Value| match (it.as_str(), operator) {
            (Some(value), "StringEquals") => value == told,
            (Some(value), "StringLike") => is_like(told, value),
            (Some(value), _) => is_arn_like(told, value),
            (None, _) => false,
        };
        if !listed(values).any(is_met) {
            let value = listed(values).find_map(Value::as_str);
            return Met::No {
                key: key.clone(),
                value: value.unwrap_or_default().to_owned(),
            };
        }
    }
    unknown.map_or(Met::Yes, Met::Unknown)
}

/// A member may be one value or a list.
fn listed(value: &Value) -> impl Iterator<Item = &Value> {
    match value {
        Value::Array(values) => values.as_slice(),
        Value::Null => &[],
        value => std::slice::from_ref(value),
    }
    .iter()
}

/// Whether an ARN is like a pattern, of which each of the six parts is compared by itself: `*` stands for no
/// colon.
fn is_arn_like(arn: &str, pattern: &str) -> bool {
    let parts = |text: &str| -> Vec<String> { text.splitn(6, ':').map(str::to_owned).collect() };
    let (arn, pattern) = (parts(arn), parts(pattern));
    let mut pairs = arn.iter().zip(&pattern);
    arn.len() == pattern.len() && pairs.all(|(part, pattern)| is_like(part, pattern))
}

/// Whether a text is like a pattern, in which `*` stands for any text and `?` for any character.
fn is_like(text: &str, pattern: &str) -> bool {
    match pattern.as_bytes() {
        [] => text.is_empty(),
        [b'*', ..] => (0..=text.len())
            .filter(|at| text.is_char_boundary(*at))
            .any(|at| is_like(&text[at..], &pattern[1..])),
        _ => {
            let (mut text, mut pattern) = (text.chars(), pattern.chars());
            match (text.next(), pattern.next()) {
                (Some(_), Some('?')) => is_like(text.as_str(), pattern.as_str()),
                (Some(one), Some(other)) if one == other => {
                    is_like(text.as_str(), pattern.as_str())
                }
                _ => false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SECRET: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:dd/api-AbCdEf";

    /// As Lambda writes it.
    fn statement(condition: &Value) -> Value {
        json!({
            "Effect": "Allow", "Principal": { "Service": SECRETS_MANAGER },
            "Action": "lambda:InvokeFunction", "Condition": condition,
        })
    }

    fn judged(statements: &[Value]) -> Permission {
        let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
        let policy = Policy::parse(&text).unwrap();
        policy.permission(&SecretArn::trusted(SECRET))
    }

    #[test]
    fn what_lets_secrets_manager_in_is_told() {
        for condition in [
            json!({}),
            json!({ "StringEquals": { "AWS:SourceAccount": "123456789012" } }),
            json!({ "StringEquals": { "aws:SourceAccount": ["1", "123456789012"] } }),
            json!({ "ArnLike": { "AWS:SourceArn": SECRET } }),
            json!({ "ArnLike": { "AWS:SourceArn": "arn:aws:secretsmanager:*:*:secret:dd/api-??????" } }),
            json!({ "StringLike": { "AWS:SourceArn": "arn:aws:secretsmanager:*:secret:dd/api-??????" } }),
            json!({ "StringEqualsIfExists": { "AWS:SourceArn": SECRET } }),
        ] {
            assert_eq!(
                judged(&[statement(&condition)]),
                Permission::Allowed,
                "{condition}"
            );
        }
        let mut wide = statement(&json!({}));
        wide["Action"] = json!(["lambda:Get*", "lambda:*"]);
        wide["Principal"] = json!({ "Service": ["s3.amazonaws.com", SECRETS_MANAGER] });
        assert_eq!(judged(&[wide]), Permission::Allowed);
    }

    #[test]
    fn what_keeps_it_out_is_told_apart() {
        assert_eq!(judged(&[]), Permission::NotNamed);
        assert_eq!(
            Policy::default().permission(&SecretArn::trusted(SECRET)),
            Permission::NotNamed
        );
        let mut other = statement(&json!({}));
        other["Principal"] = json!({ "Service": "s3.amazonaws.com" });
        assert_eq!(judged(&[other]), Permission::NotNamed);
        let mut other = statement(&json!({}));
        other["Action"] = json!("lambda:InvokeFunctionUrl");
        assert_eq!(judged(&[other]), Permission::NotNamed);

        let account = json!({ "StringEquals": { "AWS:SourceAccount": "210987654321" } });
        let secret = json!({
            "ArnLike": { "AWS:SourceArn": SECRET.replace("api", "other") },
            "StringEquals": { "AWS:SourceAccount": "123456789012" },
        });
        let short = json!({ "ArnLike": { "AWS:SourceArn": "arn:aws:secretsmanager:*:secret:dd/api-??????" } });
        for (condition, wanted) in [
            (&account, "AWS:SourceAccount"),
            (&secret, "AWS:SourceArn"),
            (&short, "AWS:SourceArn"),
        ] {
            let found = judged(&[statement(condition)]);
            let is_it = matches!(&found, Permission::ForAnother { key, .. } if key == wanted);
            assert!(is_it, "{found:?}");
        }
        let both = [statement(&secret), statement(&json!({}))];
        assert_eq!(judged(&both), Permission::Allowed);
        let mut denied = statement(&json!({}));
        denied["Effect"] = json!("Deny");
        assert_eq!(judged(&[statement(&json!({})), denied]), Permission::Denied);
    }

    #[test]
    fn a_condition_that_is_not_known_proves_nothing() {
        let condition = json!({ "StringEquals": { "aws:SourceOrgID": "o-1" } });
        let found = judged(&[statement(&condition)]);
        let key = "aws:SourceOrgID".to_owned();
        assert_eq!(found, Permission::Unknown { key });
    }

    #[test]
    fn no_policy_is_told_from_an_empty_one() {
        assert!(Policy::parse("[]").is_none());
        assert!(Policy::parse("<html>").is_none());
    }
}
