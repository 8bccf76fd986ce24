//! A value that is read again when Datadog refuses it, as often as it may have been replaced meanwhile.

use std::iter::once;
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

/// So long a reading answers for: who is refused sooner would read the same.
const FRESH: Duration = Duration::from_secs(4);

/// A new key is waited for half a minute: so often it may be refused meanwhile.
const MOST: usize = 10;

/// The value that was read first, and what was read after it. Each stays: calls under way hold it.
#[derive(Debug)]
pub(super) struct Readings<T> {
    first: T,
    /// On the heap, and empty mostly: every future of a step would carry it.
    later: Box<[OnceCell<Reading<T>>; MOST]>,
}

#[derive(Debug)]
struct Reading<T> {
    ended: Instant,
    /// `None`: it could not be read, or is nothing that may take over.
    value: Option<T>,
}

impl<T> Readings<T> {
    pub(super) fn new(first: T) -> Self {
        Self {
            first,
            later: Box::new([const { OnceCell::const_new() }; MOST]),
        }
    }

    pub(super) fn first(&self) -> &T {
        &self.first
    }

    /// Returns what was read last.
    pub(super) fn in_use(&self) -> &T {
        self.all().last().unwrap_or(&self.first)
    }

    /// Returns all values that were read, in the order in which they were.
    pub(super) fn all(&self) -> impl Iterator<Item = &T> {
        let later = self.later.iter().filter_map(OnceCell::get);
        once(&self.first).chain(later.filter_map(|it| it.value.as_ref()))
    }

    /// Returns the value as it is now, if it is another one than `used`. Reads unless somebody has just
    /// done so; several callers share one reading.
    pub(super) async fn successor_of(
        &self,
        used: &T,
        is_same: impl Fn(&T, &T) -> bool,
        read: impl Future<Output = Option<T>>,
    ) -> Option<&T> {
        if is_same(self.in_use(), used)
            && let Some(due) = self.due()
        {
            let reading = async {
                // An answer may be older than the one before. What was replaced does not come back.
                let is_replaced = |it: &T| {
                    !is_same(self.in_use(), it) && self.all().any(|known| is_same(known, it))
                };
                let value = read.await.filter(|it| !is_replaced(it));
                let ended = Instant::now();
                Reading { ended, value }
            };
            due.get_or_init(|| reading).await;
        }
        Some(self.in_use()).filter(|it| !is_same(it, used))
    }

    /// Where the next reading goes: `None` if the last one is fresh, or there have been too many.
    fn due(&self) -> Option<&OnceCell<Reading<T>>> {
        let done = self.later.iter().map_while(OnceCell::get);
        let is_fresh = done.last().is_some_and(|last| last.ended.elapsed() < FRESH);
        let next = self.later.iter().find(|it| !it.initialized());
        next.filter(|_| !is_fresh)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::time::sleep;

    use super::*;

    /// Returns a reader that counts, and what it reads: the number of the reading.
    async fn read(count: &Cell<u8>) -> Option<u8> {
        count.set(count.get() + 1);
        sleep(Duration::from_millis(10)).await;
        Some(count.get())
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_read_as_often_as_it_may_have_changed_and_once_for_all_who_ask() {
        let (readings, count) = (Readings::new(0), Cell::new(0));
        let after = |used| readings.successor_of(used, u8::eq, read(&count));
        let told = tokio::join!(after(&0), after(&0), after(&0));
        assert_eq!(told, (Some(&1), Some(&1), Some(&1)));
        assert_eq!(after(&0).await, Some(&1), "that is known");
        assert_eq!(after(&1).await, None, "it was just read");
        sleep(FRESH).await;
        assert_eq!(after(&1).await, Some(&2));
        assert_eq!(count.get(), 2);
        assert_eq!((readings.first(), readings.in_use()), (&0, &2));
        assert_eq!(readings.all().collect::<Vec<_>>(), [&0, &1, &2]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_replaced_does_not_come_back() {
        let readings = Readings::new(0);
        for (read, told) in [(1, Some(&1)), (0, Some(&1)), (2, Some(&2))] {
            let after = *readings.in_use();
            let answer = readings.successor_of(&after, u8::eq, async { Some(read) });
            assert_eq!(answer.await.or(Some(&after)), told, "{read}");
            sleep(FRESH).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_can_not_be_read_is_read_later_and_not_for_ever() {
        let readings = Readings::new(0);
        let count = Cell::new(0);
        for _ in 0..2 * MOST {
            let fails = async {
                count.set(count.get() + 1);
                None
            };
            assert_eq!(readings.successor_of(&0, u8::eq, fails).await, None);
            sleep(FRESH).await;
        }
        assert_eq!(count.get(), MOST);
        assert_eq!(readings.in_use(), &0);
    }
}
