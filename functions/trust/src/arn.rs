//! Patterns of callers: `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`.

use std::fmt;

/// A pattern that Datadog can match a caller with: one role, and one of its sessions or all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArnPattern {
    account: String,
    role: String,
    session: String,
}

/// Why a text is no such pattern. What is certain is checked here; the rest is Datadog's to judge.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArnError {
    #[error("is the ARN of a role; Datadog matches callers: {0}")]
    OfRole(ArnPattern),
    #[error("is of partition {0}; Datadog accepts roles of partition aws alone")]
    Partition(String),
    #[error("has a wildcard; only the whole last portion may be one: {SHAPE}")]
    Wildcard,
    #[error("names no session; end it in /* for all of them: {0}")]
    NoSession(ArnPattern),
    #[error("is no caller's ARN: {SHAPE}")]
    Shape,
}

const SHAPE: &str = "arn:aws:sts::ACCOUNT:assumed-role/ROLE/*";

impl ArnPattern {
    pub fn parse(text: &str) -> Result<Self, ArnError> {
        let parts: Vec<_> = text.splitn(6, ':').collect();
        let ["arn", partition, service, "", account, resource] = parts[..] else {
            return Err(ArnError::Shape);
        };
        if partition != "aws" {
            return Err(ArnError::Partition(partition.chars().take(20).collect()));
        }
        if account.len() != 12 || !account.bytes().all(|it| it.is_ascii_digit()) {
            return Err(ArnError::Shape);
        }
        let path: Vec<_> = resource.split('/').collect();
        match (service, path.as_slice()) {
            ("iam", ["role", .., role]) if is_name(role) => {
                Err(ArnError::OfRole(Self::of_role(account, role)))
            }
            ("sts", ["assumed-role", role]) if is_name(role) => {
                Err(ArnError::NoSession(Self::of_role(account, role)))
            }
            ("sts", ["assumed-role", role, session]) if is_name(role) && is_session(session) => {
                Ok(Self {
                    account: account.to_owned(),
                    role: (*role).to_owned(),
                    session: (*session).to_owned(),
                })
            }
            _ if resource.contains(['*', '?']) => Err(ArnError::Wildcard),
            _ => Err(ArnError::Shape),
        }
    }

    /// Returns all sessions of a role. STS drops a role's path.
    #[must_use]
    pub fn of_role(account: &str, role: &str) -> Self {
        Self {
            account: account.to_owned(),
            role: role.to_owned(),
            session: "*".to_owned(),
        }
    }

    /// Returns whether the other pattern is of the same role.
    #[must_use]
    pub fn shares_role_with(&self, other: &str) -> bool {
        Self::parse(other)
            .is_ok_and(|it| (it.account, it.role) == (self.account.clone(), self.role.clone()))
    }
}

/// Returns whether IAM allows it as the name of a role.
#[must_use]
pub fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || b"_+=,.@-".contains(&it))
}

fn is_session(text: &str) -> bool {
    text == "*" || is_name(text)
}

impl fmt::Display for ArnPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            account,
            role,
            session,
        } = self;
        write!(f, "arn:aws:sts::{account}:assumed-role/{role}/{session}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_of_one_role_are_taken() {
        for text in [
            "arn:aws:sts::123456789012:assumed-role/terraform-runner/session-name",
            "arn:aws:sts::123456789012:assumed-role/terraform-runner/*",
            "arn:aws:sts::123456789012:assumed-role/a+b=c,d.e@f_g/i-0123",
        ] {
            assert_eq!(ArnPattern::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_texts_are_refused_with_what_would_be_right() {
        for (text, word) in [
            (
                "arn:aws:iam::123456789012:role/service-role/runner",
                "arn:aws:sts::123456789012:assumed-role/runner/*",
            ),
            (
                "arn:aws:sts::123456789012:assumed-role/runner",
                "arn:aws:sts::123456789012:assumed-role/runner/*",
            ),
            (
                "arn:aws-cn:sts::123456789012:assumed-role/runner/*",
                "aws-cn",
            ),
            (
                "arn:aws:sts::123456789012:assumed-role/*/session",
                "wildcard",
            ),
            (
                "arn:aws:sts::123456789012:assumed-role/runner/*/*",
                "wildcard",
            ),
            (
                "arn:aws:sts::123456789012:assumed-role/runner/a*",
                "wildcard",
            ),
            (
                "arn:aws:sts::123456789012:assumed-role/run?er/x",
                "wildcard",
            ),
            ("arn:aws:sts::12345678901:assumed-role/runner/*", "ACCOUNT"),
            ("arn:aws:sts::*:assumed-role/runner/*", "ACCOUNT"),
            ("arn:aws:iam::123456789012:user/runner", "ACCOUNT"),
            ("runner", "ACCOUNT"),
            ("", "ACCOUNT"),
        ] {
            let error = ArnPattern::parse(text).unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn patterns_of_one_role_are_told() {
        let all = ArnPattern::of_role("123456789012", "runner");
        assert!(all.shares_role_with("arn:aws:sts::123456789012:assumed-role/runner/one"));
        assert!(!all.shares_role_with("arn:aws:sts::123456789012:assumed-role/runner2/*"));
        assert!(!all.shares_role_with("arn:aws:sts::223456789012:assumed-role/runner/*"));
    }
}
