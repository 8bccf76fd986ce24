//! The edges of the organisation: each learns of a new key in its own time.

use http::{HeaderMap, StatusCode};
use time::OffsetDateTime;

use super::Datadog;
use super::access::{bearer_of, credential};
use super::edge::{Edge, EdgeChoice};
use super::key::Key;

/// Chooses an edge for each request.
#[derive(Clone, Debug, Default)]
pub(super) struct Edges {
    requests: usize,
    random: Option<(u64, fastrand::Rng)>,
    here: Edge,
}

impl Edges {
    pub(super) fn choose(&mut self, edges: &[Edge], choice: EdgeChoice) {
        let count = edges.len();
        if count == 0 {
            self.here = Edge::default();
            return;
        }
        let number = match choice {
            EdgeChoice::InTurn => self.requests % count,
            EdgeChoice::Drawn(seed) => self.random(seed).usize(0..count),
        };
        self.requests += 1;
        self.here = edges[number];
    }

    /// The edge that answers the request at hand.
    pub(super) fn here(&self) -> Edge {
        self.here
    }

    fn random(&mut self, seed: u64) -> &mut fastrand::Rng {
        if self.random.as_ref().is_none_or(|(of, _)| *of != seed) {
            self.random = None;
        }
        let fresh = || (seed, fastrand::Rng::with_seed(seed));
        &mut self.random.get_or_insert_with(fresh).1
    }
}

impl Datadog {
    /// Whether every edge lets this key authenticate at `now`.
    #[must_use]
    pub fn is_usable_everywhere(&self, now: OffsetDateTime, value: &str) -> bool {
        let mut edges = self.settings.edges.iter();
        let keys = || self.keys.iter().filter(|key| key.value == value);
        self.is_usable(now, value)
            && edges.all(|edge| keys().any(|key| key.has_reached(now, edge.authentication)))
    }

    /// Refuses to delete this key with this status from now on. A key that is unknown is no matter.
    pub fn refuse_deletion(&mut self, id: &str, status: StatusCode) {
        self.undeletable.insert(id.to_owned(), status);
    }

    /// What a DELETE of this key is answered, if it can't be deleted.
    #[must_use]
    pub fn refusal_of_deletion(&self, id: &str) -> Option<StatusCode> {
        self.undeletable.get(id).copied()
    }

    /// The number of the edge that answers the next request, where they answer in turn.
    #[must_use]
    pub fn next_edge(&self) -> usize {
        self.edges.requests % self.settings.edges.len().max(1)
    }

    /// Lets every key be deleted again.
    pub fn allow_deletions(&mut self) {
        self.undeletable.clear();
    }

    /// The ids of the keys that a request shows, whether or not they work.
    pub(crate) fn keys_in(&self, headers: &HeaderMap) -> Vec<String> {
        let values = ["dd-api-key", "dd-application-key"].map(|name| credential(headers, name));
        let values = [values[0], values[1], bearer_of(headers)];
        let keys = self.keys.iter();
        keys.filter(|key| values.contains(&Some(key.value.as_str())))
            .map(|key| key.id.clone())
            .collect()
    }

    pub(super) fn is_known_by_id(&self, now: OffsetDateTime, key: &Key) -> bool {
        key.has_reached(now, self.edges.here().by_id)
    }

    pub(super) fn is_listed(&self, now: OffsetDateTime, key: &Key) -> bool {
        key.is_listed(now) && key.has_reached(now, self.edges.here().lists)
    }
}
