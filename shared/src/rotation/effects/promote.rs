//! Moves AWSCURRENT.

use crate::error::Problem;
use crate::event::{RotationEvent, VersionId};
use crate::secrets::{CURRENT, Description, Repeats};

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
    let (secrets, token) = (&reader.clients.secrets, &event.token);
    let (mut seen, mut repeats) = (seen, Repeats::of_an_effect());
    let moved = loop {
        // Before each attempt: the one before may have waited for minutes.
        reader.confirm_pending(token, &mut seen).await?;
        journal.note(Entry::PromotionUnknown);
        #[expect(clippy::disallowed_methods, reason = "this is the one place")]
        let moved = secrets.promote(reader.secret, from, token, reader.deadline);
        match moved.await {
            Err(error) if repeats.wait(&error, reader.deadline).await => {}
            moved => break moved,
        }
    };
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
        FailedPromotion::NotMoved if !repeats.is_unknown => {
            journal.note(Entry::NotPromoted);
            error.into()
        }
        FailedPromotion::NotMoved | FailedPromotion::Unknown => error.into(),
    })
}
