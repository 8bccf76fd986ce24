//! The endpoints that tell whether keys work. Refusals are those of every request.

use serde_json::json;

use super::Datadog;
use super::reply::{Refusal, Reply};

/// `/api/v1/validate`, for an API key alone (recorded).
pub(super) fn v1() -> Reply {
    Reply::ok(&json!({"valid": true}))
}

/// `/api/v2/validate_keys`, for a pair (documented; recorded nowhere).
pub(super) fn pair() -> Reply {
    Reply::ok(&json!({"status": "ok"}))
}

impl Datadog {
    /// `/api/v2/validate`, a preview that tells which API key it was (documented; recorded
    /// nowhere).
    pub(super) fn validate_v2(&self, api_key: &str) -> Result<Reply, Refusal> {
        if !self.settings.validate_v2 {
            return Err(Refusal::no_such_path());
        }
        let attributes = json!({"api_key_id": api_key, "api_key_scopes": [], "valid": true});
        let data =
            json!({"type": "validate_v2", "id": self.organisation, "attributes": attributes});
        Ok(Reply::ok(&json!({"data": data})))
    }
}
