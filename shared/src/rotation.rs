//! The rotation engine. [`steps`] has the order of effects; read that first.
//!
//! `steps` is order alone. It calls these modules, and none of them calls back:
//! - [`replaced`] and [`orphaned`] delete the two kinds of key that a rotation leaves behind.
//! - `observe` reads secrets and keys. It changes nothing.
//! - [`decide`] says what follows from what was read. It is pure.
//! - `effects` has one file for each effect. Each is the only sender of its call, and notes in the
//!   [`journal`] what happened.

pub(crate) mod context;
pub mod decide;
pub(crate) mod effects;
mod journal;
pub(crate) mod observe;
mod orphaned;
mod replaced;
mod steps;

use crate::clients::Clients;
use crate::credential::Kind;
use crate::deadline::Deadline;
use crate::error::RotationError;
use crate::event::{RotationEvent, Step};
use context::SecretReader;
use journal::Journal;
pub(crate) use journal::StepCounts;

/// Runs one step of a rotation, and logs one line with its outcome if it succeeds.
///
/// A failed step may be invoked again with the same event: it takes up where this one stopped.
pub(crate) async fn run(
    kind: Kind,
    clients: &Clients,
    event: &RotationEvent,
    deadline: &Deadline,
) -> (Result<(), RotationError>, StepCounts) {
    let reader = SecretReader {
        kind,
        clients,
        secret: event.secret.as_str(),
        deadline,
    };
    let mut journal = Journal::default();
    // Boxed: each of the three futures has some 15 KB, and the stack of the others need not hold it.
    let result = match event.step {
        Step::CreateSecret => Box::pin(steps::create(reader, event, &mut journal)).await,
        Step::SetSecret => {
            steps::set(&mut journal);
            Ok(())
        }
        Step::TestSecret => Box::pin(steps::test(reader, event, &mut journal)).await,
        Step::FinishSecret => Box::pin(steps::finish(reader, event, &mut journal)).await,
    };
    let counts = journal.counts();
    if let Err(problem) = result {
        let state = journal.state_after(&problem);
        let error = RotationError::new(Some(event), problem, state, counts.keys.clone());
        return (Err(error), counts);
    }
    let keys: Vec<_> = counts.keys.iter().map(ToString::to_string).collect();
    tracing::info!(
        step = event.step.as_str(),
        r#type = kind.name(),
        secret = event.secret.as_str(),
        version = event.token.as_str(),
        outcome = journal.outcome(),
        deleted = ?keys,
        duration_ms = deadline.spent().as_millis(),
        "step done"
    );
    (Ok(()), counts)
}
