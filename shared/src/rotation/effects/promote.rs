//! Moves AWSCURRENT.

use crate::error::Problem;
use crate::event::{RotationEvent, VersionId};
use crate::secrets::{CURRENT, Description};

use crate::rotation::context::{SecretReader, SeenLabels};
use crate::rotation::decide::{FailedPromotion, failed_promotion};
use crate::rotation::journal::{Entry, Journal};
use crate::rotation::observe::consistency_backoff;

/// Moves AWSCURRENT from the version whose value was read, and from no other, to the event's token. `seen`: the labels
/// that the step goes by. If the token has lost AWSPENDING since, its keys may be gone: then nothing is moved.
///
/// Whatever was answered, the labels are read: AWSCURRENT on the token is success after a refusal too,
/// and nothing is deleted on a word alone. Returns the reading.
pub(in crate::rotation) async fn promote(
    reader: SecretReader<'_>,
    event: &RotationEvent,
    from: &VersionId,
    seen: SeenLabels<'_>,
    journal: &mut Journal,
) -> Result<Description, Problem> {
    reader.confirm_pending(&event.token, seen).await?;
    journal.note(Entry::PromotionUnknown);
    let (secrets, token) = (&reader.clients.secrets, &event.token);
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    let moved = secrets
        .promote(reader.secret, from, token, reader.deadline)
        .await;
    let mut backoff = consistency_backoff();
    loop {
        let described = secrets.describe(reader.secret, reader.deadline).await?;
        if described.labels.carries(token, CURRENT) {
            journal.note(Entry::Promoted);
            return Ok(described);
        }
        if !backoff.pause(reader.deadline).await {
            break;
        }
    }
    let Err(error) = moved else {
        return Err(Problem::PromotionNotSeen);
    };
    Err(match failed_promotion(&error) {
        FailedPromotion::Refused => Problem::PromotionRefused,
        FailedPromotion::NotMoved => {
            journal.note(Entry::NotPromoted);
            error.into()
        }
        FailedPromotion::Unknown => error.into(),
    })
}
