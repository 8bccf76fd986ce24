//! The replicas of a secret, before keys are deleted that they may still hold.

use std::time::Duration;

use crate::budget::Backoff;
use crate::error::Problem;
use crate::secrets::Description;

use crate::rotation::context::SecretReader;
use crate::rotation::decide::{Replication, replication};

/// Replication takes seconds; a minute is the most that is waited for it.
fn replication_backoff() -> Backoff {
    Backoff::new(
        Duration::from_secs(1),
        Duration::from_secs(8),
        Duration::from_mins(1),
    )
}

impl SecretReader<'_> {
    /// Waits until every replica has what the primary has, and returns the last reading. Costs nothing
    /// where there are none.
    ///
    /// Fails if a replica has failed or stays behind: its AWSCURRENT may name the key that is about
    /// to be deleted.
    pub(crate) async fn wait_for_replicas(
        &self,
        mut described: Description,
    ) -> Result<Description, Problem> {
        let mut backoff = replication_backoff();
        loop {
            let problem = match replication(&described.replicas) {
                Replication::InSync => return Ok(described),
                Replication::Failed { region } => return Err(Problem::ReplicaFailed { region }),
                Replication::InProgress { region } => Problem::ReplicaBehind { region },
            };
            if !backoff.pause(self.budget).await {
                return Err(problem);
            }
            let secrets = &self.clients.secrets;
            described = secrets.describe(self.secret, self.budget).await?;
        }
    }
}
