//! One run at a terminal.

use std::io::{self, Write};

use datadog_rotation::inspect::checkup::Checkup;
use tokio::sync::Notify;

use crate::arguments::{Command, Task};
use crate::orphans::Report;
use crate::outside::Outside;
use crate::{document, probe, table};

/// Does what is asked and writes what came of it. Answers whether all is fine. `notes` and `stop`
/// are a probe's.
///
/// # Errors
/// Those of `out`.
pub async fn run(
    task: &Task,
    outside: &Outside,
    out: &mut impl Write,
    notes: &mut impl Write,
    stop: &Notify,
) -> io::Result<bool> {
    match &task.command {
        Command::Check => {
            let checkups = outside.checkups(&task.secrets).await;
            if task.json {
                document::write(out, &document::Checkups::of(&checkups))?;
            } else {
                table::write_checkups(out, &checkups)?;
            }
            Ok(checkups.iter().all(Checkup::is_ok))
        }
        Command::Orphans { delete } => {
            let mut report = Report::of(outside, &task.secrets).await;
            if *delete {
                report.delete(&outside.watch).await;
            }
            if task.json {
                document::write(out, &document::Orphans::of(&report))?;
            } else {
                table::write_orphans(out, &report)?;
            }
            Ok(report.summary().is_fine())
        }
        Command::Probe { .. } => probe::run(task, outside, out, notes, stop).await,
    }
}
