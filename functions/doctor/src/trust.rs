//! `trust`: whom at AWS an organisation trusts, and what roles lack to be keyless.

mod document;
mod table;

use std::io::{self, Write};

use datadog_rotation::admin::Admin;
use datadog_rotation::inspect::orphans::Unseen;
use datadog_rotation::inspect::trust::{AwsRole, Purpose, RoleTrust, Trust};

use crate::arguments::{Command, Task};
use crate::outside::{Outside, for_one};
use crate::who::Who;

/// What was found, or why nothing could be looked at.
#[derive(Debug)]
struct Report {
    /// `None`: there was nobody to act as.
    who: Option<Who>,
    found: Result<(Trust, Vec<RoleTrust>), Unseen>,
}

/// Lists it all and writes it. Answers whether everything could be listed and no role lacks
/// anything.
///
/// # Errors
/// Those of `out`.
pub(crate) async fn run(task: &Task, outside: &Outside, out: &mut impl Write) -> io::Result<bool> {
    let report = tokio::select! {
        report = Report::of(task, outside) => report,
        lost = outside.reach.lost() => Report {
            who: None,
            found: Err(lost.into()),
        },
    };
    if task.json {
        crate::document::write(out, &document::Document::of(&report))?;
    } else {
        table::write(out, &report, outside.look)?;
    }
    Ok(report.is_fine())
}

impl Report {
    async fn of(task: &Task, outside: &Outside) -> Self {
        let deadline = for_one(&outside.watch);
        let admin = match outside.inspector.default_admin(&deadline).await {
            Ok(admin) => admin.alone(),
            Err(problem) => {
                return Self {
                    who: None,
                    found: Err(problem.into()),
                };
            }
        };
        let roles = roles_of(&task.command, &admin);
        Self {
            found: Ok(Trust::read(&admin, &roles, &deadline).await),
            who: Some(Who::of(&admin)),
        }
    }

    fn is_fine(&self) -> bool {
        self.found.as_ref().is_ok_and(|(trust, roles)| {
            let is_listed = [
                trust.accounts.is_ok(),
                trust.identity.is_ok(),
                trust.intake.is_ok(),
            ];
            is_listed.iter().all(|it| *it) && roles.iter().all(RoleTrust::is_ok)
        })
    }
}

/// A keyless admin acts as the account that the functions act as, too.
fn roles_of(command: &Command, admin: &Admin) -> Vec<(AwsRole, Purpose)> {
    let Command::Trust {
        roles,
        agent_roles,
        service_account,
    } = command
    else {
        return Vec::new();
    };
    let own = || {
        admin
            .is_keyless()
            .then(|| admin.service_account().to_string())
    };
    let account = service_account.clone().or_else(own);
    let rotation = |role: &AwsRole| (role.clone(), Purpose::Rotation(account.clone()));
    let agent = |role: &AwsRole| (role.clone(), Purpose::Agent);
    let roles = roles.iter().map(rotation);
    roles.chain(agent_roles.iter().map(agent)).collect()
}
