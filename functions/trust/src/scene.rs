//! What a resource's code works with, and what becomes of the resource.

use datadog_rotation::admin::Admin;
use datadog_rotation::budget::Budget;
use datadog_rotation::keys::TrustId;
use serde_json::{Map, Value};

use crate::event::Envelope;
use crate::notes::Notes;
use crate::physical_id::PhysicalId;

/// What became of the resource.
#[derive(Debug)]
pub struct Done {
    pub id: PhysicalId,
    pub attributes: Map<String, Value>,
    /// What somebody should know.
    pub note: Option<String>,
    /// What is left to be done once `CloudFormation` knows the id.
    pub after: Option<After>,
}

/// The mark comes off an account: its id is safe.
#[derive(Debug)]
pub struct After {
    pub account: TrustId,
    pub attributes: Map<String, Value>,
}

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
pub struct Scene<'a> {
    pub admin: &'a Admin,
    pub notes: &'a mut Notes,
    pub budget: &'a Budget,
    pub envelope: &'a Envelope,
}

impl Scene<'_> {
    /// Whether the resource has made this thing.
    pub(crate) fn owns(&self, given: Option<&PhysicalId>, thing: &TrustId) -> bool {
        given.is_some_and(|it| it.owns(thing)) || self.notes.have_made(thing)
    }
}
