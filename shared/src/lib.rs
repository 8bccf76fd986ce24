//! Rotation of Datadog credentials held in AWS Secrets Manager.
//!
//! Data flows one way: Lambda's event → [`rotator::Rotator`] → the steps ([`rotation`]), which read
//! the secret ([`secrets`]), act at Datadog through the admin ([`admin`], [`datadog`]) and return
//! success or one [`error::RotationError`]. The admin is a pair of keys, or nothing that anybody
//! keeps: the function's own AWS identity ([`identity`], [`delegation`]). Both clients send through
//! one transport ([`http`]). What may be deleted is decided by one pure function
//! ([`rotation::decide::deletable`]).
//!
//! Beside the rotations, [`inspect`] looks at secrets without an event: the doctor's checkups and its
//! search for orphaned keys.
//!
//! What the engine promises, whatever fails and whenever the process ends: AWSCURRENT works after
//! every call; no key is deleted that the secret did not hold or a rotation of it did not create;
//! the next undisturbed rotation leaves no created key behind; no key is ever printed.

pub mod admin;
pub mod aws;
pub mod clients;
pub mod clock_skew;
pub mod credential;
pub mod datadog;
pub mod deadline;
pub mod delegation;
mod endpoint;
pub mod error;
pub mod event;
pub mod functions;
pub mod http;
pub mod identity;
pub mod inspect;
pub mod key_name;
pub mod keys;
pub mod log;
pub mod metrics;
pub mod protected;
pub mod regional_arn;
pub mod rotation;
pub mod rotator;
pub mod secrets;
pub mod settings;
mod signature;
pub mod site;
pub mod start;
mod stored;
pub mod timestamp;
pub mod tls;
pub mod topic;
pub mod value;
mod words;

pub use credential::Kind;
pub use rotator::run;
