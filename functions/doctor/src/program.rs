//! One run at a terminal.

use std::io::{self, Write};

use datadog_rotation::inspect::checkup::Checkup;
use tokio::sync::Notify;

use crate::arguments::{Command, Task};
use crate::orphans::Report;
use crate::outside::Outside;
use crate::progress::Progress;
use crate::{document, leaked, probe, table, trust};

/// Does what is asked and writes what came of it. Answers whether all is fine. `notes` hears what is
/// being done; `stop` is a probe's.
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
            let secrets = outside.arns(&task.secrets).await;
            let mut progress = Progress::new(notes, outside.look.shows_progress, secrets.len());
            let checkups = outside.checkups(&secrets, &mut progress).await;
            drop(progress);
            if task.json {
                document::write(out, &document::Checkups::of(&checkups))?;
            } else {
                table::write_checkups(out, &checkups, outside.look)?;
            }
            Ok(checkups.iter().all(Checkup::is_ok))
        }
        Command::Orphans { delete } => {
            let secrets = outside.arns(&task.secrets).await;
            let mut progress = Progress::new(notes, outside.look.shows_progress, secrets.len());
            let mut report = Report::of(outside, &secrets, &mut progress).await;
            drop(progress);
            if *delete {
                report.delete(&outside.watch).await;
            }
            if task.json {
                document::write(out, &document::Orphans::of(&report))?;
            } else {
                table::write_orphans(out, &report, outside.look)?;
            }
            Ok(report.summary().is_fine())
        }
        Command::Leaked(label) => leaked::run(task, *label, outside, out, notes).await,
        Command::Trust { .. } => trust::run(task, outside, out).await,
        Command::Probe { .. } => probe::run(task, outside, out, notes, stop).await,
    }
}
