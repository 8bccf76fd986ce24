//! The doctor's search for orphaned keys, without a rotation.
//!
//! In createSecret's order, and by its decision: versions with labels, their values, list of keys,
//! delete. A rotation may run at the same time. What it creates is younger than the age floor, and
//! what it has stored is read after the labels; versions that it makes later are not among those
//! whose names are looked for.

use std::time::{Duration, SystemTime};

use super::Unreached;
use super::checkup::advice;
use super::inspector::Inspector;
use crate::clients::Clients;
use crate::credential::Kind;
use crate::deadline::Deadline;
use crate::error::Problem;
use crate::event::VersionId;
use crate::keys::{KeyClass, KeyRef};
use crate::protected::{KnownValue, ProtectedKeys};
use crate::rotation::context::{LoadedSecret, SecretReader};
use crate::rotation::decide::{
    Candidates, ListedKey, Replication, Verdict, deletable, replication, verdicts,
};
use crate::rotation::effects::key_deletion::KeyDeletion;

/// Why nothing was found out about a secret, or a key was not deleted.
#[derive(Debug)]
pub struct Unseen(Why);

#[derive(Debug)]
enum Why {
    Problem(Problem),
    Unreached(Unreached),
}

impl From<Problem> for Unseen {
    fn from(problem: Problem) -> Self {
        Self(Why::Problem(problem))
    }
}

impl From<Unreached> for Unseen {
    fn from(unreached: Unreached) -> Self {
        Self(Why::Unreached(unreached))
    }
}

impl Unseen {
    /// Returns a stable word, listed in `docs/reference/errors.md`.
    #[must_use]
    pub fn error_type(&self) -> &'static str {
        match &self.0 {
            Why::Problem(problem) => problem.error_type(),
            Why::Unreached(unreached) => unreached.error_type(),
        }
    }

    #[must_use]
    pub fn text(&self) -> String {
        match &self.0 {
            Why::Problem(problem) => problem.to_string(),
            Why::Unreached(unreached) => unreached.to_string(),
        }
    }

    #[must_use]
    pub fn advice(&self) -> String {
        match &self.0 {
            Why::Problem(problem) => advice(problem),
            Why::Unreached(unreached) => unreached.advice().to_owned(),
        }
    }
}

/// What was read of one secret and of the keys that are named like its own.
#[derive(Debug)]
pub struct Search {
    secret: LoadedSecret,
    clients: Clients,
    kind: Kind,
    listed: Vec<ListedKey>,
    unlisted: Option<KeyClass>,
    cut: Vec<KeyClass>,
    versions: Vec<VersionId>,
    in_use: Vec<VersionId>,
    kept: ProtectedKeys,
    unreadable: Option<&'static str>,
}

/// A key that bears a name of this suite and that no kept version names.
#[derive(Clone, Debug)]
pub struct Orphan {
    pub key: ListedKey,
    pub state: OrphanState,
}

/// What may be done about an orphaned key, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrphanState {
    /// It bears the name of a version that does not hold it, and is old enough.
    Deletable,
    /// It bears the name of a version, but a rotation may be about to store it.
    Young,
    /// It bears the name of no version that Secrets Manager lists.
    UnknownVersion,
    /// Something may need it.
    Undecided(Doubt),
}

/// Why it is not known whether a key is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The value under this label can't be read, and may name it.
    Unreadable(&'static str),
    /// It ends like a value that must go on working, beside which there is another key's ID.
    HeldValue,
    /// It bears the name of a version in use, and the value of that version names none of the keys that are listed for it.
    VersionInUse,
    /// A replica is not in sync with the secret, and may serve it.
    Replica,
}

impl Inspector {
    /// Reads all that is needed to tell which keys are orphaned. No effect.
    pub async fn search(&self, secret: &str, deadline: &Deadline) -> Result<Search, Unseen> {
        // Boxed: it is as large as a step's, and its callers hold it in a loop over secrets.
        Box::pin(self.look_for_orphans(secret, deadline))
            .await
            .map_err(Unseen::from)
    }

    async fn look_for_orphans(&self, secret: &str, deadline: &Deadline) -> Result<Search, Problem> {
        let opened = self.open(secret, deadline).await;
        let opened = opened.map_err(|it| it.problem)?;
        let (kind, reader) = (opened.kind, opened.reader(deadline));
        let source = reader.choose_admin(&opened.description, &opened.current.value)?;
        let (admin, rotates_itself) = opened.admin(&source, deadline).await?;
        let (clients, secret) = opened.load(admin, rotates_itself);
        secret.refuse_other_account(&secret.current)?;
        let reader = SecretReader {
            kind,
            clients: &clients,
            secret: &secret.description.arn,
            deadline,
        };
        let mut labels = clients.secrets.versions(reader.secret, deadline).await?;
        labels.merge(&secret.description.labels);
        let known = [(&secret.current.id, &secret.current.credential)];
        let mut kept = reader.kept_by(&known, &labels).await?;
        let in_use = reader.in_use(&secret, &labels);
        let listing = reader.list(&secret).await?;
        kept.keys.merge(&secret.admin.known_keys());
        Ok(Search {
            kind,
            secret,
            clients,
            listed: listing.keys,
            unlisted: listing.unlisted,
            cut: listing.cut,
            versions: kept.versions,
            in_use,
            kept: kept.keys,
            unreadable: kept.unreadable,
        })
    }
}

