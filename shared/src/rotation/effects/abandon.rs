//! Takes AWSPENDING off a version that can never be promoted. Its value can't be replaced under its
//! token, so the next rotation starts afresh.
//!
//! If a key is dead, the living half of a pair is deleted first. A version whose keys all live keeps them:
//! another invocation, which was told otherwise, may be about to promote it. Once no label leads to
//! them, the search for orphaned keys finds them.

use super::delete::{Grounds, Reason, delete};
use crate::error::Problem;
use crate::protected::ProtectedKeys;
use crate::secrets::PENDING;

use crate::rotation::context::{StepContext, TokenLabel, Version};
use crate::rotation::decide::Candidates;
use crate::rotation::journal::{Entry, Journal};
use crate::rotation::observe::Unfit;

/// Returns the problem that the step ends with.
pub(in crate::rotation) async fn abandon(
    cx: &StepContext<'_>,
    pending: &Version,
    unfit: Unfit,
    journal: &mut Journal,
) -> Problem {
    // A token that ends too soon still works.
    let may_live = pending.credential.token().is_some() || matches!(unfit, Unfit::Differs { .. });
    match unlabel(cx, pending, may_live, journal).await {
        Ok(()) => {
            let left = if may_live {
                pending.credential.keys()
            } else {
                Vec::new()
            };
            journal.note(Entry::Abandoned { left });
            unfit.into()
        }
        Err(problem) => problem,
    }
}

async fn unlabel(
    cx: &StepContext<'_>,
    pending: &Version,
    may_live: bool,
    journal: &mut Journal,
) -> Result<(), Problem> {
    let reader = cx.reader;
    // Another invocation, which met an edge that knows the key, may have promoted it meanwhile.
    let label = reader.label_of(&pending.id, reader.budget).await?;
    if label != Some(TokenLabel::Pending) {
        return Err(Problem::PendingLabelLost);
    }
    if !may_live {
        delete_the_rest(cx, pending, journal).await?;
    }
    let secrets = &reader.clients.secrets;
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    let removed = secrets.abandon(reader.secret, &pending.id, reader.budget);
    let Err(error) = removed.await else {
        return Ok(());
    };
    // It may have taken effect all the same, before its answer was lost or it was tried again.
    let labels = reader.labels(reader.budget).await?;
    if labels.carries(&pending.id, PENDING) {
        Err(error.into())
    } else {
        Ok(())
    }
}

async fn delete_the_rest(
    cx: &StepContext<'_>,
    pending: &Version,
    journal: &mut Journal,
) -> Result<(), Problem> {
    let mut kept = ProtectedKeys::default();
    kept.add(&cx.secret.current.credential);
    if let Some(previous) = cx.reader.previous(&cx.secret).await? {
        kept.add(&previous.credential);
    }
    let keys = pending.credential.keys();
    let (admin, candidates) = (&cx.secret.admin, Candidates::Named(&keys));
    // Nobody need ever have compared the ID with the value: a person may have stored both.
    let grounds = Grounds {
        reason: Reason::Unverified,
        old: Some(&pending.credential),
        labels: Some((&cx.secret.description).into()),
    };
    delete(cx, admin, candidates, &kept, grounds, journal).await
}
