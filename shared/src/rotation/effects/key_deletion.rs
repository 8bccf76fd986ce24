//! Deletes one key at Datadog. Nothing else in the engine or the doctor sends a DELETE for a key.
//!
//! Before each attempt it decides again which keys are protected, because other credentials may act by
//! then. Protected are the keys of the kept versions, of the credentials that authenticate this
//! attempt, and of every admin that this invocation has read. Labels that say whose the key is are read
//! again, too.

use std::time::Duration;

use tokio::sync::Mutex;

use crate::admin::{Admin, KeyLookup};
use crate::datadog::{DatadogProblem, Status};
use crate::deadline::Backoff;
use crate::error::Problem;
use crate::keys::{ApiKey, KeyClass, KeyRef, ServiceAccountId};
use crate::protected::{KnownValue, ProtectedKeys};

use crate::rotation::context::{SecretReader, SeenLabels};
use crate::rotation::decide::Candidates;
use crate::rotation::observe::lag_backoff;

/// What came of one deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deletion {
    Deleted,
    /// The key was gone already.
    Gone,
    /// A version or an admin that must work has the key: nothing was sent.
    Protected,
    /// Looked up by its ID, the key has none of the names by which it was to go: nothing was sent.
    Misnamed,
}

impl Deletion {
    pub(crate) fn is_gone(self) -> bool {
        matches!(self, Self::Deleted | Self::Gone)
    }
}

/// One key, and what it takes to delete it.
pub(crate) struct KeyDeletion<'a> {
    pub admin: &'a Admin,
    pub key: &'a KeyRef,
    /// The value of an API key, if it was read: without `api_keys_read` only the value can tell
    /// whether the key is gone.
    pub value: Option<&'a ApiKey>,
    /// What is known of its value. A key whose value must go on working stays, whatever ID stands
    /// beside that value.
    pub known: KnownValue<'a>,
    /// Among which keys it was found. One that was found by its name alone is looked up first: in a list an ID
    /// may stand beside another key's name.
    pub candidates: Candidates<'a>,
    /// For how long "not found" proves nothing, because the key was created or worked a moment ago.
    pub lag: Duration,
    pub kept: &'a ProtectedKeys,
    /// By which labels the key is to be deleted, if labels tell.
    pub labels: Option<(SecretReader<'a>, SeenLabels<'a>)>,
}

impl KeyDeletion<'_> {
    /// Sends the DELETE. Looks the key up if the answer is neither 204 nor 404. Tries for a minute, if the
    /// failure may pass and the key is still there.
    ///
    /// # Errors
    /// [`Problem::LabelsMoved`] if somebody has moved a label meanwhile, and those of the DELETE.
    pub(crate) async fn send(mut self) -> Result<Deletion, Problem> {
        let protected = self.admin.protected_keys().await?;
        if protected.protects(self.key, self.known) {
            return Ok(Deletion::Protected);
        }
        if let Some(left) = self.misnamed().await? {
            return Ok(left);
        }
        let (mut backoff, mut trouble) = (lag_backoff(self.lag), trouble_backoff());
        let labels = self
            .labels
            .take()
            .map(|(reader, seen)| (reader, Mutex::new(seen)));
        let (this, labels) = (&self, &labels);
        let may = |authenticating: Vec<KeyRef>| async move {
            let admins = this.admin.known_keys();
            let mut protected = [this.kept, &admins].into_iter();
            if authenticating.contains(this.key)
                || protected.any(|it| it.protects(this.key, this.known))
            {
                return Ok(false);
            }
            if let Some((reader, seen)) = labels {
                reader.confirm_labels(&mut *seen.lock().await).await?;
            }
            Ok(true)
        };
        loop {
            #[expect(clippy::disallowed_methods, reason = "this is the one place")]
            let sent = self.admin.delete(self.key, self.owner(), &may).await;
            return match sent {
                Ok(true) => Ok(Deletion::Deleted),
                Ok(false) => Ok(Deletion::Protected),
                Err(problem) if problem.is_not_found() => {
                    if backoff.pause(self.admin.deadline()).await {
                        continue;
                    }
                    // It was not found in all that time: it is gone.
                    let gone = backoff.is_spent().then_some(Deletion::Gone);
                    gone.ok_or(problem)
                }
                Err(problem) if problem.is_answered() && self.is_gone().await => Ok(Deletion::Gone),
                Err(problem)
                    if problem.may_pass() && trouble.pause(self.admin.deadline()).await =>
                {
                    continue;
                }
                Err(problem) => Err(problem),
            };
        }
    }

    /// Looks up a key that is to go by its name. Returns what came of it, if nothing is to be sent.
    async fn misnamed(&self) -> Result<Option<Deletion>, Problem> {
        let class = self.key.class;
        if !self.candidates.go_by_name() {
            return Ok(None);
        }
        let name = match class {
            KeyClass::Application | KeyClass::AccessToken => {
                let found = self.admin.owned_key(self.owner(), self.key).await?;
                found.map(|it| it.name)
            }
            KeyClass::Api => match self.admin.api_key(&self.key.id).await? {
                KeyLookup::Found(it) => Some(it.name),
                KeyLookup::NotFound => None,
                KeyLookup::Forbidden => return Ok(Some(Deletion::Misnamed)),
            },
        };
        Ok(match name {
            None => Some(Deletion::Gone),
            Some(name) if self.candidates.bear(class, &name) => None,
            Some(_) => Some(Deletion::Misnamed),
        })
    }

    fn owner(&self) -> &ServiceAccountId {
        self.admin.service_account()
    }

    /// Returns whether a look-up shows that the key is gone, whatever its DELETE answered. `false` if
    /// the look-up fails.
    async fn is_gone(&self) -> bool {
        let looked = match self.key.class {
            KeyClass::Application | KeyClass::AccessToken => {
                let found = self.admin.owned_key(self.owner(), self.key).await;
                found.map(|it| it.is_none() && self.lag.is_zero())
            }
            KeyClass::Api => self.is_api_key_gone().await,
        };
        looked.unwrap_or(false)
    }

    async fn is_api_key_gone(&self) -> Result<bool, Problem> {
        match (self.admin.api_key(&self.key.id).await?, self.value) {
            (KeyLookup::NotFound, _) => Ok(self.lag.is_zero()),
            (KeyLookup::Found(details), _) => Ok(details.status == Status::Revoked),
            (KeyLookup::Forbidden, Some(value)) => {
                // An edge that refuses every key proves nothing about this one.
                Ok(
                    !self.admin.validate_api_key(value).await?
                        && self.admin.control_works().await?,
                )
            }
            (KeyLookup::Forbidden, None) => Ok(false),
        }
    }
}

