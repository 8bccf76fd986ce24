//! Whether the admin may read API keys. One refusal proves nothing: an edge of Datadog may not know
//! the admin's newest pair yet, or refuse for a moment.

use std::time::Duration;

use super::{ActiveCredentials, Admin};
use crate::error::Problem;

/// The scope, and the permission.
const API_KEYS_READ: &str = "api_keys_read";

/// After this time every edge knows a pair.
const KNOWN_EVERYWHERE: Duration = Duration::from_mins(1);

/// What a look-up of one key by its ID has shown.
#[derive(Clone, Debug)]
pub enum KeyLookup<T> {
    Found(T),
    /// 404. Of a key that is new this may be a lag.
    NotFound,
    /// The admin works, but has no `api_keys_read`.
    Forbidden,
}

impl Admin {
    /// Sends a call that takes `api_keys_read`. Returns `None` if this admin, which works, does not
    /// have that: its own scopes or permissions say so, or further tries after pauses are refused as
    /// well. Settled once in a step.
    ///
    /// # Errors
    /// Those of the call: a refusal too, if there is no time to ask again.
    pub(super) async fn readable<T, F>(&self, call: impl Fn() -> F) -> Result<Option<T>, Problem>
    where
        F: Future<Output = Result<T, Problem>>,
    {
        if self.reads_api_keys.get() == Some(&false) {
            return Ok(None);
        }
        let mut refusal = match call().await {
            Err(problem) if problem.is_forbidden() => problem,
            answer => return answer.map(Some),
        };
        let known = match &refusal {
            Problem::MissingPermissions { .. } => Some(false),
            _ => self.may_read_api_keys().await,
        };
        if known == Some(false) {
            self.note_forbidden();
            return Ok(None);
        }
        for pause in self.pauses(known) {
            let pause = Duration::from_secs(*pause);
            if !self.deadline.pause(pause, Duration::from_secs(1)).await {
                return Err(refusal);
            }
            match call().await {
                Err(problem) if problem.is_forbidden() => refusal = problem,
                answer => return answer.map(Some),
            }
        }
        if known == Some(true) {
            tracing::warn!(
                %refusal,
                "the admin is said to have api_keys_read, and is refused again and again: this goes \
                 on as if it had not"
            );
        }
        self.note_forbidden();
        Ok(None)
    }

    fn note_forbidden(&self) {
        // Another call may have settled it meanwhile.
        let _settled = self.reads_api_keys.set(false);
    }

    /// In seconds. What was stored long ago is known to every edge; a delegated token never was.
    fn pauses(&self, known: Option<bool>) -> &'static [u64] {
        match self.acting() {
            ActiveCredentials::Pair(pair)
                if known.is_none() && pair.is_older_than(KNOWN_EVERYWHERE) =>
            {
                &[1]
            }
            ActiveCredentials::Bearer(bearer)
                if known.is_none() && bearer.is_older_than(KNOWN_EVERYWHERE) =>
            {
                &[1]
            }
            _ => &[1, 2, 4],
        }
    }

    /// Asks what the scopes of the acting key and the permissions of its owner say. `None`: nothing.
    async fn may_read_api_keys(&self) -> Option<bool> {
        let by_scopes = match self.acting() {
            ActiveCredentials::Pair(pair) => pair.has(API_KEYS_READ).await,
            ActiveCredentials::Bearer(bearer) => bearer.has(API_KEYS_READ).await,
            // A delegated token has all that its owner has.
            ActiveCredentials::Delegate(_) => Some(true),
        };
        if by_scopes == Some(false) {
            return Some(false);
        }
        let permissions = self.permissions().await.ok()??;
        let by_role = permissions.contains(API_KEYS_READ);
        if by_role { by_scopes } else { Some(false) }
    }
}
