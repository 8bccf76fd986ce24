//! A scheduled check: what the next rotation of each secret would fail on, and whether the last one is overdue.

use datadog_rotation::inspect::checkup::{Check, Checkup, Finding, Status};
use serde::Serialize;

/// How much there is of everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Summary {
    pub secrets: usize,
    /// Secrets whose rotation is overdue by a day, off, or not by a function.
    pub overdue: usize,
    /// Checks on which a rotation would fail.
    pub failed: usize,
    /// Checks that came to nothing: what they look at can't be seen.
    pub unknown: usize,
}

impl Summary {
    pub(super) fn of(checkups: &[Checkup]) -> Self {
        let findings = || checkups.iter().flat_map(|it| &it.findings);
        let count = |status| findings().filter(|it| it.status == status).count();
        Self {
            secrets: checkups.len(),
            overdue: findings().filter(|it| is_overdue(it)).count(),
            failed: count(Status::Failed),
            unknown: count(Status::Unknown),
        }
    }
}

fn is_overdue(finding: &Finding) -> bool {
    finding.check == Check::Rotation && finding.status == Status::Warning
}

/// Logs a line for each finding that somebody should know, and one that counts them.
pub(super) fn tell(checkups: &[Checkup], summary: Summary) {
    for checkup in checkups {
        for finding in &checkup.findings {
            tell_finding(&checkup.secret, finding);
        }
    }
    tracing::info!(
        secrets = summary.secrets,
        overdue = summary.overdue,
        failed = summary.failed,
        unknown = summary.unknown,
        "checked the secrets"
    );
}

fn tell_finding(secret: &str, finding: &Finding) {
    let (check, text) = (finding.check.word(), &finding.text);
    match finding.status {
        Status::Ok | Status::Unknown => {}
        Status::Warning => tracing::warn!(secret, check, "check: {text}"),
        Status::Failed => {
            let advice = finding.advice.as_deref().unwrap_or_default();
            let error_type = finding.error_type;
            tracing::warn!(secret, check, error_type, "check failed: {text}. {advice}");
        }
    }
}
