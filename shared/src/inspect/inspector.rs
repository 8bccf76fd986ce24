//! Opens secrets of any type, without a rotation and without a token.

use tokio::sync::OnceCell;

use super::shape;
use crate::admin::{Admin, AdminSecret};
use crate::clients::Clients;
use crate::credential::Kind;
use crate::deadline::Deadline;
use crate::error::{Problem, Role};
use crate::event::VersionId;
use crate::functions::Functions;
use crate::key_name::KeyNames;
use crate::rotation::context::{LoadedSecret, SecretReader, Version};
use crate::rotation::observe::{
    AdminSource, ReadError, consistency_backoff, default_source, parse_fields, read_stored,
    retry_while_inconsistent,
};
use crate::secrets::{CURRENT, Description, SecretArn, Secrets, StoredValue};

/// Looks at secrets as the rotation functions would.
#[derive(Clone, Debug)]
pub struct Inspector {
    /// The type of all secrets; if `None`, each tells its own.
    pub kind: Option<Kind>,
    pub clients: Clients,
    /// Asked for the functions that secrets are attached to.
    pub functions: Functions,
}

/// A secret whose current value has been read, and what is needed to look further.
pub(super) struct OpenedSecret {
    pub kind: Kind,
    /// For the region of the secret.
    pub clients: Clients,
    pub description: Description,
    pub current: Version,
}

/// Why a secret was not opened.
pub(super) struct Unopened {
    pub problem: Problem,
    /// What the value may be instead, by the names of its fields.
    pub hint: Option<String>,
}

impl From<Problem> for Unopened {
    fn from(problem: Problem) -> Self {
        Self {
            problem,
            hint: None,
        }
    }
}

impl Inspector {
    /// Reads the secret and the value of AWSCURRENT, by one reading of the labels.
    pub(super) async fn open(
        &self,
        secret: &str,
        deadline: &Deadline,
    ) -> Result<OpenedSecret, Unopened> {
        let clients = Clients {
            secrets: self
                .clients
                .secrets
                .in_region_of(&SecretArn::trusted(secret)),
            ..self.clients.clone()
        };
        let (description, id, stored) = current(&clients.secrets, secret, deadline).await?;
        let told = description
            .managed_type
            .as_deref()
            .and_then(Kind::from_name);
        let wanted = self.kind.or(told);
        let unopened = |problem| Unopened {
            problem,
            hint: shape::hint(&stored, wanted),
        };
        let kind = if let Some(kind) = wanted {
            kind
        } else {
            let fields = parse_fields(&stored, Role::Current).map_err(unopened)?;
            let kind = fields.kind().ok_or(Problem::UnknownKind);
            kind.map_err(unopened)?
        };
        let reader = SecretReader {
            kind,
            clients: &clients,
            secret,
            deadline,
        };
        let current = reader
            .parse(&id, &stored, Role::Current)
            .map_err(unopened)?;
        Ok(OpenedSecret {
            kind,
            clients,
            description,
            current,
        })
    }
}

impl Inspector {
    /// Makes the admin of secrets that name none ready to act.
    pub async fn default_admin(&self, deadline: &Deadline) -> Result<Admin, Problem> {
        let clients = self.clients.clone();
        match default_source(&clients.settings)? {
            AdminSource::Identity(delegation) => {
                Ok(Admin::delegated(*delegation, clients, deadline))
            }
            AdminSource::Secret(_, arn) => {
                let (admin, _) = Admin::read(AdminSecret { arn, clients }, deadline).await?;
                Ok(admin)
            }
            AdminSource::Itself => Err(Problem::NoAdminSecret),
        }
    }
}

impl OpenedSecret {
    pub(super) fn reader<'a>(&'a self, deadline: &'a Deadline) -> SecretReader<'a> {
        SecretReader {
            kind: self.kind,
            clients: &self.clients,
            secret: &self.description.arn,
            deadline,
        }
    }

    /// Joins it with the admin that acts for it.
    pub(super) fn load(self, admin: Admin, rotates_itself: bool) -> (Clients, LoadedSecret) {
        let loaded = LoadedSecret {
            names: KeyNames::new(self.kind, &self.description.arn, &self.description.name),
            description: self.description,
            current: self.current,
            admin,
            rotates_itself,
            previous: OnceCell::new(),
        };
        (self.clients, loaded)
    }

    /// Makes the admin of this source ready to act. Returns too whether it is the secret itself.
    pub(super) async fn admin(
        &self,
        source: &AdminSource,
        deadline: &Deadline,
    ) -> Result<(Admin, bool), Problem> {
        let reader = self.reader(deadline);
        let (mut admin, rotates_itself) = reader
            .admin(source, &self.description, &self.current, None)
            .await?;
        let credential = &self.current.credential;
        admin.provide_companion(self.kind, credential).await?;
        Ok((admin, rotates_itself))
    }
}

type Current = (Description, VersionId, StoredValue);

async fn current(secrets: &Secrets, secret: &str, deadline: &Deadline) -> Result<Current, Problem> {
    let mut backoff = consistency_backoff();
    loop {
        let reading = current_once(secrets, secret, deadline).await;
        if let Some(done) = retry_while_inconsistent(reading, &mut backoff, deadline).await {
            return done;
        }
    }
}

async fn current_once(
    secrets: &Secrets,
    secret: &str,
    deadline: &Deadline,
) -> Result<Current, ReadError> {
    let description = secrets.describe(secret, deadline).await?;
    if description.is_marked_for_deletion {
        return Err(Problem::MarkedForDeletion.into());
    }
    let none = || ReadError::Inconsistent(Problem::NoCurrentValue);
    let holder = description.labels.holder(CURRENT).ok_or_else(none)?;
    let value = read_stored(secrets, secret, holder, CURRENT, deadline).await?;
    let (holder, value) = (holder.clone(), value.ok_or_else(none)?);
    Ok((description, holder, value))
}
