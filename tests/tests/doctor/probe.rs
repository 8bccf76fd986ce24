//! `datadog-doctor probe`: what it finds out, and that nothing of it stays.

mod answers;
mod document;
mod lags;
mod leftovers;
mod process;
mod refusals;
mod stopped;
mod sweep;

/// A token that was revoked is revoked again (recorded).
const REVOKED_AGAIN: &str = "service_access_token_deleted_again";
