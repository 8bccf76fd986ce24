//! What the gate knows and keeps of a call.

use std::fmt;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use serde_json::Value;
use time::OffsetDateTime;

use crate::service::Service;

/// Request extension that says who calls, when somebody wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller(pub String);

/// A call at the moment it arrives. It holds no key, token or secret value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// 1 for the first call through its gate.
    pub number: u64,
    pub at: OffsetDateTime,
    pub service: Service,
    /// `PutSecretValue`, or `DELETE /api/v2/api_keys/{id}`.
    pub operation: String,
    /// The secret as the caller named it, or the last id in the path.
    pub subject: Option<String>,
    pub caller: Option<String>,
}

impl Call {
    #[must_use]
    pub fn read(number: u64, at: OffsetDateTime, request: &Request<Bytes>) -> Self {
        let extensions = request.extensions();
        let target = request
            .headers()
            .get("x-amz-target")
            .and_then(|target| target.to_str().ok()?.strip_prefix("secretsmanager."));
        let service = extensions.get::<Service>().copied().unwrap_or_else(|| {
            match (target, request.uri().host()) {
                (Some(_), _) => Service::SecretsManager,
                (None, Some(crate::cloudformation::HOST)) => Service::CloudFormation,
                (None, Some(host)) if host.starts_with("sns.") => Service::Sns,
                (None, Some(host)) if host.starts_with("lambda.") => Service::Lambda,
                (None, _) => Service::Datadog,
            }
        });
        let (operation, subject) = match service {
            Service::SecretsManager => (target.unwrap_or_default().to_owned(), secret_id(request)),
            Service::Datadog => endpoint(request.method(), request.uri().path()),
            Service::Lambda => crate::functions::operation(request),
            Service::Sns => (field(request, "Action"), Some(field(request, "TopicArn"))),
            // The path is as secret as the rest.
            Service::CloudFormation => (format!("{} answer", request.method()), None),
        };
        Self {
            number,
            at,
            service,
            operation,
            subject,
            caller: extensions.get::<Caller>().map(|caller| caller.0.clone()),
        }
    }

    /// Whether the operation is of the kind that changes something when it succeeds. A token that
    /// was handed out is nothing that anybody else would notice.
    #[must_use]
    pub fn changes(&self) -> bool {
        let reads = match self.service {
            Service::SecretsManager => {
                ["Describe", "Get", "List", "BatchGet", "Validate"].as_slice()
            }
            Service::Datadog => &["GET ", "POST /api/v2/delegated-token"],
            Service::Lambda => &["Get"],
            Service::Sns | Service::CloudFormation => &[],
        };
        !reads.iter().any(|verb| self.operation.starts_with(verb))
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.operation)?;
        if let Some(subject) = &self.subject {
            write!(f, " ({subject})")?;
        }
        if let Some(caller) = &self.caller {
            write!(f, " by {caller}")?;
        }
        Ok(())
    }
}

/// A call after it was settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRecord {
    pub call: Call,
    /// The fate's name, such as `pass` or `cut after`.
    pub fate: &'static str,
    /// What the service answered, whether or not the caller saw it; `None` if it was not reached.
    pub status: Option<StatusCode>,
    /// The operation is of the changing kind and the service carried it out.
    pub changed_something: bool,
    /// The ids of the Datadog keys in the request's headers.
    pub authenticated_by: Vec<String>,
    /// The id of the key that it has created.
    pub created: Option<String>,
}

impl CallRecord {
    pub(super) fn new(call: Call, fate: &'static str, status: Option<StatusCode>) -> Self {
        Self {
            changed_something: call.changes() && status.is_some_and(|status| status.is_success()),
            call,
            fate,
            status,
            authenticated_by: Vec::new(),
            created: None,
        }
    }

    /// Whether it has created a key or a token at Datadog.
    pub(super) fn creates_key(&self) -> bool {
        let operation = self.call.operation.as_str();
        let is_of_keys = operation.ends_with("_keys") || operation.ends_with("/access_tokens");
        self.changed_something && operation.starts_with("POST ") && is_of_keys
    }

