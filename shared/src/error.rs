//! What a failed invocation says: to the person on call, and by `error_type` to machines.

mod admin_token;
mod advice;
mod error_type;
mod problem;
mod state;

use std::fmt;

use lambda_runtime::Diagnostic;

use crate::event::{RotationEvent, Step};
use crate::keys::KeyRef;

pub use admin_token::AdminTokenDefect;
pub use problem::{Problem, Role};
use state::List;
pub use state::State;

/// A failed step: what failed, on which secret and version, what state the world is in, and what
/// to do. Holds no key, no secret value and no response body.
#[derive(Debug)]
pub struct RotationError {
    /// `None`: the event itself could not be read.
    event: Option<EventIds>,
    pub problem: Problem,
    pub state: State,
    /// Keys that the step has deleted.
    pub deleted: Vec<KeyRef>,
}

#[derive(Debug)]
struct EventIds {
    step: Step,
    secret: String,
    version: String,
}

impl RotationError {
    #[must_use]
    pub fn new(
        event: Option<&RotationEvent>,
        problem: Problem,
        state: State,
        deleted: Vec<KeyRef>,
    ) -> Self {
        let event = event.map(|event| EventIds {
            step: event.step,
            secret: event.secret.to_string(),
            version: event.token.to_string(),
        });
        Self {
            event,
            problem,
            state,
            deleted,
        }
    }

    /// Returns a stable word, listed in `docs/reference/errors.md`.
    #[must_use]
    pub fn error_type(&self) -> &'static str {
        self.problem.error_type()
    }
}

impl fmt::Display for RotationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(EventIds {
            step,
            secret,
            version,
        }) = &self.event
        {
            write!(f, "{step} of {secret}, version {version}: ")?;
        }
        let (problem, state) = (self.problem.to_string(), &self.state);
        let stop = if problem.ends_with('.') { "" } else { "." };
        write!(f, "{problem}{stop} {state} ")?;
        if !self.deleted.is_empty() {
            write!(f, "Deleted: {}. ", List(&self.deleted))?;
        }
        f.write_str(&self.problem.advice())
    }
}

impl std::error::Error for RotationError {}

impl From<RotationError> for Diagnostic {
    fn from(error: RotationError) -> Self {
        Self {
            error_type: error.error_type().to_owned(),
            error_message: error.to_string(),
        }
    }
}
