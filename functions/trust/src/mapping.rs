//! Identity and intake mappings. There is no update: a change is a new mapping.
//!
//! Exchanges of intake mappings with Datadog are not public; that they go as those of identity
//! mappings do is what the clients expect.

mod make;
mod wanted;

use std::time::Duration;

use datadog_rotation::datadog::trust::{Mapping, MappingKind};
use datadog_rotation::error::Problem;
use datadog_rotation::keys::TrustId;
use serde_json::{Map, json};

use crate::context::{Context, Done};
use crate::error::{Stop, TrustError};
use crate::notes::Intent;
use crate::physical_id::PhysicalId;
use crate::properties::OnConflict;

use make::{VISIBILITY, patience};
pub use wanted::Wanted;

/// How sure it must be that a mapping is somebody else's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Certainty {
    /// A twin may have made it a moment ago.
    First,
    /// A twin would have answered.
    Last,
}

impl Context<'_> {
    /// Sees to it that the mapping exists. `given` is the resource's id, if it has one.
    pub async fn provide_mapping(
        &mut self,
        given: Option<&PhysicalId>,
        wanted: &Wanted,
    ) -> Result<Done, Stop> {
        let pattern = wanted.pattern.to_string();
        self.leash.must_allow_pattern(&pattern)?;
        if let Some(account) = &wanted.account {
            self.leash.must_allow_service_account(account)?;
        }
        match self.try_to_provide(given, wanted, Certainty::First).await {
            Err(stop) if may_be_a_twins(&stop.error) => {
                self.let_twin_answer().await;
                self.try_to_provide(given, wanted, Certainty::Last).await
            }
            end => end,
        }
    }

    async fn try_to_provide(
        &mut self,
        given: Option<&PhysicalId>,
        wanted: &Wanted,
        certainty: Certainty,
    ) -> Result<Done, Stop> {
        let listed = self.admin.mappings(wanted.kind).await?;
        self.must_not_share_role(wanted).await?;
        let pattern = wanted.pattern.to_string();
        if let Some(found) = listed.iter().find(|it| it.pattern == pattern) {
            return self
                .settle_found(given, wanted, found, &listed, certainty)
                .await;
        }
        let own = match given.and_then(PhysicalId::thing) {
            Some(id) => self.own_mapping(wanted.kind, id, &listed).await?,
            None => None,
        };
        match (own, given) {
            // It may have been hidden from the list.
            (Some(own), Some(given)) if own.pattern == pattern && wanted.is_met_by(&own) => {
                Ok(done(given.clone(), &own.id))
            }
            (Some(own), Some(given)) if self.owns(Some(given), &own.id) => {
                if wanted.pattern.shares_role_with(&own.pattern) {
                    self.replace(given, wanted, &own).await
                } else {
                    self.make_another(Some(given), wanted).await
                }
            }
            (Some(own), _) if wanted.pattern.shares_role_with(&own.pattern) => {
                Err(TrustError::NotOurs { id: own.id }.into())
            }
            _ => self.make_another(given, wanted).await,
        }
    }

    /// There is a mapping of this pattern.
    async fn settle_found(
        &mut self,
        given: Option<&PhysicalId>,
        wanted: &Wanted,
        found: &Mapping,
        listed: &[Mapping],
        certainty: Certainty,
    ) -> Result<Done, Stop> {
        let id = found.id.clone();
        let is_noted = |intent: &Intent| {
            intent.kind() == wanted.kind
                && intent.pattern == found.pattern
                && found.is_for(intent.account.as_deref())
        };
        let is_ours = self.owns(given, &id) || self.notes.intents().iter().any(is_noted);
        let is_given = given.and_then(PhysicalId::thing) == Some(&id);
        match (wanted.is_met_by(found), given) {
            (true, Some(given)) if is_given => Ok(done(given.clone(), &id)),
            (true, _) if is_ours => Ok(done(instead_of_another(given, id.clone()), &id)),
            (true, _) if certainty == Certainty::First => Err(exists(wanted.kind, id)),
            (true, Some(PhysicalId::Made { id: gone, .. }))
                if !listed.iter().any(|it| it.id == *gone) =>
            {
                Ok(adopted(
                    &id,
                    &format!(
                        "mapping {gone} is gone and {id} is as this resource wants it; whether an \
                         invocation that died has made it is not known, so that it will be left \
                         when the resource goes."
                    ),
                ))
            }
            (true, _) => match wanted.on_conflict {
                OnConflict::Adopt => Ok(adopted(
                    &id,
                    &format!(
                        "mapping {id} was there before and is adopted: it will be left when the resource goes."
                    ),
                )),
                OnConflict::Fail => Err(exists(wanted.kind, id)),
            },
            (false, Some(given)) if is_ours => self.replace(given, wanted, found).await,
            (false, _) if is_given => Err(TrustError::NotOurs { id }.into()),
            (false, _) => Err(TrustError::PatternTaken { id }.into()),
        }
    }

    /// A courtesy: where the other kind can't be listed, Datadog is the judge.
    async fn must_not_share_role(&self, wanted: &Wanted) -> Result<(), TrustError> {
        let kind = wanted.kind.other();
        let others = match self.admin.mappings(kind).await {
            Ok(others) => others,
            Err(problem @ Problem::Datadog(_)) if is_unseen(&problem) => {
                tracing::warn!(%problem, "{kind}s are not looked at");
                return Ok(());
            }
            Err(problem) => return Err(problem.into()),
        };
        let mut others = others.into_iter();
        let shared = others.find(|it| wanted.pattern.shares_role_with(&it.pattern));
        shared.map_or(Ok(()), |it| Err(TrustError::RoleTaken { kind, id: it.id }))
    }

    /// Returns the resource's mapping, which is gone only if it stays so for a while.
    async fn own_mapping(
        &self,
        kind: MappingKind,
        id: &TrustId,
        listed: &[Mapping],
    ) -> Result<Option<Mapping>, TrustError> {
        if let Some(own) = listed.iter().find(|it| it.id == *id) {
            return Ok(Some(own.clone()));
        }
        let mut backoff = patience(VISIBILITY);
        loop {
            if let Some(own) = self.admin.mapping(kind, id).await? {
                return Ok(Some(own));
            }
            if !backoff.pause(self.deadline).await {
                return Ok(None);
            }
        }
    }

    /// What the resource made is gone after this, and nothing else.
    pub async fn delete_mapping(
        &mut self,
        kind: MappingKind,
        id: &PhysicalId,
    ) -> Result<Done, Stop> {
        match id {
            PhysicalId::Made { id, .. } => self.delete_own_mapping(kind, id).await?,
            PhysicalId::Nothing(_) | PhysicalId::Unknown(_) => {
                for intent in self.notes.intents().to_vec() {
                    if intent.kind() == kind {
                        self.delete_noted(&intent).await?;
                    }
                }
            }
            PhysicalId::Adopted(_) => {}
        }
        Ok(Done::nothing(id.clone()))
    }

    /// Only two answers that do not know it say that it is gone: the list, and by its id.
    async fn delete_own_mapping(&mut self, kind: MappingKind, id: &TrustId) -> Result<(), Stop> {
        let mut backoff = patience(VISIBILITY);
        loop {
            let listed = self.admin.mappings(kind).await?;
            let found = match listed.into_iter().find(|it| it.id == *id) {
                None => self.admin.mapping(kind, id).await?,
                found => found,
            };
            let Some(found) = found else {
                tracing::info!(id = id.as_str(), "the mapping was gone before");
                return Ok(());
            };
            self.leash.must_allow_deletion(&found)?;
            if self.admin.delete_mapping(kind, id).await? {
                tracing::info!(id = id.as_str(), "mapping deleted");
                return Ok(());
            }
            if !backoff.pause(self.deadline).await {
                return Err(TrustError::StillThere { id: id.clone() }.into());
            }
        }
    }

    /// Returns a mapping whose creation nobody has answered. It may not be listed yet.
    async fn delete_noted(&mut self, intent: &Intent) -> Result<(), Stop> {
        let mut backoff = patience(UNHEARD_OF);
        loop {
            let listed = self.admin.mappings(intent.kind()).await?;
            let mut listed = listed.into_iter();
            let made = listed
                .find(|it| it.pattern == intent.pattern && it.is_for(intent.account.as_deref()));
            if let Some(made) = made {
                self.delete_own_mapping(intent.kind(), &made.id).await?;
                break;
            }
            if !backoff.pause(self.deadline).await {
                break;
            }
        }
        self.notes.withdraw(intent);
        Ok(())
    }
}

