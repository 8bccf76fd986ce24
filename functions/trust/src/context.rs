//! What a resource's code works with, and what becomes of the resource.

use std::time::Duration;

use datadog_rotation::admin::Admin;
use datadog_rotation::deadline::Deadline;
use datadog_rotation::keys::TrustId;
use serde_json::{Map, Value};

use crate::event::Envelope;
use crate::leash::Leash;
use crate::notes::Notes;
use crate::physical_id::PhysicalId;

/// Longer than a twin needs from its effect to its answer, and longer than Lambda waits before it
/// tries an invocation again that died (a minute).
const TWIN: Duration = Duration::from_secs(90);

/// What became of the resource.
#[derive(Debug)]
pub struct Done {
    pub id: PhysicalId,
    pub attributes: Map<String, Value>,
    /// What somebody should know.
    pub note: Option<String>,
    /// What is left to be done once `CloudFormation` knows the id.
    pub after: Option<Unmark>,
}

/// The marks come off a registration: its id is safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmark(pub TrustId);

impl Done {
    #[must_use]
    pub fn nothing(id: PhysicalId) -> Self {
        Self {
            id,
            attributes: Map::new(),
            note: None,
            after: None,
        }
    }
}

/// What a resource's code works with.
#[derive(Debug)]
pub struct Context<'a> {
    pub admin: &'a Admin,
    pub notes: &'a mut Notes,
    pub deadline: &'a Deadline,
    pub envelope: &'a Envelope,
    pub leash: &'a Leash,
}

impl Context<'_> {
    /// Returns whether the resource has made this thing.
    pub(crate) fn owns(&self, given: Option<&PhysicalId>, thing: &TrustId) -> bool {
        given.is_some_and(|it| it.owns(thing)) || self.notes.have_made(thing)
    }

    /// Waits until a twin has answered, if there is one.
    ///
    /// Lambda may deliver an event twice at once, to two environments that do not know of each
    /// other. What one of them has just made then looks to the other as if it were somebody else's.
    /// `CloudFormation` takes the first answer, so whoever finds a thing there lets the one answer
    /// first who may have made it.
    pub(crate) async fn let_twin_answer(&self) {
        let most = self.deadline.left().saturating_sub(Duration::from_secs(3));
        tracing::info!("waiting, in case the same event is being worked on elsewhere");
        self.deadline.pause(TWIN.min(most), Duration::ZERO).await;
    }
}
