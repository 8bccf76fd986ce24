//! One process of a function, with the doors it calls through.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::output::{Output, Stream};
use super::runtime_api::{Invocation, Report, RuntimeApi};
use super::{FunctionError, FunctionOptions};
use crate::gate::{Gate, Service};
use crate::scene::role_of;
use crate::server::{Door, Server};
use crate::sts::Session;

const MEMORY_MB: &str = "128";

/// Dropping it kills the process.
#[derive(Debug)]
pub(super) struct Environment {
    gate: Gate,
    /// How the gate knows it.
    name: String,
    api: RuntimeApi,
    child: Child,
    killed: Arc<Notify>,
    has_failed: bool,
    readers: Vec<JoinHandle<()>>,
    /// Open as long as the process may call.
    _doors: [Server; 4],
}

impl Environment {
    pub(super) async fn start(
        options: &FunctionOptions,
        number: u64,
        gate: &Gate,
        output: &Output,
    ) -> io::Result<Self> {
        let name = format!("{}#{number}", options.name);
        let killed = Arc::new(Notify::new());
        let api = RuntimeApi::start().await?;
        let open = |service| {
            let killed = Arc::clone(&killed);
            let door = Door {
                caller: Some(name.clone()),
                on_kill: Some(Arc::new(move || killed.notify_one())),
                ..Door::to(service)
            };
            Server::start(gate.clone(), door)
        };
        let secrets_manager = open(Service::SecretsManager).await?;
        let datadog = open(Service::Datadog).await?;
        let sns = open(Service::Sns).await?;
        let lambda = open(Service::Lambda).await?;

        let session = gate.with_world(|world| {
            let (role, sts) = (role_of(&options.name), &mut world.datadog.sts);
            sts.assume_role(&options.account, &role, &options.name)
        });
        let mut command = command(options, &session);
        command
            .env("AWS_LAMBDA_RUNTIME_API", api.address().to_string())
            .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", secrets_manager.url())
            .env("AWS_ENDPOINT_URL_SNS", sns.url())
            .env("AWS_ENDPOINT_URL_LAMBDA", lambda.url())
            .env("DATADOG_API_URL", datadog.url())
            .env("AWS_LAMBDA_LOG_STREAM_NAME", &name)
            .envs(&options.variables);
        let mut child = command.spawn()?;
        let stdout = child
            .stdout
            .take()
            .map(|pipe| output.collect(&name, Stream::Stdout, pipe));
        let stderr = child
            .stderr
            .take()
            .map(|pipe| output.collect(&name, Stream::Stderr, pipe));
        Ok(Self {
            gate: gate.clone(),
            name,
            api,
            child,
            killed,
            has_failed: false,
            readers: stdout.into_iter().chain(stderr).collect(),
            _doors: [secrets_manager, datadog, sns, lambda],
        })
    }

    /// Whether it can take an invocation: it runs, and every earlier one came to an end.
    pub(super) fn is_ready(&mut self) -> bool {
        !self.has_failed && matches!(self.child.try_wait(), Ok(None))
    }

    pub(super) async fn invoke(
        &mut self,
        request_id: &str,
        function_arn: &str,
        event: &Value,
        timeout: Duration,
    ) -> Result<Value, FunctionError> {
        self.gate
            .with_world(|world| world.invoke(&self.name, event));
        self.api.send(Invocation {
            request_id: request_id.to_owned(),
            function_arn: function_arn.to_owned(),
            deadline: SystemTime::now() + timeout,
            event: Bytes::from(event.to_string()),
        });
        // In this order, a process that reports and exits at once is taken at its word.
        let end = tokio::select! {
            biased;
            report = self.api.report_on(request_id) => End::Reported(report),
            () = self.killed.notified() => End::Killed,
            status = self.child.wait() => End::Exited(status),
            () = tokio::time::sleep(timeout) => End::TimedOut,
        };
        self.has_failed = !matches!(end, End::Reported(Report::Ended { .. }));
        end.result(request_id, timeout)
    }

    /// Kills the process and waits until all it printed is in the output.
    pub(super) async fn stop(mut self) {
        // An error means that it has ended already.
        let _ended = self.child.kill().await;
        for reader in self.readers {
            let _read = reader.await;
        }
    }
}

enum End {
    Reported(Report),
    Killed,
    Exited(io::Result<ExitStatus>),
    TimedOut,
}

impl End {
    /// In Lambda's own words.
    fn result(self, request_id: &str, timeout: Duration) -> Result<Value, FunctionError> {
        let (error_type, cause) = match self {
            Self::Reported(Report::Ended { result, .. }) => return result,
            Self::Reported(Report::InitFailed(error)) => return Err(error),
            Self::Killed => (
                "Runtime.ExitError",
                "Runtime exited with error: signal: killed".to_owned(),
            ),
            Self::Exited(Ok(status)) => (
                "Runtime.ExitError",
                format!("Runtime exited with error: {status}"),
            ),
            Self::Exited(Err(error)) => ("Runtime.ExitError", error.to_string()),
            Self::TimedOut => (
                "Sandbox.Timedout",
                format!("Task timed out after {:.2} seconds", timeout.as_secs_f64()),
            ),
        };
        Err(FunctionError {
            error_type: error_type.to_owned(),
            message: format!("RequestId: {request_id} Error: {cause}"),
        })
    }
}

/// The variables that Lambda sets for a custom runtime, and nothing of this process's own. There
/// is no `PATH`: a function has nothing to look for.
fn command(options: &FunctionOptions, session: &Session) -> Command {
    let mut command = Command::new(&options.executable);
    command
        .env_clear()
        .env("_HANDLER", "bootstrap")
        .env("AWS_REGION", &options.region)
        .env("AWS_DEFAULT_REGION", &options.region)
        .env("AWS_ACCESS_KEY_ID", &session.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", &session.secret_access_key)
        .env("AWS_SESSION_TOKEN", &session.session_token)
        .env("AWS_LAMBDA_FUNCTION_NAME", &options.name)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", MEMORY_MB)
        .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        .env(
            "AWS_LAMBDA_LOG_GROUP_NAME",
            format!("/aws/lambda/{}", options.name),
        )
        .env("LAMBDA_TASK_ROOT", "/var/task")
        .env("LAMBDA_RUNTIME_DIR", "/var/runtime")
        .env("LANG", "en_US.UTF-8")
        .env("TZ", ":UTC")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}
