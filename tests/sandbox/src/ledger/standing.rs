//! Where a key stands.

use crate::credential::keys_labelled;
use crate::secrets_manager::Secret;
use crate::world::World;

/// Where a key stands for the secret that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Live, but in no labelled version.
    Minted,
    Pending,
    Current,
    Previous,
    Revoked,
}

/// Where a key stands for this secret.
#[must_use]
pub fn standing(world: &World, secret: &Secret, key_id: &str) -> Standing {
    if world.datadog.key(key_id).is_none_or(|key| !key.is_live()) {
        return Standing::Revoked;
    }
    [
        ("AWSCURRENT", Standing::Current),
        ("AWSPREVIOUS", Standing::Previous),
        ("AWSPENDING", Standing::Pending),
    ]
    .into_iter()
    .find(|(label, _)| {
        keys_labelled(secret, label)
            .iter()
            .any(|key| key.id == key_id)
    })
    .map_or(Standing::Minted, |(_, standing)| standing)
}
