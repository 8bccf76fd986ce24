//! The invocations that are live at once.

use datadog_rotation::Kind;
use harness::bench::caller;
use harness::function::Skew;
use sandbox::rotation::Step;
use sandbox::secrets_manager::RotationJob;

/// The invocations that are live at once, and what they are for.
#[derive(Clone, Debug)]
pub struct Invocations {
    pub kind: Kind,
    pub job: RotationJob,
    pub steps: Vec<Step>,
    /// How wrong the functions' clock is.
    pub clock: Skew,
}

/// How an invocation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It waits for answers, or pauses.
    Live,
    Succeeded,
    Failed,
    Dead,
}

/// How the gate and the story know an invocation: they differ after the `#`.
#[must_use]
pub fn name(kind: Kind, actor: usize) -> String {
    format!("{}#{}", caller(kind), ["first", "second"][actor])
}
