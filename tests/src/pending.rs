//! What is known to break, until the engine holds it: the list may only become shorter.
//!
//! To try one entry alone, give its fault or world to `ONLY` as `{:?}` prints it, and run the test of
//! its type:
//!
//! ```sh
//! ONLY='Refused(401)' cargo test -p tests --test crash_sweep -- lies_to_an_admin_key
//! ONLY='Lie(Without("scopes"))' cargo test -p tests --test crash_sweep -- lies_to_an_application_key
//! ONLY=ShortPages cargo test -p tests --test crash_sweep -- worlds_of_an_api_key
//! ```
//!
//! The test passes for as long as the entry breaks as it says. "Take it off" means that every run of
//! it held: delete the entry, and from then on the same command passes only if it holds. With an
//! entry deleted too early the test shows the shortest broken run, with its calls.
//!
//! Two more things are known to break, each by a test that is expected to panic; take its
//! `should_panic` away to try it:
//!
//! ```sh
//! cargo test -p tests --test steps -- an_attribute_that_nobody_knows
//! cargo test -p tests --test time -- an_invocation_of_90_minutes
//! ```

use sandbox::gate::Lie;

use crate::case::{Fault, Setting, Subject};

/// Faults and worlds that break a promise today. Each is asserted to break it, so that an entry
/// whose time has come fails its test: take it off, and from then on it must hold.
pub const PENDING_ENGINE: &[Pending] = &[
    // One refusal of the list of API keys counts as a missing `api_keys_read`: the new key gets the
    // default category and remote configuration.
    of(Subject::ApiKey, By::Fault(Fault::Refused(401)), "P6"),
    of(Subject::ApiKey, By::Fault(Fault::Refused(403)), "P6"),
    of(Subject::ApiKey, By::Fault(Fault::Page(401)), "P6"),
    of(Subject::ApiKey, By::Fault(Fault::Page(403)), "P6"),
    of(Subject::AdminKey, By::Fault(Fault::Refused(401)), "P6"),
    of(Subject::AdminKey, By::Fault(Fault::Refused(403)), "P6"),
    of(Subject::AdminKey, By::Fault(Fault::Page(401)), "P6"),
    of(Subject::AdminKey, By::Fault(Fault::Page(403)), "P6"),
    of(
        Subject::AssistedAdminKey,
        By::Fault(Fault::Refused(401)),
        "P6",
    ),
    of(
        Subject::AssistedAdminKey,
        By::Fault(Fault::Refused(403)),
        "P6",
    ),
    of(Subject::AssistedAdminKey, By::Fault(Fault::Page(401)), "P6"),
    of(Subject::AssistedAdminKey, By::Fault(Fault::Page(403)), "P6"),
    // A version that answers "no such value" counts as one that holds no key.
    of(Subject::ApiKey, By::Fault(Fault::Refused(404)), "P3"),
    // A look-up whose answer lacks `scopes` counts as that of an unscoped key: an unscoped key is
    // created, and refused for good.
    of(
        Subject::AdminKey,
        By::Fault(Fault::Lie(Lie::Without("scopes"))),
        NEXT_FAILS,
    ),
    of(
        Subject::AssistedAdminKey,
        By::Fault(Fault::Lie(Lie::Without("scopes"))),
        NEXT_FAILS,
    ),
    of(
        Subject::ApplicationKey,
        By::Fault(Fault::Lie(Lie::Without("scopes"))),
        NEXT_FAILS,
    ),
    // After its promotion the new pair is refused by the edges that don't know it yet, and
    // finishSecret gives up.
    of(Subject::AdminKey, By::World(Setting::Edges), NEXT_FAILS),
    // A page shorter than asked ends the list, so the orphaned key is not found.
    of(Subject::AdminKey, By::World(Setting::ShortPages), "P3"),
    of(Subject::ApiKey, By::World(Setting::ShortPages), "P3"),
    // The created key is not read, though its ID is known: it is left alive.
    of(Subject::AdminKey, By::World(Setting::NewShape), NEXT_FAILS),
    of(
        Subject::AssistedAdminKey,
        By::World(Setting::NewShape),
        NEXT_FAILS,
    ),
    of(Subject::ApiKey, By::World(Setting::NewShape), NEXT_FAILS),
    of(
        Subject::ApplicationKey,
        By::World(Setting::NewShape),
        NEXT_FAILS,
    ),
    // DELETE of a key that a person has revoked is refused, and its look-up's `revoked` is not asked
    // for: API keys never rotate again.
    of(
        Subject::ApiKey,
        By::World(Setting::RevokedPrevious),
        NEXT_FAILS,
    ),
    // Spellings of ARNs are compared, so the pair does not know that it rotates itself: the
    // replaced keys stay.
    of(Subject::AdminKey, By::World(Setting::OwnPartialArn), "P3"),
    of(Subject::AdminKey, By::World(Setting::OwnReplicaArn), "P3"),
    // Replication is not waited for: the replaced keys go while a replica still has them under
    // AWSCURRENT.
    of(
        Subject::ApplicationKey,
        By::World(Setting::LaggingReplica),
        "P1",
    ),
    of(
        Subject::ApplicationKey,
        By::World(Setting::FailedReplica),
        "P1",
    ),
    of(Subject::AdminKey, By::World(Setting::LaggingReplica), "P1"),
    of(Subject::AdminKey, By::World(Setting::FailedReplica), "P1"),
    of(
        Subject::AssistedAdminKey,
        By::World(Setting::LaggingReplica),
        "P1",
    ),
    of(
        Subject::AssistedAdminKey,
        By::World(Setting::FailedReplica),
        "P1",
    ),
    // An attribute that no request can set is lost in silence.
    of(Subject::ApiKey, By::World(Setting::EnrollsRunners), "P6"),
    // Resources that come with the caller's account are all read strictly.
    of(
        Subject::KeylessApiKey,
        By::World(Setting::OddResources),
        NEXT_FAILS,
    ),
    of(
        Subject::KeylessApplicationKey,
        By::World(Setting::OddResources),
        NEXT_FAILS,
    ),
    of(
        Subject::KeylessAssistedAdminKey,
        By::World(Setting::OddResources),
        NEXT_FAILS,
    ),
];

const NEXT_FAILS: &str = "the next rotation failed";

const fn of(subject: Subject, by: By, breaks: &'static str) -> Pending {
    Pending {
        subject,
        by,
        breaks,
    }
}

/// One of the things that are known to break.
#[derive(Clone, Copy, Debug)]
pub struct Pending {
    pub subject: Subject,
    pub by: By,
    /// How the text of each broken run begins: `P6`, `the next rotation failed`.
    pub breaks: &'static str,
}

/// What breaks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Fault(Fault),
    World(Setting),
}

/// How the broken runs begin that are expected of this, if any is.
#[must_use]
pub fn expected(subject: Subject, by: By) -> Option<&'static str> {
    let mut entries = PENDING_ENGINE.iter();
    entries
        .find(|it| it.subject == subject && it.by == by)
        .map(|it| it.breaks)
}
