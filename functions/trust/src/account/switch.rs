//! From access keys to a role. Datadog does not change that in place: the registration is deleted
//! and made again, with another id and another external id. It can't be undone.

use std::time::Duration;

use datadog_rotation::budget::Backoff;
use datadog_rotation::datadog::trust::AwsAccount;
use serde_json::Value;

use super::{Wanted, add_tag};
use crate::error::{Stop, TrustError};
use crate::notes::Switch;
use crate::physical_id::PhysicalId;
use crate::scene::{Done, Scene};

/// Longer than any function runs: only its deadline ends the attempts.
const WITHOUT_END: Duration = Duration::from_hours(1);

impl Scene<'_> {
    /// All that is needed to make it again, where it outlives this process.
    pub(super) fn begin_switch(&mut self, found: &AwsAccount, access_key: &str, is_ours: bool) {
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

    /// The old registration is gone: nothing but the deadline ends the attempts to make the new
    /// one.
    pub(super) async fn finish_switch(&mut self, wanted: &Wanted) -> Result<Done, Stop> {
        let Some(switch) = self.notes.switch().cloned() else {
            return Err(TrustError::Event.into());
        };
        let mut attributes = wanted.attributes_over(switch.settings.clone());
        add_tag(&mut attributes, self.mark(switch.is_ours));
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(8), WITHOUT_END);
        let made = loop {
            let stop = match self.admin.create_aws_account(&attributes).await {
                Ok(made) => break made,
                Err(problem) => Stop::from(problem),
            };
            tracing::warn!(problem = %stop.error, "the integration was not made again");
            let marked = self
                .admin
                .aws_account_of(&wanted.aws_account)
                .await
                .ok()
                .flatten();
            let mark = self.mark(switch.is_ours);
            match marked.filter(|it| it.tags().contains(&mark.as_str())) {
                Some(made) => break made,
                None if backoff.pause(self.budget).await => {}
                None => {
                    let settings = Value::from(switch.settings.clone());
                    tracing::error!(%settings, "settings before the switch, which is cut short");
                    let problem = stop.error.into();
                    return Err(Stop {
                        error: TrustError::SwitchCutShort { problem },
                        is_certain: false,
                    });
                }
            }
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
        let mut done = self.done(id, &made, Some(&switch.access_key));
        done.note = Some(note);
        Ok(done)
    }
}
