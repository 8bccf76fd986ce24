//! The time that one invocation has left.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// Kept back at the end of an invocation, so that its error is answered before Lambda ends it.
const RESERVE: Duration = Duration::from_secs(1);

/// When this invocation ends, and what time it is.
///
/// Both run on tokio's clock: tests let it jump.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    began: Instant,
    began_at: SystemTime,
    length: Duration,
}

impl Budget {
    /// A budget of `length` from now, `now` being the time of day.
    #[must_use]
    pub fn new(now: SystemTime, length: Duration) -> Self {
        Self {
            began: Instant::now(),
            began_at: now,
            length: length.saturating_sub(RESERVE),
        }
    }

    #[must_use]
    pub fn left(&self) -> Duration {
        self.length.saturating_sub(self.began.elapsed())
    }

    /// The same invocation with so much of its end kept back.
    #[must_use]
    pub fn reserving(&self, time: Duration) -> Self {
        Self {
            length: self.length.saturating_sub(time),
            ..*self
        }
    }

    #[must_use]
    pub fn spent(&self) -> Duration {
        self.began.elapsed()
    }

    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.began_at + self.began.elapsed()
    }

    /// Waits, if `pause` and `after`, the work to be done after it, still fit; otherwise says no at
    /// once.
    pub async fn pause(&self, pause: Duration, after: Duration) -> bool {
        let fits = self.left() > pause + after;
        if fits {
            tokio::time::sleep(pause).await;
        }
        fits
    }
}

/// Growing pauses, up to a total: `first`, twice that, and so on, none above `longest`.
#[derive(Clone, Debug)]
pub struct Backoff {
    next: Duration,
    longest: Duration,
    total: Duration,
}

impl Backoff {
    #[must_use]
    pub fn new(first: Duration, longest: Duration, total: Duration) -> Self {
        Self {
            next: first,
            longest,
            total,
        }
    }

    /// Waits once more, or says that the total or the invocation's time is used up.
    pub async fn pause(&mut self, budget: &Budget) -> bool {
        self.pause_for(Duration::ZERO, budget, Duration::from_secs(1))
            .await
    }

    /// The same, waiting `at_least` so long, and only if `after` is left then.
    pub async fn pause_for(
        &mut self,
        at_least: Duration,
        budget: &Budget,
        after: Duration,
    ) -> bool {
        let step = self.next.min(self.total);
        self.total -= step;
        self.next = (self.next * 2).min(self.longest);
        !step.is_zero() && budget.pause(step.max(at_least), after).await
    }

    /// Whether all of it has been waited: the invocation's time did not end it.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.total.is_zero()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn back_off_grows_and_ends_at_its_total() {
        let budget = Budget::new(SystemTime::UNIX_EPOCH, 100 * SECOND);
        let mut backoff = Backoff::new(SECOND, 4 * SECOND, 10 * SECOND);
        while backoff.pause(&budget).await {}
        assert_eq!(budget.spent().as_secs(), 1 + 2 + 4 + 3);
        assert_eq!(
            budget.now().duration_since(SystemTime::UNIX_EPOCH).unwrap(),
            budget.spent()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn no_pause_outlives_the_invocation() {
        let budget = Budget::new(SystemTime::UNIX_EPOCH, 5 * SECOND);
        let mut backoff = Backoff::new(SECOND, 8 * SECOND, 60 * SECOND);
        while backoff.pause(&budget).await {}
        assert!(budget.left() >= SECOND, "{:?}", budget.left());
    }
}
