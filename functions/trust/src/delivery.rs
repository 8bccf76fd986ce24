//! One delivery of one event: `CloudFormation` is answered, whatever comes of it.

use std::path::PathBuf;
use std::time::Duration;

use aws_config::SdkConfig;
use datadog_rotation::admin::{Admin, AdminSecret};
use datadog_rotation::budget::{Backoff, Budget};
use datadog_rotation::clients::Clients;
use datadog_rotation::datadog::Limits;
use datadog_rotation::datadog::trust::MappingKind;
use datadog_rotation::http::Http;
use datadog_rotation::identity::Identity;
use datadog_rotation::secrets::Secrets;
use datadog_rotation::settings::{LogPlace, Settings};
use lambda_runtime::Diagnostic;
use serde_json::{Map, Value};

use crate::answer::Answer;
use crate::error::{Stop, TrustError};
use crate::event::{Envelope, Request, RequestType};
use crate::last_words::Ready;
use crate::notes::Notes;
use crate::physical_id::PhysicalId;
use crate::properties::Properties;
use crate::scene::{After, Done, Scene};
use crate::{account, mapping};

/// Kept back for the answer.
const TIME_FOR_ANSWER: Duration = Duration::from_secs(15);

/// Serves deliveries, one after the other.
#[derive(Clone, Debug)]
pub struct Trust {
    clients: Clients,
    place: LogPlace,
    scratch: PathBuf,
}

/// Nobody was answered: Lambda is to deliver the event again.
#[derive(Debug, thiserror::Error)]
pub enum Undelivered {
    #[error("the event is none of CloudFormation's, or its ResponseURL is not https")]
    Event,
    #[error("CloudFormation's presigned URL did not take the answer")]
    Unanswered,
}

fn again() -> Backoff {
    Backoff::new(
        Duration::from_secs(1),
        Duration::from_secs(8),
        Duration::from_mins(1),
    )
}

impl Trust {
    #[must_use]
    pub fn new(
        settings: Settings,
        place: LogPlace,
        scratch: PathBuf,
        http: Http,
        config: &SdkConfig,
    ) -> Self {
        Self {
            clients: Clients {
                secrets: Secrets::new(config, &http),
                identity: Identity::new(config),
                http,
                limits: Limits::default(),
                settings,
            },
            place,
            scratch,
        }
    }

    /// Does what the event asks, and answers. A delivery that was answered by failure is one that
    /// went well.
    pub async fn deliver(&self, event: &Value, budget: &Budget) -> Result<(), Undelivered> {
        let envelope: Result<Envelope, _> = serde_json::from_value(event.clone());
        let envelope = envelope.ok().filter(|it| it.response_url.is_safe());
        let envelope = envelope.ok_or(Undelivered::Event)?;
        let mut notes = Notes::open(&self.scratch, &envelope);
        if notes.has_answered(&envelope.request_id) {
            tracing::info!(request = envelope.request_id, "answered already");
            return Ok(());
        }
        let given = envelope
            .physical_resource_id
            .as_deref()
            .map(PhysicalId::read);
        let unknown = echo(given.as_ref(), &envelope, false);
        let ready = Ready::begin(&envelope, &self.place, unknown.to_string());

        let own = budget.reserving(TIME_FOR_ANSWER.min(budget.left() / 3));
        let work = self.work_on(event, &envelope, given.as_ref(), &mut notes, &own);
        let done = match tokio::time::timeout(own.left(), Box::pin(work)).await {
            Ok(done) => done,
            Err(_) => Err(TrustError::OutOfTime.into()),
        };
        let made = done.as_ref().ok().map(|it| it.id.clone());
        let (answer, after) = answer(done, given.as_ref(), &envelope);
        let put = answer
            .put(&envelope, &self.place, &self.clients.http, budget)
            .await;
        drop(ready);
        put.map_err(|_| Undelivered::Unanswered)?;
        if let Some(after) = after {
            self.take_mark_off(event, &after, budget).await;
        }
        notes.answered(&envelope.request_id, made.as_ref());
        Ok(())
    }

    /// Again after a failure that may pass: what was made is found by the next attempt as by the
    /// next delivery. A rollback that fails is worse than one that takes longer.
    async fn work_on(
        &self,
        event: &Value,
        envelope: &Envelope,
        given: Option<&PhysicalId>,
        notes: &mut Notes,
        budget: &Budget,
    ) -> Result<Done, Stop> {
        let mut backoff = again();
        loop {
            let stop = match Box::pin(self.work(event, envelope, given, notes, budget)).await {
                Ok(done) => return Ok(done),
                Err(stop) => stop,
            };
            if !(stop.error.may_pass() && backoff.pause(budget).await) {
                return Err(stop);
            }
            tracing::warn!(problem = %stop.error, "trying again");
        }
    }

