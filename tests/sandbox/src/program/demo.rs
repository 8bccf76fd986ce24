//! The demonstration: six rotations, then what became of every key.

use std::process::ExitCode;
use std::time::Duration;

use console::{Term, style};
use sandbox::datadog::Settings;
use sandbox::stack::{Stack, StackError, StackOptions};

use super::cli::Arguments;
use super::history::History;
use super::report::Report;
use super::screen::Screen;
use super::{ProgramError, executables, look, svg, table, timeline};

/// Long enough that a fresh key is refused at first, as Datadog's may be.
const PROPAGATION: Duration = Duration::from_millis(400);

pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode, ProgramError> {
    let screen = if arguments.json {
        Screen::quiet()
    } else {
        Screen::on(Term::stdout())
    };
    screen.line(&look::heading(
        "Rotating Datadog credentials in AWS Secrets Manager",
    ));
    if arguments.keyless {
        screen.line(&look::note(
            "Keyless: no admin key. The admin secret says as whom the functions act.",
        ));
    }
    let options = StackOptions {
        scene: arguments.scene(),
        datadog: Settings {
            fresh_key_unusable_for: PROPAGATION,
            ..Settings::default()
        },
        // The fourth promise is for every log level, so the check takes the most talkative.
        variables: [("RUST_LOG".to_owned(), "trace".to_owned())].into(),
        ..StackOptions::new(executables(arguments, &screen).await?)
    };
    let stack = Stack::start(&options)?;
    let history = History::new(stack.gate.clone(), stack.ledger.clone(), screen.clone());
    let before = history.snapshot();
    history.tell_columns();
    let rotated = rotate(&stack, &history).await;
    stack.stop().await;
    match rotated {
        // The report tells of it.
        Ok(()) | Err(StackError::RotationFailed { .. }) => {}
        Err(error) => return Err(error.into()),
    }

    let report = Report::draw_up(&stack, &history, &before);
    if let Some(path) = &arguments.svg {
        std::fs::write(path, svg::document(&report)).map_err(|source| ProgramError::Picture {
            path: path.clone(),
            source,
        })?;
    }
    if arguments.json {
        let document = serde_json::to_string_pretty(&report)?;
        Screen::on(Term::stdout()).line(&document);
    } else {
        tell(&screen, &report);
    }
    Ok(if report.held {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Three rotations show that API keys keep their predecessor for one generation; the last one, of a
/// service access token, shows that the new admin pair is at work. An admin secret without keys rotates into itself.
async fn rotate(stack: &Stack, history: &History) -> Result<(), StackError> {
    stack.turn_rotation_on(history).await?;
    let secrets = &stack.scene.secrets;
    for secret in [
        &secrets.api_key,
        &secrets.api_key,
        &secrets.api_key,
        &secrets.application_key,
        &secrets.admin_key,
        &secrets.service_access_token,
    ] {
        stack.rotate(secret, history).await?;
    }
    Ok(())
}

fn tell(screen: &Screen, report: &Report) {
    let print = |lines: Vec<String>| lines.iter().for_each(|line| screen.line(line));
    screen.line(&look::heading("Every key's life"));
    print(timeline::lines(report));
    screen.line(&look::heading("Secrets Manager and Datadog, side by side"));
    print(table::versions(report));
    screen.line(&look::heading("Promises"));
    print(table::verdicts(report));
    screen.line(&summary(report));
}

fn summary(report: &Report) -> String {
    let took = report
        .rotations
        .iter()
        .map(super::report::RotationReport::took)
        .sum();
    let count = report.rotations.len();
    let figures = format!("{count} rotations in {}.", look::duration(took));
    let verdict = if report.held {
        style("All promises held.").green().bold()
    } else if !report.succeeded {
        style("A rotation failed.").red().bold()
    } else if !report.agree {
        style("Secrets Manager and Datadog disagree.").red().bold()
    } else {
        style("Not all promises held.").red().bold()
    };
    format!("\n  {verdict} {}", style(figures).dim())
}
