//! Command line, demonstration and server.

mod cli;
mod demo;
mod history;
mod look;
mod report;
mod screen;
mod serve;
mod svg;
mod table;
mod timeline;

use std::error::Error;
use std::io;
use std::iter::successors;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use sandbox::certificate::CertificateError;
use sandbox::executables::{BuildError, Executables};
use sandbox::stack::StackError;

use cli::{Arguments, Command};
use screen::Screen;

/// Why the program ends without having done what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProgramError {
    #[error("the functions were not built. --functions DIRECTORY takes what is built already")]
    Build(#[from] BuildError),
    #[error(transparent)]
    Stack(#[from] StackError),
    #[error(
        "failed to listen on port {port}. Take another one with {option} PORT, or a free one with {option} 0"
    )]
    Listen {
        port: u16,
        option: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("failed to wait for signals")]
    Signals(#[source] io::Error),
    #[error("no functions in --functions {}", directory.display())]
    Functions {
        directory: PathBuf,
        #[source]
        source: BuildError,
    },
    #[error("failed to write the report")]
    Report(#[from] serde_json::Error),
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    #[error("failed to write --tls {}", path.display())]
    Authority {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("failed to write --svg {}", path.display())]
    Picture {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// Exit status: 0 if every promise held, 1 if one broke, 2 if it did not come to that.
pub(crate) async fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let ended = match arguments.command {
        None => demo::run(&arguments).await,
        Some(Command::Serve(ref serving)) => serve::run(&arguments, serving).await,
    };
    match ended {
        Ok(code) => code,
        Err(error) => {
            Screen::complain(&chain(&error));
            ExitCode::from(2)
        }
    }
}

/// Builds the functions unless the command line says where they are.
async fn executables(arguments: &Arguments, screen: &Screen) -> Result<Executables, ProgramError> {
    if let Some(directory) = &arguments.functions {
        return Executables::in_directory(directory).map_err(|source| ProgramError::Functions {
            directory: directory.clone(),
            source,
        });
    }
    let building = screen.begin("building the functions");
    let heard = building.clone();
    let built = tokio::task::spawn_blocking(move || Executables::build(|name| heard.detail(name)));
    let built = built
        .await
        .map_err(io::Error::from)
        .map_err(BuildError::Cargo)??;
    building.end("functions built");
    Ok(built)
}

fn chain(error: &dyn Error) -> String {
    successors(Some(error), |&error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
