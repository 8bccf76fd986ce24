//! Makes the decisions of the engine. Each is a pure function of what was read, and is tested over
//! its inputs.

mod deletable;
mod difference;
mod expiry;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use crate::admin::KeyLookup;
use crate::datadog::OwnedKeyDetails;
use crate::key_name::KeyNames;
use crate::keys::{KeyClass, KeyRef};
use crate::secrets::{Replica, ReplicaStatus, SecretsError, SecretsProblem};

use super::context::Version;

pub(super) use difference::{
    differs_in_expiry, differs_in_name, differs_in_owner, differs_in_scopes, differs_in_settings,
};
pub(super) use expiry::{ends_too_soon, least_days_to_expiry};

pub use deletable::{Candidates, ListedKey, Verdict, YOUNGEST_ORPHAN, deletable, verdicts};

/// For how long Datadog must have accepted a key of a type without grace, without a refusal, before
/// the key that it replaces is deleted. Datadog's edges learn of a new key one after the other:
/// docs/figures/edges.md counts what this wait is worth.
pub(super) const VERIFIED_FOR: Duration = Duration::from_secs(10);

/// How many times in a row Datadog must accept such a key at least, however old it is.
pub(super) const LEAST_SUCCESSES: u32 = 2;

/// For so long after a key's creation "not found" may only mean that Datadog does not know it
/// everywhere yet.
pub(crate) const LAG_OF_NEW_KEYS: Duration = Duration::from_mins(1);

/// For how long a DELETE that answers "not found" is sent again, if the key's value worked a moment
/// ago: an edge may not know the key.
pub(crate) const LAG_OF_KNOWN_KEYS: Duration = Duration::from_secs(3);

/// Returns whether the version is so old that the invocation that stored it has ended.
pub(super) fn is_old(version: &Version, now: SystemTime) -> bool {
    version.age(now).is_some_and(|age| age >= YOUNGEST_ORPHAN)
}

/// Returns for how long a key of this age must go on being accepted until it counts as working
/// everywhere: zero for a key older than [`VERIFIED_FOR`], of which [`LEAST_SUCCESSES`] a second apart
/// are enough.
pub(super) fn verification_span(age: Option<Duration>) -> Duration {
    VERIFIED_FOR.saturating_sub(age.unwrap_or_default())
}

/// Who moved the label AWSPREVIOUS to the version that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PutAsideBy {
    /// A rotation: its keys were replaced, and are to be deleted.
    Rotation,
    /// A person: its keys are that person's, and stay.
    Person,
}

/// Returns who moved AWSPREVIOUS to its version, whose keys have no grace. It was a rotation only if the
/// key in AWSCURRENT bears the name of its own version, and AWSPREVIOUS's version is older and of the
/// same service account. Otherwise it counts as a person.
///
/// `is_current_rotations`: see [`is_current_rotations`].
pub(super) fn replaced_by(
    is_current_rotations: bool,
    current: &Version,
    previous: &Version,
) -> PutAsideBy {
    let is_older = previous
        .created
        .zip(current.created)
        .is_some_and(|(previous, current)| previous < current);
    // An application key of another service account is out of this admin's reach.
    let is_of_one_account =
        previous.credential.service_account() == current.credential.service_account();
    if is_current_rotations && is_older && is_of_one_account {
        PutAsideBy::Rotation
    } else {
        PutAsideBy::Person
    }
}

/// Returns whether the key in AWSCURRENT bears the name of its own version, so that the rotation which
/// stored it created it. `name` is that of the key that [`Credential::telling_key`] returns, if it is known.
///
/// [`Credential::telling_key`]: crate::credential::Credential::telling_key
pub(super) fn is_current_rotations(
    names: &KeyNames,
    name: Option<&str>,
    current: &Version,
) -> bool {
    let key = current.credential.telling_key().zip(name);
    key.is_some_and(|(key, name)| names.bears(key.class, name, &current.id))
}

/// Returns whether a rotation created the application key of AWSPREVIOUS, which has no grace, and which a person has
/// replaced: the third row of the table in `replaced.rs`. Such a key is deleted before the promotion, which takes the
/// last label off its version: afterwards only its name tells whose it is, and nothing once Secrets Manager has
/// forgotten the version.
pub(super) fn is_left_by_rotation(
    names: &KeyNames,
    previous_key: Option<&OwnedKeyDetails>,
    current: &Version,
    previous: &Version,
) -> bool {
    let class = KeyClass::Application;
    previous.credential.service_account() == current.credential.service_account()
        && previous_key.is_some_and(|key| names.bears(class, &key.name, &previous.id))
}

/// Returns who moved AWSPREVIOUS to its version, whose keys have grace: a person, if both keys were made by
/// hand. A rotation's key is known by the convention of its name, which the managed service has too. A
/// key that can't be looked up counts as a rotation's.
///
/// `current` and `previous` are the names of the keys.
pub(super) fn graced_key_replaced_by(
    names: &KeyNames,
    class: KeyClass,
    current: &KeyLookup<String>,
    previous: &KeyLookup<String>,
) -> PutAsideBy {
    if is_made_by_hand(names, class, current) && is_made_by_hand(names, class, previous) {
        PutAsideBy::Person
    } else {
        PutAsideBy::Rotation
    }
}

/// Returns whether the key exists and its name does not follow the convention of rotations.
pub(super) fn is_made_by_hand(names: &KeyNames, class: KeyClass, name: &KeyLookup<String>) -> bool {
    matches!(name, KeyLookup::Found(name) if !names.follows_convention(class, name))
}

/// Returns whether to search for orphaned keys: whether the list that was read before the creation
/// has a key that is named like a rotation's and that nothing accounts for. Most rotations find
/// none, and skip the search.
pub(super) fn is_orphan_search_due(
    names: &KeyNames,
    listed: &[ListedKey],
    accounted_for: &BTreeSet<KeyRef>,
) -> bool {
    listed
        .iter()
        .filter(|it| !accounted_for.contains(&it.key))
        .any(|it| names.follows_convention(it.key.class, &it.name))
}

/// What is known after the call of a promotion failed and the version was not seen to be AWSCURRENT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailedPromotion {
    /// AWSCURRENT was certainly not moved.
    NotMoved,
    /// The call was refused. An earlier try may have moved AWSCURRENT.
    Refused,
    Unknown,
}

pub(super) fn failed_promotion(error: &SecretsError) -> FailedPromotion {
    match error.problem {
        // The second try of a promotion that took effect is refused like this.
        SecretsProblem::Contradiction { .. } => FailedPromotion::Refused,
        _ if error.is_definite() => FailedPromotion::NotMoved,
        _ => FailedPromotion::Unknown,
    }
}

/// How far the replicas of a secret are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Replication {
    InSync,
    InProgress {
        place: String,
    },
    /// With AWS's words about it.
    Failed {
        place: String,
        message: Option<String>,
    },
}

/// Returns the state of all replicas together. One that failed goes before one in progress.
/// A status that AWS has not documented counts as in progress.
pub(crate) fn replication(replicas: &[Replica]) -> Replication {
    let first = |wanted: ReplicaStatus| replicas.iter().find(|it| it.status == wanted);
    match (
        first(ReplicaStatus::Failed),
        first(ReplicaStatus::InProgress),
    ) {
        (Some(failed), _) => Replication::Failed {
            place: failed.place.clone(),
            message: failed.message.clone(),
        },
        (None, Some(slow)) => Replication::InProgress {
            place: slow.place.clone(),
        },
        (None, None) => Replication::InSync,
    }
}
