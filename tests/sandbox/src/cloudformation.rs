//! The presigned URLs to which custom resources put their answers.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request, Response, StatusCode};
use serde_json::Value;

/// By this name the gate knows calls of `CloudFormation`.
pub const HOST: &str = "cloudformation-custom-resource-response-useast1.s3.amazonaws.com";

/// An answer may be as long as this (documented).
const LONGEST_ANSWER: usize = 4096;

/// Open questions, by path and query of their URLs, and the first answer to each.
#[derive(Clone, Debug, Default)]
pub struct CloudFormation {
    questions: BTreeMap<String, Option<Value>>,
    asked: u64,
    complaints: Vec<String>,
}

impl CloudFormation {
    /// The path and query of a new URL. Whoever knows it may answer.
    pub fn ask(&mut self) -> String {
        self.asked += 1;
        let number = self.asked;
        let path = format!(
            "/arn%3Aaws%3Acloudformation%3A/{number}?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=sig%2B{number:032x}"
        );
        self.questions.insert(path.clone(), None);
        path
    }

    #[must_use]
    pub fn answer_to(&self, path: &str) -> Option<&Value> {
        self.questions.get(path)?.as_ref()
    }

    /// What was wrong with answers: nothing ever should be.
    #[must_use]
    pub fn complaints(&self) -> &[String] {
        &self.complaints
    }

    /// What makes the URLs secret, to be searched for in all output.
    pub fn every_value(&self) -> impl Iterator<Item = &str> {
        self.questions
            .keys()
            .filter_map(|it| Some(it.split_once("Signature=")?.1))
    }

    /// S3, as far as a presigned PUT goes. Of several answers `CloudFormation` takes the first.
    pub(crate) fn call(&mut self, request: &Request<Bytes>) -> Response<Bytes> {
        let path = request
            .uri()
            .path_and_query()
            .map(|it| it.as_str().to_owned());
        let question = path.and_then(|path| self.questions.get_mut(&path));
        // The signature covers the method and an empty content type.
        let content_type = request.headers().get(CONTENT_TYPE);
        let is_signed =
            request.method() == Method::PUT && content_type.is_none_or(http::HeaderValue::is_empty);
        let status = match question {
            Some(answer) if is_signed => {
                match read(request.body()) {
                    Ok(document) => {
                        answer.get_or_insert(document);
                    }
                    Err(complaint) => self.complaints.push(complaint),
                }
                StatusCode::OK
            }
            _ => StatusCode::FORBIDDEN,
        };
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = status;
        response
    }
}

fn read(body: &Bytes) -> Result<Value, String> {
    if body.len() > LONGEST_ANSWER {
        return Err(format!("an answer of {} bytes", body.len()));
    }
    let document: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let members = [
        "Status",
        "PhysicalResourceId",
        "StackId",
        "RequestId",
        "LogicalResourceId",
    ];
    let missing = members.iter().find(|it| !document[**it].is_string());
    if let Some(member) = missing {
        return Err(format!("an answer without {member}"));
    }
    if document["Status"] == "FAILED" && !document["Reason"].is_string() {
        return Err("a failure without a reason".to_owned());
    }
    Ok(document)
}
