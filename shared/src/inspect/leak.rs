//! Deletes keys that have leaked: names their version by the tag `leakedVersion`, has the secret rotated,
//! and tries the keys until Datadog refuses them. The rotation deletes them, not this.

use std::time::Duration;

use super::inspector::{Inspector, OpenedSecret, Unopened};
use super::key_trial::{ForeignRefusals, Trial};
use super::orphans::Unseen;
use crate::admin::Admin;
use crate::clients::Clients;
use crate::credential::{Credential, Kind};
use crate::deadline::Deadline;
use crate::error::Problem;
use crate::event::VersionId;
use crate::keys::KeyRef;
use crate::rotation::context::Version;
use crate::secrets::{Begun, CURRENT, Description, PENDING, PREVIOUS, SecretArn, Secrets};

/// Between two looks at the secret, or at a key.
const PAUSE: Duration = Duration::from_secs(3);

/// An edge of Datadog may refuse a key that another one accepts: so many refusals in a row end it.
const REFUSALS: u32 = 3;

/// So many looks at a key, half a minute, after which a rotation that has ended without deleting it is
/// asked for again: it may have read the tags before this set one.
const LOOKS: u32 = 10;

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
    /// The tag names it already: an earlier run's work is gone on with.
    pub is_named: bool,
    credential: Credential,
    working: Vec<KeyRef>,
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
    /// AWSCURRENT holds no key: a rotation deletes nothing.
    Keyless(Vec<KeyRef>),
    /// No version carries the label, or its value is of another type.
    NoVersion,
    /// Something that is not Datadog refuses a key.
    RefusedOnTheWay,
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeakEnd {
    /// Datadog refuses every leaked key, and accepts the key in AWSCURRENT.
    Deleted,
    /// These leaked keys still work; the tag is set.
    StillWork(Vec<KeyRef>),
    /// AWSCURRENT is still the leaked version; the tag is set. These keys work.
    NotPromoted(Vec<KeyRef>),
    /// The tag may be set; what became of the keys is not known.
    Unknown,
}

/// Something failed.
#[derive(Debug)]
pub struct Failed {
    /// Whether the tag was refused for certain, so that nothing has changed.
    pub is_untouched: bool,
    pub unseen: Unseen,
}