fn trouble_backoff() -> Backoff {
    Backoff::new(
        Duration::from_secs(4),
        Duration::from_secs(8),
        Duration::from_mins(1),
    )
}

impl Problem {
    /// Returns whether the same DELETE may succeed in a moment. Limits have been waited for already.
    fn may_pass(&self) -> bool {
        let Self::Datadog(error) = self else {
            return false;
        };
        let is_limited = matches!(error.problem, DatadogProblem::RateLimited { .. });
        error.problem.is_transient() && !is_limited
    }

    /// Returns whether Datadog answered, and not with 429.
    pub(super) fn is_answered(&self) -> bool {
        let is_answer = |problem: &DatadogProblem| {
            matches!(
                problem,
                DatadogProblem::Rejected { .. }
                    | DatadogProblem::NameTaken { .. }
                    | DatadogProblem::Unavailable { .. }
                    | DatadogProblem::Unexpected { .. }
            )
        };
        self.is_forbidden() || matches!(self, Self::Datadog(error) if is_answer(&error.problem))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datadog::{Call, DatadogError};

    fn problem(problem: DatadogProblem) -> Problem {
        let call = Call::validate();
        DatadogError { call, problem }.into()
    }

    #[test]
    fn a_failure_is_an_answer_or_may_pass_or_both() {
        let rejected = DatadogProblem::Rejected {
            status: 400,
            mentions: Vec::new(),
        };
        let unexpected = DatadogProblem::Unexpected {
            status: 404,
            defect: "is not Datadog's",
        };
        for (of, is_answered, may_pass) in [
            (rejected, true, false),
            (unexpected, true, false),
            (DatadogProblem::NameTaken { status: 409 }, true, false),
            (DatadogProblem::Refused { status: 403 }, true, false),
            (DatadogProblem::Unavailable { status: 500 }, true, true),
            (DatadogProblem::RateLimited { reset: None }, false, false),
            (DatadogProblem::Cut, false, true),
            (DatadogProblem::NoTime, false, false),
        ] {
            let problem = problem(of);
            assert_eq!(problem.is_answered(), is_answered, "{problem}");
            assert_eq!(problem.may_pass(), may_pass, "{problem}");
        }
        assert!(!Problem::KeyInUse.is_answered() && !Problem::KeyInUse.may_pass());
    }

    #[test]
    fn only_404_of_datadogs_own_is_not_found() {
        assert!(problem(DatadogProblem::NotFound).is_not_found());
        assert!(!problem(DatadogProblem::Refused { status: 404 }).is_not_found());
        assert!(!Problem::KeyInUse.is_not_found());
    }

    #[test]
    fn only_a_protected_key_is_left() {
        assert!(Deletion::Deleted.is_gone() && Deletion::Gone.is_gone());
        assert!(!Deletion::Protected.is_gone() && !Deletion::Misnamed.is_gone());
    }
}
