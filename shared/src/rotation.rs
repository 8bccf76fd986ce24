//! The step engine: what happens in which order. The order is the product.
//!
//! Every remote effect is preceded by a record of its intent (a key's name, a staging label) and
//! followed by its own record, so that the next delivery can tell what happened. A key is deleted
//! only when no label that is kept leads to it any more. Whoever changes the order runs the crash
//! sweep.

mod admin;
mod check;
pub mod checkup;
mod create;
pub mod examiner;
mod finish;
mod inspection;
mod keyless;
mod mint;
mod preflight;
mod prove;
mod scene;
mod settle;
pub mod strays;
mod sweep;
mod test;

use crate::admin::{Admin, Means};
use crate::budget::Budget;
use crate::credential::{Credential, Kind};
use crate::datadog::Limits;
use crate::error::{Problem, RotationError, State};
use crate::event::{RotationEvent, Step, VersionId};
use crate::http::Http;
use crate::identity::Identity;
use crate::keys::KeyRef;
use crate::retire::{Candidates, retirable};
use crate::secrets::Secrets;
use crate::settings::Settings;
use inspection::Inspection;

/// What a rotation works with besides its event.
#[derive(Clone, Debug)]
pub struct Tools {
    pub kind: Kind,
    pub secrets: Secrets,
    pub http: Http,
    pub limits: Limits,
    pub settings: Settings,
    pub identity: Identity,
}

impl Tools {
    pub(super) fn means(&self) -> Means {
        Means {
            secrets: self.secrets.clone(),
            http: self.http.clone(),
            limits: self.limits.clone(),
            settings: self.settings.clone(),
            identity: self.identity.clone(),
        }
    }
}

/// One delivery of one step.
pub(crate) struct Rotation<'a> {
    tools: &'a Tools,
    event: &'a RotationEvent,
    budget: &'a Budget,
    /// Where the world stands, for the error's text.
    state: State,
    /// For the log.
    note: &'static str,
    deleted: Deleted,
}

/// The keys that a step has deleted at Datadog.
#[derive(Debug, Default)]
pub(crate) struct Deleted {
    pub keys: Vec<KeyRef>,
    /// How many keys a sweep has found that no version held.
    pub strays: usize,
}

impl<'a> Rotation<'a> {
    /// Runs the step, and logs one line that tells its story.
    pub(crate) async fn run(
        tools: &'a Tools,
        event: &'a RotationEvent,
        budget: &'a Budget,
    ) -> (Result<(), RotationError>, Deleted) {
        let mut rotation = Self {
            tools,
            event,
            budget,
            state: State::Untouched,
            note: "",
            deleted: Deleted::default(),
        };
        let result = match event.step {
            Step::CreateSecret => Box::pin(rotation.create()).await,
            Step::SetSecret => {
                // A minted key works from birth: there is nothing to set at Datadog.
                rotation.note = "nothing to set";
                Ok(())
            }
            Step::TestSecret => Box::pin(rotation.test()).await,
            Step::FinishSecret => Box::pin(rotation.finish()).await,
        };
        let Self {
            state,
            note,
            deleted,
            ..
        } = rotation;
        if let Err(problem) = result {
            let error = RotationError::new(Some(event), problem, state, deleted.keys.clone());
            return (Err(error), deleted);
        }
        let retired: Vec<_> = deleted.keys.iter().map(ToString::to_string).collect();
        tracing::info!(
            step = event.step.as_str(),
            kind = tools.kind.name(),
            secret = event.secret.as_str(),
            version = event.token.as_str(),
            outcome = note,
            ?retired,
            duration_ms = budget.spent().as_millis(),
            "step done"
        );
        (Ok(()), deleted)
    }

    fn secret(&self) -> &'a str {
        self.event.secret.as_str()
    }

    fn token(&self) -> &'a VersionId {
        &self.event.token
    }

    /// Ends those of `candidates` that `kept` does not name. A pair that acts is always kept: a
    /// value may name it by mistake, or by malice.
    ///
    /// `old` is the credential that holds them, if it is at hand.
    async fn retire(
        &mut self,
        admin: &Admin,
        candidates: Candidates<'_>,
        kept: &[&Credential],
        old: Option<&Credential>,
    ) -> Result<(), Problem> {
        let kept = kept.iter().flat_map(|it| it.keys());
        let kept = kept.chain(admin.own_keys()).collect();
        let doomed = retirable(candidates, &kept);
        if matches!(candidates, Candidates::Strays { .. }) {
            self.deleted.strays += doomed.len();
        }
        for key in doomed {
            let text = old.and_then(Credential::api).filter(|api| api.id == key.id);
            let text = text.map(|api| &api.key);
            let is_ended = admin.retire(&key, admin.service_account(), text).await?;
            if is_ended {
                self.deleted.keys.push(key);
                if self.state == State::Untouched {
                    self.state = State::Retired;
                }
            }
        }
        Ok(())
    }

    /// All that can be read without effect.
    fn look(&self) -> Inspection<'a> {
        Inspection {
            tools: self.tools,
            secret: self.secret(),
            budget: self.budget,
        }
    }
}
