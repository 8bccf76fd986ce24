//! A scheduled check: what the next rotation of each secret would fail on, and whether the last one is overdue.

use datadog_rotation::inspect::checkup::{Check, Checkup, Finding, Status};
use serde::Serialize;

/// How much there is of everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Summary {
    pub secrets: usize,
    /// Secrets whose rotation is overdue by a day, off, or not by a function.
    pub overdue: usize,
    /// Checks on which a rotation would fail, and what has to be mended though none does.
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
            failed: count(Status::Failed) + findings().filter(|it| is_to_be_mended(it)).count(),
            unknown: count(Status::Unknown),
        }
    }
}

fn is_to_be_mended(finding: &Finding) -> bool {
    finding.status == Status::Warning && finding.error_type.is_some()
}

fn is_overdue(finding: &Finding) -> bool {
    finding.check == Check::Rotation && finding.status == Status::Warning
}

/// Returns why secrets could not be looked at from this function, if there are such: its error type,
/// and a sentence for each.
pub(super) fn unreached(checkups: &[Checkup]) -> Option<(&'static str, String)> {
    let all = checkups
        .iter()
        .flat_map(|it| it.findings.iter().map(move |finding| (it, finding)));
    let unreached = all.filter_map(|(checkup, finding)| {
        let error_type = finding
            .error_type
            .filter(|_| finding.status == Status::Unknown)?;
        let advice = finding.advice.as_deref().unwrap_or_default();
        let (secret, text) = (&checkup.secret, &finding.text);
        Some((
            error_type,
            format!("{secret} was not looked at: {text}. {advice}"),
        ))
    });
    let (types, sentences): (Vec<_>, Vec<_>) = unreached.unzip();
    Some((*types.first()?, sentences.join(" ")))
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
        Status::Warning => {
            if let (Some(error_type), Some(advice)) = (finding.error_type, &finding.advice) {
                tracing::warn!(secret, check, error_type, "check: {text}. {advice}");
            } else {
                tracing::warn!(secret, check, "check: {text}");
            }
        }
        Status::Failed => {
            let advice = finding.advice.as_deref().unwrap_or_default();
            let error_type = finding.error_type;
            tracing::warn!(secret, check, error_type, "check failed: {text}. {advice}");
        }
    }
}
