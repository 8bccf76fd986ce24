//! The sandbox as a server: for the AWS CLI, boto3 and Datadog's own clients.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use console::{Term, style};
use sandbox::gate::Service;
use sandbox::lambda::FunctionError;
use sandbox::rotation::{Observer, Progress};
use sandbox::secrets_manager::RotationJob;
use sandbox::server::{Door, Server};
use sandbox::stack::{REGION, Stack, StackOptions};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use super::cli::{Arguments, Serving};
use super::screen::Screen;
use super::{ProgramError, executables, look};

pub(crate) async fn run(
    arguments: &Arguments,
    serving: &Serving,
) -> Result<ExitCode, ProgramError> {
    let screen = Screen::on(Term::stderr());
    let executables = executables(arguments, &screen).await?;
    let options = StackOptions {
        scene: arguments.scene(),
        ..StackOptions::new(executables)
    };
    let stack = Arc::new(Stack::start(&options)?);
    stack.turn_rotation_on(&Log(screen.clone())).await?;

    let begun = rotations_begun(&stack);
    let delay = Duration::from_millis(serving.delay_ms);
    let open = |service, port| open(&stack, service, port, delay);
    let secrets_manager = open(Service::SecretsManager, serving.secrets_manager_port).await?;
    let datadog = open(Service::Datadog, serving.datadog_port).await?;
    let rotating = (!serving.by_hand)
        .then(|| tokio::spawn(keep_rotating(Arc::clone(&stack), begun, screen.clone())));
    let announcement = announcement(&stack, &secrets_manager, &datadog);
    Screen::on(Term::stdout()).line(&announcement.to_string());
    let doing = if serving.by_hand {
        "  serving; the steps of a rotation are yours; Ctrl-C ends"
    } else {
        "  rotating on RotateSecret; Ctrl-C ends"
    };
    screen.line(&style(doing).dim().to_string());

    told_to_end().await.map_err(ProgramError::Listen)?;
    if let Some(rotating) = rotating {
        rotating.abort();
    }
    stack.stop().await;
    Ok(ExitCode::SUCCESS)
}

async fn open(
    stack: &Stack,
    service: Service,
    port: u16,
    delay: Duration,
) -> Result<Server, ProgramError> {
    let door = Door {
        port,
        delay,
        ..Door::to(service)
    };
    let opened = Server::start(stack.gate.clone(), door).await;
    opened.map_err(ProgramError::Listen)
}

/// The first line on standard output, for programs.
fn announcement(stack: &Stack, secrets_manager: &Server, datadog: &Server) -> Value {
    let secrets = &stack.scene.secrets;
    let administrator = &stack.scene.administrator;
    json!({
        "secretsManager": secrets_manager.url(),
        "datadog": datadog.url(),
        "region": REGION,
        "secrets": {
            "adminKey": secrets.admin_key,
            "apiKey": secrets.api_key,
            "applicationKey": secrets.application_key,
        },
        "datadogCredentials": {
            "apiKey": administrator.api_key.value,
            "appKey": administrator.application_key.value,
        },
    })
}

/// Rings at each `RotateSecret` that was accepted.
fn rotations_begun(stack: &Stack) -> Arc<Notify> {
    let begun = Arc::new(Notify::new());
    let bell = Arc::clone(&begun);
    stack.gate.watch(move |_, record| {
        if record.changed_something && record.call.operation == "RotateSecret" {
            bell.notify_one();
        }
    });
    begun
}

/// Carries out every rotation that a client begins, side by side.
async fn keep_rotating(stack: Arc<Stack>, begun: Arc<Notify>, screen: Screen) {
    loop {
        begun.notified().await;
        for job in stack.take_rotations() {
            let stack = Arc::clone(&stack);
            let log = Log(screen.clone());
            // The log tells how it ends.
            tokio::spawn(async move { stack.carry_out(&job, &log).await });
        }
    }
}

async fn told_to_end() -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// Rotations on standard error, a line a step; several may be under way.
#[derive(Debug)]
struct Log(Screen);

impl Observer for Log {
    fn observe(&self, job: &RotationJob, progress: &Progress<'_>) {
        let text = match progress {
            Progress::StepEnded { step, took, result } => {
                let took = look::duration(*took);
                format!("{step:<13}{took:>7}  {}", outcome(*result))
            }
            Progress::Ended { result } => format!("ended: {}", outcome(*result)),
            Progress::Started { .. } | Progress::StepStarted { .. } => return,
        };
        let secret = job.arn.rsplit("secret:").next().unwrap_or_default();
        self.0
            .line(&format!("  {secret} {} {text}", look::short(&job.token)));
    }
}

fn outcome(result: Result<(), &FunctionError>) -> String {
    match result {
        Ok(()) => "ok".to_owned(),
        Err(error) => format!("FAILED {error}"),
    }
}
