//! A rotation function in this process, invoked as Lambda would.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_secretsmanager::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use datadog_rotation::Kind;
use datadog_rotation::deadline::Deadline;
use datadog_rotation::error::RotationError;
use datadog_rotation::http::{Http, Transport};
use datadog_rotation::rotator::Rotator;
use datadog_rotation::settings::Settings;
use sandbox::gate::Gate;
use sandbox::lambda::FunctionError;
use sandbox::rotation::Invoke;
use sandbox::scene::role_of;
use sandbox::stack::{ACCOUNT, REGION};
use sandbox::sts::Session;
use serde_json::Value;
use tokio::sync::Notify;

use crate::claims::{Beginning, FALSE_CLAIM};
use crate::listen::print_debug;
use crate::transport::InProcess;

/// As long as the template lets a function run.
pub const TIMEOUT: Duration = Duration::from_mins(5);

#[derive(Clone, Debug)]
pub struct Function {
    gate: Gate,
    caller: String,
    rotator: Rotator,
    pub kind: Kind,
    killed: Arc<Notify>,
    pub timeout: Duration,
    pub clock: Skew,
    /// Whether what it says is compared with the world as it ends.
    is_judged: bool,
}

/// How wrong the function's clock is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skew {
    Ahead(Duration),
    Behind(Duration),
}

impl Skew {
    pub const NONE: Self = Self::Ahead(Duration::ZERO);

    fn shows(self, now: SystemTime) -> SystemTime {
        match self {
            Self::Ahead(by) => now + by,
            Self::Behind(by) => now - by,
        }
    }
}

impl Function {
    /// `caller` is how the gate knows it.
    #[must_use]
    pub fn new(kind: Kind, caller: &str, gate: &Gate, settings: Settings) -> Self {
        Self::in_region(REGION, kind, caller, gate, settings)
    }

    /// The same in another region, though the secrets stay where they are.
    #[must_use]
    pub fn in_region(
        region: &'static str,
        kind: Kind,
        caller: &str,
        gate: &Gate,
        settings: Settings,
    ) -> Self {
        let killed = Arc::new(Notify::new());
        let transport = InProcess {
            gate: gate.clone(),
            caller: caller.to_owned(),
            killed: Arc::clone(&killed),
        };
        let config = config(region, gate, caller);
        let rotator = Rotator::new(kind, settings, Http::new(transport), &config);
        Self {
            gate: gate.clone(),
            caller: caller.to_owned(),
            rotator,
            kind,
            killed,
            timeout: TIMEOUT,
            clock: Skew::NONE,
            is_judged: true,
        }
    }

    /// The same, and what it says is not compared with the world: of thousands at once, each would look at the calls
    /// of all.
    #[must_use]
    pub fn unjudged(self) -> Self {
        Self {
            is_judged: false,
            ..self
        }
    }

    /// The same with calls that go through another transport. What it says as it ends is not compared with the
    /// world: the explorer answers calls from memory while its world stands elsewhere.
    #[must_use]
    pub fn over(
        transport: impl Transport + 'static,
        kind: Kind,
        caller: &str,
        gate: &Gate,
        settings: Settings,
    ) -> Self {
        let config = config(REGION, gate, caller);
        let rotator = Rotator::new(kind, settings, Http::new(transport), &config);
        Self {
            gate: gate.clone(),
            caller: caller.to_owned(),
            rotator,
            kind,
            killed: Arc::new(Notify::new()),
            timeout: TIMEOUT,
            clock: Skew::NONE,
            is_judged: false,
        }
    }

    /// One delivery; `None` if the gate killed it.
    pub async fn deliver(&self, event: &Value) -> Option<Result<(), RotationError>> {
        let now = self.gate.with_world(|world| {
            world.invoke(&self.caller, event);
            world.now().into()
        });
        let deadline = Deadline::new(self.clock.shows(now), self.timeout);
        let beginning = self
            .is_judged
            .then(|| Beginning::of(&self.gate, &self.caller, event));
        let result = tokio::select! {
            result = self.rotator.rotate(event, &deadline) => result,
            () = self.killed.notified() => return None,
        };
        if let Some(claim) = beginning.and_then(|it| it.false_claim(&result)) {
            tracing::error!(claim, "{FALSE_CLAIM}");
        }
        print_debug(&self.rotator, &result);
        Some(result)
    }
}

impl Invoke for Function {
    async fn invoke(&self, event: Value) -> Result<Value, FunctionError> {
        match self.deliver(&event).await {
            Some(Ok(())) => Ok(Value::Null),
            Some(Err(error)) => Err(FunctionError {
                error_type: error.error_type().to_owned(),
                message: error.to_string(),
            }),
            None => Err(FunctionError {
                error_type: "Runtime.ExitError".to_owned(),
                message: "the process was killed".to_owned(),
            }),
        }
    }
}

/// The configuration of a program in this region, with the credentials of its role.
pub(crate) fn config(region: &'static str, gate: &Gate, caller: &str) -> SdkConfig {
    with_session(region, &session(gate, caller))
}

/// The credentials of the function's role. Deliveries of one function differ after the `#`.
fn session(gate: &Gate, caller: &str) -> Session {
    let function = caller.split('#').next().unwrap_or_default();
    gate.with_world(|world| {
        let sts = &mut world.datadog.sts;
        sts.assume_role(ACCOUNT, &role_of(function), function)
    })
}

fn with_session(region: &'static str, session: &Session) -> SdkConfig {
    let token = Some(session.session_token.clone());
    let (id, secret) = (&session.access_key_id, &session.secret_access_key);
    let credentials = Credentials::new(id, secret, token, None, "tests");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .build()
}
