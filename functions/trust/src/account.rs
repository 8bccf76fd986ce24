//! The registration of an AWS account by a role.

mod delete;
mod namespaces;
mod settings;
mod switch;
mod wanted;

use std::time::Duration;

use datadog_rotation::datadog::trust::{AwsAccount, TrustRefusal};
use datadog_rotation::deadline::Backoff;
use serde_json::{Map, Value, json};

use crate::context::{Context, Done, Unmark};
use crate::error::{Stop, TrustError};
use crate::notes::name;
use crate::physical_id::PhysicalId;
use crate::properties::OnConflict;

use settings::are_alike;
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

impl Context<'_> {
    /// Sees to it that the account is registered. `given` is the resource's id, if it has one.
    pub async fn provide_account(
        &mut self,
        given: Option<&PhysicalId>,
        wanted: &Wanted,
    ) -> Result<Done, Stop> {
        self.leash.must_allow_aws_account(&wanted.aws_account)?;
        let found = match self.registered(given, wanted).await? {
            Some(found) => found,
            None if self.notes.switch().is_some() => return self.finish_switch(wanted).await,
            None => match self.register(given, wanted).await? {
                Registered::Made(done) => return Ok(done),
                Registered::Found(found) => found,
            },
        };
        let whose = self.whose(given, &found);
        if found.access_key_id().is_some() {
            return self.switch(found, wanted, whose == Whose::Ours).await;
        }
        match whose {
            Whose::Ours => {
                let changed = self.change(found, wanted).await?;
                let id = ours(given, &changed);
                self.done(id, changed, None).await
            }
            Whose::Adopted => {
                let changed = self.change(found, wanted).await?;
                let id = PhysicalId::Adopted(changed.id.clone());
                self.done(id, changed, None).await
            }
            Whose::Theirs => self.adopt(found, wanted).await,
        }
    }

    /// Returns the registration of the account, which the list may not show at once.
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

    /// Makes a registration, or finds one that somebody else was faster to make: a person, or a
    /// twin.
    async fn register(
        &mut self,
        given: Option<&PhysicalId>,
        wanted: &Wanted,
    ) -> Result<Registered, Stop> {
        // Where access keys are to be switched from, a twin may be between its deletion and its
        // creation, and it alone knows the settings.
        if wanted.switch_from_keys
            && let Some(found) = self.wait_for_switch(wanted).await?
        {
            return Ok(Registered::Found(found));
        }
        self.must_know_namespaces(wanted).await?;
        match self.create(wanted).await {
            Ok(made) => {
                let id = PhysicalId::replaced_by(given, made.id.clone());
                let done = self.done(id, made, None).await?;
                Ok(Registered::Made(done))
            }
            Err(stop) if stop.error.refusal() == Some(&TrustRefusal::Exists) => {
                let found = self.registered(given, wanted).await?;
                Ok(Registered::Found(found.ok_or(stop)?))
            }
            Err(stop) => Err(stop),
        }
    }

    async fn create(&self, wanted: &Wanted) -> Result<AwsAccount, Stop> {
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
            if !(is_conflict && conflicts.pause(self.deadline).await) {
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
                _ if backoff.pause(self.deadline).await => {}
                _ => return None,
            }
        }
    }

    /// Changes what the resource says and the registration does not; the rest stays as it is.
    async fn change(&self, found: AwsAccount, wanted: &Wanted) -> Result<AwsAccount, Stop> {
        let is_as_wanted =
            |it: &AwsAccount| wanted.difference_from(&self.without_marks(it)).is_none();
        if is_as_wanted(&found) {
            return Ok(found);
        }
        self.must_know_namespaces(wanted).await?;
        let found = self.confirmed(found).await?;
        if is_as_wanted(&found) {
            return Ok(found);
        }
        if let (Some(wanted), Some(own)) = (&wanted.external_id, found.external_id())
            && wanted != own
        {
            let id = found.id.clone();
            return Err(TrustError::ExternalIdDiffers { id }.into());
        }
        let mut attributes = wanted.over(&found.settings());
        for mark in self.marks_of(&found) {
            add_tag(&mut attributes, mark);
        }
        let before = Value::from(found.settings());
        tracing::info!(id = found.id.as_str(), role = found.role_name(), %before, "changing an AWS integration");
        self.update(&found, &attributes).await
    }

    /// Sends all settings: Datadog drops some that an update leaves out.
    async fn update(
        &self,
        found: &AwsAccount,
        attributes: &Map<String, Value>,
    ) -> Result<AwsAccount, Stop> {
        let mut conflicts = patience();
        loop {
            let stop = match self.admin.update_aws_account(&found.id, attributes).await {
                Ok(changed) => return Ok(changed),
                Err(problem) => Stop::from(problem),
            };
            let is_conflict =
                matches!(stop.error.refusal(), Some(TrustRefusal::Conflicting { .. }));
            if !(is_conflict && conflicts.pause(self.deadline).await) {
                return Err(stop);
            }
        }
    }

    /// Reads a registration until two readings agree. All of its settings are about to be written,
    /// so one answer that lacks a member must not take the setting away.
    async fn confirmed(&self, found: AwsAccount) -> Result<AwsAccount, TrustError> {
        let mut before = found;
        let mut backoff = Backoff::new(SECOND, 4 * SECOND, 10 * SECOND);
        loop {
            if let Some(again) = self.admin.aws_account(&before.id).await? {
                if are_alike(&again.settings(), &before.settings()) {
                    return Ok(again);
                }
                before = again;
            }
            if !backoff.pause(self.deadline).await {
                return Err(TrustError::Unsteady { id: before.id });
            }
        }
    }

    async fn adopt(&self, found: AwsAccount, wanted: &Wanted) -> Result<Done, Stop> {
        let id = found.id.clone();
        if wanted.on_conflict == OnConflict::Fail {
            return Err(TrustError::AccountExists { id }.into());
        }
        if let Some(what) = wanted.difference_from(&found) {
            return Err(TrustError::AccountDiffers { id, what }.into());
        }
        let note = format!(
            "integration {id} was there before and is adopted: it will be left when the resource goes."
        );
        let mut done = self.done(PhysicalId::Adopted(id), found, None).await?;
        done.note = Some(note);
        Ok(done)
    }

    async fn done(
        &self,
        id: PhysicalId,
        account: AwsAccount,
        revocable: Option<&str>,
    ) -> Result<Done, Stop> {
        let account = self.with_external_id(account).await?;
        let noted = self.notes.switch().map(|it| it.access_key.as_str());
        let attribute =
            |name: &str, value: Option<&str>| (name.to_owned(), json!(value.unwrap_or_default()));
        let attributes = Map::from_iter([
            attribute("Id", Some(account.id.as_str())),
            attribute("ExternalId", account.external_id()),
            attribute("RevocableAccessKeyId", revocable.or(noted)),
        ]);
        let is_marked = !self.marks_of(&account).is_empty();
        Ok(Done {
            attributes,
            after: is_marked.then(|| Unmark(account.id.clone())),
            ..Done::nothing(id)
        })
    }

    /// A role that trusts an empty external ID lets nobody in, or everybody.
    async fn with_external_id(&self, account: AwsAccount) -> Result<AwsAccount, TrustError> {
        let mut backoff = Backoff::new(SECOND, 4 * SECOND, 10 * SECOND);
        let id = account.id.clone();
        let mut account = Some(account);
        loop {
            if let Some(account) = account.filter(|it| it.external_id().is_some()) {
                return Ok(account);
            }
            if !backoff.pause(self.deadline).await {
                return Err(TrustError::NoExternalId { id });
            }
            account = self.admin.aws_account(&id).await?;
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);

enum Registered {
    Made(Done),
    Found(AwsAccount),
}

/// Marks: whose a registration is, until `CloudFormation` knows its id.
impl Context<'_> {
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

    /// Returns a tag that says, until `CloudFormation` knows the registration's id, that this resource has
    /// made it; or has made it again in place of somebody else's.
    fn mark(&self, is_ours: bool) -> String {
        let word = if is_ours { "made" } else { "switched" };
        format!("datadog-trust:{word}-{}", name(self.envelope))
    }

    fn marks_of(&self, account: &AwsAccount) -> Vec<String> {
        let marks = [self.mark(true), self.mark(false)].into_iter();
        marks
            .filter(|it| account.tags().contains(&it.as_str()))
            .collect()
    }

    fn without_marks(&self, account: &AwsAccount) -> AwsAccount {
        let marks = self.marks_of(account);
        let mut account = account.clone();
        if let Some(tags) = account
            .attributes
            .get_mut("account_tags")
            .and_then(Value::as_array_mut)
        {
            tags.retain(|it| !marks.iter().any(|mark| it == mark));
        }
        account
    }

    /// Takes the marks off a registration whose id is safe.
    pub async fn unmark(&self, Unmark(id): &Unmark) -> Result<(), Stop> {
        let Some(found) = self.admin.aws_account(id).await? else {
            return Ok(());
        };
        if self.marks_of(&found).is_empty() {
            return Ok(());
        }
        let found = self.confirmed(found).await?;
        let plain = self.without_marks(&found);
        let mut attributes = plain.settings();
        attributes
            .entry("account_tags")
            .or_insert_with(|| json!([]));
        self.update(&plain, &attributes).await.map(drop)
    }
}

fn patience() -> Backoff {
    Backoff::new(SECOND, 8 * SECOND, PATIENCE)
}

fn add_tag(attributes: &mut Map<String, Value>, tag: String) {
    let tags = attributes
        .entry("account_tags")
        .or_insert_with(|| json!([]));
    if let Some(tags) = tags.as_array_mut()
        && !tags.contains(&json!(tag))
    {
        tags.push(tag.into());
    }
}

/// Returns the ID of a registration of ours. It differs from the given one in a rollback, or in a
/// second invocation for one event.
fn ours(given: Option<&PhysicalId>, found: &AwsAccount) -> PhysicalId {
    match given {
        Some(given) if given.thing() == Some(&found.id) => given.clone(),
        Some(PhysicalId::Made {
            instead_of: Some(before),
            ..
        }) if *before == found.id => PhysicalId::made(found.id.clone()),
        given => PhysicalId::replaced_by(given, found.id.clone()),
    }
}
