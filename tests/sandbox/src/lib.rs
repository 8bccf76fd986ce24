//! Local stand-ins for the services that a rotation touches.
//!
//! [`secrets_manager::SecretsManager`], [`datadog::Datadog`] and
//! [`cloudformation::CloudFormation`] are plain state machines: one request in, one response out, time handed in. Nothing in them knows the code under test.
//! Above them, each layer knows only the ones before it:
//!
//! - [`sts::Sts`] knows whose credentials have signed a request; Datadog asks it, nobody else;
//! - [`sns::Sns`] asks it likewise whose message it takes, and [`functions::Functions`] who looks at them;
//! - [`world`] holds one of each and a clock;
//! - [`gate`] is the only way in, and the place where calls are recorded and faults are made;
//! - [`server`] puts a gate on a loopback port;
//! - [`lambda`] runs function binaries as Lambda would, their calls bound for the gate;
//! - [`rotation`] invokes a function step by step as Secrets Manager does;
//! - [`ledger`] watches the gate and books what breaks a [`promise`];
//! - [`scene`] and [`stack`] set all of it up with three secrets worth rotating.

pub mod account;
pub mod certificate;
pub mod cloudformation;
pub mod credential;
pub mod datadog;
pub mod executables;
pub mod functions;
pub mod gate;
pub mod lambda;
pub mod ledger;
mod loopback;
pub mod permissions;
pub mod promise;
pub mod rotation;
pub mod scene;
pub mod secrets_manager;
pub mod server;
pub mod service;
pub mod sns;
pub mod stack;
pub mod sts;
pub mod world;
