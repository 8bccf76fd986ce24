use std::collections::{BTreeMap, BTreeSet};

use time::{Duration, OffsetDateTime};

pub(super) const CURRENT: &str = "AWSCURRENT";
pub(super) const PREVIOUS: &str = "AWSPREVIOUS";
pub(super) const PENDING: &str = "AWSPENDING";

/// Which version each label sits on. A label sits on one version at most.
type Placement = BTreeMap<String, String>;

/// A secret's staging labels, and every placement they ever had, because readers may see an
/// old one.
#[derive(Clone, Debug)]
pub(super) struct Labels {
    now: Placement,
    history: Vec<(OffsetDateTime, Placement)>,
}

impl Labels {
    pub(super) fn new() -> Self {
        Self {
            now: Placement::new(),
            history: Vec::new(),
        }
    }

    pub(super) fn holder(&self, label: &str) -> Option<&str> {
        self.now.get(label).map(String::as_str)
    }

    pub(super) fn of<'a>(&'a self, version: &'a str) -> impl Iterator<Item = &'a str> {
        carried(&self.now, version)
    }

    pub(super) fn is_labelled(&self, version: &str) -> bool {
        self.of(version).next().is_some()
    }

    pub(super) fn place(&mut self, label: &str, version: &str) {
        self.now.insert(label.to_owned(), version.to_owned());
    }

    pub(super) fn take_off(&mut self, label: &str) {
        self.now.remove(label);
    }

    /// Moves AWSCURRENT, and AWSPREVIOUS to where AWSCURRENT was.
    pub(super) fn make_current(&mut self, version: &str) {
        if let Some(former) = self.now.insert(CURRENT.to_owned(), version.to_owned())
            && former != version
        {
            self.place(PREVIOUS, &former);
        }
    }

    /// To be called after each change: what the labels are from `now` on.
    pub(super) fn record(&mut self, now: OffsetDateTime) {
        if self
            .history
            .last()
            .is_none_or(|(_, last)| *last != self.now)
        {
            self.history.push((now, self.now.clone()));
        }
    }

    /// The labels as they were at a moment, and as they stay.
    pub(super) fn as_of(&self, moment: OffsetDateTime) -> Self {
        let SeenLabels(placement) = self.seen(moment, Duration::ZERO);
        Self {
            now: placement.clone(),
            history: vec![(moment, placement.clone())],
        }
    }

    /// The labels as a reader sees them who is `lag` behind. A secret that can be read at all
    /// shows at least the labels it was created with.
    pub(super) fn seen(&self, now: OffsetDateTime, lag: Duration) -> SeenLabels<'_> {
        let placement = self
            .history
            .iter()
            .rev()
            .find(|(since, _)| *since <= now - lag)
            .or_else(|| self.history.first())
            .map_or(&self.now, |(_, placement)| placement);
        SeenLabels(placement)
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct SeenLabels<'a>(&'a Placement);

impl<'a> SeenLabels<'a> {
    pub(super) fn holder(self, label: &str) -> Option<&'a str> {
        self.0.get(label).map(String::as_str)
    }

    pub(super) fn of(self, version: &str) -> Vec<&'a str> {
        carried(self.0, version).collect()
    }

    pub(super) fn labelled(self) -> BTreeSet<&'a str> {
        self.0.values().map(String::as_str).collect()
    }
}

fn carried<'a>(placement: &'a Placement, version: &str) -> impl Iterator<Item = &'a str> {
    placement
        .iter()
        .filter(move |(_, holder)| *holder == version)
        .map(|(label, _)| label.as_str())
}
