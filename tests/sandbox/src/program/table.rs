//! The versions with their labels beside the keys that live at Datadog, and the verdicts.

use console::{Alignment, pad_str, style};

use super::look::{self, short};
use super::report::{Report, Verdict, VersionReport};

const COLUMNS: [usize; 5] = [17, 10, 23, 10, 12];

pub(crate) fn versions(report: &Report) -> Vec<String> {
    let head = ["secret", "version", "labels", "key", "at Datadog"];
    let mut lines = vec![style(line(head) + "agree").dim().to_string()];
    let mut secret = "";
    for version in &report.versions {
        let name = if version.secret == secret {
            ""
        } else {
            &version.secret
        };
        secret = &version.secret;
        lines.extend(version_lines(name, version));
    }
    lines
}

fn version_lines(name: &str, version: &VersionReport) -> Vec<String> {
    let labels = version.labels.join(" ");
    let labels = if labels.is_empty() {
        look::glyphs().none
    } else {
        &labels
    };
    let mut first = [name, short(&version.version), labels];
    let mut lines = Vec::new();
    for key in &version.keys {
        let state = if key.live {
            style("live").green()
        } else {
            style("revoked").dim()
        };
        let cells = line([
            first[0],
            first[1],
            first[2],
            short(&key.id),
            &state.to_string(),
        ]);
        lines.push(format!("{cells}{}", look::yes_or_no(key.agrees)));
        first = ["", "", ""];
    }
    lines
}

fn line(cells: [&str; 5]) -> String {
    let cells = cells.into_iter().zip(COLUMNS);
    let cut = Some(look::glyphs().cut);
    let padded = cells.map(|(cell, width)| pad_str(cell, width - 1, Alignment::Left, cut) + " ");
    format!("  {}", padded.collect::<String>())
}

pub(crate) fn verdicts(report: &Report) -> Vec<String> {
    report.promises.iter().flat_map(verdict).collect()
}

fn verdict(verdict: &Verdict) -> Vec<String> {
    let mark = look::yes_or_no(verdict.held);
    let code = style(verdict.promise.code()).bold();
    let text = format!("{}, {}", verdict.text, verdict.checked);
    let texts = look::wrapped(&text, look::WIDTH - 8);
    let mut start = format!("  {mark} {code}  ");
    let mut lines = Vec::new();
    for text in texts {
        lines.push(start + &text);
        start = " ".repeat(8);
    }
    let breaches = verdict.breaches.iter().map(ToString::to_string);
    let breaches = breaches.flat_map(|breach| look::wrapped(&breach, look::WIDTH - 8));
    lines.extend(breaches.map(|it| format!("        {}", style(it).red())));
    lines
}
