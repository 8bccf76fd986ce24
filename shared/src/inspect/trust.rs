//! Whom an organisation trusts at AWS, and whether roles are among them.
//!
//! Three lists are read: registered AWS accounts, identity mappings, intake mappings. A role lacks
//! something only if a list was read twice and has it neither time. A list that can't be read says
//! nothing of any role.

mod role;

use std::time::Duration;

use super::checkup::Status;
use super::orphans::Unseen;
use crate::admin::Admin;
use crate::datadog::trust::{AwsAccount, Mapping, MappingKind};
use crate::deadline::Deadline;

pub use role::AwsRole;
use role::Coverage;

/// A mapping that was just created may be missing from one answer.
const PAUSE: Duration = Duration::from_secs(2);

/// The one partition whose roles Datadog maps.
const PARTITION: &str = "aws";

/// What a role is to be mapped for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It rotates: its callers act as a service account, as this one if it is told.
    Rotation(Option<String>),
    /// Its Agents send data with an API key that Datadog manages.
    Agent,
}

/// A list of Datadog's, or why it can't be had.
pub type Listing<T> = Result<Vec<T>, Unseen>;

/// Everything that was read.
#[derive(Debug)]
pub struct Trust {
    pub accounts: Listing<AwsAccount>,
    pub identity: Listing<Mapping>,
    pub intake: Listing<Mapping>,
}

/// What keyless operation of a role depends on.
#[derive(Debug)]
pub struct RoleTrust {
    pub role: AwsRole,
    pub purpose: Purpose,
    /// Whether its AWS account is registered.
    pub account: Verdict,
    /// Whether it is mapped, and to whom.
    pub mapping: Verdict,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub status: Status,
    pub text: String,
    pub advice: Option<String>,
}

impl Trust {
    /// Reads the lists, and judges these roles by them.
    pub async fn read(
        admin: &Admin,
        roles: &[(AwsRole, Purpose)],
        deadline: &Deadline,
    ) -> (Self, Vec<RoleTrust>) {
        let mut trust = Self::read_once(admin).await;
        let judged = trust.judge(roles);
        if judged.iter().all(|it| !it.lacks_something()) {
            return (trust, judged);
        }
        deadline.pause(PAUSE, Duration::ZERO).await;
        trust.merge(Self::read_once(admin).await);
        let judged = trust.judge(roles);
        (trust, judged)
    }

    async fn read_once(admin: &Admin) -> Self {
        let (accounts, identity, intake) = tokio::join!(
            admin.aws_accounts(),
            admin.mappings(MappingKind::Identity),
            admin.mappings(MappingKind::Intake),
        );
        Self {
            accounts: accounts.map_err(Unseen::from),
            identity: identity.map_err(Unseen::from),
            intake: intake.map_err(Unseen::from),
        }
    }

    /// What either reading has. A list that one of them lacks is not known.
    fn merge(&mut self, again: Self) {
        merge(&mut self.accounts, again.accounts, |it| &it.id);
        merge(&mut self.identity, again.identity, |it| &it.id);
        merge(&mut self.intake, again.intake, |it| &it.id);
    }

    fn judge(&self, roles: &[(AwsRole, Purpose)]) -> Vec<RoleTrust> {
        let roles = roles.iter();
        let judged = roles.map(|(role, purpose)| RoleTrust {
            role: role.clone(),
            purpose: purpose.clone(),
            account: self.account_of(role),
            mapping: self.mapping_of(role, purpose),
        });
        judged.collect()
    }

    fn account_of(&self, role: &AwsRole) -> Verdict {
        let account = &role.account;
        let accounts = match &self.accounts {
            Ok(accounts) => accounts,
            Err(unseen) => return Verdict::unknown("the AWS accounts", unseen),
        };
        match accounts.iter().find(|it| it.aws_account() == *account) {
            Some(_) => Verdict::ok(format!("AWS account {account} is registered")),
            None => Verdict::failed(
                format!("AWS account {account} is not registered at Datadog"),
                "Register it first: Custom::DatadogAwsAccount, or Datadog's AWS integration page \
                 (docs/use/trust.md).",
            ),
        }
    }

    fn mapping_of(&self, role: &AwsRole, purpose: &Purpose) -> Verdict {
        if role.partition != PARTITION {
            let partition = &role.partition;
            return Verdict::failed(
                format!("the role is of partition {partition}"),
                "Datadog maps roles of partition aws alone. Use an admin secret with keys.",
            );
        }
        let (listed, kind) = match purpose {
            Purpose::Rotation(_) => (&self.identity, MappingKind::Identity),
            Purpose::Agent => (&self.intake, MappingKind::Intake),
        };
        let mappings = match listed {
            Ok(mappings) => mappings,
            Err(unseen) => return Verdict::unknown(&format!("the {kind}s"), unseen),
        };
        let covering = covering(role, mappings);
        let Purpose::Rotation(Some(account)) = purpose else {
            return mapped(&covering).unwrap_or_else(|| self.unmapped(role, kind));
        };
        let wanted = covering.iter().filter(|(it, _)| it.is_for(Some(account)));
        let wanted: Vec<_> = wanted.copied().collect();
        mapped(&wanted).unwrap_or_else(|| match covering.first() {
            Some((other, _)) => acts_as_another(other, account),
            None => self.unmapped(role, kind),
        })
    }

