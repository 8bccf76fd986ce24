//! What an invocation says when it ends, compared with what its own calls have done.
//!
//! It is looked at in the moment in which the invocation ends: what another one does later is no lie. What
//! others have done meanwhile is left out of the comparison.

use datadog_rotation::error::{RotationError, State};
use sandbox::gate::{CallRecord, Gate, Lie};
use sandbox::secrets_manager::Secret;
use sandbox::world::World;
use serde_json::Value;

/// Begins the line with which a test is told of a false claim.
pub const FALSE_CLAIM: &str = "a false claim";

/// What was so when an invocation began.
#[derive(Debug)]
pub struct Beginning<'a> {
    gate: &'a Gate,
    caller: &'a str,
    event: &'a Value,
    /// The last call before it.
    number: u64,
}

impl<'a> Beginning<'a> {
    #[must_use]
    pub fn of(gate: &'a Gate, caller: &'a str, event: &'a Value) -> Self {
        let number = gate.last_number();
        Self {
            gate,
            caller,
            event,
            number,
        }
    }

    /// Returns what the invocation says of itself that is not so.
    #[must_use]
    pub fn false_claim(&self, result: &Result<(), RotationError>) -> Option<String> {
        let calls = self.gate.calls_after(self.number);
        let told = |it: &CallRecord| it.fate == Lie::SaysDone.name();
        let (own, others): (Vec<_>, Vec<_>) = calls
            .into_iter()
            .partition(|it| it.call.caller.as_deref() == Some(self.caller));
        let ending = Ending {
            is_alone: !others.iter().any(|it| it.changed_something),
            is_deceived: own.iter().any(told),
            token: self.event["ClientRequestToken"]
                .as_str()
                .unwrap_or_default(),
            own,
        };
        let secret = self.event["SecretId"].as_str().unwrap_or_default();
        self.gate.with_world(|world| {
            let secret = world.secrets_manager.secret(secret)?;
            match result {
                Ok(()) => ending.unsaid(self.event["Step"].as_str()?, secret),
                Err(error) => ending
                    .lie(&error.state, world, secret)
                    .or_else(|| still_works(world, error)),
            }
        })
    }
}

/// A key that the error says is deleted, and that works.
fn still_works(world: &World, error: &RotationError) -> Option<String> {
    let mut deleted = error.deleted.iter().map(|key| key.id.to_string());
    deleted
        .find(|id| {
            world
                .datadog
                .key(id)
                .is_some_and(sandbox::datadog::Key::is_live)
        })
        .map(|id| format!("{id} is said to be deleted, and works"))
}

/// How an invocation has ended.
struct Ending<'a> {
    token: &'a str,
    own: Vec<CallRecord>,
    /// Nobody else has changed anything meanwhile.
    is_alone: bool,
    /// Secrets Manager has said that something is done which is not.
    is_deceived: bool,
}

impl Ending<'_> {
    fn lie(&self, state: &State, world: &World, secret: &Secret) -> Option<String> {
        let is_false = match state {
            State::Untouched => self.changed().next().is_some(),
            State::Undone => self.left(world).is_some(),
            State::Pending => !self.is_stored(secret),
            State::Promoted => !self.is_promoted(secret),
            State::Abandoned { .. } => !self.is_abandoned(secret),
            State::NotPromoted => self.has_promoted(secret),
            State::OnlyDeleted
            | State::CreationUnknown { .. }
            | State::Unstored { .. }
            | State::StoreUnknown { .. }
            | State::PromotionUnknown
            | State::PromotedByAnother => false,
        };
        let text = state.to_string();
        let is_moved = text.contains("AWSCURRENT is unchanged") && self.has_promoted(secret);
        (is_false || is_moved).then(|| format!("{text:?} is not so"))
    }

    /// What a step that succeeds says of itself by that.
    fn unsaid(&self, step: &str, secret: &Secret) -> Option<String> {
        let is_false = match step {
            "createSecret" => !self.is_stored(secret),
            "finishSecret" => !self.is_promoted(secret),
            _ => false,
        };
        is_false.then(|| format!("{step} has succeeded, and its effect is not there"))
    }

    fn changed(&self) -> impl Iterator<Item = &CallRecord> {
        self.own.iter().filter(|it| it.changed_something)
    }

    /// A key that the invocation has created, and that lives.
    fn left(&self, world: &World) -> Option<&str> {
        let mut created = self.own.iter().filter_map(|it| it.created.as_deref());
        created.find(|id| {
            world
                .datadog
                .key(id)
                .is_some_and(sandbox::datadog::Key::is_live)
        })
    }

    fn is_stored(&self, secret: &Secret) -> bool {
        let version = secret.version(self.token);
        self.is_deceived || version.is_some_and(|it| it.value().is_some())
    }

    fn is_promoted(&self, secret: &Secret) -> bool {
        self.is_deceived || !self.is_alone || self.holds(secret, "AWSCURRENT") || {
            // A person may have moved the label on.
            self.changed()
                .any(|it| it.call.operation == "UpdateSecretVersionStage")
                && self.holds(secret, "AWSPREVIOUS")
        }
    }

    fn is_abandoned(&self, secret: &Secret) -> bool {
        self.is_deceived || !self.is_alone || !self.holds(secret, "AWSPENDING")
    }

    /// Whether the invocation alone can have moved AWSCURRENT to its version.
    fn has_promoted(&self, secret: &Secret) -> bool {
        let moved = self
            .changed()
            .any(|it| it.call.operation == "UpdateSecretVersionStage");
        self.is_alone && moved && self.holds(secret, "AWSCURRENT")
    }

    fn holds(&self, secret: &Secret, label: &str) -> bool {
        secret.labels(self.token).any(|it| it == label)
    }
}
