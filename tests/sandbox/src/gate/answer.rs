//! What a caller sees of each fate, in the words of the service it called.

use std::iter;

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{Response, StatusCode};
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::lie::changed;
use super::{Call, Fate, Lie, Outcome, Service};
use crate::{functions, sns};

pub(super) fn outcome(service: Service, fate: &Fate, answer: Option<Response<Bytes>>) -> Outcome {
    match fate {
        Fate::Pass
        | Fate::Slow(_)
        | Fate::TokensExpired
        | Fate::TokensRevoked
        | Fate::NewShape
        | Fate::Undeletable(_) => answer.map_or(Outcome::Silence, Outcome::Answer),
        Fate::Lie(Lie::SaysError) => Outcome::Answer(says_error(service)),
        Fate::Lie(Lie::SaysDone) => Outcome::Answer(respond(service, StatusCode::OK, &json!({}))),
        Fate::Lie(lie) => answer.map_or(Outcome::Cut, |it| Outcome::Answer(lie.told(it))),
        Fate::Edited(edit) => answer.map_or(Outcome::Cut, |it| {
            Outcome::Answer(changed(it, |body| edit.change(body)))
        }),
        Fate::FailBefore | Fate::FailAfter => Outcome::Answer(failed(service)),
        Fate::CutBefore | Fate::CutAfter => Outcome::Cut,
        Fate::SilenceBefore | Fate::SilenceAfter | Fate::Late(_) | Fate::Pause(_) => {
            Outcome::Silence
        }
        Fate::Throttle => Outcome::Answer(throttled(service)),
        Fate::KillBefore | Fate::KillAfter => Outcome::Killed,
        Fate::Html(status) => Outcome::Answer(page(*status)),
        Fate::Refuse(status) => Outcome::Answer(refused(service, *status)),
        Fate::Truncated => answer.map_or(Outcome::Cut, |answer| {
            Outcome::Answer(answer.map(|body| body.slice(..body.len() / 2)))
        }),
        Fate::Oversized(length) => answer.map_or(Outcome::Cut, |answer| {
            Outcome::Answer(answer.map(|body| padded(&body, *length)))
        }),
    }
}

/// The texts that nobody may print, in a body that is no success's, or no JSON.
///
/// AWS's own reasons may be printed, for they can only repeat what was sent: of any call that sends
/// no secret value, and of the one that does where they are not about its parameters.
pub(super) fn complaints(call: &Call, answer: &Response<Bytes>) -> Vec<String> {
    let is_json = || serde_json::from_slice::<IgnoredAny>(answer.body()).is_ok();
    if answer.status().is_success() && is_json() {
        return Vec::new();
    }
    let mut texts = Vec::new();
    match serde_json::from_slice(answer.body()) {
        Ok(body) if call.service == Service::SecretsManager && is_reason(call, &body) => {}
        Ok(body) => collect(&body, &mut texts),
        Err(_) => texts.push(String::from_utf8_lossy(answer.body()).into_owned()),
    }
    texts.retain(|text| text.len() >= 12);
    texts
}

fn is_reason(call: &Call, body: &Value) -> bool {
    let about_who_or_what = [
        "AccessDeniedException",
        "ExpiredTokenException",
        "InvalidRequestException",
        "LimitExceededException",
        "EncryptionFailure",
    ];
    call.operation != "PutSecretValue"
        || body["__type"]
            .as_str()
            .is_some_and(|it| about_who_or_what.contains(&it))
}

