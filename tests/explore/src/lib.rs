//! Explores all states that the shipping functions can reach, instead of orders that are drawn.
//!
//! The functions run as in the other tests: the real SDK and the real Datadog client on the
//! sandbox's world, in virtual time. Every call is held at a [`door`] until the [`search`] lets it
//! go, so the search decides what happens next. It decides everything once.
//!
//! A state is the world in canonical form (see [`canonical`]) and, for each live invocation, the
//! answers that it has been given. A function's future depends on nothing else, so two paths to
//! one state are one. A branch is reached by a new invocation that is fed the recorded answers (see
//! [`run`]): that touches no world.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "test code: a panic is how it says that something is wrong"
)]

mod act;
pub mod actor;
mod acts;
pub mod canonical;
pub mod door;
mod ear;
pub mod explored;
pub mod invariants;
pub mod invocations;
mod moves;
pub mod past;
mod place;
pub mod plan;
pub mod report;
pub mod request;
mod rest;
pub mod run;
pub mod search;
pub mod snapshot;
pub mod story;
