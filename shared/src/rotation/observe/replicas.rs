//! The replicas of a secret, before keys are deleted that they may still hold.

use std::time::Duration;

use tokio::time::Instant;

use crate::deadline::Backoff;
use crate::error::Problem;
use crate::secrets::{Description, Replica};

use crate::rotation::context::SecretReader;
use crate::rotation::decide::{Replication, replication};

/// A replica's status itself may be late. "In sync" counts once it is read so long after the first
/// reading, or it may be from before the last change.
const STATUS_LAG: Duration = Duration::from_secs(5);

/// Replication takes seconds; a minute is the most that is waited for it.
fn replication_backoff() -> Backoff {
    Backoff::new(
        Duration::from_secs(1),
        Duration::from_secs(8),
        Duration::from_mins(1),
    )
}

impl SecretReader<'_> {
    /// Waits until every replica has what the primary has, and returns the last reading. Takes 5 s at
    /// least where there are replicas, and costs nothing where there are none.
    ///
    /// Fails if a replica has failed or stays behind: its AWSCURRENT may name the key that is about
    /// to be deleted.
    pub(crate) async fn wait_for_replicas(
        &self,
        mut described: Description,
    ) -> Result<Description, Problem> {
        let Some(Replica { place, .. }) = described.replicas.first().cloned() else {
            return Ok(described);
        };
        let (mut backoff, since) = (replication_backoff(), Instant::now());
        loop {
            let problem = match replication(&described.replicas) {
                Replication::InSync if since.elapsed() >= STATUS_LAG => return Ok(described),
                Replication::InSync => Problem::ReplicaBehind {
                    place: place.clone(),
                },
                Replication::Failed { place, message } => {
                    return Err(Problem::ReplicaFailed { place, message });
                }
                Replication::InProgress { place } => Problem::ReplicaBehind { place },
            };
            if !backoff.pause(self.deadline).await {
                return Err(problem);
            }
            let secrets = &self.clients.secrets;
            described = secrets.describe(self.secret, self.deadline).await?;
        }
    }
}
