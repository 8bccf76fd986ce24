//! How live invocations came to where they are.

use std::rc::Rc;

use crate::actor::Asked;
use crate::door::Heard;
use crate::plan::Act;
use crate::snapshot::Snapshot;

/// What has happened to the live invocations since they began.
#[derive(Clone, Debug)]
pub enum Event {
    /// An invocation's call of this number was answered.
    Heard(usize, usize, Heard),
    Died(usize),
    /// A person, or another rotation, did something to this world, which took time.
    Acted(Act, Rc<Snapshot>),
    /// Time has passed until an invocation went on by itself.
    Waited,
}

/// All that brings live invocations to where they were once.
#[derive(Clone, Debug)]
pub struct Past {
    /// When they began.
    pub start: Rc<Snapshot>,
    pub events: Vec<Event>,
    /// Each invocation's calls.
    pub asked: Vec<Vec<Asked>>,
    /// The world by now.
    pub here: Snapshot,
}
