//! What a checkup has to say, check by check.

use crate::credential::Kind;
use crate::datadog::DatadogProblem;
use crate::error::Problem;
use crate::inspect::Unreached;
use crate::keys::KeyClass;
use crate::secrets::SecretsProblem;

use super::advice::advice;
use super::holding::Holding;

/// One thing that a rotation depends on, in the order in which it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    Secret,
    Rotation,
    Function,
    Versions,
    Replicas,
    Value,
    AdminSecret,
    Site,
    ServiceAccount,
    AdminKeys,
    Scopes,
    Permissions,
    ApplicationKey,
    ApplicationKeyQuota,
    AccessToken,
    ApiKey,
    Organisation,
    ApiKeyAttributes,
    ApiKeysRead,
    ApiKeyQuota,
}

impl Check {
    pub const ALL: [Self; 20] = [
        Self::Secret,
        Self::Rotation,
        Self::Function,
        Self::Versions,
        Self::Replicas,
        Self::Value,
        Self::AdminSecret,
        Self::Site,
        Self::ServiceAccount,
        Self::AdminKeys,
        Self::Scopes,
        Self::Permissions,
        Self::ApplicationKey,
        Self::ApplicationKeyQuota,
        Self::AccessToken,
        Self::ApiKey,
        Self::Organisation,
        Self::ApiKeyAttributes,
        Self::ApiKeysRead,
        Self::ApiKeyQuota,
    ];

