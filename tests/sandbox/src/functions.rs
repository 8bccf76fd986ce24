//! The functions of an account as AWS Lambda tells of them (REST of 2015-03-31). What runs them is in
//! [`crate::lambda`].
//!
//! Shapes follow AWS's reference:
//! <https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html>,
//! <https://docs.aws.amazon.com/lambda/latest/api/API_GetPolicy.html>. Of a configuration only the members
//! are here that somebody reads, and one that nobody may repeat.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::sts::{SignedRequest, Sts};

/// The name in a signature's scope, and the host's first label.
pub const SERVICE: &str = "lambda";

const PATH: &str = "/2015-03-31/functions/";

#[derive(Clone, Debug)]
struct Function {
    description: String,
    /// The statements of its policy.
    policy: Vec<Value>,
}

/// The Lambda of one region.
#[derive(Clone, Debug)]
pub struct Functions {
    region: String,
    deployed: BTreeMap<String, Function>,
    denied: BTreeSet<String>,
}

impl Functions {
    #[must_use]
    pub fn new(region: &str) -> Self {
        Self {
            region: region.to_owned(),
            deployed: BTreeMap::new(),
            denied: BTreeSet::new(),
        }
    }

    /// Makes a function, which nobody may invoke yet, in place of one that has its ARN.
    pub fn create(&mut self, arn: &str, description: &str) {
        let function = Function {
            description: description.to_owned(),
            policy: Vec::new(),
        };
        self.deployed.insert(arn.to_owned(), function);
    }

    pub fn delete(&mut self, arn: &str) {
        self.deployed.remove(arn);
    }

    /// Lets Secrets Manager invoke a function under this condition, as `AddPermission` does.
    pub fn permit(&mut self, arn: &str, condition: &Value) {
        let statement = json!({
            "Sid": "rotation", "Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": arn,
            "Principal": { "Service": "secretsmanager.amazonaws.com" }, "Condition": condition,
        });
        if let Some(function) = self.deployed.get_mut(arn) {
            function.policy.push(statement);
        }
    }

    /// From now on nobody may call this operation, such as `GetPolicy`.
    pub fn deny(&mut self, operation: &str) {
        self.denied.insert(operation.to_owned());
    }

    /// Whoever has the keys of a session has to sign with them. The sandbox takes other credentials as they
    /// are, as its Secrets Manager does.
    pub(crate) fn call(
        &mut self,
        now: OffsetDateTime,
        sts: &Sts,
        request: &Request<Bytes>,
    ) -> Response<Bytes> {
        let signed = SignedRequest::of(request);
        if let Err(refused) = sts.known_signer(now, &signed, SERVICE, &self.region) {
            return error(
                StatusCode::FORBIDDEN,
                "InvalidSignatureException",
                refused.0,
            );
        }
        let (operation, arn) = operation(request);
        if self.denied.contains(&operation) {
            let text = format!("User: arn:x is not authorized to perform: lambda:{operation}");
            return error(StatusCode::FORBIDDEN, "AccessDeniedException", &text);
        }
        let gone = |text: &str| error(StatusCode::NOT_FOUND, "ResourceNotFoundException", text);
        let Some(function) = arn.and_then(|it| self.deployed.get(&it)) else {
            return gone("Function not found");
        };
        match operation.as_str() {
            "GetFunctionConfiguration" => respond(
                StatusCode::OK,
                &json!({
                    "Description": function.description, "State": "Active",
                    "Environment": { "Variables": { "HUSH": "0123456789abcdef0123456789abcdef" } },
                }),
            ),
            "GetPolicy" if function.policy.is_empty() => {
                gone("The resource you requested does not exist.")
            }
            "GetPolicy" => {
                let policy = json!({ "Version": "2012-10-17", "Statement": function.policy });
                respond(StatusCode::OK, &json!({ "Policy": policy.to_string() }))
            }
            _ => error(StatusCode::NOT_FOUND, "UnknownOperationException", ""),
        }
    }
}

/// What is asked for, and of which function.
pub(crate) fn operation(request: &Request<Bytes>) -> (String, Option<String>) {
    let rest = request.uri().path().strip_prefix(PATH);
    let (name, what) = rest.and_then(|it| it.split_once('/')).unwrap_or_default();
    let operation = match what {
        "configuration" => "GetFunctionConfiguration".to_owned(),
        "policy" => "GetPolicy".to_owned(),
        _ => format!("{} {}", request.method(), request.uri().path()),
    };
    // As a form's field, a name is decoded; there is no plus sign in an ARN.
    let mut decoded = form_urlencoded::parse(name.as_bytes());
    let name = decoded.next().map(|(name, _)| name.into_owned());
    (operation, name)
}

/// An error in Lambda's own form.
pub(crate) fn error(status: StatusCode, code: &str, text: &str) -> Response<Bytes> {
    let by = if status.is_server_error() {
        "Service"
    } else {
        "User"
    };
    let mut response = respond(status, &json!({ "Type": by, "Message": text }));
    if let Ok(code) = http::HeaderValue::from_str(code) {
        response.headers_mut().insert("x-amzn-errortype", code);
    }
    response
}

fn respond(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    let media_type = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}
