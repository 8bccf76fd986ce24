//! What a checkup has to say, check by check.

use crate::credential::Kind;
use crate::datadog::DatadogProblem;
use crate::error::Problem;
use crate::keys::KeyClass;
use crate::secrets::SecretsProblem;

/// One thing that a rotation depends on, in the order in which it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    Secret,
    Rotation,
    Versions,
    Value,
    AdminSecret,
    Site,
    ServiceAccount,
    AdminKeys,
    Scopes,
    Permissions,
    ApplicationKey,
    ApplicationKeyQuota,
    ApiKey,
    Organisation,
    ApiKeysRead,
    ApiKeyQuota,
}

impl Check {
    pub const ALL: [Self; 16] = [
        Self::Secret,
        Self::Rotation,
        Self::Versions,
        Self::Value,
        Self::AdminSecret,
        Self::Site,
        Self::ServiceAccount,
        Self::AdminKeys,
        Self::Scopes,
        Self::Permissions,
        Self::ApplicationKey,
        Self::ApplicationKeyQuota,
        Self::ApiKey,
        Self::Organisation,
        Self::ApiKeysRead,
        Self::ApiKeyQuota,
    ];

    /// A stable word, listed in the documentation.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Rotation => "rotation",
            Self::Versions => "versions",
            Self::Value => "value",
            Self::AdminSecret => "admin_secret",
            Self::Site => "site",
            Self::ServiceAccount => "service_account",
            Self::AdminKeys => "admin_keys",
            Self::Scopes => "scopes",
            Self::Permissions => "permissions",
            Self::ApplicationKey => "application_key",
            Self::ApplicationKeyQuota => "application_key_quota",
            Self::ApiKey => "api_key",
            Self::Organisation => "organisation",
            Self::ApiKeysRead => "api_keys_read",
            Self::ApiKeyQuota => "api_key_quota",
        }
    }

    /// Whether it says anything of a secret of this type.
    #[must_use]
    pub fn is_of(self, kind: Kind) -> bool {
        let holds = |class| kind.classes().contains(&class);
        match self {
            Self::ServiceAccount | Self::ApplicationKey | Self::ApplicationKeyQuota => {
                holds(KeyClass::Application)
            }
            Self::ApiKey | Self::Organisation | Self::ApiKeysRead | Self::ApiKeyQuota => {
                holds(KeyClass::Api)
            }
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
    /// It can't be told, or not before something else is mended.
    Unknown,
}

impl Status {
    /// A stable word, listed in the documentation.
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
    /// That of the error in which a rotation would end.
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
}

impl Checkup {
    pub(super) fn of(secret: &str) -> Self {
        Self {
            secret: secret.to_owned(),
            name: None,
            kind: None,
            findings: Vec::new(),
        }
    }

    /// Whether nothing was found that a rotation would fail on.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.findings.iter().all(|it| it.status != Status::Failed)
    }

    pub(super) fn say(&mut self, check: Check, status: Status, text: impl Into<String>) {
        self.findings.push(Finding {
            check,
            status,
            text: text.into(),
            error_type: None,
            advice: None,
        });
    }

    pub(super) fn fail(&mut self, check: Check, problem: &Problem) {
        self.findings.push(Finding {
            check,
            status: Status::Failed,
            text: problem.to_string(),
            error_type: Some(problem.error_type()),
            advice: Some(advice(problem)),
        });
    }

    /// What is at hand if there is no problem; a problem is noted.
    pub(super) fn take<T>(&mut self, check: Check, result: Result<T, Problem>) -> Option<T> {
        result.inspect_err(|problem| self.fail(check, problem)).ok()
    }

    /// Says of what was not come to that it was not.
    pub(super) fn complete(mut self) -> Self {
        for check in Check::ALL {
            let is_due = self.kind.is_none_or(|kind| check.is_of(kind));
            if is_due && self.findings.iter().all(|it| it.check != check) {
                self.say(
                    check,
                    Status::Unknown,
                    "not looked at, because of the above",
                );
            }
        }
        self.findings.sort_by_key(|it| it.check);
        self
    }
}

/// What to do, for somebody at a keyboard instead of a function with its role.
pub(in crate::inspect) fn advice(problem: &Problem) -> String {
    let own = match problem {
        Problem::Secrets(error) | Problem::AdminUnreadable(error) => of_aws(&error.problem),
        Problem::Datadog(error) => of_datadog(&error.problem),
        Problem::NoAdminSecret => Some(
            "Name it by its ARN: field adminSecretArn of the value, tag adminSecretArn of the \
             secret, --admin-secret here and parameter AdminSecretArn of the stack.",
        ),
        Problem::UnknownKind => Some(
            "Store a corrected value (put-secret-value; the README has the three shapes), or say \
             which type is meant with --type.",
        ),
        _ => None,
    };
    own.map_or_else(|| problem.advice().into_owned(), str::to_owned)
}

fn of_aws(problem: &SecretsProblem) -> Option<&'static str> {
    Some(match problem {
        SecretsProblem::AccessDenied(_) => {
            "The identity that looks needs it, and the function's role to rotate."
        }
        SecretsProblem::NoCredentials
        | SecretsProblem::CredentialsRefused { .. }
        | SecretsProblem::NotSent => {
            "Look for AWS credentials in the environment: eval \"$(aws configure \
             export-credentials --format env)\"."
        }
        SecretsProblem::NotConnected(error) if error.is_of_tls() || error.is_of_proxy() => {
            return None;
        }
        SecretsProblem::NotConnected(_) | SecretsProblem::TimedOut => {
            "Look for a proxy or a missing route here; a function in a VPC needs the Secrets \
             Manager endpoint or NAT."
        }
        SecretsProblem::Throttled { .. }
        | SecretsProblem::OutOfTime { .. }
        | SecretsProblem::Unavailable { .. }
        | SecretsProblem::Cut => AGAIN,
        SecretsProblem::NotFound
        | SecretsProblem::Contradiction { .. }
        | SecretsProblem::ResourceExists
        | SecretsProblem::Refused { .. } => return None,
    })
}

fn of_datadog(problem: &DatadogProblem) -> Option<&'static str> {
    Some(match problem {
        DatadogProblem::NotConnected(error) if error.is_of_tls() || error.is_of_proxy() => {
            return None;
        }
        DatadogProblem::NotConnected(_) | DatadogProblem::TimedOut { .. } => {
            "Look for a proxy or a missing route here; a function in a VPC needs a NAT gateway to \
             reach api.<site>."
        }
        DatadogProblem::Unexpected { .. } | DatadogProblem::TooLarge => {
            "Look for a proxy between this machine and api.<site>."
        }
        DatadogProblem::RateLimited { .. }
        | DatadogProblem::OutOfTime { .. }
        | DatadogProblem::Unavailable { .. }
        | DatadogProblem::Cut => AGAIN,
        _ => return None,
    })
}

const AGAIN: &str = "Try again in a while.";