    /// Returns a stable word, listed in the documentation.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Rotation => "rotation",
            Self::Function => "function",
            Self::Versions => "versions",
            Self::Replicas => "replicas",
            Self::Value => "value",
            Self::AdminSecret => "admin_secret",
            Self::Site => "site",
            Self::ServiceAccount => "service_account",
            Self::AdminKeys => "admin_keys",
            Self::Scopes => "scopes",
            Self::Permissions => "permissions",
            Self::ApplicationKey => "application_key",
            Self::ApplicationKeyQuota => "application_key_quota",
            Self::AccessToken => "access_token",
            Self::ApiKey => "api_key",
            Self::Organisation => "organisation",
            Self::ApiKeyAttributes => "api_key_attributes",
            Self::ApiKeysRead => "api_keys_read",
            Self::ApiKeyQuota => "api_key_quota",
        }
    }

    /// Returns whether it says anything of a secret of this type.
    #[must_use]
    pub fn is_of(self, kind: Kind) -> bool {
        let holds = |class| kind.classes().contains(&class);
        match self {
            Self::ServiceAccount => holds(KeyClass::Application) || holds(KeyClass::AccessToken),
            Self::ApplicationKey | Self::ApplicationKeyQuota => holds(KeyClass::Application),
            Self::AccessToken => holds(KeyClass::AccessToken),
            Self::ApiKey
            | Self::Organisation
            | Self::ApiKeyAttributes
            | Self::ApiKeysRead
            | Self::ApiKeyQuota => holds(KeyClass::Api),
            _ => true,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Ok,
    /// Nothing fails for it, but somebody should know.
    Warning,
    /// A rotation would fail.
    Failed,
    /// It can't be told: not from here, or not before something else is mended.
    Unknown,
}

impl Status {
    /// Returns a stable word, listed in the documentation.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// What came of one check. Holds no key and no secret value.
#[derive(Clone, Debug)]
pub struct Finding {
    pub check: Check,
    pub status: Status,
    pub text: String,
    /// Whether it was looked at. If not, something before it stands in the way.
    pub is_seen: bool,
    /// That of the error in which a rotation would end, or that stands in the way of the look itself. Of
    /// a warning: it has to be mended.
    pub error_type: Option<&'static str>,
    /// What to do about it.
    pub advice: Option<String>,
}

/// All that was found about one secret.
#[derive(Clone, Debug)]
pub struct Checkup {
    /// As it was asked for.
    pub secret: String,
    pub name: Option<String>,
    pub kind: Option<Kind>,
    /// One for each check of the type, in order; for each check at all if the type is not known.
    pub findings: Vec<Finding>,
    /// The keys that the secret holds, and those of its admin secret.
    pub(super) holdings: Vec<Holding>,
}

impl Checkup {
    pub(super) fn of(secret: &str) -> Self {
        Self {
            secret: secret.to_owned(),
            name: None,
            kind: None,
            findings: Vec::new(),
            holdings: Vec::new(),
        }
    }

    /// [`Status::Failed`] if a rotation would fail, else [`Status::Unknown`] if this machine could not
    /// look, else [`Status::Warning`] if something has to be mended all the same, else [`Status::Ok`].
    #[must_use]
    pub fn outcome(&self) -> Status {
        let is_there = |status| {
            let of_status = |it: &Finding| it.status == status && it.error_type.is_some();
            self.findings.iter().any(of_status)
        };
        let mut worst = [Status::Failed, Status::Unknown, Status::Warning].into_iter();
        let worst = worst.find(|it| is_there(*it));
        worst.unwrap_or(Status::Ok)
    }

    /// Returns whether all was looked at, and nothing was found that a rotation would fail on or that
    /// has to be mended.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.outcome() == Status::Ok
    }

    pub(super) fn say(&mut self, check: Check, status: Status, text: impl Into<String>) {
        self.findings.push(Finding {
            check,
            status,
            text: text.into(),
            is_seen: true,
            error_type: None,
            advice: None,
        });
    }

    /// Notes what no rotation fails on and somebody has to mend all the same.
    pub(super) fn warn(
        &mut self,
        check: Check,
        error_type: &'static str,
        text: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.findings.push(Finding {
            check,
            status: Status::Warning,
            text: text.into(),
            is_seen: true,
            error_type: Some(error_type),
            advice: Some(advice.into()),
        });
    }

    /// Notes what a rotation would fail on before any function of this suite could say so.
    pub(super) fn refuse(
        &mut self,
        check: Check,
        error_type: &'static str,
        text: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.warn(check, error_type, text, advice);
        self.findings
            .last_mut()
            .into_iter()
            .for_each(|it| it.status = Status::Failed);
    }

    /// Notes a problem. One of this machine says nothing of a rotation, which runs elsewhere.
    pub(super) fn fail(&mut self, check: Check, problem: &Problem) {
        let status = if is_of_this_machine(problem) {
            Status::Unknown
        } else {
            Status::Failed
        };
        self.findings.push(Finding {
            check,
            status,
            text: problem.to_string(),
            is_seen: true,
            error_type: Some(problem.error_type()),
            advice: Some(advice(problem)),
        });
    }

    /// Adds a sentence to what was said last.
    pub(super) fn add(&mut self, sentence: Option<String>) {
        if let (Some(finding), Some(sentence)) = (self.findings.last_mut(), sentence) {
            finding.text = format!("{}. {sentence}", finding.text);
        }
    }

    /// Returns what is at hand if there is no problem; a problem is noted.
    pub(super) fn take<T>(&mut self, check: Check, result: Result<T, Problem>) -> Option<T> {
        result.inspect_err(|problem| self.fail(check, problem)).ok()
    }

    /// Notes what could not be reached, at the check that was being made.
    pub(super) fn say_unreached(&mut self, unreached: &Unreached) {
        let is_open = |check: &Check| self.findings.iter().all(|it| it.check != *check);
        let asked = |check: &Check| unreached.is_aws || *check > Check::Site;
        // Lambda is asked beside all others, by calls of its own.
        let is_due = |check: &Check| {
            *check != Check::Function && self.kind.is_none_or(|kind| check.is_of(kind))
        };
        let mut checks = Check::ALL.into_iter();
        let check = checks.find(|it| is_due(it) && is_open(it) && asked(it));
        self.findings.push(Finding {
            check: check.unwrap_or(Check::Secret),
            status: Status::Unknown,
            text: unreached.to_string(),
            is_seen: true,
            error_type: Some(unreached.error_type()),
            advice: Some(unreached.advice().to_owned()),
        });
    }

    /// Says of each check that was not made what it waits for.
    pub(super) fn complete(mut self) -> Self {
        // The function stands in no other check's way.
        let is_cause = |it: &&Finding| {
            it.error_type.is_some() && it.status != Status::Warning && it.check != Check::Function
        };
        let cause = self.findings.iter().find(is_cause);
        let text = match cause {
            Some(cause) => format!("not looked at: {} comes first", cause.check.word()),
            None => "not looked at, because of the above".to_owned(),
        };
        for check in Check::ALL {
            let is_due = self.kind.is_none_or(|kind| check.is_of(kind));
            if is_due && self.findings.iter().all(|it| it.check != check) {
                self.say(check, Status::Unknown, text.clone());
                self.findings
                    .last_mut()
                    .into_iter()
                    .for_each(|it| it.is_seen = false);
            }
        }
        self.findings.sort_by_key(|it| it.check);
        self
    }
}

/// Returns whether the problem is one of the machine that looks: its network, its credentials.
fn is_of_this_machine(problem: &Problem) -> bool {
    match problem {
        Problem::Start(_) => true,
        Problem::Secrets(error) | Problem::AdminUnreadable(error) => matches!(
            error.problem,
            SecretsProblem::NoCredentials
                | SecretsProblem::CredentialsRefused { .. }
                | SecretsProblem::NotSent
                | SecretsProblem::NotConnected(_)
                | SecretsProblem::TimedOut
        ),
        Problem::Datadog(error) => matches!(
            error.problem,
            DatadogProblem::NotConnected(_) | DatadogProblem::TimedOut { .. }
        ),
        _ => false,
    }
}
