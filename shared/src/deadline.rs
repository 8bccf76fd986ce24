//! When an invocation must have ended, and what waits until then.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// Kept back at the end of an invocation, so that its error is answered before Lambda ends it.
const RESERVE: Duration = Duration::from_secs(1);

/// An invocation acts no longer than this, whatever timeout Lambda was given (its own limit is 5400 s):
/// a key is taken for orphaned at an age of 15 minutes, and whoever created it must have stopped by
/// then.
pub const LONGEST_INVOCATION: Duration = Duration::from_mins(14);

/// Who may wait no longer than that gives up: whoever else asks is still there.
const WORTHWHILE: Duration = Duration::from_secs(1);

/// When this invocation must have ended, and what time it is.
///
/// Both run on tokio's clock: tests let it jump.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    began: Instant,
    began_at: SystemTime,
    length: Duration,
    seed: u64,
}

impl Deadline {
    /// Returns the deadline that is `length` from now, less a second to answer in, and 14 minutes at most. `now` is the time of day.
    #[must_use]
    pub fn new(now: SystemTime, length: Duration) -> Self {
        Self {
            began: Instant::now(),
            began_at: now,
            length: length.saturating_sub(RESERVE).min(LONGEST_INVOCATION),
            seed: 0,
        }
    }

    /// Returns the same for one among many who work at once: they differ in what [`JitteredBackoff`] draws.
    #[must_use]
    pub fn of(&self, who: impl Hash) -> Self {
        let seed = hash(who);
        Self { seed, ..*self }
    }

    #[must_use]
    pub fn length(&self) -> Duration {
        self.length
    }

    #[must_use]
    pub fn left(&self) -> Duration {
        self.length.saturating_sub(self.began.elapsed())
    }

    /// Returns the same invocation with so much of its end kept back.
    #[must_use]
    pub fn reserving(&self, time: Duration) -> Self {
        Self {
            length: self.length.saturating_sub(time),
            ..*self
        }
    }

    /// Returns the same invocation with no more than so much left.
    #[must_use]
    pub fn at_most(&self, time: Duration) -> Self {
        self.reserving(self.left().saturating_sub(time))
    }

    #[must_use]
    pub fn spent(&self) -> Duration {
        self.began.elapsed()
    }

    /// Returns the time of day at which the invocation began.
    #[must_use]
    pub fn began_at(&self) -> SystemTime {
        self.began_at
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
    pub async fn pause(&mut self, deadline: &Deadline) -> bool {
        self.pause_for(deadline, Duration::from_secs(1)).await
    }

    /// Pauses, only if `after` is left then.
    pub async fn pause_for(&mut self, deadline: &Deadline, after: Duration) -> bool {
        // The last pause ends when the time does.
        let room = deadline
            .left()
            .saturating_sub(after + Duration::from_millis(1));
        let step = self.next.min(self.total);
        let step = if room < WORTHWHILE {
            step
        } else {
            step.min(room)
        };
        let waited = !step.is_zero() && deadline.pause(step, after).await;
        if waited {
            self.total -= step;
            self.next = (self.next * 2).min(self.longest);
        }
        waited
    }

    /// Returns whether all of it has been waited: the invocation's time did not end it.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.total.is_zero()
    }
}

/// How often it is tried to come back: windows double, so that time ends sooner than patience.
const MOST_DRAWS: u32 = 8;

/// Exponential back-off with jitter, for an unknown number of concurrent callers: each pause is drawn from
/// a window that doubles, so that callers who were refused together come back apart.
#[derive(Clone, Debug)]
pub struct JitteredBackoff {
    window: Duration,
    draws: u32,
}

impl JitteredBackoff {
    #[must_use]
    pub fn new(window: Duration) -> Self {
        Self { window, draws: 0 }
    }

    /// Waits `at_least` so long and a share of the window, or of what the invocation has left but
    /// for `after`. Says no at once if that is too little to be worth it.
    pub async fn pause(
        &mut self,
        at_least: Duration,
        deadline: &Deadline,
        after: Duration,
    ) -> bool {
        let most = deadline.left().saturating_sub(at_least + after);
        let pause = at_least + self.window.min(most).mul_f64(self.share(deadline));
        self.window = self.window.saturating_mul(2);
        self.draws += 1;
        let is_worthwhile = most > WORTHWHILE && self.draws <= MOST_DRAWS;
        is_worthwhile && deadline.pause(pause, after).await
    }

    /// From 0 to 1, always the same for the same invocation and draw.
    fn share(&self, deadline: &Deadline) -> f64 {
        let drawn = u32::try_from(hash((deadline.seed, self.draws)) >> u32::BITS);
        f64::from(drawn.unwrap_or_default()) / 2_f64.powi(32)
    }
}

