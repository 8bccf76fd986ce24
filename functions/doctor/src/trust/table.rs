//! What `trust` prints for people.

use std::io::{self, Write};

use datadog_rotation::datadog::trust::{AwsAccount, Mapping};
use datadog_rotation::inspect::checkup::Status;
use datadog_rotation::inspect::trust::{Listing, RoleTrust, Verdict};
use serde_json::Value;

use super::Report;
use crate::harmless::harmless;
use crate::look::Look;
use crate::table::{Row, write_rows, write_text};

/// What listing can't show.
const UNTRIED: &str = "Not tried: an exchange for a token. datadog-doctor probe tries it, with the \
                       credentials of the role.";

/// # Errors
/// Those of the output.
pub(super) fn write(out: &mut impl Write, report: &Report, look: Look) -> io::Result<()> {
    if let Some(who) = &report.who {
        writeln!(out, "{}", harmless(&who.to_string()))?;
    }
    let (trust, roles) = match &report.found {
        Ok(found) => found,
        Err(unseen) => {
            let (word, text) = (unseen.error_type(), unseen.text());
            return write_text(out, &format!("{word}: {text}. {}", unseen.advice()), look);
        }
    };
    write_list(out, "AWS accounts", &trust.accounts, row_of_account, look)?;
    let rows = row_of_mapping;
    write_list(out, "identity mappings", &trust.identity, rows, look)?;
    write_list(out, "intake mappings", &trust.intake, rows, look)?;
    for role in roles {
        writeln!(out, "{}", look.bold(&harmless(&role.role.name)))?;
        writeln!(out, "{}", look.dim(&harmless(&role.role.pattern())))?;
        let judged = [("registration", &role.account), ("mapping", &role.mapping)];
        let rows = judged.map(|(word, verdict)| row_of_verdict(word, verdict, look));
        write_rows(out, &rows, look)?;
    }
    write_text(out, &summary(roles), look)
}

fn write_list<T>(
    out: &mut impl Write,
    name: &str,
    listing: &Listing<T>,
    row: fn(&T) -> Row<'_>,
    look: Look,
) -> io::Result<()> {
    writeln!(out, "{}", look.bold(name))?;
    let alone = |cell, status, paragraphs| Row {
        cells: vec![cell],
        paragraphs,
        status: Some(status),
    };
    let rows = match listing {
        Ok(listed) if listed.is_empty() => {
            vec![alone(
                "none",
                Status::Ok,
                vec!["Datadog lists none.".to_owned()],
            )]
        }
        Ok(listed) => listed.iter().map(row).collect(),
        Err(unseen) => {
            let text = format!("{}: {}", unseen.error_type(), unseen.text());
            let cell = look.mark(Status::Unknown);
            vec![alone(cell, Status::Unknown, vec![text, unseen.advice()])]
        }
    };
    write_rows(out, &rows, look)
}

fn row_of_account(account: &AwsAccount) -> Row<'_> {
    let external_id = account
        .external_id()
        .map(|id| format!(", external ID {}", id.escape_debug()));
    let way = match (account.role_name(), account.access_key_id()) {
        (Some(role), _) => format!("by role {}", role.escape_debug()),
        (None, Some(id)) => format!("by access key {}", id.escape_debug()),
        (None, None) => "in a way that Datadog does not tell".to_owned(),
    };
    Row {
        cells: vec![account.aws_account()],
        paragraphs: vec![
            format!("{way}{}", external_id.unwrap_or_default()),
            settings(account),
            account.id.to_string(),
        ],
        status: None,
    }
}

/// Returns the settings that people ask for. `--json` has all.
fn settings(account: &AwsAccount) -> String {
    let of = |section: &str, name: &str| account.attributes.get(section)?.get(name);
    let switch = |word: &str, value: Option<&Value>| match value.and_then(Value::as_bool) {
        Some(true) => format!("{word} on"),
        Some(false) => format!("{word} off"),
        None => format!("{word} not told"),
    };
    let mut parts = vec![
        choice("regions", account.attributes.get("aws_regions")),
        switch("metrics", of("metrics_config", "enabled")),
        choice("namespaces", of("metrics_config", "namespace_filters")),
        switch("resources", of("resources_config", "extended_collection")),
    ];
    let tags = account.tags();
    if !tags.is_empty() {
        parts.push(format!("tags {}", tags.join(", ").escape_debug()));
    }
    parts.join("; ")
}

fn choice(word: &str, value: Option<&Value>) -> String {
    let names = |name: &str| {
        let names = value?.get(name)?.as_array()?.iter();
        let names: Vec<_> = names.filter_map(Value::as_str).collect();
        Some(names.join(", ").escape_debug().to_string())
    };
    match (names("include_only"), names("exclude_only")) {
        (Some(names), _) => format!("{word} {names}"),
        (None, Some(names)) => format!("all {word} but {names}"),
        (None, None) if value.and_then(|it| it.get("include_all")) == Some(&Value::Bool(true)) => {
            format!("all {word}")
        }
        (None, None) => format!("{word} not told"),
    }
}

fn row_of_mapping(mapping: &Mapping) -> Row<'_> {
    let whom = mapping.account.as_ref().or(mapping.user.as_ref());
    let whom = whom.map(|it| format!("as {}, ", it.escape_debug()));
    Row {
        cells: Vec::new(),
        paragraphs: vec![
            mapping.pattern.escape_debug().to_string(),
            format!("{}{}", whom.unwrap_or_default(), mapping.id),
        ],
        status: None,
    }
}

fn row_of_verdict<'a>(word: &'a str, verdict: &Verdict, look: Look) -> Row<'a> {
    let paragraphs = [Some(verdict.text.clone()), verdict.advice.clone()];
    Row {
        cells: vec![look.mark(verdict.status), word],
        paragraphs: paragraphs.into_iter().flatten().collect(),
        status: Some(verdict.status),
    }
}

fn summary(roles: &[RoleTrust]) -> String {
    if roles.is_empty() {
        return "Name the roles of functions to see what they lack to be keyless (--help)."
            .to_owned();
    }
    let is_failed = |it: &&RoleTrust| {
        [&it.account, &it.mapping]
            .iter()
            .any(|it| it.status == Status::Failed)
    };
    let (total, failed) = (roles.len(), roles.iter().filter(is_failed).count());
    let unknown = roles
        .iter()
        .filter(|it| !it.is_ok() && !is_failed(it))
        .count();
    let unknown = match unknown {
        0 => String::new(),
        some => format!("Of {some} it is not known. "),
    };
    format!("{failed} of {total} roles lack something. {unknown}{UNTRIED}")
}
