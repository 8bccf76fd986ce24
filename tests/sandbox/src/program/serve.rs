//! The sandbox as a server: for the AWS CLI, boto3 and Datadog's own clients.

use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use console::{Term, style};
use sandbox::certificate::Certificate;
use sandbox::gate::Service;
use sandbox::lambda::FunctionError;
use sandbox::rotation::{Observer, Progress};
use sandbox::secrets_manager::RotationJob;
use sandbox::server::{Door, Server};
use sandbox::stack::{REGION, Stack, StackOptions};
use serde_json::{Value, json};
use tokio::signal::unix::{Signal, SignalKind, signal};
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
    if let Some(file) = serving.sessions.clone() {
        stack
            .gate
            .with_world(|world| world.datadog.sts.follow(file));
    }
    stack.turn_rotation_on(&Log(screen.clone())).await?;
    stack.gate.with_world(|world| {
        let settings = &mut world.datadog.settings;
        settings.rate_limit = serving.rate_limit;
        settings.one_time_read = !serving.read_again;
    });

    let begun = rotations_begun(&stack);
    let certificate = serving.tls.as_deref().map(certificate).transpose()?;
    let open = |service, port, option| {
        let door = Door {
            port,
            delay: Duration::from_millis(serving.delay_ms),
            certificate: certificate.clone(),
            ..Door::to(service)
        };
        open(&stack, door, option)
    };
    let secrets_manager = open(
        Service::SecretsManager,
        serving.secrets_manager_port,
        "--secrets-manager-port",
    );
    let secrets_manager = secrets_manager.await?;
    let datadog = open(Service::Datadog, serving.datadog_port, "--datadog-port").await?;
    let lambda = open(Service::Lambda, serving.lambda_port, "--lambda-port").await?;
    let rotating = (!serving.by_hand)
        .then(|| tokio::spawn(keep_rotating(Arc::clone(&stack), begun, screen.clone())));
    let mut end = EndSignals::listen().map_err(ProgramError::Signals)?;
    let announcement = announcement(&stack, &secrets_manager, &datadog, &lambda);
    let output = Screen::on(Term::stdout());
    if arguments.json || !output.is_live() {
        output.line(&announcement.to_string());
    } else {
        screen.line("\n  Paste these into another shell:\n");
        output.line(&exports(&announcement));
        screen.line("");
    }
    let doing = if serving.by_hand {
        "  serving; the steps of a rotation are yours; Ctrl-C ends"
    } else {
        "  rotating on RotateSecret; Ctrl-C ends"
    };
    screen.line(&style(doing).dim().to_string());

    end.recv().await;
    if let Some(rotating) = rotating {
        rotating.abort();
    }
    stack.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// One for all services; its CA goes into this file.
fn certificate(path: &Path) -> Result<Certificate, ProgramError> {
    let certificate = Certificate::for_loopback()?;
    let written = std::fs::write(path, certificate.authority());
    written.map_err(|source| ProgramError::Authority {
        path: path.to_owned(),
        source,
    })?;
    Ok(certificate)
}

async fn open(stack: &Stack, door: Door, option: &'static str) -> Result<Server, ProgramError> {
    let port = door.port;
    let opened = Server::start(stack.gate.clone(), door).await;
    opened.map_err(|source| ProgramError::Listen {
        port,
        option,
        source,
    })
}

/// The first line on standard output, for programs.
fn announcement(
    stack: &Stack,
    secrets_manager: &Server,
    datadog: &Server,
    lambda: &Server,
) -> Value {
    let secrets = &stack.scene.secrets;
    let administrator = &stack.scene.administrator;
    json!({
        "secretsManager": secrets_manager.url(),
        "datadog": datadog.url(),
        "lambda": lambda.url(),
        "region": REGION,
        "secrets": {
            "adminKey": secrets.admin_key,
            "apiKey": secrets.api_key,
            "applicationKey": secrets.application_key,
            "serviceAccessToken": secrets.service_access_token,
        },
        "datadogCredentials": {
            "apiKey": administrator.api_key.value,
            "appKey": administrator.application_key.value,
        },
    })
}

/// The same for a person, as commands of a shell: with them the AWS CLI and the doctor find the sandbox.
fn exports(announcement: &Value) -> String {
    let lines = [
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "/secretsManager"),
        ("AWS_ENDPOINT_URL_LAMBDA", "/lambda"),
        ("AWS_DEFAULT_REGION", "/region"),
        ("AWS_REGION", "/region"),
        ("DATADOG_API_URL", "/datadog"),
        ("DD_API_KEY", "/datadogCredentials/apiKey"),
        ("DD_APP_KEY", "/datadogCredentials/appKey"),
        ("ADMIN_SECRET_ARN", "/secrets/adminKey"),
        ("API_KEY_SECRET_ARN", "/secrets/apiKey"),
        ("APPLICATION_KEY_SECRET_ARN", "/secrets/applicationKey"),
        (
            "SERVICE_ACCESS_TOKEN_SECRET_ARN",
            "/secrets/serviceAccessToken",
        ),
    ];
    // The sandbox takes any credentials, but the clients of AWS want some.
    let credentials = "export AWS_ACCESS_KEY_ID=sandbox AWS_SECRET_ACCESS_KEY=sandbox";
    let told = lines.into_iter().filter_map(|(name, pointer)| {
        let value = announcement.pointer(pointer)?.as_str()?;
        Some(format!("export {name}='{value}'"))
    });
    told.chain([credentials.to_owned()])
        .collect::<Vec<_>>()
        .join("\n")
}

/// Rings at each `RotateSecret`: one that was refused, because the rotation before is not complete, has that one tried again.
fn rotations_begun(stack: &Stack) -> Arc<Notify> {
    let begun = Arc::new(Notify::new());
    let bell = Arc::clone(&begun);
    stack.gate.watch(move |_, record| {
        if record.call.operation == "RotateSecret" {
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

/// The signals that end the program. They are listened to from here on, and not from the first wait on: whoever reads
/// the first line of output may send one at once.
struct EndSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl EndSignals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn recv(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_gets_lines_for_a_shell() {
        let told = json!({
            "secretsManager": "http://127.0.0.1:1",
            "datadog": "http://127.0.0.1:2",
            "lambda": "http://127.0.0.1:3",
            "region": "us-east-1",
            "secrets": {"adminKey": "arn:admin", "apiKey": "arn:api", "applicationKey": "arn:app"},
            "datadogCredentials": {"apiKey": "a", "appKey": "b"},
        });

        let lines = exports(&told);

        for wanted in [
            "export AWS_ENDPOINT_URL_SECRETS_MANAGER='http://127.0.0.1:1'",
            "export DATADOG_API_URL='http://127.0.0.1:2'",
            "export ADMIN_SECRET_ARN='arn:admin'",
            "export APPLICATION_KEY_SECRET_ARN='arn:app'",
            "export DD_APP_KEY='b'",
        ] {
            assert!(lines.lines().any(|line| line == wanted), "{lines}");
        }
        assert_eq!(lines.lines().count(), 11, "nothing is left out: {lines}");
    }
}
