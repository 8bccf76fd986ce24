//! The doctor's look at secrets: no rotation, no token, and but for orphaned keys no effect.

pub mod checkup;
pub mod inspector;
pub mod orphans;

use std::time::Duration;

use crate::admin::Admin;
use crate::error::Problem;
use crate::keys::KeyRef;
use crate::protected::{KnownValue, ProtectedKeys};
use crate::rotation::effects::delete::{Deletion, KeyDeletion};

/// Deletes a key that no secret holds: a throwaway of the doctor's probe. Returns `false` if it was
/// gone before.
///
/// # Errors
/// [`Problem::KeyInUse`] if it is a key of the admin, and those of the DELETE.
pub async fn delete_key(admin: &Admin, key: &KeyRef) -> Result<bool, Problem> {
    let attempt = KeyDeletion {
        admin,
        key,
        value: None,
        known: KnownValue::End(None),
        lag: Duration::ZERO,
        kept: &ProtectedKeys::default(),
    };
    match attempt.send().await? {
        Deletion::Deleted => Ok(true),
        Deletion::Gone => Ok(false),
        Deletion::Protected => Err(Problem::KeyInUse),
    }
}