    pub(super) fn by(mut self, keys: Vec<String>) -> Self {
        self.authenticated_by = keys;
        self
    }
}

impl fmt::Display for CallRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.call, self.fate)?;
        match self.status {
            Some(status) => write!(f, ", {}", status.as_u16()),
            None => write!(f, ", not reached"),
        }
    }
}

fn secret_id(request: &Request<Bytes>) -> Option<String> {
    let body: Value = serde_json::from_slice(request.body()).ok()?;
    let id = body.get("SecretId").or_else(|| body.get("Name"))?;
    Some(id.as_str()?.to_owned())
}

/// A field of a form.
fn field(request: &Request<Bytes>, name: &str) -> String {
    let mut fields = form_urlencoded::parse(request.body());
    let field = fields.find(|(own, _)| own == name);
    field
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// The endpoint with ids taken out, and the last of the ids.
fn endpoint(method: &Method, path: &str) -> (String, Option<String>) {
    let mut subject = None;
    let path: Vec<_> = path
        .split('/')
        .map(|segment| {
            if is_uuid(segment) {
                subject = Some(segment.to_owned());
                "{id}"
            } else {
                segment
            }
        })
        .collect();
    (format!("{method} {}", path.join("/")), subject)
}

fn is_uuid(segment: &str) -> bool {
    segment.len() == 36
        && segment.char_indices().all(|(at, c)| match at {
            8 | 13 | 18 | 23 => c == '-',
            _ => c.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(request: http::request::Builder, body: &'static str) -> Call {
        let request = request.body(Bytes::from_static(body.as_bytes())).unwrap();
        Call::read(1, OffsetDateTime::UNIX_EPOCH, &request)
    }

    #[test]
    fn a_target_header_makes_it_a_secrets_manager_call() {
        let request = Request::post("/").header("X-Amz-Target", "secretsmanager.PutSecretValue");
        let call = read(
            request,
            r#"{"SecretId":"datadog/api-key","SecretString":"s3cret"}"#,
        );

        assert_eq!(call.service, Service::SecretsManager);
        assert_eq!(call.to_string(), "1 PutSecretValue (datadog/api-key)");
        assert!(call.changes());
        assert!(!format!("{call:?}").contains("s3cret"));
    }

    #[test]
    fn ids_leave_the_path_of_a_datadog_call() {
        let path = "/api/v2/service_accounts/3f0b3a54-9e0f-4d4c-8e0e-1d9a5b1c2d3e/application_keys/77aa3a54-9e0f-4d4c-8e0e-1d9a5b1c2d3e?page[size]=10";
        let call = read(Request::get(path).extension(Caller("one".into())), "");

        assert_eq!(
            call.operation,
            "GET /api/v2/service_accounts/{id}/application_keys/{id}"
        );
        assert_eq!(
            call.subject.as_deref(),
            Some("77aa3a54-9e0f-4d4c-8e0e-1d9a5b1c2d3e")
        );
        assert_eq!(call.caller.as_deref(), Some("one"));
        assert!(!call.changes());
    }

    #[test]
    fn a_service_in_the_extensions_wins_over_the_headers() {
        let call = read(Request::post("/").extension(Service::SecretsManager), "");

        assert_eq!(call.service, Service::SecretsManager);
        assert_eq!(call.operation, "");
    }

    #[test]
    fn only_what_succeeded_changed_something() {
        let call = read(Request::delete("/api/v2/api_keys/x"), "");

        assert!(
            CallRecord::new(call.clone(), "pass", Some(StatusCode::NO_CONTENT)).changed_something
        );
        assert!(
            !CallRecord::new(call.clone(), "pass", Some(StatusCode::FORBIDDEN)).changed_something
        );
        assert!(!CallRecord::new(call, "kill before", None).changed_something);
    }
}