/// What is being done, as it is done.
#[derive(Debug)]
pub enum Progress<'a> {
    Tagged,
    Rotating(&'a Begun),
    /// AWSCURRENT is another version.
    Promoted(&'a VersionId),
}

/// One look at the keys.
struct Look {
    /// The leaked ones that Datadog accepts.
    working: Vec<KeyRef>,
    /// Whether it accepts the key in AWSCURRENT. If not, its refusals prove nothing.
    is_told: bool,
    /// Whether something else than Datadog has refused a key.
    is_unclear: bool,
}

/// How often a key is tried.
#[derive(Clone, Copy)]
enum Patience {
    /// Once: the caller looks again.
    None,
    /// For some seconds: one refusal proves nothing.
    Some,
}

/// Which keys of a credential Datadog accepts.
struct Trials {
    working: Vec<KeyRef>,
    is_unclear: bool,
}

impl Inspector {
    /// Reads which keys have leaked, and tries them. If the tag names a version already that has a label,
    /// that one goes before `label`: otherwise a second run would end its successor. No effect.
    ///
    /// # Errors
    /// Why a rotation could not end them.
    pub async fn leak(
        &self,
        secret: &str,
        label: LeakedLabel,
        deadline: &Deadline,
    ) -> Result<Leak, NotBegun> {
        let refusals = ForeignRefusals::default();
        let opened = self.watched(&refusals).open(secret, deadline).await?;
        let Description { arn, name, .. } = opened.description.clone();
        let (tags, labels) = (&opened.description.grace, &opened.description.labels);
        if let Some(tag) = tags.malformed() {
            return Err(Problem::TagMalformed { tag }.into());
        }
        if !opened.description.rotation_enabled {
            return Err(Problem::RotationNotEnabled.into());
        }
        if opened.description.rotation_function.is_none() {
            return Err(NotBegun::NoFunction);
        }
        let has_leaked = |label: &LeakedLabel| {
            let holder = labels.holder(label.name());
            holder.is_some_and(|it| tags.has_leaked(it))
        };
        let mut known = [LeakedLabel::Current, LeakedLabel::Previous].into_iter();
        let named = known.find(has_leaked);
        let label = named.unwrap_or(label);
        let (version, credential) = match label {
            LeakedLabel::Current => (opened.current.id.clone(), opened.current.credential.clone()),
            LeakedLabel::Previous => {
                let reader = opened.reader(deadline);
                let previous = reader.previous_of(&opened.description).await?;
                let Version { id, credential, .. } = previous.ok_or(NotBegun::NoVersion)?;
                (id, credential)
            }
        };
        if credential.keys().is_empty() {
            return Err(NotBegun::NoKeys);
        }
        if opened.current.credential.is_keyless() {
            return Err(NotBegun::Keyless(credential.keys()));
        }
        let (kind, key) = (opened.kind, opened.current.credential.telling_key());
        let look = look(opened, &credential, &refusals, Patience::Some, deadline).await?;
        if look.is_unclear {
            return Err(NotBegun::RefusedOnTheWay);
        }
        if let (false, Some(key)) = (look.is_told, key) {
            return Err(Problem::CurrentKeyDead { key }.into());
        }
        Ok(Leak {
            arn,
            name,
            kind,
            version,
            label,
            is_named: named.is_some(),
            credential,
            working: look.working,
        })
    }

    /// Sets the tag, has the secret rotated, and waits until Datadog refuses the keys or the time is over.
    ///
    /// # Errors
    /// What failed, and whether that was before any effect.
    pub async fn end_leak(
        &self,
        leak: &Leak,
        deadline: &Deadline,
        mut say: impl FnMut(Progress<'_>),
    ) -> Result<LeakEnd, Failed> {
        if leak.is_named && leak.label == LeakedLabel::Previous && leak.working.is_empty() {
            return Ok(LeakEnd::Deleted);
        }
        let secrets = self.clients.secrets.in_region_of(&leak.arn);
        let tagged = secrets
            .name_leaked(&leak.arn, &leak.version, deadline)
            .await;
        tagged.map_err(|error| Failed {
            is_untouched: error.is_definite(),
            unseen: Problem::from(error).into(),
        })?;
        say(Progress::Tagged);
        let ended = self.rotate_away(leak, &secrets, deadline, say).await;
        ended.map_err(|problem| Failed {
            is_untouched: false,
            unseen: problem.into(),
        })
    }

    async fn rotate_away(
        &self,
        leak: &Leak,
        secrets: &Secrets,
        deadline: &Deadline,
        mut say: impl FnMut(Progress<'_>),
    ) -> Result<LeakEnd, Problem> {
        rotate(leak, secrets, deadline, &mut say).await?;
        let (mut looks, mut refusals, mut is_promoted) = (0, 0, false);
        loop {
            let described = secrets.describe(&leak.arn, deadline).await?;
            let current = described.labels.holder(CURRENT);
            let is_away = current.is_some_and(|it| *it != leak.version);
            if let (true, false, Some(version)) = (is_away, is_promoted, current) {
                is_promoted = true;
                if leak.label == LeakedLabel::Current {
                    say(Progress::Promoted(version));
                }
            }
            let look = self.look(leak, deadline).await?;
            let is_refused = is_away && look.is_told && !look.is_unclear && look.working.is_empty();
            refusals = if is_refused { refusals + 1 } else { 0 };
            if refusals == REFUSALS {
                return Ok(LeakEnd::Deleted);
            }
            looks += 1;
            if looks % LOOKS == 0 && !look.working.is_empty() && !is_pending(&described) {
                rotate(leak, secrets, deadline, &mut say).await?;
            }
            if !deadline.pause(PAUSE, PAUSE).await {
                return Ok(match (is_away, look.working) {
                    (_, working) if working.is_empty() && look.is_unclear => LeakEnd::Unknown,
                    (false, working) => LeakEnd::NotPromoted(working),
                    (true, working) if working.is_empty() => LeakEnd::Unknown,
                    (true, working) => LeakEnd::StillWork(working),
                });
            }
        }
    }

    /// Reads the secret and its admin anew: the admin's keys may be among the leaked.
    async fn look(&self, leak: &Leak, deadline: &Deadline) -> Result<Look, Problem> {
        let refusals = ForeignRefusals::default();
        let opened = self.watched(&refusals).open(&leak.arn, deadline).await;
        let opened = opened.map_err(|it| it.problem)?;
        look(
            opened,
            &leak.credential,
            &refusals,
            Patience::None,
            deadline,
        )
        .await
    }

    /// Returns the same with `refusals` listening.
    fn watched(&self, refusals: &ForeignRefusals) -> Self {
        let clients = self.clients.clone();
        Self {
            kind: self.kind,
            functions: self.functions.clone(),
            clients: Clients {
                http: refusals.watch(clients.http),
                ..clients
            },
        }
    }
}

async fn look(
    opened: OpenedSecret,
    leaked: &Credential,
    refusals: &ForeignRefusals,
    patience: Patience,
    deadline: &Deadline,
) -> Result<Look, Problem> {
    let reader = opened.reader(deadline);
    let source = reader.choose_admin(&opened.description, &opened.current.value)?;
    let (admin, _) = opened.admin(&source, deadline).await?;
    let deadline = match patience {
        Patience::None => None,
        Patience::Some => Some(deadline),
    };
    let Trials {
        working,
        is_unclear,
    } = tried(&admin, leaked, refusals, deadline).await?;
    let current = &opened.current.credential;
    if current.keys() == leaked.keys() {
        return Ok(Look {
            is_told: !working.is_empty(),
            working,
            is_unclear,
        });
    }
    let of_current = tried(&admin, current, refusals, deadline).await?;
    Ok(Look {
        working,
        is_told: of_current.working.len() == current.keys().len(),
        is_unclear: is_unclear || of_current.is_unclear,
    })
}

/// Tries the keys of a credential, each once, or with patience until `deadline`.
async fn tried(
    admin: &Admin,
    credential: &Credential,
    refusals: &ForeignRefusals,
    deadline: Option<&Deadline>,
) -> Result<Trials, Problem> {
    let (mut working, mut is_unclear) = (Vec::new(), false);
    let mut note = |key: KeyRef, trial: Trial| match trial {
        Trial::Works => working.push(key),
        Trial::Refused => {}
        Trial::Unknown => is_unclear = true,
    };
    if let Some(owned) = credential.owned() {
        let alone = credential.without_api_key();
        let works = async || admin.validate(&alone).await;
        note(owned.key, refusals.tried(&works, deadline).await?);
    }
    if let Some(api) = credential.api() {
        let works = async || Ok(admin.validate_api_key(&api.key).await?);
        note(api.key_ref(), refusals.tried(&works, deadline).await?);
    }
    Ok(Trials {
        working,
        is_unclear,
    })
}

async fn rotate(
    leak: &Leak,
    secrets: &Secrets,
    deadline: &Deadline,
    say: &mut impl FnMut(Progress<'_>),
) -> Result<(), Problem> {
    let begun = secrets.rotate(&leak.arn, deadline).await?;
    if let Begun::Resumed(error) = &begun {
        let described = secrets.describe(&leak.arn, deadline).await?;
        if !is_pending(&described) {
            return Err(error.clone().into());
        }
    }
    say(Progress::Rotating(&begun));
    Ok(())
}

/// Returns whether a rotation is not over.
fn is_pending(described: &Description) -> bool {
    let labels = &described.labels;
    let pending = labels.holder(PENDING);
    pending.is_some_and(|it| !labels.carries(it, CURRENT))
}
