//! What `trust` prints for programs. Members are added, never renamed; each is always there.

use datadog_rotation::datadog::trust::{AwsAccount, Mapping};
use datadog_rotation::inspect::trust::{Listing, Purpose, RoleTrust, Verdict};
use serde::Serialize;
use serde_json::{Map, Value};

use super::Report;
use crate::document::Problem;
use crate::who::Who;

/// What `--json` prints. A list that could not be had is null, which an empty one is not.
#[derive(Debug, Serialize)]
pub(super) struct Document<'a> {
    command: &'static str,
    ok: bool,
    error: Option<Problem>,
    admin: Option<&'a Who>,
    aws_accounts: Option<Vec<Account<'a>>>,
    identity_mappings: Option<Vec<Identity<'a>>>,
    intake_mappings: Option<Vec<Intake<'a>>>,
    unlisted: Vec<Unlisted>,
    roles: Vec<Role<'a>>,
}

#[derive(Debug, Serialize)]
#[expect(
    clippy::struct_field_names,
    reason = "the document's members, which are Datadog's"
)]
struct Account<'a> {
    id: &'a str,
    aws_account: &'a str,
    partition: &'a str,
    role_name: Option<&'a str>,
    external_id: Option<&'a str>,
    access_key_id: Option<&'a str>,
    /// As Datadog tells them, without the members above.
    settings: Map<String, Value>,
}

#[derive(Debug, Serialize)]
struct Identity<'a> {
    id: &'a str,
    pattern: &'a str,
    account: Option<&'a str>,
    account_id: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Intake<'a> {
    id: &'a str,
    pattern: &'a str,
}

#[derive(Debug, Serialize)]
struct Unlisted {
    list: &'static str,
    error: Problem,
}

#[derive(Debug, Serialize)]
struct Role<'a> {
    aws_account: &'a str,
    name: &'a str,
    /// What a mapping of all its callers has.
    pattern: String,
    purpose: &'static str,
    service_account: Option<&'a str>,
    ok: bool,
    registration: Judged<'a>,
    mapping: Judged<'a>,
}

#[derive(Debug, Serialize)]
struct Judged<'a> {
    status: &'static str,
    text: &'a str,
    advice: Option<&'a str>,
}

impl<'a> Document<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        let mut document = Self {
            command: "trust",
            ok: report.is_fine(),
            error: None,
            admin: report.who.as_ref(),
            aws_accounts: None,
            identity_mappings: None,
            intake_mappings: None,
            unlisted: Vec::new(),
            roles: Vec::new(),
        };
        let (trust, roles) = match &report.found {
            Ok(found) => found,
            Err(unseen) => {
                document.error = Some(Problem::of(unseen));
                return document;
            }
        };
        let unlisted = &mut document.unlisted;
        document.aws_accounts = list(&trust.accounts, "aws_accounts", unlisted, Account::of);
        document.identity_mappings =
            list(&trust.identity, "identity_mappings", unlisted, Identity::of);
        document.intake_mappings = list(&trust.intake, "intake_mappings", unlisted, Intake::of);
        document.roles = roles.iter().map(Role::of).collect();
        document
    }
}

fn list<'a, T, D>(
    listing: &'a Listing<T>,
    name: &'static str,
    unlisted: &mut Vec<Unlisted>,
    of: impl Fn(&'a T) -> D,
) -> Option<Vec<D>> {
    match listing {
        Ok(listed) => Some(listed.iter().map(of).collect()),
        Err(unseen) => {
            unlisted.push(Unlisted {
                list: name,
                error: Problem::of(unseen),
            });
            None
        }
    }
}

impl<'a> Account<'a> {
    fn of(account: &'a AwsAccount) -> Self {
        let mut settings = account.settings();
        settings.retain(|name, _| name != "aws_account_id" && name != "aws_partition");
        Self {
            id: account.id.as_str(),
            aws_account: account.aws_account(),
            partition: account.partition(),
            role_name: account.role_name(),
            external_id: account.external_id(),
            access_key_id: account.access_key_id(),
            settings,
        }
    }
}

impl<'a> Identity<'a> {
    fn of(mapping: &'a Mapping) -> Self {
        Self {
            id: mapping.id.as_str(),
            pattern: &mapping.pattern,
            account: mapping.account.as_deref(),
            account_id: mapping.user.as_deref(),
        }
    }
}

impl<'a> Intake<'a> {
    fn of(mapping: &'a Mapping) -> Self {
        Self {
            id: mapping.id.as_str(),
            pattern: &mapping.pattern,
        }
    }
}

impl<'a> Role<'a> {
    fn of(judged: &'a RoleTrust) -> Self {
        let (purpose, service_account) = match &judged.purpose {
            Purpose::Rotation(account) => ("rotation", account.as_deref()),
            Purpose::Agent => ("agent", None),
        };
        Self {
            aws_account: &judged.role.account,
            name: &judged.role.name,
            pattern: judged.role.pattern(),
            purpose,
            service_account,
            ok: judged.is_ok(),
            registration: Judged::of(&judged.account),
            mapping: Judged::of(&judged.mapping),
        }
    }
}

impl<'a> Judged<'a> {
    fn of(verdict: &'a Verdict) -> Self {
        Self {
            status: verdict.status.word(),
            text: &verdict.text,
            advice: verdict.advice.as_deref(),
        }
    }
}
