//! The doctor's door: secrets of any type, without a rotation and without a token.

use tokio::sync::OnceCell;

use super::Tools;
use super::admin::Choice;
use super::inspection::{Inspection, Unread, Version, lag, settled, stored, value_of};
use super::scene::{Scene, Standing};
use crate::admin::Admin;
use crate::budget::Budget;
use crate::credential::Kind;
use crate::datadog::Limits;
use crate::error::{Problem, Role};
use crate::event::VersionId;
use crate::http::Http;
use crate::identity::Identity;
use crate::key_name::KeyNames;
use crate::secrets::{CURRENT, Description, Secrets, StoredValue};
use crate::settings::Settings;

/// Looks at secrets as the rotation functions would.
#[derive(Clone, Debug)]
pub struct Examiner {
    /// The type of all secrets; if `None`, each tells its own.
    pub kind: Option<Kind>,
    pub secrets: Secrets,
    pub http: Http,
    pub settings: Settings,
    pub identity: Identity,
}

/// A secret whose current value has been read, and what is needed to look further.
pub(super) struct Opened {
    pub tools: Tools,
    pub description: Description,
    pub current: Version,
}

impl Examiner {
    /// The secret and the value of AWSCURRENT, by one reading of the labels.
    pub(super) async fn open(&self, secret: &str, budget: &Budget) -> Result<Opened, Problem> {
        let secrets = self.secrets.in_region_of(secret);
        let (description, id, stored) = current(&secrets, secret, budget).await?;
        let told = description
            .managed_type
            .as_deref()
            .and_then(Kind::from_name);
        let kind = match self.kind.or(told) {
            Some(kind) => kind,
            None => value_of(&stored, Role::Current)?
                .kind()
                .ok_or(Problem::UnknownKind)?,
        };
        let tools = Tools {
            kind,
            secrets,
            http: self.http.clone(),
            limits: Limits::default(),
            settings: self.settings.clone(),
            identity: self.identity.clone(),
        };
        let look = Inspection {
            tools: &tools,
            secret,
            budget,
        };
        let current = look.parsed(&id, &stored, Role::Current)?;
        Ok(Opened {
            tools,
            description,
            current,
        })
    }
}

impl Opened {
    pub(super) fn look<'a>(&'a self, budget: &'a Budget) -> Inspection<'a> {
        Inspection {
            tools: &self.tools,
            secret: &self.description.arn,
            budget,
        }
    }

    /// The scene of a check: it asks about the version that is AWSCURRENT.
    pub(super) fn scene(self, admin: Admin, choice: &Choice) -> (Tools, Scene) {
        let Self {
            tools,
            description,
            current,
        } = self;
        let scene = Scene {
            names: KeyNames::new(tools.kind, &description.arn, &description.name),
            description,
            standing: Standing::Current,
            current,
            admin,
            rotates_itself: *choice == Choice::Itself,
            previous: OnceCell::new(),
        };
        (tools, scene)
    }
}

type Current = (Description, VersionId, StoredValue);

async fn current(secrets: &Secrets, secret: &str, budget: &Budget) -> Result<Current, Problem> {
    let mut lag = lag();
    loop {
        let reading = current_at_once(secrets, secret, budget).await;
        if let Some(settled) = settled(reading, &mut lag, budget).await {
            return settled;
        }
    }
}

async fn current_at_once(
    secrets: &Secrets,
    secret: &str,
    budget: &Budget,
) -> Result<Current, Unread> {
    let description = secrets.describe(secret, budget).await?;
    if description.is_marked_for_deletion {
        return Err(Problem::MarkedForDeletion.into());
    }
    let none = || Unread::Lagging(Problem::NoCurrentValue);
    let holder = description.labels.holder(CURRENT).ok_or_else(none)?;
    let value = stored(secrets, secret, holder, CURRENT, budget).await?;
    let (holder, value) = (holder.clone(), value.ok_or_else(none)?);
    Ok((description, holder, value))
}
