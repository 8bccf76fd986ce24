//! The operator's program: `check` says what a rotation would fail on, `orphans` which keys are
//! orphaned, `leaked` deletes a leaked key, `probe` tells what Datadog does with keys and mappings, `trust`
//! whom at AWS it trusts.
//!
//! It decides nothing itself. The checks are the engine's ([`datadog_rotation::rotation`]), and
//! what may be deleted is decided where the sweep decides it ([`datadog_rotation::rotation::decide`]).

pub mod arguments;
pub mod document;
mod harmless;
mod leaked;
pub mod look;
pub mod orphans;
pub mod outside;
pub mod probe;
pub mod program;
mod progress;
mod reach;
mod scheduled;
mod table;
mod trust;
mod who;

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use datadog_rotation::log;
use datadog_rotation::settings::{LogSettings, TerminalSettings, is_lambda};

use arguments::{Asked, Command, Task};
use harmless::{harmless, harmless_lines};
use look::Look;
use outside::Outside;
use tokio::sync::Notify;

/// Nothing is wrong.
const FINE: u8 = 0;
/// Something is, or could not be looked at.
const WRONG: u8 = 1;
/// The command line is.
const USAGE: u8 = 2;

/// The whole program.
pub async fn run() -> ExitCode {
    if is_lambda() {
        return match scheduled::run().await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => complain(&error.to_string(), WRONG),
        };
    }
    log::init_on(&LogSettings::of_program(), io::stderr);
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let columns = Look::of_streams(TerminalSettings::from_env()).columns;
    match arguments::parse(arguments, columns) {
        Ok(Asked::Text(text)) => finish(&io::stdout().write_all(text.as_bytes()).map(|()| true)),
        Ok(Asked::Task(task)) => match begin(&task).await {
            Ok((outside, stop)) => {
                let (out, notes) = (&mut io::stdout(), &mut io::stderr());
                finish(&program::run(&task, &outside, out, notes, &stop).await)
            }
            Err(error) => complain(&error.to_string(), WRONG),
        },
        Err(error) => {
            // There is nobody to tell if this fails.
            let error = harmless_lines(&error.to_string());
            let _told = write!(io::stderr(), "{error}");
            USAGE.into()
        }
    }
}

async fn begin(task: &Task) -> Result<(Outside, Arc<Notify>), Box<dyn Error>> {
    let outside = Outside::network(task).await?;
    let stop = match task.command {
        Command::Probe { .. } => probe::signals::listen()?,
        // These may be ended at any moment, by the system.
        Command::Check | Command::Orphans { .. } | Command::Leaked(_) | Command::Trust { .. } => {
            Arc::default()
        }
    };
    Ok((outside, stop))
}

fn finish(outcome: &io::Result<bool>) -> ExitCode {
    match outcome {
        Ok(true) => FINE.into(),
        // Whoever has closed the output wants no complaint either.
        Ok(false) | Err(_) => WRONG.into(),
    }
}

fn complain(text: &str, code: u8) -> ExitCode {
    // There is nobody to tell if this fails.
    let _told = writeln!(io::stderr(), "datadog-doctor: {}", harmless(text));
    code.into()
}
