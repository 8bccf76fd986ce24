//! Rotation of Datadog credentials held in AWS Secrets Manager.

pub mod budget;
pub mod credential;
pub mod datadog;
pub mod event;
pub mod http;
pub mod key_name;
pub mod keys;
pub mod secrets;
pub mod settings;
pub mod site;
pub mod tls;
pub mod value;