    fn unmapped(&self, role: &AwsRole, kind: MappingKind) -> Verdict {
        let other = match kind.other() {
            MappingKind::Identity => &self.identity,
            MappingKind::Intake => &self.intake,
        };
        let mappings = other.iter().flatten();
        let other = mappings
            .into_iter()
            .find(|it| role.coverage(&it.pattern).is_some());
        match other {
            Some(Mapping { id, .. }) => {
                let other = kind.other();
                Verdict::failed(
                    format!("no {kind} covers the role, but {other} {id} does"),
                    "A role is in an identity mapping or an intake mapping, never in both: use \
                     another role, or delete the other mapping first.",
                )
            }
            None => Verdict::failed(
                format!("no {kind} covers the role"),
                format!("Map {} (docs/use/trust.md).", role.pattern()),
            ),
        }
    }
}

impl RoleTrust {
    fn lacks_something(&self) -> bool {
        [&self.account, &self.mapping]
            .iter()
            .any(|it| it.status == Status::Failed)
    }

    /// Returns whether all is there that keyless operation needs here.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        let is_fine = |it: &Verdict| matches!(it.status, Status::Ok | Status::Warning);
        is_fine(&self.account) && is_fine(&self.mapping)
    }
}

impl Verdict {
    fn ok(text: String) -> Self {
        Self {
            status: Status::Ok,
            text,
            advice: None,
        }
    }

    fn failed(text: String, advice: impl Into<String>) -> Self {
        Self {
            status: Status::Failed,
            text,
            advice: Some(advice.into()),
        }
    }

    fn unknown(what: &str, unseen: &Unseen) -> Self {
        Self {
            status: Status::Unknown,
            text: format!("{what} can't be listed: {}", unseen.error_type()),
            advice: None,
        }
    }
}

fn covering<'a>(role: &AwsRole, mappings: &'a [Mapping]) -> Vec<(&'a Mapping, Coverage<'a>)> {
    let mappings = mappings.iter();
    let covering = mappings.filter_map(|it| Some((it, role.coverage(&it.pattern)?)));
    covering.collect()
}

/// By the mapping that covers the most, if there is any.
fn mapped(covering: &[(&Mapping, Coverage<'_>)]) -> Option<Verdict> {
    let whole = covering.iter().find(|(_, it)| *it == Coverage::Whole);
    let (mapping, coverage) = whole.or(covering.first())?;
    let id = &mapping.id;
    let whom = match mapping.account.as_ref().or(mapping.user.as_ref()) {
        Some(account) => format!("as {}", account.escape_debug()),
        None => "to an API key that Datadog manages".to_owned(),
    };
    Some(match coverage {
        Coverage::Whole => Verdict::ok(format!("mapped {whom}, by {id}")),
        Coverage::Sessions(session) => Verdict {
            status: Status::Warning,
            text: format!("mapped {whom}, by {id}, but only sessions {}", session.escape_debug()),
            advice: Some(
                "A Lambda function's session bears the function's name, an instance's its ID. A \
                 pattern that ends in /* covers all sessions."
                    .to_owned(),
            ),
        },
        Coverage::Unclear => Verdict {
            status: Status::Unknown,
            text: format!("mapped {whom}, by {id}, whose pattern names no session"),
            advice: Some(
                "Whether Datadog matches such a pattern is not documented. Map the role again with \
                 a pattern that ends in /*."
                    .to_owned(),
            ),
        },
    })
}

fn acts_as_another(mapping: &Mapping, account: &str) -> Verdict {
    let id = &mapping.id;
    let other = mapping.account.as_ref().or(mapping.user.as_ref());
    let other = other
        .map(|it| it.escape_debug().to_string())
        .unwrap_or_default();
    Verdict::failed(
        format!("mapped as {other}, by {id}, and not as service account {account}"),
        "A mapping can't be changed: delete it and create one to the other account \
         (docs/use/trust.md).",
    )
}

fn merge<T, K: PartialEq>(list: &mut Listing<T>, again: Listing<T>, id: impl Fn(&T) -> &K) {
    match (list, again) {
        (Ok(list), Ok(again)) => {
            for one in again {
                if list.iter().all(|it| id(it) != id(&one)) {
                    list.push(one);
                }
            }
        }
        (list, Err(unseen)) => *list = Err(unseen),
        (Err(_), Ok(_)) => {}
    }
}
