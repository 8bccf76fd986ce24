//! Which DELETE no rotation may send, or not yet.

use super::is_live;
use crate::credential::{has_grace, keys_labelled};
use crate::gate::CallRecord;
use crate::promise::{Breach, Promise};
use crate::secrets_manager::Secret;
use crate::world::World;

/// A DELETE, carried out or not, that no rotation may send: for a key that authenticates it, for
/// one that any secret has in use, and for one that waits for its promotion. Of a pending pair that
/// can no longer be promoted, because one of its keys is dead or is not the one of its ID, the other may go.
pub(super) fn forbidden_deletion(world: &World, record: &CallRecord, own: &str) -> Option<Breach> {
    let id = record.call.subject.as_deref()?;
    if !(record.call.operation.starts_with("DELETE ")
        && record
            .call
            .operation
            .strip_suffix("/{id}")
            .is_some_and(is_of_keys))
    {
        return None;
    }
    let names = |secret: &Secret, label| keys_labelled(secret, label).iter().any(|it| it.id == id);
    let mut secrets = world.secrets_manager.secrets();
    let text = if record.authenticated_by.iter().any(|key| key == id) {
        format!("the key {id} was to be deleted with itself")
    } else if let Some(secret) = secrets.find(|it| names(it, "AWSCURRENT")) {
        format!(
            "the key {id} was to be deleted, which {} uses",
            secret.name()
        )
    } else {
        let secret = world.secrets_manager.secret(own)?;
        let mut others = keys_labelled(secret, "AWSPENDING").into_iter();
        let is_spoilt = others.any(|key| {
            let found = world.datadog.key(&key.id);
            let is_another = found.is_some_and(|it| it.value != key.text);
            key.id != id && (is_another || !is_live(world, &key.id))
        });
        // A token that is dead already is answered as if it had not been.
        let was_dead = world.datadog.key(id).is_some_and(|key| {
            let revoked = key.revoked_at;
            revoked.is_some_and(|at| at < record.call.at)
        });
        let is_spoilt = is_spoilt || was_dead;
        if !names(secret, "AWSPENDING") || is_spoilt || !record.changed_something {
            return None;
        }
        format!("the key {id} was deleted, which waits for its promotion")
    };
    Some(Breach::at(Promise::Protection, record, text))
}

/// Whether the operation is on a collection of keys or tokens.
pub(super) fn is_of_keys(operation: &str) -> bool {
    operation.ends_with("_keys") || operation.ends_with("access_tokens")
}

/// Whether another step than finishSecret has deleted a key of AWSPREVIOUS that has grace.
pub(super) fn is_early(world: &World, record: &CallRecord, arn: &str, key_id: &str) -> bool {
    let caller = record.call.caller.as_deref();
    let step = caller.and_then(|it| world.step_of(it));
    let secret = world.secrets_manager.secret(arn).filter(|it| has_grace(it));
    step.is_some_and(|step| step != "finishSecret")
        && secret.is_some_and(|secret| {
            let mut previous = keys_labelled(secret, "AWSPREVIOUS").into_iter();
            previous.any(|key| key.id == key_id)
        })
}

/// Whether a key in AWSCURRENT works, and an edge of Datadog does not know it yet.
pub(super) fn is_refused_by_an_edge(world: &World, arn: &str) -> bool {
    let secret = world.secrets_manager.secret(arn);
    let current = secret.map(|it| keys_labelled(it, "AWSCURRENT"));
    let mut current = current.unwrap_or_default().into_iter();
    let now = world.now();
    let datadog = &world.datadog;
    current.any(|key| {
        datadog.is_usable(now, &key.text) && !datadog.is_usable_everywhere(now, &key.text)
    })
}
