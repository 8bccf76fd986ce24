//! Local stand-ins for the services that a rotation touches.
//!
//! [`secrets_manager::SecretsManager`] and [`datadog::Datadog`] are plain state machines: one
//! request in, one response out, time handed in. Nothing in them knows the code under test.

pub mod datadog;
pub mod secrets_manager;
