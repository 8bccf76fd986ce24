//! Staging labels: which version of a secret plays which part.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::VersionId;

pub const CURRENT: &str = "AWSCURRENT";
pub const PENDING: &str = "AWSPENDING";
pub const PREVIOUS: &str = "AWSPREVIOUS";

/// One reading of a secret's versions with their staging labels.
#[derive(Clone, Debug, Default)]
pub struct Labels(BTreeMap<VersionId, BTreeSet<String>>);

impl Labels {
    /// Returns the one version that carries the label. `None` if none does, or more than one: pages of
    /// one list may be of different moments.
    #[must_use]
    pub fn holder(&self, label: &str) -> Option<&VersionId> {
        let mut holders = self.holders(label);
        holders.next().filter(|_| holders.next().is_none())
    }

    pub fn holders(&self, label: &str) -> impl Iterator<Item = &VersionId> {
        let carries = move |labels: &BTreeSet<String>| labels.iter().any(|it| it == label);
        let holders = self.0.iter().filter(move |(_, labels)| carries(labels));
        holders.map(|(version, _)| version)
    }

    #[must_use]
    pub fn carries(&self, version: &VersionId, label: &str) -> bool {
        self.0
            .get(version)
            .is_some_and(|labels| labels.contains(label))
    }

    /// Returns whether the version carries any label.
    #[must_use]
    pub fn is_staged(&self, version: &VersionId) -> bool {
        self.0.get(version).is_some_and(|labels| !labels.is_empty())
    }

    /// Adds the labels of another reading: either may lack some.
    pub fn merge(&mut self, other: &Self) {
        for (version, labels) in &other.0 {
            let own = self.0.entry(version.clone()).or_default();
            own.extend(labels.iter().cloned());
        }
    }

    pub fn versions(&self) -> impl Iterator<Item = &VersionId> {
        self.0.keys()
    }
}

impl<'a> Extend<(&'a str, &'a [String])> for Labels {
    fn extend<I: IntoIterator<Item = (&'a str, &'a [String])>>(&mut self, versions: I) {
        for (version, labels) in versions {
            if let Some(version) = VersionId::parse(version) {
                self.0
                    .entry(version)
                    .or_default()
                    .extend(labels.iter().cloned());
            }
        }
    }
}

impl<'a> FromIterator<(&'a str, &'a [String])> for Labels {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a [String])>>(versions: I) -> Self {
        let mut labels = Self::default();
        labels.extend(versions);
        labels
    }
}
