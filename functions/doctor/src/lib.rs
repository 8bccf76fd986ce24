//! The operator's program: `check` says what a rotation would fail on, `strays` which keys are
//! left over.
//!
//! It decides nothing itself. The checks are the engine's ([`datadog_rotation::rotation`]), and
//! what may be deleted is decided where the sweep decides it ([`datadog_rotation::retire`]).

pub mod arguments;
pub mod document;
pub mod program;
mod scheduled;
pub mod strays;
mod table;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use datadog_rotation::log;
use datadog_rotation::settings::{LogSettings, is_lambda};

use arguments::Asked;
use program::Outside;

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
    match arguments::parse(arguments) {
        Ok(Asked::Text(text)) => finish(&io::stdout().write_all(text.as_bytes()).map(|()| true)),
        Ok(Asked::Task(task)) => match Outside::network(&task).await {
            Ok(outside) => finish(&program::run(&task, &outside, &mut io::stdout()).await),
            Err(error) => complain(&error.to_string(), WRONG),
        },
        Err(error) => complain(&format!("{error}\n\n{}", arguments::USAGE), USAGE),
    }
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
    let _told = writeln!(io::stderr(), "datadog-doctor: {text}");
    code.into()
}
