//! What the function may map and register at all, whoever invokes it.
//!
//! The bounds come from the function's environment, which only those can change who deploy it. What
//! no variable allows is refused.

use std::env;
use std::fmt;

use datadog_rotation::datadog::trust::Mapping;

use crate::arn::ArnPattern;
use crate::properties::is_account;

const ROLES: &str = "ALLOWED_ROLE_PATTERNS";
const SERVICE_ACCOUNTS: &str = "ALLOWED_SERVICE_ACCOUNT_IDS";
const AWS_ACCOUNTS: &str = "ALLOWED_AWS_ACCOUNT_IDS";

/// The bounds of one function.
#[derive(Clone, Debug, Default)]
pub struct Leash {
    /// Patterns of callers, where `*` stands for any characters but `:` and `/`.
    roles: Vec<String>,
    service_accounts: Vec<String>,
    aws_accounts: Vec<String>,
}

/// Something that the function is not allowed to touch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this function may not {what} {subject}. It may {what} {allowed}. Whoever deploys the function can change that: its variable {variable} lists what is allowed, separated by commas"
)]
pub struct NotAllowed {
    what: &'static str,
    subject: String,
    allowed: String,
    variable: &'static str,
}

impl Leash {
    #[must_use]
    pub fn from_env() -> Self {
        let list = |name: &str| env::var(name).unwrap_or_default();
        Self::new(&list(ROLES), &list(SERVICE_ACCOUNTS), &list(AWS_ACCOUNTS))
    }

    /// Each is a list separated by commas.
    #[must_use]
    pub fn new(roles: &str, service_accounts: &str, aws_accounts: &str) -> Self {
        Self {
            roles: list(roles),
            service_accounts: list(service_accounts),
            aws_accounts: list(aws_accounts),
        }
    }

    /// That callers of this pattern may be mapped.
    pub fn must_allow_pattern(&self, pattern: &str) -> Result<(), NotAllowed> {
        // Other patterns than ours are nothing that this function makes.
        let is_ours = ArnPattern::parse(pattern).is_ok();
        if is_ours && self.roles.iter().any(|it| covers(it, pattern)) {
            return Ok(());
        }
        Err(not_allowed("map", pattern, &self.roles, ROLES))
    }

    /// That this mapping may be deleted: one of an allowed role, or one to an allowed service
    /// account. A role that is replaced has another name, and the mapping of the old one is to go.
    pub fn must_allow_deletion(&self, mapping: &Mapping) -> Result<(), NotAllowed> {
        let mut accounts = self.service_accounts.iter();
        if accounts.any(|it| mapping.is_for(Some(it))) {
            return Ok(());
        }
        self.must_allow_pattern(&mapping.pattern)
    }

    /// That roles may be mapped to this service account.
    pub fn must_allow_service_account(&self, account: &str) -> Result<(), NotAllowed> {
        let mut allowed = self.service_accounts.iter();
        if allowed.any(|it| it.eq_ignore_ascii_case(account)) {
            return Ok(());
        }
        let (what, allowed) = ("map roles to service account", &self.service_accounts);
        Err(not_allowed(what, account, allowed, SERVICE_ACCOUNTS))
    }

    /// That the registration of this AWS account may be made, changed and deleted.
    pub fn must_allow_aws_account(&self, account: &str) -> Result<(), NotAllowed> {
        if is_account(account) && self.aws_accounts.iter().any(|it| it == account) {
            return Ok(());
        }
        let (what, allowed) = ("integrate AWS account", &self.aws_accounts);
        Err(not_allowed(what, account, allowed, AWS_ACCOUNTS))
    }
}