    async fn work(
        &self,
        event: &Value,
        envelope: &Envelope,
        given: Option<&PhysicalId>,
        notes: &mut Notes,
        budget: &Budget,
    ) -> Result<Done, Stop> {
        let request: Request = Request::read(event)?;
        let is_delete = request.request_type == RequestType::Delete;
        if let (true, Some(id)) = (is_delete, given)
            && is_nothing_to_delete(id, notes)
        {
            return Ok(Done::nothing(id.clone()));
        }
        let properties = request.properties();
        let kind = Kind::of(&request.resource_type)?;
        let wanted = if is_delete {
            None
        } else {
            Some(kind.wanted(properties, envelope)?)
        };
        let admin = self.admin(properties, budget).await?;
        let mut scene = Scene {
            admin: &admin,
            notes,
            budget,
            envelope,
        };
        match (wanted, kind, given) {
            (Some(Wanted::Mapping(wanted)), _, _) => scene.provide_mapping(given, &wanted).await,
            (Some(Wanted::Account(wanted)), _, _) => scene.provide_account(given, &wanted).await,
            (None, Kind::Mapping(kind), Some(id)) => scene.delete_mapping(kind, id).await,
            (None, Kind::Account, Some(id)) => scene.delete_account(id, properties).await,
            (None, _, None) => Err(TrustError::Event.into()),
        }
    }

    async fn admin(
        &self,
        properties: Properties<'_>,
        budget: &Budget,
    ) -> Result<Admin, TrustError> {
        let named = properties.admin_secret()?.map(str::to_owned);
        let arn = named.or_else(|| self.clients.settings.admin_secret_arn.clone());
        let secret = AdminSecret {
            arn: arn.ok_or(TrustError::NoAdminSecret)?,
            clients: self.clients.clone(),
        };
        let (admin, _) = Admin::read(secret, budget).await?;
        Ok(admin)
    }

    /// Best effort: a mark that stays is a tag too many.
    async fn take_mark_off(&self, event: &Value, after: &After, budget: &Budget) {
        let mut backoff = again();
        loop {
            let taken = async {
                let request = Request::read(event)?;
                let admin = self.admin(request.properties(), budget).await?;
                admin
                    .update_aws_account(&after.account, &after.attributes)
                    .await?;
                Ok::<_, TrustError>(())
            };
            let Err(error) = taken.await else { return };
            if !(error.may_pass() && backoff.pause(budget).await) {
                let id = after.account.as_str();
                tracing::warn!(%error, id, "the tag datadog-trust stays on the integration until its next update");
                return;
            }
        }
    }
}

/// Of `Custom::…`.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Mapping(MappingKind),
    Account,
}

enum Wanted {
    Mapping(mapping::Wanted),
    Account(Box<account::Wanted>),
}

impl Kind {
    fn of(resource_type: &str) -> Result<Self, TrustError> {
        match resource_type {
            "Custom::DatadogIdentityMapping" => Ok(Self::Mapping(MappingKind::Identity)),
            "Custom::DatadogIntakeMapping" => Ok(Self::Mapping(MappingKind::Intake)),
            "Custom::DatadogAwsAccount" => Ok(Self::Account),
            _ => Err(TrustError::ResourceType),
        }
    }

    fn wanted(self, properties: Properties<'_>, envelope: &Envelope) -> Result<Wanted, TrustError> {
        Ok(match self {
            Self::Mapping(kind) => {
                Wanted::Mapping(mapping::Wanted::read(kind, properties, envelope)?)
            }
            Self::Account => Wanted::Account(account::Wanted::read(properties)?.into()),
        })
    }
}

/// The id of a resource that is as it was, or of one that was not made.
fn echo(given: Option<&PhysicalId>, envelope: &Envelope, is_certain: bool) -> PhysicalId {
    let failed = || PhysicalId::failed(&envelope.logical_resource_id, is_certain);
    given.cloned().unwrap_or_else(failed)
}

/// Without a call: a resource that could not be made must be deletable where nothing can be read.
fn is_nothing_to_delete(id: &PhysicalId, notes: &Notes) -> bool {
    match id {
        PhysicalId::Adopted(_) => true,
        PhysicalId::Nothing(_) => notes.intents().is_empty(),
        PhysicalId::Made { .. } | PhysicalId::Unknown(_) => false,
    }
}

fn answer(
    done: Result<Done, Stop>,
    given: Option<&PhysicalId>,
    envelope: &Envelope,
) -> (Answer, Option<After>) {
    let resource = envelope.logical_resource_id.as_str();
    match done {
        Ok(done) => {
            let physical_id = done.id.to_string();
            tracing::info!(resource, physical_id, "resource done");
            if let Some(note) = &done.note {
                tracing::warn!(resource, "{note}");
            }
            let answer = Answer {
                is_success: true,
                reason: done.note,
                physical_id,
                attributes: done.attributes,
            };
            (answer, done.after)
        }
        Err(Stop { error, is_certain }) => {
            tracing::error!(resource, is_certain, "{error}");
            let text = error.to_string();
            let stop = if text.ends_with('.') { "" } else { "." };
            let left = if is_certain {
                ""
            } else {
                " Whether it was made is not known; if it was, and the rollback does not find it, \
                 it is left at Datadog."
            };
            let answer = Answer {
                is_success: false,
                reason: Some(format!("{text}{stop}{left}")),
                physical_id: echo(given, envelope, is_certain).to_string(),
                attributes: Map::new(),
            };
            (answer, None)
        }
    }
}

impl Request {
    fn read(event: &Value) -> Result<Self, TrustError> {
        serde_json::from_value(event.clone()).map_err(|_| TrustError::Event)
    }
}

impl From<Undelivered> for Diagnostic {
    fn from(undelivered: Undelivered) -> Self {
        let error_type = match undelivered {
            Undelivered::Event => "InvalidEvent",
            Undelivered::Unanswered => "CloudFormationUnanswered",
        };
        tracing::error!(error_type, "{undelivered}");
        Self {
            error_type: error_type.to_owned(),
            error_message: undelivered.to_string(),
        }
    }
}
