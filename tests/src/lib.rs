//! What the tests share: the library under test, run in this process on the sandbox's world.
//!
//! The real SDK and the real Datadog client speak through [`transport::InProcess`] to the
//! sandbox's gate, in virtual time. What needs sockets and processes uses the sandbox's
//! `Stack` instead.

pub mod bench;
pub mod function;
pub mod refusal;
pub mod transport;
