//! Identity and intake mappings. There is no update: a change is a new mapping.
//!
//! Exchanges of intake mappings with Datadog are not public; that they go as those of identity
//! mappings do is what the clients expect.

use std::time::Duration;

use datadog_rotation::budget::Backoff;
use datadog_rotation::datadog::call::TIME_FOR_MINT;
use datadog_rotation::datadog::trust::{Mapping, MappingKind, TrustRefusal};
use datadog_rotation::error::Problem;
use datadog_rotation::keys::TrustId;
use serde_json::{Map, json};

use crate::arn::{ArnPattern, is_name};
use crate::delivery::{Done, Scene};
use crate::error::{Stop, TrustError, refusal};
use crate::event::Envelope;
use crate::notes::Intent;
use crate::physical_id::PhysicalId;
use crate::properties::{OnConflict, Properties, PropertyError};

/// How long Datadog may not know of an account that it has just registered.
const REGISTRATION: Duration = Duration::from_mins(2);
/// How long a mapping may be hidden that was just made.
const VISIBILITY: Duration = Duration::from_secs(30);

#[derive(Clone, Debug)]
pub struct Wanted {
    kind: MappingKind,
    pattern: ArnPattern,
    account: Option<String>,
    on_conflict: OnConflict,
}

impl Wanted {
    pub fn read(
        kind: MappingKind,
        properties: Properties<'_>,
        envelope: &Envelope,
    ) -> Result<Self, PropertyError> {
        let identity = ["ArnPattern", "RoleName", "OnConflict", "ServiceAccountId"];
        let account = match kind {
            MappingKind::Identity => {
                properties.must_be_among(&identity)?;
                Some(properties.service_account()?.to_string())
            }
            MappingKind::Intake => {
                properties.must_be_among(&identity[..3])?;
                None
            }
        };
        Ok(Self {
            kind,
            pattern: pattern(properties, envelope)?,
            account,
            on_conflict: properties.on_conflict()?,
        })
    }

    fn intent(&self) -> Intent {
        Intent::new(
            self.kind,
            &self.pattern.to_string(),
            self.account.as_deref(),
        )
    }

    fn is_met_by(&self, mapping: &Mapping) -> bool {
        mapping.is_for(self.account.as_deref())
    }
}

fn pattern(properties: Properties<'_>, envelope: &Envelope) -> Result<ArnPattern, PropertyError> {
    match (properties.text("ArnPattern")?, properties.text("RoleName")?) {
        (Some(text), None) => ArnPattern::parse(text)
            .map_err(|error| PropertyError::new("ArnPattern", error.to_string())),
        (None, Some(role)) => {
            let error = |what: &str| PropertyError::new("RoleName", what);
            if !is_name(role) {
                return Err(error("is no role's name: give it without ARN and path"));
            }
            match envelope.account() {
                Some(("aws", account)) => Ok(ArnPattern::of_role(account, role)),
                _ => Err(error(
                    "is of a partition other than aws, whose roles Datadog does not accept",
                )),
            }
        }
        (Some(_), Some(_)) => Err(PropertyError::new("RoleName", "is given beside ArnPattern")),
        (None, None) => Err(PropertyError::new(
            "ArnPattern",
            "is missing, and so is RoleName",
        )),
    }
}

impl Scene<'_> {
    /// Sees to it that the mapping exists. `given` is the resource's id, if it has one.
    pub async fn provide_mapping(
        &mut self,
        given: Option<&PhysicalId>,
        wanted: &Wanted,
    ) -> Result<Done, Stop> {
        let listed = self.admin.mappings(wanted.kind).await?;
        self.must_not_share_role(wanted).await?;
        let pattern = wanted.pattern.to_string();
        if let Some(found) = listed.iter().find(|it| it.pattern == pattern) {
            return self.settle_found(given, wanted, found, &listed).await;
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
            (true, Some(PhysicalId::Made { id: gone, .. }))
                if !listed.iter().any(|it| it.id == *gone) =>
            {
                Ok(adopted(
                    &id,
                    &format!(
                        "mapping {gone} is gone and {id} is as this resource wants it; whether a \
                         delivery that died has made it is not known, so that it will be left \
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

    /// The resource's mapping, which is gone only if it stays so for a while.
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
            if !backoff.pause(self.budget).await {
                return Ok(None);
            }
        }
    }

    async fn make_another(
        &mut self,
        given: Option<&PhysicalId>,
        wanted: &Wanted,
    ) -> Result<Done, Stop> {
        let id = self.make(wanted).await?;
        Ok(done(PhysicalId::replaced_by(given, id.clone()), &id))
    }

    /// In place of one whose pattern is in the way. If the new one is refused, the old one comes
    /// back.
    async fn replace(
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
                && registration
                    .pause_for(Duration::ZERO, self.budget, TIME_FOR_MINT)
                    .await;
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

    /// What the resource made is gone after this, and nothing else.
    pub async fn delete_mapping(
        &mut self,
        kind: MappingKind,
        id: &PhysicalId,
    ) -> Result<Done, Stop> {
        match id {
            PhysicalId::Made { id, .. } => {
                let was_there = self.admin.delete_mapping(kind, id).await?;
                tracing::info!(id = id.as_str(), was_there, "mapping deleted");
            }
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

    /// A mapping whose creation nobody has answered.
    async fn delete_noted(&mut self, intent: &Intent) -> Result<(), Stop> {
        let listed = self.admin.mappings(intent.kind()).await?;
        let mut listed = listed.into_iter();
        let made =
            listed.find(|it| it.pattern == intent.pattern && it.is_for(intent.account.as_deref()));
        if let Some(made) = made {
            self.admin.delete_mapping(intent.kind(), &made.id).await?;
            tracing::info!(
                id = made.id.as_str(),
                "mapping deleted that nobody had answered for"
            );
        }
        self.notes.withdraw(intent);
        Ok(())
    }
}

fn patience(total: Duration) -> Backoff {
    Backoff::new(Duration::from_secs(1), Duration::from_secs(8), total)
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

/// The id of a mapping of ours that is not the given one: a rollback, or a second delivery.
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