fn hash(it: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    it.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn back_off_grows_and_ends_at_its_total() {
        let deadline = Deadline::new(SystemTime::UNIX_EPOCH, 100 * SECOND);
        let mut backoff = Backoff::new(SECOND, 4 * SECOND, 10 * SECOND);
        while backoff.pause(&deadline).await {}
        assert_eq!(deadline.spent().as_secs(), 1 + 2 + 4 + 3);
        assert_eq!(
            deadline
                .now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap(),
            deadline.spent()
        );
    }

    /// Returns when each of many comes back that were refused together.
    async fn returns(window: Duration, length: Duration) -> Vec<Duration> {
        let mut returns = Vec::new();
        for n in 0..1000 {
            let deadline = Deadline::new(SystemTime::UNIX_EPOCH, length).of(n);
            let waited = JitteredBackoff::new(window)
                .pause(SECOND, &deadline, 5 * SECOND)
                .await;
            assert!(
                waited && deadline.left() >= 5 * SECOND,
                "{:?}",
                deadline.left()
            );
            returns.push(deadline.spent());
        }
        returns
    }

    #[tokio::test(start_paused = true)]
    async fn who_were_refused_together_come_back_apart() {
        for (window, length) in [(20, 100), (200, 27)] {
            let returns = returns(window * SECOND, length * SECOND).await;
            for begin in (1..21).step_by(4) {
                let within = (begin * SECOND)..((begin + 4) * SECOND);
                let count = returns.iter().filter(|it| within.contains(*it)).count();
                assert!((150..250).contains(&count), "{count} of 1000 in a fifth");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_window_doubles() {
        let deadline = Deadline::new(SystemTime::UNIX_EPOCH, 1000 * SECOND).of("who");
        let mut jittered = JitteredBackoff::new(SECOND);
        for _ in 0..6 {
            assert!(jittered.pause(Duration::ZERO, &deadline, SECOND).await);
        }
        assert!(deadline.spent() > 8 * SECOND && deadline.spent() < 63 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_comes_back_for_ever() {
        let deadline = Deadline::new(SystemTime::UNIX_EPOCH, LONGEST_INVOCATION);
        let mut jittered = JitteredBackoff::new(Duration::from_millis(1));
        let mut pauses = 0;
        while jittered.pause(Duration::ZERO, &deadline, SECOND).await {
            pauses += 1;
        }
        assert_eq!(pauses, 8);
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_no_time_left_does_not_come_back() {
        let deadline = Deadline::new(SystemTime::UNIX_EPOCH, 10 * SECOND);
        let mut jittered = JitteredBackoff::new(SECOND);
        assert!(!jittered.pause(7 * SECOND, &deadline, SECOND).await);
        assert!(!jittered.pause(Duration::MAX / 4, &deadline, SECOND).await);
        assert_eq!(deadline.spent(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_not_waited_is_not_spent() {
        let deadline = Deadline::new(SystemTime::UNIX_EPOCH, 28 * SECOND);
        let mut backoff = Backoff::new(SECOND, 8 * SECOND, 30 * SECOND);
        while backoff.pause(&deadline).await {}
        assert!(!backoff.is_spent(), "{:?} of 30 s", deadline.spent());
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_acts_longer_than_14_minutes() {
        let deadline = Deadline::new(SystemTime::UNIX_EPOCH, Duration::from_mins(90));
        assert_eq!(deadline.left(), LONGEST_INVOCATION);
    }

    #[tokio::test(start_paused = true)]
    async fn no_pause_outlives_the_invocation() {
        let deadline = Deadline::new(SystemTime::UNIX_EPOCH, 5 * SECOND);
        let mut backoff = Backoff::new(SECOND, 8 * SECOND, 60 * SECOND);
        while backoff.pause(&deadline).await {}
        assert!(deadline.left() >= SECOND, "{:?}", deadline.left());
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_pause_is_what_is_left_but_for_the_work_after_it() {
        // A second is kept back for the answer.
        let deadline = Deadline::new(SystemTime::UNIX_EPOCH, 11 * SECOND);
        assert_eq!(deadline.length(), 10 * SECOND);
        let mut backoff = Backoff::new(8 * SECOND, 8 * SECOND, 60 * SECOND);
        assert!(backoff.pause_for(&deadline, 5 * SECOND).await);
        let left = deadline.left();
        assert!(
            (5 * SECOND..5 * SECOND + SECOND / 100).contains(&left),
            "{left:?}"
        );
    }

    /// A pause that is cut to less would be no pause.
    #[tokio::test(start_paused = true)]
    async fn a_pause_is_not_cut_to_less_than_is_worthwhile() {
        let deadline = Deadline::new(SystemTime::UNIX_EPOCH, 2 * SECOND);
        let mut backoff = Backoff::new(8 * SECOND, 8 * SECOND, 60 * SECOND);
        assert!(!backoff.pause_for(&deadline, SECOND + SECOND / 2).await);
        assert_eq!(deadline.spent(), Duration::ZERO);
    }
}
