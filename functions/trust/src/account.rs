//! The registration of an AWS account by a role.

mod switch;
mod wanted;

use std::time::Duration;

use datadog_rotation::budget::Backoff;
use datadog_rotation::datadog::trust::{AwsAccount, TrustRefusal};
use serde_json::{Map, Value, json};

use crate::error::{Stop, TrustError};
use crate::notes::name;
use crate::physical_id::PhysicalId;
use crate::properties::{OnConflict, Properties, is_account};
use crate::scene::{After, Done, Scene};

pub use wanted::Wanted;

/// How long a registration may be hidden that was just made, or a change of another one may last.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whose a registration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// The resource made it.
    Ours,
    /// It is the resource's to describe, and not to delete.
    Adopted,
    Theirs,
}

impl Scene<'_> {
    /// Sees to it that the account is registered. `given` is the resource's id, if it has one.
    pub async fn provide_account(
        &mut self,
        given: Option<&PhysicalId>,
        wanted: &Wanted,
    ) -> Result<Done, Stop> {
        let found = match self.registered(given, wanted).await? {
            Some(found) => found,
            None if self.notes.switch().is_some() => {
                return self.finish_switch(wanted).await;
            }
            None => match self.register(wanted).await {
                Ok(made) => return Ok(self.done(replaced(given, &made), &made, None)),
                Err(stop) if stop.error.refusal() == Some(TrustRefusal::Exists) => {
                    // Somebody was faster, or a delivery before this one.
                    self.registered(given, wanted).await?.ok_or(stop)?
                }
                Err(stop) => return Err(stop),
            },
        };
        let whose = self.whose(given, &found);
        if let Some(access_key) = found.access_key_id() {
            if !wanted.switch_from_keys {
                let (id, access_key) = (found.id.clone(), access_key.to_owned());
                return Err(TrustError::KeyBased { id, access_key }.into());
            }
            self.begin_switch(&found, access_key, whose == Whose::Ours);
            self.admin.delete_aws_account(&found.id).await?;
            return self.finish_switch(wanted).await;
        }
        match whose {
            Whose::Ours => {
                let changed = self.change(&found, wanted).await?;
                Ok(self.done(ours(given, &found), &changed, None))
            }
            Whose::Adopted => {
                let changed = self.change(&found, wanted).await?;
                Ok(self.done(PhysicalId::Adopted(found.id.clone()), &changed, None))
            }
            Whose::Theirs => self.adopt(&found, wanted),
        }
    }

    /// The registration of the account, which the list may not show at once.
    async fn registered(
        &self,
        given: Option<&PhysicalId>,
        wanted: &Wanted,
    ) -> Result<Option<AwsAccount>, TrustError> {
        if let Some(found) = self.admin.aws_account_of(&wanted.aws_account).await? {
            return Ok(Some(found));
        }
        let Some(id) = given.and_then(PhysicalId::thing) else {
            return Ok(None);
        };
        let own = self.admin.aws_account(id).await?;
        Ok(own.filter(|it| it.aws_account() == wanted.aws_account))
    }

    fn whose(&self, given: Option<&PhysicalId>, found: &AwsAccount) -> Whose {
        let marks = |mark: &str| found.tags().contains(&mark);
        match given {
            given if self.owns(given, &found.id) => Whose::Ours,
            Some(PhysicalId::Adopted(id)) if *id == found.id => Whose::Adopted,
            _ if marks(&self.mark(true)) => Whose::Ours,
            _ if marks(&self.mark(false)) => Whose::Adopted,
            _ => Whose::Theirs,
        }
    }

    /// A tag that says, until `CloudFormation` knows the registration's id, that this resource has
    /// made it; or has made it again in place of somebody else's.
    fn mark(&self, is_ours: bool) -> String {
        let word = if is_ours { "made" } else { "switched" };
        format!("datadog-trust:{word}-{}", name(self.envelope))
    }

    async fn register(&self, wanted: &Wanted) -> Result<AwsAccount, Stop> {
        let mut attributes = wanted.attributes();
        add_tag(&mut attributes, self.mark(true));
        tracing::info!(account = wanted.aws_account, "integrating an AWS account");
        let mut conflicts = patience();
        loop {
            let stop = match self.admin.create_aws_account(&attributes).await {
                Ok(made) => return Ok(made),
                Err(problem) => Stop::from(problem),
            };
            if !stop.is_certain {
                return self.find_marked(wanted, true).await.ok_or(stop);
            }
            let is_conflict =
                matches!(stop.error.refusal(), Some(TrustRefusal::Conflicting { .. }));
            if !(is_conflict && conflicts.pause(self.budget).await) {
                return Err(stop);
            }
        }
    }

    /// After an answer that was lost.
    async fn find_marked(&self, wanted: &Wanted, is_ours: bool) -> Option<AwsAccount> {
        let mark = self.mark(is_ours);
        let mut backoff = patience();
        loop {
            let found = self.admin.aws_account_of(&wanted.aws_account).await;
            let found = found.inspect_err(|problem| tracing::warn!(%problem, "not listed"));
            match found {
                Ok(Some(found)) if found.tags().contains(&mark.as_str()) => return Some(found),
                _ if backoff.pause(self.budget).await => {}
                _ => return None,
            }
        }
    }

    /// Changes what the resource says and the registration does not; the rest stays as it is.
    async fn change(&self, found: &AwsAccount, wanted: &Wanted) -> Result<AwsAccount, Stop> {
        let Some(change) = wanted.change_of(found) else {
            return Ok(found.clone());
        };
        let before = Value::from(found.settings());
        tracing::info!(id = found.id.as_str(), role = found.role_name(), %before, "changing an AWS integration");
        let mut conflicts = patience();
        loop {
            let stop = match self.admin.update_aws_account(&found.id, &change).await {
                Ok(changed) => return Ok(changed),
                Err(problem) => Stop::from(problem),
            };
            let is_conflict =
                matches!(stop.error.refusal(), Some(TrustRefusal::Conflicting { .. }));
            if !(is_conflict && conflicts.pause(self.budget).await) {
                return Err(stop);
            }
        }
    }

    fn adopt(&self, found: &AwsAccount, wanted: &Wanted) -> Result<Done, Stop> {
        let id = found.id.clone();
        if wanted.on_conflict == OnConflict::Fail {
            return Err(TrustError::AccountExists { id }.into());
        }
        if let Some(what) = wanted.difference_from(found) {
            return Err(TrustError::AccountDiffers { id, what }.into());
        }
        let note = format!(
            "integration {id} was there before and is adopted: it will be left when the resource goes."
        );
        let mut done = self.done(PhysicalId::Adopted(id), found, None);
        done.note = Some(note);
        Ok(done)
    }

    /// What the resource made is gone after this, and nothing else.
    pub async fn delete_account(
        &mut self,
        id: &PhysicalId,
        properties: Properties<'_>,
    ) -> Result<Done, Stop> {
        if let (PhysicalId::Unknown(_), Some(_)) = (id, self.notes.switch()) {
            // Not the resource's to take away: what a switch cut short is made again.
            let wanted = Wanted::read(properties)?;
            if self.registered(None, &wanted).await?.is_none() {
                let done = self.finish_switch(&wanted).await?;
                return Ok(Done {
                    id: id.clone(),
                    ..done
                });
            }
        }
        let own = match id {
            PhysicalId::Made { id, .. } => Some(id.clone()),
            PhysicalId::Unknown(_) => {
                let account = properties.text("AwsAccountId").ok().flatten();
                match account.filter(|it| is_account(it)) {
                    Some(account) => {
                        let found = self.admin.aws_account_of(account).await?;
                        let mark = self.mark(true);
                        let found = found.filter(|it| it.tags().contains(&mark.as_str()));
                        found.map(|it| it.id)
                    }
                    None => None,
                }
            }
            PhysicalId::Adopted(_) | PhysicalId::Nothing(_) => None,
        };
        if let Some(own) = own {
            let was_there = self.admin.delete_aws_account(&own).await?;
            tracing::info!(id = own.as_str(), was_there, "AWS integration deleted");
        }
        Ok(Done::nothing(id.clone()))
    }

    fn done(&self, id: PhysicalId, account: &AwsAccount, revocable: Option<&str>) -> Done {
        let noted = self.notes.switch().map(|it| it.access_key.as_str());
        let attributes = Map::from_iter([
            ("Id".to_owned(), json!(account.id.as_str())),
            (
                "ExternalId".to_owned(),
                json!(account.external_id().unwrap_or_default()),
            ),
            (
                "RevocableAccessKeyId".to_owned(),
                json!(revocable.or(noted).unwrap_or_default()),
            ),
        ]);
        Done {
            attributes,
            after: self.unmarked(account),
            ..Done::nothing(id)
        }
    }

    /// How the mark comes off.
    fn unmarked(&self, account: &AwsAccount) -> Option<After> {
        let marks = [self.mark(true), self.mark(false)];
        let (marked, tags): (Vec<_>, Vec<_>) = account
            .tags()
            .into_iter()
            .partition(|tag| marks.iter().any(|it| it == tag));
        let attributes = Map::from_iter([
            ("aws_account_id".to_owned(), json!(account.aws_account())),
            ("account_tags".to_owned(), json!(tags)),
        ]);
        (!marked.is_empty()).then(|| After {
            account: account.id.clone(),
            attributes,
        })
    }
}

fn patience() -> Backoff {
    Backoff::new(Duration::from_secs(1), Duration::from_secs(8), PATIENCE)
}

fn add_tag(attributes: &mut Map<String, Value>, tag: String) {
    let tags = attributes
        .entry("account_tags")
        .or_insert_with(|| json!([]));
    if let Some(tags) = tags.as_array_mut() {
        tags.push(tag.into());
    }
}

fn replaced(given: Option<&PhysicalId>, made: &AwsAccount) -> PhysicalId {
    PhysicalId::replaced_by(given, made.id.clone())
}

/// The id of a registration of ours, which may not be the given one: a rollback, or a second
/// delivery.
fn ours(given: Option<&PhysicalId>, found: &AwsAccount) -> PhysicalId {
    match given {
        Some(given) if given.thing() == Some(&found.id) => given.clone(),
        Some(PhysicalId::Made {
            instead_of: Some(before),
            ..
        }) if *before == found.id => PhysicalId::made(found.id.clone()),
        given => replaced(given, found),
    }
}