impl Search {
    #[must_use]
    pub fn name(&self) -> &str {
        &self.secret.description.name
    }

    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the class of key that the secret has and the admin may not list: API keys without
    /// `api_keys_read`.
    #[must_use]
    pub fn unlisted(&self) -> Option<KeyClass> {
        self.unlisted
    }

    /// The classes of keys whose lists are longer than what could be read of them: keys may be orphaned
    /// that are not seen.
    #[must_use]
    pub fn cut(&self) -> &[KeyClass] {
        &self.cut
    }

    /// Returns the keys that the versions to be kept name, and those of the admin.
    #[must_use]
    pub fn kept(&self) -> &ProtectedKeys {
        &self.kept
    }

    /// Returns the orphaned keys as of `now`, which is to be a time before the search. `others` are keys
    /// that other secrets hold: they are not orphaned.
    #[must_use]
    pub fn orphans(&self, now: SystemTime, others: &ProtectedKeys) -> Vec<Orphan> {
        let (names, kept) = (&self.secret.names, self.kept_beside(others));
        let verdicts = verdicts(
            &self.listed,
            names,
            &self.versions,
            &self.in_use,
            now,
            &kept,
        );
        let orphans = verdicts.into_iter().map(|(key, verdict)| Orphan {
            key: key.clone(),
            state: match (self.unreadable, verdict) {
                (Some(label), _) => OrphanState::Undecided(Doubt::Unreadable(label)),
                (None, Verdict::MayBeHeld) => OrphanState::Undecided(Doubt::HeldValue),
                (None, Verdict::MayBeInUse) => OrphanState::Undecided(Doubt::VersionInUse),
                (None, Verdict::Deletable) if !self.is_replicated() => {
                    OrphanState::Undecided(Doubt::Replica)
                }
                (None, Verdict::Deletable) => OrphanState::Deletable,
                (None, Verdict::Young) => OrphanState::Young,
                (None, Verdict::Unknown) => OrphanState::UnknownVersion,
            },
        });
        orphans.collect()
    }

    /// Returns whether this secret accounts for a key that was found beside another secret: it holds it,
    /// or the key bears the name of a version of it.
    #[must_use]
    pub fn knows(&self, key: &ListedKey) -> bool {
        let index = self.secret.names.index(&self.versions);
        self.kept.contains(&key.key) || index.version_of(key.key.class, &key.name).is_some()
    }

    fn kept_beside(&self, others: &ProtectedKeys) -> ProtectedKeys {
        let mut kept = self.kept.clone();
        kept.merge(others);
        kept
    }

    /// Returns whether every replica had what the secret has, when the secret was read.
    fn is_replicated(&self) -> bool {
        replication(&self.secret.description.replicas) == Replication::InSync
    }

    /// Deletes those of the orphaned keys that createSecret would, and says of each how that went. `now`
    /// and `others` as for [`Self::orphans`].
    pub async fn delete(
        &mut self,
        now: SystemTime,
        others: &ProtectedKeys,
        deadline: &Deadline,
    ) -> Vec<(KeyRef, Result<(), Unseen>)> {
        self.secret.admin.renew(deadline);
        let versions: &[_] = if self.is_replicated() {
            &self.versions
        } else {
            &[]
        };
        let candidates = Candidates::Orphans {
            listed: &self.listed,
            names: &self.secret.names,
            versions,
            in_use: &self.in_use,
            // Which version is filled may change while this is at work: the age floor is for all.
            filled: None,
            now,
        };
        let kept = self.kept_beside(others);
        let reader = SecretReader {
            kind: self.kind,
            clients: &self.clients,
            secret: &self.secret.description.arn,
            deadline,
        };
        let mut outcomes = Vec::new();
        for key in deletable(candidates, &kept) {
            let attempt = KeyDeletion {
                admin: &self.secret.admin,
                key: &key,
                value: None,
                known: KnownValue::End(None),
                candidates,
                lag: Duration::ZERO,
                kept: &kept,
                labels: Some((reader, (&self.secret.description).into())),
            };
            let sent = attempt.send().await;
            let gone = sent.and_then(|it| it.is_gone().then_some(()).ok_or(Problem::KeyInUse));
            outcomes.push((key, gone.map_err(Unseen::from)));
        }
        outcomes
    }
}
