//! The effects: one file each, and each the only sender of its call.

mod abandon;
mod announce;
mod copy;
mod create_keys;
pub(crate) mod delete;
pub(crate) mod key_deletion;
mod promote;
mod store;

pub(super) use abandon::abandon;
pub(super) use announce::{announce, announce_again};
pub(super) use copy::{carry_over, promote_copy};
pub(super) use create_keys::create_keys;
pub(super) use delete::{Grounds, Reason, delete};
pub(super) use promote::promote;
pub(super) use store::{Stored, store};
