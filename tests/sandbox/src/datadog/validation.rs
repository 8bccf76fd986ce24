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

/// A refusal that only its body tells (synthetic).
pub(super) fn error_with_200() -> Reply {
    Reply::ok(&json!({"status": "error", "errors": ["Forbidden"]}))
}

impl Datadog {
    /// `/api/v2/validate`, a preview that tells which API key it was (documented; recorded
    /// nowhere).
    pub(super) fn validate_v2(&self, api_key: &str) -> Result<Reply, Refusal> {
        if !self.settings.validate_v2 {
            return Err(Refusal::no_such_path());
        }
        let is_foreign = self.key(api_key).is_some_and(|key| key.is_foreign);
        let organisation = if is_foreign {
            "0f0f0f0f-0000-4000-8000-0f0f0f0f0f0f"
        } else {
            &self.organisation
        };
        let attributes = json!({"api_key_id": api_key, "api_key_scopes": [], "valid": true});
        let data = json!({"type": "validate_v2", "id": organisation, "attributes": attributes});
        Ok(Reply::ok(&json!({"data": data})))
    }
}