fn list(text: &str) -> Vec<String> {
    let elements = text.split(',').map(str::trim);
    elements
        .filter(|it| !it.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Returns whether `allowed` covers all callers of `pattern`, whose own `*` is a character like any other.
fn covers(allowed: &str, pattern: &str) -> bool {
    let is_separator = |it: char| it == ':' || it == '/';
    let separators = |text: &str| {
        text.chars()
            .filter(|it| is_separator(*it))
            .collect::<String>()
    };
    let (mut allowed_parts, mut parts) = (allowed.split(is_separator), pattern.split(is_separator));
    separators(allowed) == separators(pattern)
        && parts.all(|part| allowed_parts.next().is_some_and(|it| part_covers(it, part)))
}

/// Returns the same of a part without separators.
fn part_covers(allowed: &str, part: &str) -> bool {
    let Some((begin, rest)) = allowed.split_once('*') else {
        return allowed == part;
    };
    let Some(part) = part.strip_prefix(begin) else {
        return false;
    };
    let places = part.char_indices().map(|(place, _)| place);
    places
        .chain([part.len()])
        .any(|place| part_covers(rest, &part[place..]))
}

fn not_allowed(
    what: &'static str,
    subject: &str,
    allowed: &[String],
    variable: &'static str,
) -> NotAllowed {
    NotAllowed {
        what,
        subject: subject.chars().take(160).collect(),
        allowed: Shown(allowed).to_string(),
        variable,
    }
}

/// The first of them: an answer has only so much room.
struct Shown<'a>(&'a [String]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const FIRST: usize = 5;
        if self.0.is_empty() {
            return f.write_str("none");
        }
        let first: Vec<_> = self.0.iter().take(FIRST).map(String::as_str).collect();
        f.write_str(&first.join(", "))?;
        match self.0.len().saturating_sub(FIRST) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNNER: &str = "arn:aws:sts::123456789012:assumed-role/rotation-ApiKeyRole-1A/*";

    #[test]
    fn a_star_stays_within_its_part() {
        for (allowed, is_covered) in [
            (RUNNER, true),
            ("arn:aws:sts::123456789012:assumed-role/rotation-*/*", true),
            (
                "arn:aws:sts::123456789012:assumed-role/*-ApiKeyRole-*/*",
                true,
            ),
            ("arn:aws:sts::123456789012:assumed-role/*/*", true),
            ("arn:aws:sts::*:assumed-role/*/*", true),
            ("arn:aws:sts::123456789012:assumed-role/*", false),
            ("arn:aws:sts::123456789012:*", false),
            ("*", false),
            (
                "arn:aws:sts::123456789012:assumed-role/rotation-*/one",
                false,
            ),
            (
                "arn:aws:sts::123456789012:assumed-role/otherwise-*/*",
                false,
            ),
            ("arn:aws:sts::223456789012:assumed-role/*/*", false),
            ("arn:aws:sts::123456789012:assumed-role/rotation-/*", false),
            ("", false),
        ] {
            let leash = Leash::new(allowed, "", "");
            let is_allowed = leash.must_allow_pattern(RUNNER).is_ok();
            assert_eq!(is_allowed, is_covered, "{allowed}");
        }
    }

    #[test]
    fn a_session_is_within_all_sessions_and_not_the_other_way_round() {
        let one = "arn:aws:sts::123456789012:assumed-role/runner/one";
        let all = "arn:aws:sts::123456789012:assumed-role/runner/*";
        assert!(Leash::new(all, "", "").must_allow_pattern(one).is_ok());
        assert!(Leash::new(one, "", "").must_allow_pattern(all).is_err());
    }

    #[test]
    fn what_nothing_allows_is_refused_with_what_to_do() {
        let account = "33333333-3333-4333-8333-333333333333";
        let none = Leash::default();
        for (error, variable) in [
            (none.must_allow_pattern(RUNNER), ROLES),
            (none.must_allow_service_account(account), SERVICE_ACCOUNTS),
            (none.must_allow_aws_account("123456789012"), AWS_ACCOUNTS),
        ] {
            let text = error.unwrap_err().to_string();
            assert!(text.contains(variable) && text.contains(" none."), "{text}");
        }
        let leash = Leash::new(
            &format!("x, {RUNNER},"),
            "33333333-3333-4333-8333-33333333333A",
            "123456789012 ,",
        );
        assert!(leash.must_allow_pattern(RUNNER).is_ok());
        assert!(leash.must_allow_aws_account("123456789012").is_ok());
        assert!(leash.must_allow_aws_account("").is_err());
        let upper = "33333333-3333-4333-8333-33333333333a";
        assert!(leash.must_allow_service_account(upper).is_ok());
        let error = leash.must_allow_service_account(account).unwrap_err();
        assert!(error.to_string().contains("33333333333A"), "{error}");
    }

    #[test]
    fn patterns_that_are_not_of_our_form_are_no_ones_to_delete() {
        let user = "arn:aws:iam::123456789012:user/somebody";
        assert!(Leash::new(user, "", "").must_allow_pattern(user).is_err());
    }
}
