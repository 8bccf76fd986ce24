//! A mapping, made.

use std::time::Duration;

use datadog_rotation::budget::Backoff;
use datadog_rotation::datadog::call::TIME_TO_CREATE;
use datadog_rotation::datadog::trust::{Mapping, MappingKind, TrustRefusal};
use datadog_rotation::keys::TrustId;

use super::{Wanted, done};
use crate::error::{Stop, TrustError, refusal};
use crate::notes::Intent;
use crate::physical_id::PhysicalId;
use crate::scene::{Done, Scene};

/// How long Datadog may not know of an account that it has just registered.
const REGISTRATION: Duration = Duration::from_mins(2);
/// How long a mapping may be hidden that was just made.
pub(super) const VISIBILITY: Duration = Duration::from_secs(30);

impl Scene<'_> {
    pub(super) async fn make_another(
        &mut self,
        given: Option<&PhysicalId>,
        wanted: &Wanted,
    ) -> Result<Done, Stop> {
        let id = self.make(wanted).await?;
        Ok(done(PhysicalId::replaced_by(given, id.clone()), &id))
    }

    /// In place of one whose pattern is in the way. If the new one is refused, the old one comes
    /// back.
    pub(super) async fn replace(
        &mut self,
        given: &PhysicalId,
        wanted: &Wanted,
        old: &Mapping,
    ) -> Result<Done, Stop> {
        tracing::info!(
            id = old.id.as_str(),
            pattern = old.pattern,
            user = old.user,
            "replacing a mapping"
        );
        self.notes.intend(&wanted.intent());
        let restored = Intent::new(wanted.kind, &old.pattern, old.account.as_deref());
        self.admin.delete_mapping(wanted.kind, &old.id).await?;
        let stop = match self.make(wanted).await {
            Ok(id) => return Ok(done(PhysicalId::replaced_by(Some(given), id.clone()), &id)),
            Err(stop) if !stop.is_certain => return Err(stop),
            Err(stop) => stop,
        };
        self.notes.intend(&restored);
        let account = old.account.as_deref();
        match self.admin.create_mapping(&old.pattern, account).await {
            Ok(id) => {
                tracing::warn!(
                    id = id.as_str(),
                    pattern = old.pattern,
                    "the mapping was made again"
                );
                Err(stop)
            }
            Err(problem) => {
                tracing::error!(%problem, pattern = old.pattern, user = old.user, "the role is not mapped");
                let problem = stop.error.into();
                Err(Stop {
                    error: TrustError::NotRestored { problem },
                    is_certain: false,
                })
            }
        }
    }

    async fn make(&mut self, wanted: &Wanted) -> Result<TrustId, Stop> {
        let intent = wanted.intent();
        let was_noted = self.notes.intend(&intent);
        tracing::info!(
            pattern = intent.pattern,
            user = intent.account,
            "making an {}",
            wanted.kind
        );
        let mut registration = patience(REGISTRATION);
        loop {
            let made = self
                .admin
                .create_mapping(&intent.pattern, intent.account.as_deref())
                .await;
            let problem = match made {
                Ok(id) => {
                    self.wait_until_visible(wanted.kind, &id).await;
                    return Ok(id);
                }
                Err(problem) => problem,
            };
            let refusal = refusal(&problem);
            let stop = Stop::from(problem);
            if !stop.is_certain {
                return self.find_made(&intent).await.ok_or(stop);
            }
            let again = refusal == Some(TrustRefusal::NotIntegrated)
                && registration.pause_for(self.budget, TIME_TO_CREATE).await;
            if again {
                continue;
            }
            if refusal == Some(TrustRefusal::Exists) && was_noted {
                return self.find_made(&intent).await.ok_or(stop);
            }
            self.notes.withdraw(&intent);
            return Err(stop);
        }
    }

    /// After an answer that was lost: the mapping, which was absent before.
    async fn find_made(&self, intent: &Intent) -> Option<TrustId> {
        let mut backoff = patience(VISIBILITY);
        loop {
            let listed = self.admin.mappings(intent.kind()).await;
            let listed = listed.inspect_err(|problem| tracing::warn!(%problem, "not listed"));
            let mut listed = listed.unwrap_or_default().into_iter();
            let made = listed
                .find(|it| it.pattern == intent.pattern && it.is_for(intent.account.as_deref()));
            if let Some(made) = made {
                return Some(made.id);
            }
            if !backoff.pause(self.budget).await {
                return None;
            }
        }
    }

    /// Whoever comes next should find it; but it is made, and that it is hidden is no failure.
    async fn wait_until_visible(&self, kind: MappingKind, id: &TrustId) {
        let mut backoff = patience(VISIBILITY);
        loop {
            match self.admin.mapping(kind, id).await {
                Ok(Some(_)) => return,
                Ok(None) => {}
                Err(problem) => tracing::warn!(%problem, "the new mapping was not looked at"),
            }
            if !backoff.pause(self.budget).await {
                return;
            }
        }
    }
}

pub(super) fn patience(total: Duration) -> Backoff {
    Backoff::new(Duration::from_secs(1), Duration::from_secs(8), total)
}
