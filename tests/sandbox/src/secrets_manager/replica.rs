//! A copy of a secret in another region, or in another account.

use std::time::Duration;

use time::OffsetDateTime;

/// For so long after a change the status may still be the one before it. Assumed: nobody has documented it.
const STATUS_LAG: Duration = Duration::from_secs(2);

/// How a replica follows its primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replication {
    /// It has each change so long after the primary.
    After(Duration),
    /// It has no change that was made later than this.
    FailedSince(OffsetDateTime),
}

#[derive(Clone, Debug)]
pub(super) struct Replica {
    /// Of one in the primary's own account: its region. Of one in another: that account's number.
    pub(super) place: String,
    pub(super) replication: Replication,
}

impl Replica {
    /// Returns whether another account has it.
    pub(super) fn is_across_accounts(&self) -> bool {
        self.place.bytes().all(|it| it.is_ascii_digit())
    }

    /// Its ARN: its primary's, with another region or another account.
    pub(super) fn arn(&self, primary: &str) -> String {
        let own = if self.is_across_accounts() { 4 } else { 3 };
        let parts = primary.splitn(7, ':').enumerate();
        let parts = parts.map(|(at, part)| if at == own { &self.place } else { part });
        parts.collect::<Vec<_>>().join(":")
    }

    /// The words of the API model, with messages as its documentation shows them.
    pub(super) fn status(
        &self,
        now: OffsetDateTime,
        changed: OffsetDateTime,
    ) -> (&'static str, &'static str) {
        match self.replication {
            _ if now < changed + STATUS_LAG => ("InSync", "Replication succeeded"),
            Replication::After(lag) if now < changed + lag => ("InProgress", ""),
            Replication::FailedSince(failed) if changed > failed => {
                ("Failed", "Replication failed: Access to KMS is not allowed")
            }
            _ => ("InSync", "Replication succeeded"),
        }
    }

    /// The moment whose labels it shows.
    pub(super) fn has_seen(&self, now: OffsetDateTime) -> OffsetDateTime {
        match self.replication {
            Replication::After(lag) => now - lag,
            Replication::FailedSince(failed) => failed,
        }
    }
}
