//! Looking at something until it has changed.

use std::time::Duration;

use datadog_rotation::error::Problem;
use tokio::time::{Instant, sleep};

/// Longer than "a few seconds", as Datadog's pages put it; three of these fit into a probe.
pub(crate) const LONGEST: Duration = Duration::from_secs(12);

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What looking has come to.
#[derive(Debug)]
pub(crate) enum Watched {
    /// It was so at a look that was answered so long after the beginning; at the one before it
    /// was not.
    After(Duration),
    /// It was never so.
    Never,
    Failed(Problem),
}

/// Looks again and again, `since` being when that began which is waited for.
pub(crate) async fn until(
    since: Instant,
    mut look: impl AsyncFnMut() -> Result<bool, Problem>,
) -> Watched {
    let mut pause = FIRST_PAUSE;
    let begun = Instant::now();
    loop {
        match look().await {
            Ok(true) => return Watched::After(since.elapsed()),
            Ok(false) => {}
            Err(problem) => return Watched::Failed(problem),
        }
        if begun.elapsed() + pause > LONGEST {
            return Watched::Never;
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