/// How long a list is asked again for a mapping that may not have been made at all.
const UNHEARD_OF: Duration = Duration::from_secs(10);

fn may_be_a_twins(error: &TrustError) -> bool {
    matches!(
        error,
        TrustError::MappingExists { .. }
            | TrustError::MappingUnseen { .. }
            | TrustError::PatternTaken { .. }
            | TrustError::PatternConflicts { .. }
    )
}

fn is_unseen(problem: &Problem) -> bool {
    use datadog_rotation::datadog::DatadogProblem;
    matches!(problem, Problem::Datadog(error) if matches!(
        error.problem,
        DatadogProblem::Refused { .. } | DatadogProblem::NotFound
    ))
}

fn exists(kind: MappingKind, id: TrustId) -> Stop {
    TrustError::MappingExists { kind, id }.into()
}

/// Returns the ID of a mapping of ours that is not the given one: in a rollback, or in a second
/// invocation for one event.
fn instead_of_another(given: Option<&PhysicalId>, id: TrustId) -> PhysicalId {
    match given {
        // The way back: the one that was to replace it is deleted by CloudFormation.
        Some(PhysicalId::Made {
            instead_of: Some(before),
            ..
        }) if *before == id => PhysicalId::made(id),
        given => PhysicalId::replaced_by(given, id),
    }
}

fn adopted(id: &TrustId, note: &str) -> Done {
    Done {
        note: Some(note.to_owned()),
        ..done(PhysicalId::Adopted(id.clone()), id)
    }
}

fn done(physical_id: PhysicalId, id: &TrustId) -> Done {
    Done {
        attributes: Map::from_iter([("Id".to_owned(), json!(id.as_str()))]),
        ..Done::nothing(physical_id)
    }
}
