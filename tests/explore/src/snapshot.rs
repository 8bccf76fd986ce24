//! Moments to which the search can return.

use std::rc::Rc;

use bytes::Bytes;
use harness::bench::Bench;
use http::Request;
use time::OffsetDateTime;

/// A world, as it was.
#[derive(Clone, Debug)]
pub struct Snapshot {
    bench: Rc<Bench>,
    pub now: OffsetDateTime,
    /// Calls whose callers have given up on them, and which the services have not seen yet.
    pub late: Vec<Request<Bytes>>,
}

impl Snapshot {
    #[must_use]
    pub fn of(bench: &Bench, late: &[Request<Bytes>]) -> Self {
        let now = bench.gate.with_world(|world| world.now());
        Self {
            bench: Rc::new(bench.fork(now)),
            now,
            late: late.to_vec(),
        }
    }

    /// Returns a world of its own, as it was.
    #[must_use]
    pub fn bench(&self) -> Bench {
        self.bench.fork(self.now)
    }
}
