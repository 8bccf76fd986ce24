use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Value, json};

/// What the service refuses with: an error code and its text.
///
/// Texts are those of the recordings wherever one exists, and those quoted in issue trackers where
/// one is. The rest are worded here; of them only the code is documented.
#[derive(Debug)]
pub(super) struct Refusal {
    code: &'static str,
    message: String,
}

impl Refusal {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub(super) fn access_denied(message: impl Into<String>) -> Self {
        Self::new("AccessDeniedException", message)
    }

    pub(super) fn invalid_parameter(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterException", message)
    }

    pub(super) fn invalid_request(message: impl Into<String>) -> Self {
        Self::new("InvalidRequestException", message)
    }

    pub(super) fn limit_exceeded(message: impl Into<String>) -> Self {
        Self::new("LimitExceededException", message)
    }

    pub(super) fn malformed_policy(message: impl Into<String>) -> Self {
        Self::new("MalformedPolicyDocumentException", message)
    }

    pub(super) fn exists(message: impl Into<String>) -> Self {
        Self::new("ResourceExistsException", message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new("ResourceNotFoundException", message)
    }

    pub(super) fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationException", message)
    }

    pub(super) fn invalid_next_token() -> Self {
        Self::new("InvalidNextTokenException", "The NextToken is not valid.")
    }

    pub(super) fn serialization() -> Self {
        Self::new(
            "SerializationException",
            "The request body is not the JSON object that this operation takes.",
        )
    }

    pub(super) fn unknown_operation() -> Self {
        Self::new("UnknownOperationException", "")
    }

    pub(super) fn secret_not_found() -> Self {
        Self::not_found("Secrets Manager can't find the specified secret.")
    }

    pub(super) fn marked_for_deletion() -> Self {
        Self::invalid_request(
            "You can't perform this operation on the secret because it was marked for deletion.",
        )
    }

    /// Errors of the service's own model carry `Message`, those of the framework in front of it
    /// `message`; every SDK reads both.
    fn body(&self) -> Value {
        match self.code {
            _ if self.message.is_empty() => json!({ "__type": self.code }),
            "ValidationException" | "SerializationException" => {
                json!({ "__type": self.code, "message": self.message })
            }
            _ => json!({ "__type": self.code, "Message": self.message }),
        }
    }

    pub(super) fn into_response(self, request_id: &str) -> Response<Bytes> {
        respond(StatusCode::BAD_REQUEST, request_id, &self.body())
    }
}

pub(super) fn respond(status: StatusCode, request_id: &str, body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("application/x-amz-json-1.1"),
    );
    if let Ok(id) = http::HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}
