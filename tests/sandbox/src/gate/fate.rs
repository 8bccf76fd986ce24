//! What may happen to a call, and who decides it.

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use serde_json::Value;
use tokio::sync::oneshot;

use super::{Call, Lie};

/// What happens to a call. `Before` means that the service never saw it, `After` that it carried
/// the call out and only the answer was lost.
#[derive(Debug)]
pub enum Fate {
    Pass,
    /// 500, nothing done.
    FailBefore,
    /// 500, and yet done.
    FailAfter,
    CutBefore,
    CutAfter,
    SilenceBefore,
    SilenceAfter,
    /// 429 of Datadog, `ThrottlingException` of Secrets Manager; nothing done.
    Throttle,
    KillBefore,
    KillAfter,
    /// Held at the door until released; other calls overtake it.
    Pause(Pause),
    /// Takes effect and is answered only after so long. A caller that does not wait so long takes
    /// it back.
    Slow(Duration),
    /// The caller waits in vain, and it is done so long after.
    Late(Duration),
    /// A web page with this status, as a proxy on the way would answer; nothing done.
    Html(StatusCode),
    /// Done, but the answer ends half-way.
    Truncated,
    /// An error of the service's own with this status; nothing done. Secrets Manager says that
    /// nothing is found with a 400, so 404 stands for that.
    Refuse(StatusCode),
    /// Every delegated token has come to its end; then the call passes.
    TokensExpired,
    /// Every delegated token has been revoked; then the call passes.
    TokensRevoked,
    /// Done, and the answer is padded with blanks to this many bytes.
    Oversized(usize),
    /// A wrong answer of a right shape.
    Lie(Lie),
    /// The call passes, and its answer, if it is a success, is changed so.
    Edited(Edit),
    /// The call passes; the value of a key that it creates has a shape that nobody has seen yet.
    NewShape,
    /// From now on the key that the call is about can't be deleted: each try is answered with this
    /// status. Then the call passes.
    Undeletable(StatusCode),
}

impl Fate {
    /// Whether the service sees the call. A pause has to be released first.
    #[must_use]
    pub fn reaches_service(&self) -> bool {
        match self {
            Self::Pass
            | Self::Slow(_)
            | Self::FailAfter
            | Self::CutAfter
            | Self::SilenceAfter
            | Self::KillAfter
            | Self::Truncated
            | Self::Edited(_)
            | Self::TokensExpired
            | Self::TokensRevoked
            | Self::NewShape
            | Self::Undeletable(_)
            | Self::Oversized(_) => true,
            Self::Lie(lie) => lie.reaches_service(),
            Self::FailBefore
            | Self::CutBefore
            | Self::Late(_)
            | Self::SilenceBefore
            | Self::Throttle
            | Self::KillBefore
            | Self::Pause(_)
            | Self::Html(_)
            | Self::Refuse(_) => false,
        }
    }

    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::FailBefore => "fail before",
            Self::FailAfter => "fail after",
            Self::CutBefore => "cut before",
            Self::CutAfter => "cut after",
            Self::SilenceBefore => "silence before",
            Self::SilenceAfter => "silence after",
            Self::Throttle => "throttle",
            Self::KillBefore => "kill before",
            Self::KillAfter => "kill after",
            Self::Pause(_) => "pause",
            Self::Slow(_) => "slow",
            Self::Late(_) => "late",
            Self::Html(_) => "html",
            Self::Refuse(_) => "refuse",
            Self::Truncated => "truncated",
            Self::TokensExpired => "tokens expired",
            Self::TokensRevoked => "tokens revoked",
            Self::Oversized(_) => "oversized",
            Self::Lie(lie) => lie.name(),
            Self::Edited(_) => "edited",
            Self::NewShape => "new shape",
            Self::Undeletable(_) => "undeletable",
        }
    }
}

/// A change of an answer's body.
pub struct Edit(Box<dyn Fn(&mut Value) + Send + Sync>);

impl Edit {
    pub fn new(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        Self(Box::new(change))
    }

    pub(super) fn change(&self, body: &mut Value) {
        (self.0)(body);
    }
}

impl fmt::Debug for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Edit")
    }
}

/// Decides the fate of every call, in the order of arrival. It must not use the gate itself.
pub trait Script: Send {
    fn fate(&mut self, call: &Call) -> Fate;
}

impl<F: FnMut(&Call) -> Fate + Send> Script for F {
    fn fate(&mut self, call: &Call) -> Fate {
        self(call)
    }
}

/// The waiting half of a held call.
#[derive(Debug)]
pub struct Pause(oneshot::Receiver<Fate>);

/// The half that lets a held call go. Dropping it lets the call pass.
#[derive(Debug)]
pub struct Release(oneshot::Sender<Fate>);

/// A hold for one call: the first half goes into [`Fate::Pause`], the second ends it.
#[must_use]
pub fn pause() -> (Pause, Release) {
    let (sender, receiver) = oneshot::channel();
    (Pause(receiver), Release(sender))
}

impl Pause {
    pub(super) async fn released(self) -> Fate {
        self.0.await.unwrap_or(Fate::Pass)
    }
}

impl Release {
    pub fn pass(self) {
        self.with(Fate::Pass);
    }

    /// Releases the call into another fate. A caller that has gone meanwhile is no matter.
    pub fn with(self, fate: Fate) {
        let _gone = self.0.send(fate);
    }
}
