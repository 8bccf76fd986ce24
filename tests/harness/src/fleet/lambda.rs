//! Lambda, as far as it counts: so many invocations at once, and what they are billed for.

use std::sync::Mutex;
use std::time::Duration;

use sandbox::lambda::FunctionError;
use sandbox::rotation::Invoke;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::function::Function;

/// What an invocation is billed for besides the time that passes here: its start and its own work.
const OVERHEAD: Duration = Duration::from_millis(50);

/// What was invoked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Invocations {
    pub begun: usize,
    /// That ended with an error of the function.
    pub failed: usize,
    /// That Lambda refused because too many were running.
    pub turned_away: usize,
    pub billed: Duration,
}

#[derive(Debug)]
pub(super) struct Lambda {
    slots: Semaphore,
    invocations: Mutex<Invocations>,
}

impl Lambda {
    pub(super) fn new(concurrency: usize) -> Self {
        Self {
            slots: Semaphore::new(concurrency),
            invocations: Mutex::default(),
        }
    }

    pub(super) fn invocations(&self) -> Invocations {
        *self.invocations.lock().expect("no panic")
    }

    fn count(&self, add: impl FnOnce(&mut Invocations)) {
        add(&mut self.invocations.lock().expect("no panic"));
    }
}

/// A function among all that share the concurrency.
pub(super) struct Deployed<'a> {
    pub(super) lambda: &'a Lambda,
    pub(super) function: &'a Function,
}

impl Invoke for Deployed<'_> {
    async fn invoke(&self, event: Value) -> Result<Value, FunctionError> {
        let Ok(_slot) = self.lambda.slots.try_acquire() else {
            self.lambda.count(|it| it.turned_away += 1);
            return Err(FunctionError {
                error_type: "TooManyRequestsException".to_owned(),
                message: "Rate exceeded".to_owned(),
            });
        };
        let begun = Instant::now();
        let result = self.function.invoke(event).await;
        self.lambda.count(|it| {
            it.begun += 1;
            it.failed += usize::from(result.is_err());
            it.billed += begun.elapsed() + OVERHEAD;
        });
        result
    }
}
