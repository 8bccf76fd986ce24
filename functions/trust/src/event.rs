//! What `CloudFormation` sends.

use std::fmt;
use std::net::IpAddr;

use http::Uri;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::properties::Properties;

/// Where the answer goes. Whoever knows it may answer in the function's place, so it is never
/// printed.
///
/// It is parsed once, by the parser that the HTTP client uses: what is checked here is what is
/// called.
#[derive(Clone)]
pub struct ResponseUrl(Uri);

impl ResponseUrl {
    /// Returns the URL if an answer may go there: by `https`, or by plain HTTP to `localhost` or a
    /// literal loopback address, as tests and emulators have it. A URL with a user name or password is none of
    /// `CloudFormation`'s.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let authority = uri.authority()?;
        let is_safe = match uri.scheme_str()? {
            "https" => true,
            "http" => is_loopback(authority.host()),
            _ => false,
        };
        (is_safe && !authority.as_str().contains('@')).then_some(Self(uri))
    }

    pub(crate) fn expose(&self) -> &Uri {
        &self.0
    }
}

/// No name is looked up; `localhost` is this machine's by RFC 6761.
fn is_loopback(host: &str) -> bool {
    if host.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    literal.parse().is_ok_and(|it: IpAddr| it.is_loopback())
}

impl<'de> Deserialize<'de> for ResponseUrl {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        // The text itself stays out of the error.
        Self::parse(&text).ok_or_else(|| D::Error::custom("no URL that may be answered"))
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
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_go_over_tls_or_to_this_machine() {
        for url in [
            "https://bucket.s3.amazonaws.com/x?y",
            "HTTPS://bucket.s3.amazonaws.com/x",
            "http://127.0.0.1:4000/x",
            "http://127.0.0.2/x",
            "http://[::1]:4000/x",
            "http://localhost:4000/x",
        ] {
            assert!(ResponseUrl::parse(url).is_some(), "{url}");
        }
        for url in [
            "http://bucket.s3.amazonaws.com/x",
            "http://127.0.0.1.example/",
            "http://127.0.0.1%2eexample/",
            "http://localhost:1@bucket.example/x",
            "http://127.0.0.1@bucket.example/x",
            "http://127.0.0.1\\@bucket.example/x",
            "https://somebody@bucket.s3.amazonaws.com/x",
            "http://localhost.example:4000/x",
            "http://10.0.0.1/x",
            "//bucket.s3.amazonaws.com/x",
            "/x",
            "ftp://x",
            "",
        ] {
            assert!(ResponseUrl::parse(url).is_none(), "{url}");
        }
    }

    #[test]
    fn a_response_url_is_never_printed() {
        let url = ResponseUrl::parse("https://x/?Signature=s").unwrap();
        assert!(!format!("{url:?}").contains("Signature"));
        let refused = json!({
            "ResponseURL": "http://x/?Signature=s", "StackId": "s", "RequestId": "r",
            "LogicalResourceId": "l",
        });
        let error = serde_json::from_value::<Envelope>(refused).unwrap_err();
        assert!(!error.to_string().contains("Signature"), "{error}");
    }
}
