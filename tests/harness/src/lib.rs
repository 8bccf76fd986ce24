//! What the tests share: the library under test, run in this process on the sandbox's world.
//!
//! The real SDK and the real Datadog client speak through [`transport::InProcess`] to the
//! sandbox's gate, in virtual time. What needs sockets and processes uses the sandbox's
//! `Stack` instead.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "test code: a panic is how it says that something is wrong"
)]

pub mod bench;
pub mod by_hand;
pub mod case;
pub mod claims;
pub mod doctor;
pub mod figures;
pub mod fleet;
pub mod function;
pub mod interleave;
pub mod listen;
pub mod orphans;
pub mod overlap;
pub mod pace;
pub mod peer;
pub mod probe;
pub mod refusal;
pub mod stage;
pub mod stall;
pub mod sweep;
pub mod transport;
pub mod trust;
pub mod verdict;
