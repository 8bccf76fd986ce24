//! What was found out about the orphaned keys of several secrets.

use std::time::{Duration, SystemTime};

use datadog_rotation::deadline::Deadline;
use datadog_rotation::inspect::orphans::{Doubt, Orphan, OrphanState, Search, Unseen};
use datadog_rotation::protected::ProtectedKeys;
use datadog_rotation::rotation::decide::YOUNGEST_ORPHAN;
use serde::Serialize;

use crate::outside::{Outside, for_one};
use crate::progress::Progress;

/// One run over several secrets.
#[derive(Debug)]
pub struct Report {
    pub seen: Vec<Seen>,
    /// A time before everything that was read.
    pub now: SystemTime,
    pub deleted: bool,
}

/// One secret, as it was asked for.
#[derive(Debug)]
pub struct Seen {
    pub secret: String,
    pub found: Result<Found, Unseen>,
}

#[derive(Debug)]
pub struct Found {
    pub search: Search,
    pub keys: Vec<FoundKey>,
}

#[derive(Debug)]
pub struct FoundKey {
    pub orphan: Orphan,
    /// Of a key that was to be deleted: whether it is gone.
    pub deleted: Option<Result<(), Unseen>>,
}

/// How much there is of everything. The one place where it is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    pub secrets: usize,
    /// Secrets that could not be looked at.
    pub not_searched: usize,
    /// Secrets whose API keys can't be listed, for want of `api_keys_read`.
    pub unlisted: usize,
    /// Secrets of whose keys Datadog lists more than could be read.
    pub cut: usize,
    /// Orphaned keys that were found, without the young.
    pub orphans: usize,
    pub deletable: usize,
    pub unknown_version: usize,
    pub undecided: usize,
    /// Keys that a rotation may be about to store.
    pub young: usize,
    /// Orphaned keys that were deleted.
    pub deleted: usize,
}

impl Report {
    /// Looks at each secret. Deletes nothing.
    pub(crate) async fn of(
        outside: &Outside,
        secrets: &[String],
        progress: &mut Progress<'_>,
    ) -> Self {
        let watch = &outside.watch;
        let now = watch.now();
        let mut seen = Vec::new();
        for secret in secrets {
            progress.next(secret);
            outside.reach.forget_questions();
            let (inspector, deadline) = (outside.inspector_of(secret), for_one(watch));
            let search = tokio::select! {
                search = inspector.search(secret, &deadline) => search,
                lost = outside.reach.lost() => Err(lost.into()),
            };
            let keys = Vec::new();
            seen.push(Seen {
                secret: secret.clone(),
                found: search.map(|search| Found { search, keys }),
            });
        }
        let mut report = Self {
            seen,
            now,
            deleted: false,
        };
        // Only the answers tell whether this machine's clock is right.
        report.judge(outside.skew.corrected(now));
        report
    }

    /// Decides what is orphaned as of `now`.
    pub fn judge(&mut self, now: SystemTime) {
        self.now = now;
        let judged: Vec<_> = (0..self.seen.len()).map(|at| self.orphans_of(at)).collect();
        for (seen, keys) in self.seen.iter_mut().zip(judged) {
            if let Ok(found) = &mut seen.found {
                found.keys = keys;
            }
        }
    }

    /// What another of the secrets holds or accounts for is not orphaned.
    fn orphans_of(&self, at: usize) -> Vec<FoundKey> {
        let orphans = self
            .search(at)
            .map(|it| it.orphans(self.now, &self.held_beside(at)));
        let orphans = orphans.into_iter().flatten();
        let orphans =
            orphans.filter(|it| it.state != OrphanState::UnknownVersion || !self.knows(at, it));
        let keys = orphans.map(|orphan| FoundKey {
            orphan,
            deleted: None,
        });
        keys.collect()
    }

