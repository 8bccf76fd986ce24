//! What can be read without effect. The steps look before they act; the doctor only looks.

mod admin;
mod admin_token;
mod current;
mod keys;
mod likeness;
mod orphans;
mod pending;
mod possession;
mod replicas;
mod settings;
mod versions;

pub(crate) use admin::{AdminSource, NamedBy, default_source};
pub(crate) use current::{ApiKeyVerification, CurrentKeys};
pub(crate) use keys::{consistency_backoff, is_other_key, lag_backoff, patience, shows_end_of};
pub(crate) use pending::PendingKeys;
pub(crate) use possession::{Possession, owned_possession, possession};
pub(crate) use versions::{ReadError, parse_fields, read_stored, retry_while_inconsistent};
