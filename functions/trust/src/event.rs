//! What `CloudFormation` sends.

use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::properties::Properties;

/// Where the answer goes. Whoever knows it may answer in the function's place, so that it is never
/// printed.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct ResponseUrl(String);

impl ResponseUrl {
    /// `https`, or `http` to this machine (for tests).
    #[must_use]
    pub fn is_safe(&self) -> bool {
        self.0.starts_with("https://")
            || self.0.starts_with("http://127.0.0.1:")
            || self.0.starts_with("http://localhost:")
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ResponseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// As much of an event as an answer takes: the rest may be wrong, and is answered then.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Envelope {
    #[serde(rename = "ResponseURL")]
    pub response_url: ResponseUrl,
    pub stack_id: String,
    pub request_id: String,
    pub logical_resource_id: String,
    /// Of all but the first event about a resource.
    pub physical_resource_id: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum RequestType {
    Create,
    Update,
    Delete,
}

/// The rest.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    pub request_type: RequestType,
    pub resource_type: String,
    #[serde(default)]
    resource_properties: Map<String, Value>,
}

impl Request {
    #[must_use]
    pub fn properties(&self) -> Properties<'_> {
        Properties::new(&self.resource_properties)
    }
}

impl Envelope {
    /// Account and partition of the stack, from its ARN.
    #[must_use]
    pub fn account(&self) -> Option<(&str, &str)> {
        let mut parts = self.stack_id.split(':');
        let partition = parts.nth(1)?;
        let account = parts.nth(2)?;
        Some((partition, account))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_go_over_tls_or_to_this_machine() {
        let is_safe = |url: &str| ResponseUrl(url.into()).is_safe();
        assert!(is_safe("https://bucket.s3.amazonaws.com/x?y"));
        assert!(is_safe("http://127.0.0.1:4000/x"));
        for url in [
            "http://bucket.s3.amazonaws.com/x",
            "http://127.0.0.1.example/",
            "ftp://x",
            "",
        ] {
            assert!(!is_safe(url), "{url}");
        }
        assert!(
            !format!("{:?}", ResponseUrl("https://x/?Signature=s".into())).contains("Signature")
        );
    }
}
