//! An edge of Datadog, and how late it is.

use std::time::Duration;

/// How long an edge does not know a key that was created through the API, by what is asked of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    /// The key authenticates nothing: 401 and 403 in turn.
    pub authentication: Duration,
    /// GET, PATCH and DELETE by ID answer 404.
    pub by_id: Duration,
    /// Lists lack the key.
    pub lists: Duration,
}

impl Edge {
    /// An edge that is as late with everything.
    #[must_use]
    pub fn late_by(lag: Duration) -> Self {
        Self {
            authentication: lag,
            by_id: lag,
            lists: lag,
        }
    }
}

/// Which edge a request reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeChoice {
    /// The first, the second, and so on.
    InTurn,
    /// Drawn by this seed.
    Drawn(u64),
}