    /// Deletes what may be deleted.
    pub async fn delete(&mut self, watch: &Deadline) {
        self.deleted = true;
        for at in 0..self.seen.len() {
            let others = self.held_beside(at);
            let deadline = for_one(watch);
            if let Ok(found) = &mut self.seen[at].found {
                for (key, gone) in found.search.delete(self.now, &others, &deadline).await {
                    let of_key = found.keys.iter_mut().find(|it| it.orphan.key.key == key);
                    if let Some(it) = of_key {
                        it.deleted = Some(gone);
                    }
                }
            }
        }
    }

    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut summary = Summary {
            secrets: self.seen.len(),
            ..Summary::default()
        };
        for seen in &self.seen {
            let Ok(found) = &seen.found else {
                summary.not_searched += 1;
                continue;
            };
            summary.unlisted += usize::from(found.search.unlisted().is_some());
            summary.cut += usize::from(!found.search.cut().is_empty());
            for key in &found.keys {
                summary.orphans += usize::from(key.orphan.state != OrphanState::Young);
                *match key.orphan.state {
                    OrphanState::Deletable => &mut summary.deletable,
                    OrphanState::Young => &mut summary.young,
                    OrphanState::UnknownVersion => &mut summary.unknown_version,
                    OrphanState::Undecided(_) => &mut summary.undecided,
                } += 1;
                summary.deleted += usize::from(matches!(key.deleted, Some(Ok(()))));
            }
        }
        summary
    }

    fn search(&self, at: usize) -> Option<&Search> {
        self.seen[at].found.as_ref().ok().map(|it| &it.search)
    }

    fn searches_beside(&self, at: usize) -> impl Iterator<Item = &Search> {
        let others = (0..self.seen.len()).filter(move |it| *it != at);
        others.filter_map(|it| self.search(it))
    }

    /// Returns the keys of the other secrets' versions.
    fn held_beside(&self, at: usize) -> ProtectedKeys {
        let mut held = ProtectedKeys::default();
        for search in self.searches_beside(at) {
            held.merge(search.kept());
        }
        held
    }

    /// Returns whether another of the secrets accounts for it.
    fn knows(&self, at: usize, orphan: &Orphan) -> bool {
        self.searches_beside(at).any(|it| it.knows(&orphan.key))
    }
}

impl Summary {
    /// Nothing is orphaned and everything was looked at.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        self.not_searched == 0 && self.cut == 0 && self.orphans == self.deleted
    }
}

impl FoundKey {
    /// Returns how old it is, if Datadog tells.
    #[must_use]
    pub fn age(&self, now: SystemTime) -> Option<Duration> {
        let created = self.orphan.key.created?;
        now.duration_since(created).ok()
    }

    /// Returns a stable word, listed in the documentation.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self.orphan.state {
            OrphanState::Deletable => "deletable",
            OrphanState::Young => "young",
            OrphanState::UnknownVersion => "unknown_version",
            OrphanState::Undecided(_) => "undecided",
        }
    }

    /// Returns why it may be deleted, or why not.
    #[must_use]
    pub fn reason(&self) -> String {
        match self.orphan.state {
            OrphanState::Deletable => "it bears the name of a version that does not hold it".into(),
            OrphanState::Young if self.orphan.key.created.is_none() => {
                "its age is not known: a rotation may be about to store it".into()
            }
            OrphanState::Young => format!(
                "it is not {} minutes old yet: a rotation may be about to store it",
                YOUNGEST_ORPHAN.as_secs() / 60
            ),
            OrphanState::UnknownVersion => {
                "it bears the name of no version that is listed: perhaps of one that Secrets \
                 Manager has forgotten, of this secret in another region or account, or of the \
                 managed service"
                    .into()
            }
            OrphanState::Undecided(Doubt::Unreadable(label)) => {
                format!("the value under {label} can't be read, and may name it")
            }
            OrphanState::Undecided(Doubt::HeldValue) => {
                "a value in use ends like it, and beside that value is another key's ID: correct \
                 the ID first"
                    .into()
            }
            OrphanState::Undecided(Doubt::VersionInUse) => {
                "it bears the name of a version in use, whose value names no key of that name: it may \
                 be the key in use. Once the version has no label, a rotation deletes it"
                    .into()
            }
            OrphanState::Undecided(Doubt::Replica) => {
                "a replica is not in sync with the secret, and may serve it: see to the replica \
                 first"
                    .into()
            }
        }
    }
}