fn collect(body: &Value, texts: &mut Vec<String>) {
    match body {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|it| collect(it, texts)),
        Value::Object(members) => {
            let members = members.iter().filter(|(name, _)| *name != "__type");
            members.for_each(|(_, it)| collect(it, texts));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn failed(service: Service) -> Response<Bytes> {
    let body = match service {
        Service::Sns => {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            return sns::error(
                status,
                "InternalFailure",
                "An error occurred on the server side.",
            );
        }
        Service::Lambda => {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            return functions::error(status, "ServiceException", "An error occurred");
        }
        Service::SecretsManager => json!({
            "__type": "InternalServiceError",
            "Message": "An error occurred on the server side.",
        }),
        Service::Datadog | Service::CloudFormation => {
            json!({ "errors": ["Internal Server Error"] })
        }
    };
    respond(service, StatusCode::INTERNAL_SERVER_ERROR, &body)
}

fn refused(service: Service, status: StatusCode) -> Response<Bytes> {
    let (status, body) = match (service, status) {
        (Service::Sns, StatusCode::NOT_FOUND) => {
            return sns::error(status, "NotFound", "The topic was not found by the script");
        }
        (Service::Sns, _) => {
            return sns::error(status, "AuthorizationError", "The script does not allow it");
        }
        (Service::Lambda, StatusCode::NOT_FOUND) => {
            return functions::error(
                status,
                "ResourceNotFoundException",
                "Not found by the script",
            );
        }
        (Service::Lambda, _) => {
            return functions::error(
                status,
                "AccessDeniedException",
                "The script does not allow it",
            );
        }
        (Service::SecretsManager, StatusCode::NOT_FOUND) => (
            StatusCode::BAD_REQUEST,
            json!({
                "__type": "ResourceNotFoundException",
                "Message": "Secrets Manager can't find the specified secret value.",
            }),
        ),
        (Service::SecretsManager, _) => (
            status,
            json!({
                "__type": "InvalidRequestException",
                "Message": "You can't perform this operation now.",
            }),
        ),
        (Service::Datadog | Service::CloudFormation, _) => (
            status,
            json!({ "errors": ["The request was refused by the script"] }),
        ),
    };
    respond(service, status, &body)
}

/// 200, though it says that nothing was done.
fn says_error(service: Service) -> Response<Bytes> {
    let body = json!({ "status": "error", "errors": ["The request was not carried out"] });
    respond(service, StatusCode::OK, &body)
}

/// Header values follow Datadog's rate-limit documentation; the numbers are made up.
fn throttled(service: Service) -> Response<Bytes> {
    match service {
        Service::Sns => sns::error(StatusCode::TOO_MANY_REQUESTS, "Throttled", "Rate exceeded"),
        Service::Lambda => functions::error(
            StatusCode::TOO_MANY_REQUESTS,
            "TooManyRequestsException",
            "Rate exceeded",
        ),
        Service::SecretsManager => {
            let body = json!({ "__type": "ThrottlingException", "message": "Rate exceeded" });
            respond(service, StatusCode::BAD_REQUEST, &body)
        }
        Service::Datadog | Service::CloudFormation => {
            let body = json!({ "errors": ["Rate limit exceeded"] });
            let mut response = respond(service, StatusCode::TOO_MANY_REQUESTS, &body);
            for (name, value) in [
                ("x-ratelimit-limit", "10"),
                ("x-ratelimit-name", "key_management"),
                ("x-ratelimit-period", "10"),
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset", "1"),
            ] {
                let value = http::HeaderValue::from_static(value);
                response.headers_mut().insert(name, value);
            }
            response
        }
    }
}

fn respond(service: Service, status: StatusCode, body: &Value) -> Response<Bytes> {
    let media_type = match service {
        Service::SecretsManager => "application/x-amz-json-1.1",
        Service::Datadog | Service::Sns | Service::Lambda | Service::CloudFormation => {
            "application/json"
        }
    };
    build(status, media_type, Bytes::from(body.to_string()))
}

fn page(status: StatusCode) -> Response<Bytes> {
    let body = format!("<html><body><h1>{status}</h1>\n</body></html>\n");
    build(status, "text/html", Bytes::from(body))
}

fn build(status: StatusCode, media_type: &'static str, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let media_type = http::HeaderValue::from_static(media_type);
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}

/// Blanks after a JSON text are still JSON: only a bound on the length can refuse them.
fn padded(body: &Bytes, length: usize) -> Bytes {
    let mut padded = BytesMut::from(&body[..]);
    padded.extend(iter::repeat_n(b' ', length.saturating_sub(body.len())));
    padded.freeze()
}
