//! What a search has seen.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::canonical::Print;

/// What a search has seen.
#[derive(Clone, Debug, Default)]
pub struct Explored {
    pub states: usize,
    pub transitions: usize,
    /// In transitions.
    pub longest: usize,
    /// States in which no invocation is live and nothing is left to go wrong.
    pub rests: usize,
    pub took: Duration,
    /// The worlds, whatever the invocations have been told.
    pub worlds: BTreeSet<Print>,
    /// An invocation had an effect under way beside another call.
    pub is_mixed: bool,
    /// Whether everything was explored; otherwise the time ended first, with so many branches open.
    pub open: usize,
    pub violation: Option<Violation>,
}

/// The shortest path to a broken promise.
#[derive(Clone, Debug)]
pub struct Violation {
    pub what: String,
    pub length: usize,
    pub story: String,
}
