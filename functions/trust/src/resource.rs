//! One attempt at what an event asks, by the type of its resource.

use datadog_rotation::admin::{Admin, AdminSecret};
use datadog_rotation::datadog::trust::MappingKind;
use datadog_rotation::deadline::Deadline;
use datadog_rotation::secrets::SecretArn;
use serde_json::Value;

use crate::context::{Context, Done, Unmark};
use crate::error::{Stop, TrustError};
use crate::event::{Envelope, Request, RequestType};
use crate::invocation::Trust;
use crate::notes::Notes;
use crate::physical_id::PhysicalId;
use crate::properties::Properties;
use crate::{account, external_id, mapping};

impl Trust {
    pub(crate) async fn work(
        &self,
        event: &Value,
        envelope: &Envelope,
        given: Option<&PhysicalId>,
        notes: &mut Notes,
        deadline: &Deadline,
    ) -> Result<Done, Stop> {
        let request: Request = Request::read(event)?;
        let is_delete = request.request_type == RequestType::Delete;
        let properties = request.properties();
        if let (true, Some(id)) = (is_delete, given)
            && is_nothing_to_delete(id, notes)
        {
            return Ok(Done::nothing(id.clone()));
        }
        let kind = Kind::of(&request.resource_type)?;
        let wanted = if is_delete {
            None
        } else {
            Some(kind.wanted(properties, envelope)?)
        };
        if let (None, Kind::ExternalId, Some(id)) = (&wanted, kind, given) {
            return Ok(Done::nothing(id.clone()));
        }
        let admin = self.admin(properties, deadline).await?;
        let mut context = self.context(&admin, envelope, notes, deadline);
        match (wanted, kind, given) {
            (Some(Wanted::Mapping(wanted)), _, _) => context.provide_mapping(given, &wanted).await,
            (Some(Wanted::Account(wanted)), _, _) => context.provide_account(given, &wanted).await,
            (Some(Wanted::ExternalId(wanted)), _, _) => {
                context.provide_external_id(given, &wanted).await
            }
            (None, Kind::Mapping(kind), Some(id)) => context.delete_mapping(kind, id).await,
            (None, Kind::Account, Some(id)) => context.delete_account(id, properties).await,
            (None, _, _) => Err(TrustError::Event.into()),
        }
    }

    pub(crate) async fn unmark_once(
        &self,
        event: &Value,
        envelope: &Envelope,
        notes: &mut Notes,
        after: &Unmark,
        deadline: &Deadline,
    ) -> Result<(), Stop> {
        let request = Request::read(event)?;
        let admin = self.admin(request.properties(), deadline).await?;
        let context = self.context(&admin, envelope, notes, deadline);
        context.unmark(after).await
    }

    fn context<'a>(
        &'a self,
        admin: &'a Admin,
        envelope: &'a Envelope,
        notes: &'a mut Notes,
        deadline: &'a Deadline,
    ) -> Context<'a> {
        Context {
            admin,
            notes,
            deadline,
            envelope,
            leash: &self.leash,
        }
    }

    async fn admin(
        &self,
        properties: Properties<'_>,
        deadline: &Deadline,
    ) -> Result<Admin, TrustError> {
        let by_default = self.clients.settings.admin_secret_arn.as_deref();
        let arn = properties.admin_secret()?;
        let arn = arn.or_else(|| by_default.map(SecretArn::trusted));
        let secret = AdminSecret {
            arn: arn.ok_or(TrustError::NoAdminSecret)?,
            clients: self.clients.clone(),
        };
        let (admin, _) = Admin::read(secret, deadline).await?;
        if admin.is_access_token() {
            return Err(TrustError::TokenAsAdmin);
        }
        Ok(admin)
    }
}

/// Of `Custom::…`.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Mapping(MappingKind),
    Account,
    ExternalId,
}

enum Wanted {
    Mapping(mapping::Wanted),
    Account(Box<account::Wanted>),
    ExternalId(external_id::Wanted),
}

impl Kind {
    fn of(resource_type: &str) -> Result<Self, TrustError> {
        match resource_type {
            "Custom::DatadogIdentityMapping" => Ok(Self::Mapping(MappingKind::Identity)),
            "Custom::DatadogIntakeMapping" => Ok(Self::Mapping(MappingKind::Intake)),
            "Custom::DatadogAwsAccount" => Ok(Self::Account),
            "Custom::DatadogExternalId" => Ok(Self::ExternalId),
            _ => Err(TrustError::ResourceType),
        }
    }

    fn wanted(self, properties: Properties<'_>, envelope: &Envelope) -> Result<Wanted, TrustError> {
        Ok(match self {
            Self::Mapping(kind) => {
                Wanted::Mapping(mapping::Wanted::read(kind, properties, envelope)?)
            }
            Self::Account => Wanted::Account(account::Wanted::read(properties)?.into()),
            Self::ExternalId => Wanted::ExternalId(external_id::Wanted::read(properties)?),
        })
    }
}

/// Without a call: a resource that could not be made must be deletable where nothing can be read.
fn is_nothing_to_delete(id: &PhysicalId, notes: &Notes) -> bool {
    match id {
        PhysicalId::Adopted(_) => true,
        PhysicalId::Nothing(_) => notes.intents().is_empty(),
        PhysicalId::Made { .. } | PhysicalId::Unknown(_) => false,
    }
}

impl Request {
    fn read(event: &Value) -> Result<Self, TrustError> {
        serde_json::from_value(event.clone()).map_err(|_| TrustError::Event)
    }
}
