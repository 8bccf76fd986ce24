//! A role of an AWS account, and how far a mapping's pattern covers its callers.

use std::fmt;

/// A role. Its path is not kept: callers' ARNs do not have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsRole {
    pub partition: String,
    pub account: String,
    pub name: String,
}

/// How much of a role's sessions a pattern covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coverage<'a> {
    Whole,
    /// Only sessions that are named like this.
    Sessions(&'a str),
    /// The pattern names the role and no session. Whether Datadog matches it with anybody is not
    /// documented.
    Unclear,
}

impl AwsRole {
    /// Reads the ARN of a role, or of a caller with that role.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<_> = text.splitn(6, ':').collect();
        let ["arn", partition, service, "", account, resource] = parts[..] else {
            return None;
        };
        let path: Vec<_> = resource.split('/').collect();
        let name = match path.as_slice() {
            ["role", .., name] if service == "iam" => name,
            ["assumed-role", name] | ["assumed-role", name, _] if service == "sts" => name,
            _ => return None,
        };
        let is_account = account.len() == 12 && account.bytes().all(|it| it.is_ascii_digit());
        let is_partition = partition.starts_with("aws") && is_plain(partition, b"-");
        (is_account && is_partition && is_plain(name, b"_+=,.@-")).then(|| Self {
            partition: partition.to_owned(),
            account: account.to_owned(),
            name: (*name).to_owned(),
        })
    }

    /// Returns the pattern that covers all of its callers.
    #[must_use]
    pub fn pattern(&self) -> String {
        format!("{}*", self.callers())
    }

    /// Returns `None` for a pattern of other roles.
    pub(super) fn coverage<'a>(&self, pattern: &'a str) -> Option<Coverage<'a>> {
        let callers = self.callers();
        if let Some(stem) = pattern.strip_suffix('*')
            && callers.starts_with(stem)
        {
            return Some(Coverage::Whole);
        }
        if let Some(session) = pattern.strip_prefix(&callers) {
            return Some(Coverage::Sessions(session));
        }
        (callers.trim_end_matches('/') == pattern).then_some(Coverage::Unclear)
    }

    /// Returns what the ARNs of all of its callers begin with.
    fn callers(&self) -> String {
        let Self {
            partition,
            account,
            name,
        } = self;
        format!("arn:{partition}:sts::{account}:assumed-role/{name}/")
    }
}

fn is_plain(text: &str, signs: &[u8]) -> bool {
    let is_fine = |it: u8| it.is_ascii_alphanumeric() || signs.contains(&it);
    (1..=64).contains(&text.len()) && text.bytes().all(is_fine)
}

impl fmt::Display for AwsRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of AWS account {}", self.name, self.account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "arn:aws:iam::123456789012:role/service-role/runner";

    #[test]
    fn roles_are_read_from_their_arns_and_their_callers() {
        let role = AwsRole::parse(ROLE).unwrap();
        assert_eq!(
            role.pattern(),
            "arn:aws:sts::123456789012:assumed-role/runner/*"
        );
        for text in [
            "arn:aws:iam::123456789012:role/runner",
            "arn:aws:sts::123456789012:assumed-role/runner",
            "arn:aws:sts::123456789012:assumed-role/runner/i-0123",
            "arn:aws:sts::123456789012:assumed-role/runner/*",
        ] {
            assert_eq!(AwsRole::parse(text), Some(role.clone()), "{text}");
        }
        for text in [
            "",
            "runner",
            "arn:aws:iam::123456789012:user/runner",
            "arn:aws:iam::12345678901:role/runner",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:role/run ner",
            "arn:gcp:iam::123456789012:role/runner",
            "arn:aws:sts::123456789012:assumed-role/runner/a/b",
        ] {
            assert_eq!(AwsRole::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_pattern_covers_the_role_that_it_names() {
        let role = AwsRole::parse(ROLE).unwrap();
        let of = |rest: &str| format!("arn:aws:sts::123456789012:assumed-role/{rest}");
        for (rest, coverage) in [
            ("runner/*", Some(Coverage::Whole)),
            ("*", Some(Coverage::Whole)),
            ("runner/i-1", Some(Coverage::Sessions("i-1"))),
            ("runner/i-*", Some(Coverage::Sessions("i-*"))),
            ("runner", Some(Coverage::Unclear)),
            ("runner2/*", None),
            ("run/*", None),
            ("Runner/*", None),
        ] {
            assert_eq!(role.coverage(&of(rest)), coverage, "{rest}");
        }
        let other = "arn:aws:sts::223456789012:assumed-role/runner/*";
        assert_eq!(role.coverage(other), None);
    }
}
