//! Takes AWSPENDING off a version that can never be promoted: its key is dead, has leaked or ends too soon, or its
//! value is not that of the key beside it. A value can't be replaced under its token, so the living half of a pair is
//! deleted, and the next rotation starts afresh.

use super::delete::{Grounds, Reason, delete};
use crate::credential::TokenPart;
use crate::error::Problem;
use crate::keys::KeyRef;
use crate::protected::ProtectedKeys;
use crate::secrets::{CURRENT, PENDING, PREVIOUS};

use crate::rotation::context::{StepContext, TokenLabel, Version};
use crate::rotation::decide::Candidates;
use crate::rotation::journal::{Entry, Journal};

/// Returns the problem that the step ends with: `problem`, for which the version can't be promoted, or why it could
/// not be abandoned.
pub(in crate::rotation) async fn abandon(
    cx: &StepContext<'_>,
    pending: &Version,
    problem: Problem,
    journal: &mut Journal,
) -> Problem {
    // What still works is found by its name, once no label leads to it: a token that ends too soon, and a key
    // beside another's ID, by which nothing must be deleted.
    let left: Vec<KeyRef> = if let Problem::PendingKeyMismatch { key, .. } = &problem {
        warn_of_names(cx, pending);
        vec![key.clone()]
    } else if cx.has_leaked(pending) {
        // As AWSPREVIOUS's they go in the next createSecret.
        let labels = &cx.secret.description.labels;
        let is_previous = labels.carries(&pending.id, PREVIOUS);
        let keys = pending.credential.keys().into_iter();
        keys.filter(|_| is_previous).collect()
    } else {
        let token = pending.credential.token();
        token.into_iter().map(TokenPart::key_ref).collect()
    };
    match delete_and_unlabel(cx, pending, &left, journal).await {
        Ok(()) => {
            journal.note(Entry::Abandoned { left });
            problem
        }
        Err(problem) => problem,
    }
}

/// Names the keys that createSecret may have stored: an ID that is another's leads to none of them.
fn warn_of_names(cx: &StepContext<'_>, pending: &Version) {
    for key in pending.credential.keys() {
        let name = cx.secret.names.name(key.class, &pending.id, 0, "*");
        tracing::warn!(
            secret = cx.reader.secret,
            version = pending.id.as_str(),
            class = %key.class,
            name,
            "an ID in the version is not that of its key: a key that createSecret stored there is found by this \
             name (in place of the asterisk it has the day)"
        );
    }
}

async fn delete_and_unlabel(
    cx: &StepContext<'_>,
    pending: &Version,
    left: &[KeyRef],
    journal: &mut Journal,
) -> Result<(), Problem> {
    let reader = cx.reader;
    // Another invocation, which met an edge that knows the key, may have promoted it meanwhile.
    let label = reader.label_of(&pending.id, reader.deadline).await?;
    match label {
        Some(TokenLabel::Pending) => {}
        Some(TokenLabel::Current) => {
            journal.note(Entry::PromotedByAnother);
            return Err(Problem::LabelsMoved);
        }
        None => {
            let left = pending.credential.keys();
            journal.note(Entry::Abandoned { left });
            return Err(Problem::LabelsMoved);
        }
    }
    let mut keys = pending.credential.keys();
    keys.retain(|key| !left.contains(key));
    if !keys.is_empty() {
        delete_the_rest(cx, pending, &keys, journal).await?;
    }
    let secrets = &reader.clients.secrets;
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    let removed = secrets.abandon(reader.secret, &pending.id, reader.deadline);
    let removed = removed.await;
    // It may have taken effect all the same, before its answer was lost or it was tried again; and it
    // may have waited while another invocation promoted the version.
    let labels = match (reader.labels(reader.deadline).await, &removed) {
        (Ok(labels), _) => labels,
        // That the label is off is known without them.
        (Err(_), Ok(())) => return Ok(()),
        (Err(problem), Err(_)) => return Err(problem),
    };
    if labels.carries(&pending.id, CURRENT) {
        journal.note(Entry::PromotedByAnother);
        return Err(Problem::LabelsMoved);
    }
    match removed {
        Err(error) if labels.carries(&pending.id, PENDING) => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

async fn delete_the_rest(
    cx: &StepContext<'_>,
    pending: &Version,
    keys: &[KeyRef],
    journal: &mut Journal,
) -> Result<(), Problem> {
    let mut kept = ProtectedKeys::default();
    kept.add(&cx.secret.current.credential);
    if let Some(previous) = cx.reader.previous(&cx.secret).await? {
        kept.add(&previous.credential);
    }
    let (admin, candidates) = (&cx.secret.admin, Candidates::Named(keys));
    // Nobody need ever have compared the ID with the value: a person may have stored both.
    let grounds = Grounds {
        reason: Reason::Unverified,
        old: Some(&pending.credential),
        labels: Some((&cx.secret.description).into()),
    };
    delete(cx, admin, candidates, &kept, grounds, journal).await
}
