//! Sends calls of Secrets Manager, once or again.

use std::future::Future;
use std::time::Duration;

use aws_sdk_secretsmanager::config::Builder;
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::{SecretsError, SecretsProblem};
use crate::deadline::{Backoff, Deadline, JitteredBackoff};

/// Over which time calls that were throttled come back: a rotation writes twice, and an account may
/// write 50 times a second (documented), so that this suffices for 1 500 secrets at once.
const THROTTLED_FOR: Duration = Duration::from_mins(1);

/// The SDK's retries would hide an attempt whose effect is unknown, and know nothing of labels that have moved.
pub(super) fn unrepeated() -> Builder {
    Builder::new().retry_config(RetryConfig::disabled())
}

/// Throttled calls are sent again here, and not by the SDK: see [`Unthrottled`](super::unthrottled::Unthrottled).
pub(super) async fn within<T, E, F>(
    deadline: &Deadline,
    call: &'static str,
    secret: &str,
    send: impl Fn() -> F,
) -> Result<T, SecretsError>
where
    E: ProvideErrorMetadata,
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
{
    let mut jittered = JitteredBackoff::new(THROTTLED_FOR);
    loop {
        match once(deadline, call, secret, &send).await {
            Err(error) if error.is_throttled() && back_off(&mut jittered, deadline).await => {}
            answer => return answer,
        }
    }
}

/// Waits until a throttled call may be sent again. Returns `false` if the deadline leaves no time for that.
async fn back_off(jittered: &mut JitteredBackoff, deadline: &Deadline) -> bool {
    let (at_least, after) = (Duration::ZERO, Duration::from_secs(1));
    jittered.pause(at_least, deadline, after).await
}

pub(super) async fn once<T, E, F>(
    deadline: &Deadline,
    call: &'static str,
    secret: &str,
    send: impl Fn() -> F,
) -> Result<T, SecretsError>
where
    E: ProvideErrorMetadata,
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
{
    let left = deadline.left();
    // Boxed: a step makes several calls side by side, and the SDK's futures are large.
    let problem = match tokio::time::timeout(left, Box::pin(send())).await {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(error)) => SecretsProblem::of(call, &error),
        Err(_) => SecretsProblem::of_deadline(left),
    };
    Err(SecretsError {
        call,
        secret: secret.to_owned(),
        version: Box::default(),
        problem,
    })
}

/// Whether an effect is sent again: after a failure that may pass for some seconds, after throttling for
/// longer.
#[derive(Debug)]
pub struct Repeats {
    jittered: JitteredBackoff,
    backoff: Backoff,
    /// An attempt has had no usable answer: it may have taken effect.
    pub is_unknown: bool,
}

impl Repeats {
    #[must_use]
    pub fn of_an_effect() -> Self {
        Self {
            jittered: JitteredBackoff::new(THROTTLED_FOR),
            backoff: Backoff::new(
                Duration::from_millis(250),
                Duration::from_secs(2),
                Duration::from_secs(8),
            ),
            is_unknown: false,
        }
    }

    /// Waits after a failed attempt. Returns `false` if there is to be no other.
    pub async fn wait(&mut self, error: &SecretsError, deadline: &Deadline) -> bool {
        self.is_unknown |= !error.is_definite();
        if error.is_throttled() {
            back_off(&mut self.jittered, deadline).await
        } else {
            error.is_transient() && self.backoff.pause(deadline).await
        }
    }
}
