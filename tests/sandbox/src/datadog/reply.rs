//! Answers and refusals.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const TIMESTAMP: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]+00:00");

/// `2025-09-08T09:24:42.999350+00:00`, the form in all recordings.
pub(super) fn timestamp(at: OffsetDateTime) -> String {
    #[expect(
        clippy::expect_used,
        reason = "the format has no component that a date could lack"
    )]
    at.to_utc()
        .format(TIMESTAMP)
        .expect("a date has every component of the format")
}

#[derive(Debug)]
pub(super) struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Reply {
    pub(super) fn json(status: StatusCode, body: &Value) -> Self {
        Self::new(status, Some("application/json"), body.to_string())
    }

    /// Of the newer endpoints (recorded).
    pub(super) fn api(status: StatusCode, body: &Value) -> Self {
        Self::new(status, Some("application/vnd.api+json"), body.to_string())
    }

    pub(super) fn ok(body: &Value) -> Self {
        Self::json(StatusCode::OK, body)
    }

    pub(super) fn created(body: &Value) -> Self {
        Self::json(StatusCode::CREATED, body)
    }

    /// 204 for an ended key or role, with the type of a body that it does not have (recorded
    /// since 2023).
    pub(super) fn deleted() -> Self {
        Self::new(
            StatusCode::NO_CONTENT,
            Some("text/html; charset=utf-8"),
            String::new(),
        )
    }

    /// 204 for a disabled user, without a type (recorded).
    pub(super) fn disabled() -> Self {
        Self::new(StatusCode::NO_CONTENT, None, String::new())
    }

    pub(super) fn insert_header(&mut self, name: &'static str, value: impl Into<HeaderValue>) {
        self.headers
            .insert(HeaderName::from_static(name), value.into());
    }

    pub(super) fn into_response(self) -> Response<Bytes> {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }

    fn new(status: StatusCode, content_type: Option<&'static str>, body: String) -> Self {
        let content_type =
            content_type.map(|kind| (header::CONTENT_TYPE, HeaderValue::from_static(kind)));
        Self {
            status,
            headers: content_type.into_iter().collect(),
            body: body.into(),
        }
    }
}

/// An answer that ends a request without effect.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    error: String,
    edge: bool,
    /// The error as an object, where the endpoint has such.
    object: Option<Value>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self {
            status,
            error: error.into(),
            edge: false,
            object: None,
        }
    }

    /// In JSON:API's shape (recorded of 404 and 409).
    pub(super) fn api(status: StatusCode, title: &str, detail: Option<&str>) -> Self {
        let mut object = json!({ "status": status.as_str(), "title": title });
        if let Some(detail) = detail {
            object["detail"] = detail.into();
        }
        Self {
            object: Some(object),
            ..Self::new(status, title)
        }
    }

    /// 400, without a status in its body (recorded).
    pub(super) fn generic(detail: &str) -> Self {
        Self {
            object: Some(json!({ "title": "Generic Error", "detail": detail })),
            ..Self::new(StatusCode::BAD_REQUEST, detail)
        }
    }

    /// 400 about one member (recorded in 2025).
    pub(super) fn invalid_value(member: &str, what: &str) -> Self {
        let mut refusal = Self::api(
            StatusCode::BAD_REQUEST,
            "Bad Request",
            Some("invalid value"),
        );
        if let Some(object) = &mut refusal.object {
            object["meta"] = json!({ member: what });
        }
        refusal
    }

    /// Synthetic.
    pub(super) fn no_such_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not found")
    }

    /// Recorded, in 2022.
    pub(super) fn api_key_required() -> Self {
        Self::new(StatusCode::FORBIDDEN, "API key required")
    }

    /// A wrong API key does not pass the edge, which answers in a shape of its own (recorded).
    pub(super) fn wrong_api_key() -> Self {
        Self {
            edge: true,
            ..Self::forbidden()
        }
    }

    /// A wrong application key (synthetic), or a permission that it lacks (reported).
    pub(super) fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "Forbidden")
    }

    /// Synthetic; that 401 occurs is documented.
    pub(super) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized")
    }

    /// Synthetic: that a request carries keys or a token and never both is how Datadog's clients
    /// do it.
    pub(super) fn two_credentials() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "More than one kind of credential")
    }

    /// The texts of 400 are synthetic except for [`Self::api_key_quota`].
    pub(super) fn bad_request(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }

    /// Synthetic; the text is reported.
    pub(super) fn api_key_quota() -> Self {
        Self::bad_request("You have exceeded the maximum number of permitted API keys")
    }

    /// Recorded.
    pub(super) fn no_such_api_key() -> Self {
        Self::new(StatusCode::NOT_FOUND, "API key not found")
    }

    /// Recorded.
    pub(super) fn no_such_application_key() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Application key not found")
    }

    /// Synthetic.
    pub(super) fn too_many_requests() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "Too many requests")
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        if let Some(object) = refusal.object {
            return Self::api(refusal.status, &json!({ "errors": [object] }));
        }
        if !refusal.edge {
            return Self::json(refusal.status, &json!({"errors": [refusal.error]}));
        }
        let body = json!({
            "status": "error",
            "code": refusal.status.as_u16(),
            "errors": [refusal.error],
            "statuspage": "http://status.datadoghq.com",
            "twitter": "http://twitter.com/datadogops",
            "email": "support@datadoghq.com",
        });
        Self::new(
            refusal.status,
            Some("application/json"),
            format!("{body}\n"),
        )
    }
}
