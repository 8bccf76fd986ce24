//! What a step finds: the secret, the versions in play, and the admin who may act.

use tokio::sync::OnceCell;

use super::Rotation;
use super::admin::{Choice, Likely};
use super::inspection::{Unread, Version, lag, settled};
use crate::admin::Admin;
use crate::credential::Credential;
use crate::error::Problem;
use crate::event::Step;
use crate::key_name::KeyNames;
use crate::secrets::{CURRENT, Description, PENDING};

/// The part that the token's version plays.
#[derive(Debug)]
pub(super) enum Standing {
    /// It carries AWSCURRENT.
    Current,
    /// It carries AWSPENDING and may hold a value.
    Pending(Option<Box<Version>>),
}

#[derive(Debug)]
pub(super) struct Scene {
    pub description: Description,
    pub names: KeyNames,
    pub standing: Standing,
    pub current: Version,
    pub admin: Admin,
    /// Whether the admin's pair is the one of `current`.
    pub rotates_itself: bool,
    /// See [`Inspection::previous`](super::inspection::Inspection::previous).
    pub previous: OnceCell<Option<Version>>,
}

/// What the labels say, and the values that go with them.
pub(super) struct Versions {
    pub description: Description,
    pub standing: Standing,
    pub current: Version,
    pub default_admin: Option<Likely>,
}

impl Rotation<'_> {
    /// The rest of what a step goes by. Refuses what it must not work on. No effect.
    pub(super) async fn scene_of(&self, versions: Versions) -> Result<Scene, Problem> {
        let Versions {
            description,
            standing,
            current,
            default_admin,
        } = versions;
        let names = KeyNames::new(self.tools.kind, &description.arn, &description.name);
        let look = self.look();
        let choice = look.choose_admin(&description, &current.value)?;
        let admin = look
            .admin(&choice, &description, &current, default_admin)
            .await?;
        let scene = Scene {
            description,
            names,
            standing,
            current,
            admin,
            rotates_itself: choice == Choice::Itself,
            previous: OnceCell::new(),
        };
        scene.refuse_other_accounts()?;
        Ok(scene)
    }

    /// The secret, if it is one to rotate and the token one of its rotation.
    async fn description(&self) -> Result<Description, Unread> {
        let described = self.tools.secrets.describe(self.secret(), self.budget);
        let description = described.await?;
        if !description.rotation_enabled && self.event.step != Step::TestSecret {
            return Err(Problem::RotationNotEnabled.into());
        }
        let (labels, token) = (&description.labels, self.token());
        if !labels.is_staged(token) {
            return Err(Unread::Lagging(Problem::NoStagingLabel));
        }
        if !labels.carries(token, CURRENT) && !labels.carries(token, PENDING) {
            return Err(Unread::Lagging(Problem::NotPending));
        }
        Ok(description)
    }

    pub(super) async fn versions(&self) -> Result<Versions, Problem> {
        let look = self.look();
        let (versions, likely) = tokio::join!(self.settled_versions(), look.likely_admin());
        versions.map(|versions| Versions {
            default_admin: likely,
            ..versions
        })
    }

    async fn settled_versions(&self) -> Result<Versions, Problem> {
        let mut lag = lag();
        loop {
            let reading = self.versions_at_once().await;
            if let Some(settled) = settled(reading, &mut lag, self.budget).await {
                return settled;
            }
        }
    }

    /// From one reading of the labels: the values are read beside it, and count only if they are
    /// those of the versions that it names.
    async fn versions_at_once(&self) -> Result<Versions, Unread> {
        let (look, token) = (self.look(), self.token());
        let (description, current, pending) = tokio::join!(
            self.description(),
            look.read_current(),
            look.read(token, PENDING),
        );
        let description = description?;
        let none = || Unread::Lagging(Problem::NoCurrentValue);
        let holder = description.labels.holder(CURRENT).ok_or_else(none)?;
        let current = match current? {
            Some((version, current)) if version == *holder => current,
            _ => look.read(holder, CURRENT).await?.ok_or_else(none)?,
        };
        let current = current?;
        let standing = if holder == token {
            Standing::Current
        } else {
            Standing::Pending(pending?.transpose()?.map(Box::new))
        };
        Ok(Versions {
            description,
            standing,
            current,
            default_admin: None,
        })
    }
}

impl Scene {
    /// The credentials of AWSCURRENT and, if it holds one, of AWSPENDING.
    pub(super) fn kept(&self) -> Vec<&Credential> {
        let pending = match &self.standing {
            Standing::Pending(Some(pending)) => Some(&pending.credential),
            Standing::Pending(None) | Standing::Current => None,
        };
        let current = Some(&self.current.credential);
        [current, pending].into_iter().flatten().collect()
    }

    /// An admin key acts for its own service account only: against privilege escalation.
    pub(super) fn refuse_other_accounts(&self) -> Result<(), Problem> {
        let pending = match &self.standing {
            Standing::Pending(Some(pending)) => pending.credential.service_account(),
            Standing::Pending(None) | Standing::Current => None,
        };
        let admin = self.admin.service_account();
        let mut own = self
            .current
            .credential
            .service_account()
            .into_iter()
            .chain(pending);
        own.find(|own| *own != admin).map_or(Ok(()), |own| {
            Err(Problem::ServiceAccountMismatch {
                admin: admin.clone(),
                own: own.clone(),
            })
        })
    }
}
