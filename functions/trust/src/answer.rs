//! The answer to `CloudFormation`: a document put to the presigned URL of the event.

use std::time::Duration;

use bytes::Bytes;
use datadog_rotation::deadline::{Backoff, Deadline};
use datadog_rotation::http::Http;
use datadog_rotation::settings::LogPlace;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde_json::{Map, Value, json};

use crate::event::Envelope;

/// The whole answer may have 4096 bytes, the ids and attributes among them.
const LONGEST_REASON: usize = 1800;
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// No attempt was answered with success.
#[derive(Debug, thiserror::Error)]
#[error("CloudFormation's presigned URL did not take the answer")]
pub(crate) struct Unanswered;

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) is_success: bool,
    pub(crate) reason: Option<String>,
    pub(crate) physical_id: String,
    pub(crate) attributes: Map<String, Value>,
}

impl Answer {
    pub(crate) fn document(&self, envelope: &Envelope, place: &LogPlace) -> Value {
        let mut document = json!({
            "Status": if self.is_success { "SUCCESS" } else { "FAILED" },
            "PhysicalResourceId": self.physical_id,
            "StackId": envelope.stack_id,
            "RequestId": envelope.request_id,
            "LogicalResourceId": envelope.logical_resource_id,
        });
        if let Some(reason) = &self.reason {
            let place = format!(
                " Log: {}, stream {}",
                place.group.as_deref().unwrap_or("unknown"),
                place.stream.as_deref().unwrap_or("unknown"),
            );
            document["Reason"] = format!("{}{place}", cut(reason)).into();
        }
        if self.is_success && !self.attributes.is_empty() {
            document["Data"] = self.attributes.clone().into();
        }
        document
    }

    /// Tries until it is taken or the time is up.
    pub(crate) async fn put(
        &self,
        envelope: &Envelope,
        place: &LogPlace,
        http: &Http,
        deadline: &Deadline,
    ) -> Result<(), Unanswered> {
        let document = Bytes::from(self.document(envelope, place).to_string());
        let mut backoff = Backoff::new(
            Duration::from_millis(250),
            Duration::from_secs(4),
            Duration::from_mins(5),
        );
        loop {
            match put_once(envelope, &document, http, deadline).await {
                Some(answer) if is_taken(&answer) => return Ok(()),
                answer => tracing::warn!(
                    status = answer.map(|it| it.status().as_u16()),
                    "the answer to CloudFormation was not taken"
                ),
            }
            if !backoff.pause(deadline).await {
                return Err(Unanswered);
            }
        }
    }
}

/// The signature covers an empty content type; a redirection
/// is an answer like any other, and is not followed.
async fn put_once(
    envelope: &Envelope,
    document: &Bytes,
    http: &Http,
    deadline: &Deadline,
) -> Option<http::Response<Bytes>> {
    let request = http::Request::put(envelope.response_url.expose())
        .header(CONTENT_TYPE, HeaderValue::from_static(""))
        .body(document.clone())
        .ok()?;
    let timeout = ATTEMPT_TIMEOUT.min(deadline.left());
    http.send(request, timeout).await.ok()
}

/// S3 has nothing to say of success: a 200 with a text is a page of something on the way.
fn is_taken(answer: &http::Response<Bytes>) -> bool {
    answer.status().is_success() && answer.body().is_empty()
}

fn cut(reason: &str) -> &str {
    let end = reason.floor_char_boundary(LONGEST_REASON);
    &reason[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_never_too_long() {
        let envelope: Envelope = serde_json::from_value(json!({
            "ResponseURL": "https://x/", "StackId": "s".repeat(300), "RequestId": "r".repeat(36),
            "LogicalResourceId": "l".repeat(255),
        }))
        .unwrap();
        let place = LogPlace {
            group: Some("g".repeat(512)),
            stream: Some("s".repeat(200)),
        };
        let answer = Answer {
            is_success: false,
            reason: Some("ä\"".repeat(2000)),
            physical_id: "p".repeat(80),
            attributes: Map::new(),
        };
        let document = answer.document(&envelope, &place);
        assert!(
            document.to_string().len() <= 4096,
            "{}",
            document.to_string().len()
        );
        assert!(document["Reason"].as_str().unwrap().contains("Log: ggg"));
    }
}
