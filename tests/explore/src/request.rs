//! What a call is.

use bytes::Bytes;
use http::Request;
use sandbox::gate::Call;
use serde_json::Value;
use time::OffsetDateTime;

use crate::canonical::{Print, Roles, print};

/// Returns what is called, as the gate names it.
#[must_use]
pub fn operation(request: &Request<Bytes>) -> String {
    Call::read(0, OffsetDateTime::UNIX_EPOCH, request).operation
}

/// Whether a call changes nothing, so that it commutes with every other read.
#[must_use]
pub fn reads(request: &Request<Bytes>) -> bool {
    match action(request) {
        Some(action) => ["Describe", "Get", "List"]
            .iter()
            .any(|it| action.starts_with(it)),
        None => request.method() == http::Method::GET,
    }
}

/// A call as it was sent, but for what differs each time that it is sent.
#[must_use]
pub fn sent(request: &Request<Bytes>) -> Print {
    let (method, target) = (request.method().as_str(), request.uri().to_string());
    print((method, target, action(request), request.body()))
}

/// A call for the story, with its key's role in place of the ID.
#[must_use]
pub fn asked(request: &Request<Bytes>, roles: &Roles) -> String {
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    match action(request) {
        Some(action) => asked_of_aws(action, &body),
        None => asked_of_datadog(request, &body, roles),
    }
}

fn asked_of_aws(action: &str, body: &Value) -> String {
    let detail = [
        "VersionStage",
        "VersionId",
        "MoveToVersionId",
        "ClientRequestToken",
    ];
    let detail = detail.iter().filter_map(|it| body[*it].as_str());
    let detail: Vec<_> = detail
        .map(|it| it.chars().take(13).collect::<String>())
        .collect();
    format!("{action} {}", detail.join(" "))
}

fn asked_of_datadog(request: &Request<Bytes>, body: &Value, roles: &Roles) -> String {
    let (method, path) = (request.method(), request.uri().path());
    if let Some(name) = body["data"]["attributes"]["name"].as_str() {
        return format!("{method} {path} {name}");
    }
    let id = path.rsplit('/').next().unwrap_or_default();
    match roles.of_id(id) {
        role if role == id => format!("{method} {path}"),
        role => format!("{method} {} {role}", path.replace(id, "{id}")),
    }
}

/// What Secrets Manager is asked to do.
fn action(request: &Request<Bytes>) -> Option<&str> {
    let target = request.headers().get("x-amz-target")?.to_str().ok()?;
    Some(target.trim_start_matches("secretsmanager."))
}
