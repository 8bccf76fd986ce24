//! Lambda, as far as a function can tell: an execution environment per concurrent invocation, each
//! a process of the real function binary that talks to its own Runtime API.

mod environment;
mod output;
mod runtime_api;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use output::{Line, Output, Stream};

use crate::gate::Gate;
use environment::Environment;

/// A function as it would be deployed.
#[derive(Clone, Debug)]
pub struct FunctionOptions {
    pub name: String,
    pub executable: PathBuf,
    pub region: String,
    pub account: String,
    /// Variables beside those that Lambda and the sandbox set; they win over both.
    pub variables: BTreeMap<String, String>,
}

/// What a failed invocation answers: the function's own error, or Lambda's word for its death.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{error_type}: {message}")]
pub struct FunctionError {
    /// The function's stable word, or `Sandbox.Timedout`, `Runtime.ExitError`,
    /// `Runtime.InvalidEntrypoint`.
    #[serde(rename = "errorType")]
    pub error_type: String,
    #[serde(rename = "errorMessage")]
    pub message: String,
}

/// A function whose calls to Secrets Manager and Datadog all go through one gate.
#[derive(Debug)]
pub struct Function {
    options: FunctionOptions,
    gate: Gate,
    idle: Mutex<Vec<Environment>>,
    started: AtomicU64,
    invoked: AtomicU64,
    output: Output,
}

impl Function {
    /// Nothing runs before the first invocation.
    #[must_use]
    pub fn new(options: FunctionOptions, gate: Gate, output: Output) -> Self {
        Self {
            options,
            gate,
            idle: Mutex::default(),
            started: AtomicU64::new(0),
            invoked: AtomicU64::new(0),
            output,
        }
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.options.name
    }

    #[must_use]
    pub fn arn(&self) -> String {
        let FunctionOptions {
            name,
            region,
            account,
            ..
        } = &self.options;
        format!("arn:aws:lambda:{region}:{account}:function:{name}")
    }

    /// Invokes the function in an idle process, else in a new one. A process that dies or exceeds
    /// the time-out is gone; the next invocation starts another.
    pub async fn invoke(&self, event: &Value, timeout: Duration) -> Result<Value, FunctionError> {
        let mut environment = match self.take_idle().await {
            Some(environment) => environment,
            None => self.start().await?,
        };
        let request_id = self.next_request_id();
        let result = environment
            .invoke(&request_id, &self.arn(), event, timeout)
            .await;
        if environment.is_ready() {
            self.idle().push(environment);
        } else {
            environment.stop().await;
        }
        result
    }

    /// Ends every idle process and waits until its last line is in the output.
    pub async fn stop(&self) {
        let idle = std::mem::take(&mut *self.idle());
        for environment in idle {
            environment.stop().await;
        }
    }

    /// A process may have ended after its last answer.
    async fn take_idle(&self) -> Option<Environment> {
        loop {
            let mut environment = self.idle().pop()?;
            if environment.is_ready() {
                return Some(environment);
            }
            environment.stop().await;
        }
    }

    async fn start(&self) -> Result<Environment, FunctionError> {
        let number = self.started.fetch_add(1, Ordering::Relaxed) + 1;
        Environment::start(&self.options, number, &self.gate, &self.output)
            .await
            .map_err(|error| FunctionError {
                error_type: "Runtime.InvalidEntrypoint".to_owned(),
                message: format!("{}: {error}", self.options.executable.display()),
            })
    }

    /// Counted, so that two runs of one story tell it with the same ids.
    fn next_request_id(&self) -> String {
        let number = self.invoked.fetch_add(1, Ordering::Relaxed) + 1;
        format!("00000000-0000-4000-8000-{number:012x}")
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Environment>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
