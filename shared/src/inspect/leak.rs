//! Ends keys that have leaked: names their version by the tag `leakedVersion`, has the secret rotated,
//! and tries the keys until Datadog refuses them. The rotation deletes them, not this.

use std::time::Duration;

use super::inspector::{Inspector, Unopened};
use super::orphans::Unseen;
use crate::budget::Budget;
use crate::credential::{Credential, Kind};
use crate::error::Problem;
use crate::event::VersionId;
use crate::keys::KeyRef;
use crate::secrets::{Begun, CURRENT, Description, PREVIOUS, SecretArn, Secrets};

/// Between two looks at the secret, or at a key.
const PAUSE: Duration = Duration::from_secs(3);

/// An edge of Datadog may refuse a key that another one accepts: so many refusals in a row end it.
const REFUSALS: u32 = 3;

/// Which version has leaked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeakedLabel {
    Current,
    Previous,
}

impl LeakedLabel {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Current => CURRENT,
            Self::Previous => PREVIOUS,
        }
    }
}

/// The version whose keys have leaked.
#[derive(Debug)]
pub struct Leak {
    pub arn: SecretArn,
    pub name: String,
    pub kind: Kind,
    pub version: VersionId,
    pub label: LeakedLabel,
    credential: Credential,
}

impl Leak {
    #[must_use]
    pub fn keys(&self) -> Vec<KeyRef> {
        self.credential.keys()
    }
}

/// Why nothing was begun.
#[derive(Debug)]
pub enum NotBegun {
    Unseen(Unseen),
    /// No function rotates the secret: nobody would look at the tag.
    NoFunction,
    /// The version holds no key.
    NoKeys,
    /// No version carries the label, or its value is of another type.
    NoVersion,
}

impl From<Problem> for NotBegun {
    fn from(problem: Problem) -> Self {
        Self::Unseen(problem.into())
    }
}

impl From<Unopened> for NotBegun {
    fn from(unopened: Unopened) -> Self {
        unopened.problem.into()
    }
}

/// How it ended.
#[derive(Debug)]
pub enum LeakEnd {
    /// Datadog refuses every leaked key.
    Ended,
    /// Some leaked keys still work; the tag is set.
    StillWork(Vec<KeyRef>),
    /// AWSCURRENT is still the leaked version; the tag is set.
    NotPromoted,
    /// The tag is set, and then something failed.
    Unknown(Unseen),
}

/// What is being done, as it is done.
#[derive(Debug)]
pub enum Progress<'a> {
    Tagged,
    Rotating(&'a Begun),
    /// AWSCURRENT is another version.
    Promoted(&'a VersionId),
}

impl Inspector {
    /// Reads which keys have leaked. No effect.
    ///
    /// # Errors
    /// Why a rotation could not end them.
    pub async fn leak(
        &self,
        secret: &str,
        label: LeakedLabel,
        budget: &Budget,
    ) -> Result<Leak, NotBegun> {
        let opened = self.open(secret, budget).await?;
        let Description { arn, name, .. } = opened.description.clone();
        if !opened.description.rotation_enabled {
            return Err(Problem::RotationNotEnabled.into());
        }
        if opened.description.rotation_function.is_none() {
            return Err(NotBegun::NoFunction);
        }
        let version = match label {
            LeakedLabel::Current => opened.current,
            LeakedLabel::Previous => {
                let reader = opened.reader(budget);
                let previous = reader.previous_of(&opened.description).await?;
                previous.ok_or(NotBegun::NoVersion)?
            }
        };
        if version.credential.keys().is_empty() {
            return Err(NotBegun::NoKeys);
        }
        Ok(Leak {
            arn,
            name,
            kind: opened.kind,
            version: version.id,
            label,
            credential: version.credential,
        })
    }

    /// Sets the tag, has the secret rotated, and waits until Datadog refuses the keys or the time is over.
    ///
    /// # Errors
    /// [`Unseen`] if the tag could not be set: then nothing has changed.
    pub async fn end_leak(
        &self,
        leak: &Leak,
        budget: &Budget,
        mut say: impl FnMut(Progress<'_>),
    ) -> Result<LeakEnd, Unseen> {
        let secrets = self.clients.secrets.in_region_of(&leak.arn);
        let tagged = secrets.name_leaked(&leak.arn, &leak.version, budget).await;
        tagged.map_err(Problem::from)?;
        say(Progress::Tagged);
        Ok(match self.rotate_away(leak, &secrets, budget, say).await {
            Ok(end) => end,
            Err(problem) => LeakEnd::Unknown(problem.into()),
        })
    }

    async fn rotate_away(
        &self,
        leak: &Leak,
        secrets: &Secrets,
        budget: &Budget,
        mut say: impl FnMut(Progress<'_>),
    ) -> Result<LeakEnd, Problem> {
        let begun = secrets.rotate(&leak.arn, budget).await?;
        say(Progress::Rotating(&begun));
        if leak.label == LeakedLabel::Current {
            loop {
                let described = secrets.describe(&leak.arn, budget).await?;
                match described.labels.holder(CURRENT) {
                    Some(version) if *version != leak.version => {
                        say(Progress::Promoted(version));
                        break;
                    }
                    _ if budget.pause(PAUSE, PAUSE).await => {}
                    _ => return Ok(LeakEnd::NotPromoted),
                }
            }
        }
        let mut refusals = 0;
        loop {
            let working = self.working(leak, budget).await?;
            refusals = if working.is_empty() { refusals + 1 } else { 0 };
            if refusals == REFUSALS {
                return Ok(LeakEnd::Ended);
            }
            if !budget.pause(PAUSE, PAUSE).await {
                return Ok(LeakEnd::StillWork(working));
            }
        }
    }

    /// Returns the leaked keys that Datadog accepts. The admin is read anew: it may have leaked itself.
    async fn working(&self, leak: &Leak, budget: &Budget) -> Result<Vec<KeyRef>, Problem> {
        let opened = self.open(&leak.arn, budget).await;
        let opened = opened.map_err(|it| it.problem)?;
        let reader = opened.reader(budget);
        let source = reader.choose_admin(&opened.description, &opened.current.value)?;
        let (admin, _) = opened.admin(&source, budget).await?;
        let mut working = Vec::new();
        if let Some(owned) = leak.credential.owned()
            && admin.validate(&leak.credential.without_api_key()).await?
        {
            working.push(owned.key);
        }
        if let Some(api) = leak.credential.api()
            && admin.validate_api_key(&api.key).await?
        {
            working.push(api.key_ref());
        }
        Ok(working)
    }
}
