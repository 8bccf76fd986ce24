//! From access keys to a role. Datadog does not change that in place: the registration is deleted
//! and made again, with another id and another external id. It can't be undone.
//!
//! So nothing is deleted before Datadog has accepted the settings that are to be registered: they
//! are first written to the registration that is there.

use std::time::Duration;

use datadog_rotation::datadog::trust::{AwsAccount, TrustRefusal};
use datadog_rotation::deadline::Backoff;
use serde_json::{Map, Value};

use super::settings::covers;
use super::{PATIENCE, SECOND, Wanted, add_tag};
use crate::context::{Context, Done, Unmark};
use crate::error::{Stop, TrustError};
use crate::notes::Switch;
use crate::physical_id::PhysicalId;

/// Longer than any function runs: only its deadline ends the attempts.
const WITHOUT_END: Duration = Duration::from_hours(2);

/// What became of an attempt to make the registration again.
enum Attempt {
    Made(AwsAccount),
    /// Refused for good: the same request will not do.
    Refused(TrustError),
    Again(TrustError),
}

impl Context<'_> {
    /// Switches a registration by access keys, whoever has made it.
    pub(super) async fn switch(
        &mut self,
        found: AwsAccount,
        wanted: &Wanted,
        is_ours: bool,
    ) -> Result<Done, Stop> {
        let (id, access_key) = (found.id.clone(), found.access_key_id().unwrap_or_default());
        let access_key = access_key.to_owned();
        if !wanted.switch_from_keys {
            return Err(TrustError::KeyBased { id, access_key }.into());
        }
        self.must_know_namespaces(wanted).await?;
        let found = self.confirmed(found).await?;
        self.begin_switch(&found, &access_key, is_ours);
        let is_tried = self.try_settings(&found, wanted).await;
        if let Err(stop) = &is_tried {
            self.give_up_switch(stop);
        }
        let is_tried = is_tried?;
        if let Err(problem) = self.admin.delete_aws_account(&id).await {
            let stop = Stop::from(problem);
            self.give_up_switch(&stop);
            if !stop.error.may_pass() && is_tried {
                self.take_settings_back(&found).await;
            }
            return Err(stop);
        }
        self.finish_switch(wanted).await
    }

    /// All that is needed to make it again, where it outlives this process.
    fn begin_switch(&mut self, found: &AwsAccount, access_key: &str, is_ours: bool) {
        let settings = found.settings();
        let text = Value::from(settings.clone());
        tracing::warn!(id = found.id.as_str(), access_key, settings = %text, "settings before the switch");
        self.notes.begin_switch(Switch {
            before: found.id.to_string(),
            access_key: access_key.to_owned(),
            settings,
            is_ours,
        });
    }

    /// Nothing was deleted, so nothing is left to be finished.
    fn give_up_switch(&mut self, stop: &Stop) {
        if !stop.error.may_pass() {
            self.notes.end_switch();
        }
    }

    /// Datadog says whether it accepts the settings while the registration still stands.
    async fn try_settings(&self, found: &AwsAccount, wanted: &Wanted) -> Result<bool, Stop> {
        let Some(property) = wanted.differing_setting(&found.attributes) else {
            return Ok(false);
        };
        tracing::info!(property, "trying the settings before the switch");
        let mut attributes = wanted.over(&found.settings());
        attributes.remove("auth_config");
        self.update(found, &attributes).await?;
        Ok(true)
    }

    /// The deletion was refused for good: all is as it was.
    async fn take_settings_back(&self, found: &AwsAccount) {
        if let Err(stop) = self.update(found, &found.settings()).await {
            let settings = Value::from(found.settings());
            tracing::error!(problem = %stop.error, %settings, "the settings could not be taken back");
        }
    }

    /// A twin may be between its deletion and its creation. Waits as long as that may take, and
    /// longer than it takes Lambda to try an invocation again that died there.
    pub(super) async fn wait_for_switch(
        &self,
        wanted: &Wanted,
    ) -> Result<Option<AwsAccount>, TrustError> {
        tracing::info!("nothing is there to be switched: waiting, in case it is being switched");
        let mut backoff = Backoff::new(2 * SECOND, 8 * SECOND, 90 * SECOND);
        while backoff.pause_for(self.deadline, 60 * SECOND).await {
            let found = self.admin.aws_account_of(&wanted.aws_account).await?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The old registration is gone. The new one is made with the settings that were accepted, else
    /// with the old ones; what may pass is tried again until the deadline.
    pub(super) async fn finish_switch(&mut self, wanted: &Wanted) -> Result<Done, Stop> {
        let Some(switch) = self.notes.switch().cloned() else {
            return Err(TrustError::Event.into());
        };
        let mut first_choice = wanted.over(&switch.settings);
        if let (Some(id), Some(way)) = (&wanted.external_id, first_choice.get_mut("auth_config")) {
            way["external_id"] = Value::from(id.as_str());
        }
        let made = match self.make_again(wanted, &switch, first_choice).await {
            Attempt::Made(made) => made,
            Attempt::Again(error) => return Err(cut_short(error, wanted, &switch)),
            // Somebody has integrated the account meanwhile.
            Attempt::Refused(error @ TrustError::AccountExists { .. }) => {
                self.notes.end_switch();
                return Err(Stop::from(error).for_good());
            }
            Attempt::Refused(first) => return self.fall_back(first, wanted, &switch).await,
        };
        let id = if switch.is_ours {
            PhysicalId::Made {
                id: made.id.clone(),
                instead_of: switch.before(),
            }
        } else {
            PhysicalId::Adopted(made.id.clone())
        };
        let note = format!(
            "the integration was switched to a role: let the role's trust policy have the new \
             external id, and then revoke access key {} in AWS.",
            switch.access_key
        );
        let mut done = self.done(id, made, Some(&switch.access_key)).await?;
        done.note = Some(note);
        Ok(done)
    }

    /// With the old settings, which Datadog has had. `first` is what was wrong with the new ones.
    async fn fall_back(
        &mut self,
        first: TrustError,
        wanted: &Wanted,
        switch: &Switch,
    ) -> Result<Done, Stop> {
        tracing::error!(problem = %first, "refused: making the integration again with its old settings");
        let old = wanted.by_role(switch.settings.clone());
        let made = match self.make_again(wanted, switch, old).await {
            Attempt::Made(made) => made,
            Attempt::Refused(error) | Attempt::Again(error) => {
                tracing::error!(problem = %error, "refused again");
                return Err(cut_short(first, wanted, switch));
            }
        };
        let made = self.with_external_id(made).await?;
        let error = TrustError::SwitchedWithoutChanges {
            first: first.into(),
            id: made.id.clone(),
            role: made.role_name().unwrap_or_default().to_owned(),
            external_id: made.external_id().unwrap_or_default().to_owned(),
            access_key: switch.access_key.clone(),
        };
        // A rollback needs the mark to know the registration by; where none comes, it is of no use.
        let is_needed = switch.is_ours || self.envelope.physical_resource_id.is_some();
        Err(Stop {
            error,
            is_certain: true,
            is_final: true,
            after: (!is_needed).then(|| Unmark(made.id.clone())),
        })
    }

    async fn make_again(
        &self,
        wanted: &Wanted,
        switch: &Switch,
        mut attributes: Map<String, Value>,
    ) -> Attempt {
        add_tag(&mut attributes, self.mark(switch.is_ours));
        let mut backoff = Backoff::new(SECOND, 8 * SECOND, WITHOUT_END);
        let mut forbidden = Backoff::new(SECOND, 8 * SECOND, PATIENCE);
        let mut first: Option<TrustError> = None;
        loop {
            let error = match self.try_again(wanted, switch, &attributes).await {
                Attempt::Again(error) => error,
                end => return end,
            };
            tracing::warn!(problem = %error, "the integration was not made again");
            let goes_on = if error.is_forbidden() {
                forbidden.pause(self.deadline).await
            } else {
                backoff.pause(self.deadline).await
            };
            // The first of the errors that tell the most.
            let is_new = first.as_ref().is_none_or(|it| it.weight() < error.weight());
            let is_forbidden = error.is_forbidden();
            if is_new {
                first = Some(error);
            }
            if !goes_on {
                let error = first.unwrap_or(TrustError::OutOfTime);
                return if is_forbidden && forbidden.is_spent() {
                    Attempt::Refused(error)
                } else {
                    Attempt::Again(error)
                };
            }
        }
    }

    async fn try_again(
        &self,
        wanted: &Wanted,
        switch: &Switch,
        attributes: &Map<String, Value>,
    ) -> Attempt {
        let error = match self.admin.create_aws_account(attributes).await {
            Ok(made) => return Attempt::Made(made),
            Err(problem) => TrustError::from(problem),
        };
        let exists = error.refusal() == Some(&TrustRefusal::Exists);
        let is_conflict = matches!(error.refusal(), Some(TrustRefusal::Conflicting { .. }));
        let may_pass = error.may_pass() || error.is_forbidden() || exists || is_conflict;
        if !may_pass && error.weight() > 0 {
            return Attempt::Refused(error);
        }
        match self.admin.aws_account_of(&wanted.aws_account).await {
            Ok(Some(there)) => self.take_up(switch, attributes, there, error).await,
            _ => Attempt::Again(error),
        }
    }

    /// Something is registered: what an answer was lost of, what a twin has made, or the old
    /// registration, which was not deleted after all.
    async fn take_up(
        &self,
        switch: &Switch,
        attributes: &Map<String, Value>,
        there: AwsAccount,
        error: TrustError,
    ) -> Attempt {
        if there.id.as_str() == switch.before {
            return match self.admin.delete_aws_account(&there.id).await {
                Ok(_) => Attempt::Again(error),
                Err(problem) => Attempt::Again(problem.into()),
            };
        }
        if self.marks_of(&there).is_empty() {
            return Attempt::Refused(TrustError::AccountExists { id: there.id });
        }
        // A twin that knew nothing of the old settings may have been faster.
        let is_covered = |(name, value): (&String, &Value)| {
            name == "auth_config" || covers(there.attributes.get(name), value)
        };
        if !attributes.iter().all(is_covered) {
            return match self.update(&there, attributes).await {
                Ok(changed) => Attempt::Made(changed),
                Err(stop) => Attempt::Again(stop.error),
            };
        }
        Attempt::Made(there)
    }
}

/// Says what is to be done, and leaves the settings in the log.
fn cut_short(first: TrustError, wanted: &Wanted, switch: &Switch) -> Stop {
    let settings = Value::from(switch.settings.clone());
    tracing::error!(%settings, "settings before the switch, which is cut short");
    let error = TrustError::SwitchCutShort {
        first: first.into(),
        role: wanted.role_name().to_owned(),
    };
    Stop::uncertain(error).for_good()
}
