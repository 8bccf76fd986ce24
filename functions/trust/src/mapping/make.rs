//! A mapping, made.

use std::time::Duration;

use datadog_rotation::datadog::call::TIME_TO_CREATE;
use datadog_rotation::datadog::trust::{Mapping, MappingKind, TrustRefusal};
use datadog_rotation::deadline::Backoff;
use datadog_rotation::error::Problem;
use datadog_rotation::keys::TrustId;

use super::{Wanted, done};
use crate::context::{Context, Done};
use crate::error::{Stop, TrustError};
use crate::notes::Intent;
use crate::physical_id::PhysicalId;

/// How long Datadog may not know of an account that it has just registered.
const REGISTRATION: Duration = Duration::from_mins(2);
/// How long 401 and 403 are not believed while a role is not mapped.
const FORBIDDEN: Duration = Duration::from_secs(7);
const ZERO: Duration = Duration::ZERO;
/// How long a mapping may be hidden that was just made.
pub(super) const VISIBILITY: Duration = Duration::from_secs(30);

impl Context<'_> {
    pub(super) async fn make_another(
        &mut self,
        given: Option<&PhysicalId>,
        wanted: &Wanted,
    ) -> Result<Done, Stop> {
        let id = self.make(wanted, Backoff::new(ZERO, ZERO, ZERO)).await?;
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
        self.leash.must_allow_deletion(old)?;
        self.notes.intend(&wanted.intent());
        self.admin.delete_mapping(wanted.kind, &old.id).await?;
        // One refusal proves nothing, but the role is not mapped meanwhile.
        let forbidden = patience(FORBIDDEN);
        let stop = match self.make(wanted, forbidden).await {
            Ok(id) => return Ok(done(PhysicalId::replaced_by(Some(given), id.clone()), &id)),
            Err(stop) if !stop.is_certain => return Err(stop),
            Err(stop) => stop,
        };
        match self.restore(wanted.kind, old).await {
            Ok(id) => {
                tracing::warn!(
                    id = id.as_str(),
                    pattern = old.pattern,
                    "the mapping was made again"
                );
                Err(stop.for_good())
            }
            Err(problem) => {
                tracing::error!(%problem, pattern = old.pattern, user = old.user, "the role is not mapped");
                let user = old.user.as_ref().or(old.account.as_ref());
                Err(Stop::uncertain(TrustError::NotRestored {
                    problem: stop.error.into(),
                    pattern: old.pattern.clone(),
                    user: user.cloned().unwrap_or_default(),
                }))
            }
        }
    }

    /// Makes a mapping again that was there before.
    async fn restore(&mut self, kind: MappingKind, old: &Mapping) -> Result<TrustId, Problem> {
        let intent = Intent::new(kind, &old.pattern, old.account.as_deref());
        self.notes.intend(&intent);
        let made = self
            .admin
            .create_mapping(&old.pattern, old.account.as_deref())
            .await;
        match made {
            Ok(id) => Ok(id),
            // The answer was lost, or a twin was faster.
            Err(problem) => self.find_made(&intent).await.ok_or(problem),
        }
    }

    /// `forbidden`: how long to try again after 401 and 403.
    async fn make(&mut self, wanted: &Wanted, mut forbidden: Backoff) -> Result<TrustId, Stop> {
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
            let stop = match made {
                Ok(id) => {
                    self.wait_until_visible(wanted.kind, &id).await;
                    return Ok(id);
                }
                Err(problem) => Stop::from(problem),
            };
            if !stop.is_certain {
                return self.find_made(&intent).await.ok_or(stop);
            }
            let refusal = stop.error.refusal();
            let again = match refusal {
                Some(TrustRefusal::NotIntegrated) => {
                    registration.pause_for(self.deadline, TIME_TO_CREATE).await
                }
                _ if stop.error.is_forbidden() => {
                    forbidden.pause_for(self.deadline, TIME_TO_CREATE).await
                }
                _ => false,
            };
            if again {
                continue;
            }
            if refusal == Some(&TrustRefusal::Exists) {
                if was_noted {
                    return self.find_made(&intent).await.ok_or(stop);
                }
                self.notes.withdraw(&intent);
                return Err(self.conflict_with(wanted).await.into());
            }
            self.notes.withdraw(&intent);
            return Err(stop);
        }
    }

    /// Returns what is in the way of a mapping that Datadog refuses because there is one already.
    async fn conflict_with(&self, wanted: &Wanted) -> TrustError {
        let kind = wanted.kind;
        let listed = self.admin.mappings(kind).await.unwrap_or_default();
        let own = wanted.pattern.to_string();
        let mut others = listed.into_iter().filter(|it| it.pattern != own);
        match others.find(|it| wanted.pattern.shares_role_with(&it.pattern)) {
            Some(Mapping { id, pattern, .. }) => TrustError::PatternConflicts { kind, id, pattern },
            None => TrustError::MappingUnseen { kind },
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
            if !backoff.pause(self.deadline).await {
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
            if !backoff.pause(self.deadline).await {
                return;
            }
        }
    }
}

pub(super) fn patience(total: Duration) -> Backoff {
    Backoff::new(Duration::from_secs(1), Duration::from_secs(8), total)
}
