//! How things look, with colour or without: every state has a glyph of its own.

use std::time::Duration;

use console::{StyledObject, style};
use sandbox::ledger::Standing;

/// Columns; a narrow terminal of a projector still shows it whole.
pub(crate) const WIDTH: usize = 96;

pub(crate) fn yes_or_no(good: bool) -> StyledObject<&'static str> {
    if good {
        style("✔").green()
    } else {
        style("✘").red().bold()
    }
}

/// A stretch of a key's bar.
pub(crate) fn stretch(standing: Standing, width: usize) -> StyledObject<String> {
    match standing {
        Standing::Minted => style("·".repeat(width)).red(),
        Standing::Pending => style("░".repeat(width)).cyan(),
        Standing::Current => style("█".repeat(width)).green(),
        Standing::Previous => style("▒".repeat(width)).yellow(),
        Standing::Revoked => style(format!("{:<width$}", "╳")).red(),
    }
}

/// `142 ms`, `1.4 s`
pub(crate) fn duration(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

/// The first group of a UUID, enough to tell the ids of one story apart.
pub(crate) fn short(id: &str) -> &str {
    id.split('-').next().unwrap_or(id)
}

/// A section's heading with a rule to the right margin.
pub(crate) fn heading(text: &str) -> String {
    let rule = "─".repeat(WIDTH.saturating_sub(text.chars().count() + 1));
    format!("\n{} {}", style(text).bold(), style(rule).dim())
}

pub(crate) fn note(text: &str) -> String {
    format!("  {}", style(text).dim())
}
