//! The doctor's look at secrets: no rotation, no token, and no effect but for orphaned and leaked keys.

pub mod checkup;
pub mod inspector;
mod key_trial;
pub mod leak;
pub mod orphans;
mod shape;
pub mod trust;

use std::fmt;
use std::time::Duration;

use crate::admin::Admin;
use crate::error::Problem;
use crate::keys::KeyRef;
use crate::protected::{KnownValue, ProtectedKeys};
use crate::rotation::decide::Candidates;
use crate::rotation::effects::key_deletion::{Deletion, KeyDeletion};

/// A host that gave no answer to the doctor. What that means for a rotation, which runs elsewhere, is
/// not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreached {
    pub host: String,
    pub is_aws: bool,
    /// Why the last request had none, as far as that is known.
    pub error: Option<String>,
}

impl Unreached {
    pub(crate) fn error_type(&self) -> &'static str {
        if self.is_aws {
            "SecretsManagerUnreachable"
        } else {
            "DatadogUnreachable"
        }
    }

    #[expect(clippy::unused_self, reason = "asked like every other failure")]
    pub(crate) fn advice(&self) -> &'static str {
        "Look here for a proxy, a missing route, a VPN that is off. A function runs elsewhere: its \
         last error in the log tells whether it reaches the host."
    }
}

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = self.error.as_deref().unwrap_or("no answer in time");
        write!(f, "{} can't be reached from here: {error}", self.host)
    }
}

/// For so long after a key's creation "not found" may only mean that an edge of Datadog does not know it.
pub const LAG_OF_NEW_KEYS: Duration = crate::rotation::decide::LAG_OF_NEW_KEYS;

/// Deletes a key that no secret holds: a throwaway of the doctor's probe. Returns `false` if it was
/// not found, which is asked for again for so long as `lag`. Of a key younger than [`LAG_OF_NEW_KEYS`]
/// "not found" does not prove that it is gone.
///
/// # Errors
/// [`Problem::KeyInUse`] if it is a key of the admin, and those of the DELETE.
pub async fn delete_key(admin: &Admin, key: &KeyRef, lag: Duration) -> Result<bool, Problem> {
    let attempt = KeyDeletion {
        admin,
        key,
        value: None,
        known: KnownValue::End(None),
        candidates: Candidates::Named(&[]),
        lag,
        kept: &ProtectedKeys::default(),
        labels: None,
    };
    match attempt.send().await? {
        Deletion::Deleted => Ok(true),
        Deletion::Gone => Ok(false),
        Deletion::Protected | Deletion::Misnamed => Err(Problem::KeyInUse),
    }
}
