//! AWS SNS (query protocol of 2010-03-31), as far as a message to a standard topic goes.
//!
//! Shapes follow AWS's reference: <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>. A message
//! that was taken stays here, to be read: nobody is subscribed.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request, Response, StatusCode};
use time::OffsetDateTime;

use crate::sts::{SignedRequest, Sts};

/// The name in a signature's scope, and the host's first label.
pub const SERVICE: &str = "sns";

/// A message and its attributes may be as long as this together (documented).
const LONGEST: usize = 262_144;

/// A message as a topic got it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub at: OffsetDateTime,
    pub topic: String,
    /// `arn:aws:sts::<account>:assumed-role/<role>/<session>`
    pub by: String,
    pub text: String,
    pub attributes: BTreeMap<String, String>,
}

/// The SNS of one region.
#[derive(Clone, Debug)]
pub struct Sns {
    region: String,
    topics: BTreeSet<String>,
    denied: BTreeSet<String>,
    messages: Vec<Message>,
}

/// Status, code and text of a refusal.
type Refusal = (StatusCode, &'static str, &'static str);

impl Sns {
    #[must_use]
    pub fn new(region: &str) -> Self {
        Self {
            region: region.to_owned(),
            topics: BTreeSet::new(),
            denied: BTreeSet::new(),
            messages: Vec::new(),
        }
    }

    /// Makes a standard topic. Returns its ARN.
    pub fn create_topic(&mut self, account: &str, name: &str) -> String {
        let arn = format!("arn:aws:sns:{}:{account}:{name}", self.region);
        self.topics.insert(arn.clone());
        arn
    }

    /// From now on nobody may publish to the topic.
    pub fn deny(&mut self, topic: &str) {
        self.denied.insert(topic.to_owned());
    }

    /// The messages so far, in the order in which they were taken.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    pub(crate) fn call(
        &mut self,
        now: OffsetDateTime,
        sts: &Sts,
        request: &Request<Bytes>,
    ) -> Response<Bytes> {
        let taken = self.publish(now, sts, request);
        match taken {
            Ok(()) => published(self.messages.len()),
            Err((status, code, text)) => error(status, code, text),
        }
    }

    fn publish(
        &mut self,
        now: OffsetDateTime,
        sts: &Sts,
        request: &Request<Bytes>,
    ) -> Result<(), Refusal> {
        let bad = |code, text| (StatusCode::BAD_REQUEST, code, text);
        if request.method() != Method::POST || request.uri().path() != "/" {
            return Err(bad("InvalidAction", "only POST / is known here"));
        }
        let signed = SignedRequest::of(request);
        let by = sts.signer(now, &signed, SERVICE, &self.region);
        let by =
            by.map_err(|refused| (StatusCode::FORBIDDEN, "SignatureDoesNotMatch", refused.0))?;
        let fields: BTreeMap<_, _> = form_urlencoded::parse(request.body())
            .into_owned()
            .collect();
        let field = |name: &str| fields.get(name).map_or("", String::as_str);
        if (field("Action"), field("Version")) != ("Publish", "2010-03-31") {
            return Err(bad("InvalidAction", "only Publish is known here"));
        }
        let (topic, text) = (field("TopicArn"), field("Message"));
        if self.denied.contains(topic) {
            let text = "User is not authorized to perform: SNS:Publish on this resource";
            return Err((StatusCode::FORBIDDEN, "AuthorizationError", text));
        }
        if !self.topics.contains(topic) {
            return Err((StatusCode::NOT_FOUND, "NotFound", "Topic does not exist"));
        }
        let attributes = attributes(&fields).ok_or(bad(
            "ParameterValueInvalid",
            "an attribute needs a name, a type and a value",
        ))?;
        if text.is_empty() || request.body().len() > LONGEST {
            return Err(bad("InvalidParameter", "Invalid parameter: Message"));
        }
        self.messages.push(Message {
            at: now,
            topic: topic.to_owned(),
            by: by.to_owned(),
            text: text.to_owned(),
            attributes,
        });
        Ok(())
    }
}

/// Attributes of the type String, numbered from 1 without gaps. `None`: one is not whole.
fn attributes(fields: &BTreeMap<String, String>) -> Option<BTreeMap<String, String>> {
    let mut attributes = BTreeMap::new();
    let named = fields
        .keys()
        .filter(|it| it.starts_with("MessageAttributes."));
    for number in 1..=named.count() / 3 {
        let part = |name: &str| {
            let field = fields.get(&format!("MessageAttributes.entry.{number}.{name}"));
            field.filter(|it| !it.is_empty())
        };
        let kind = part("Value.DataType").filter(|it| *it == "String");
        let (name, value) = kind.and(part("Name")).zip(part("Value.StringValue"))?;
        attributes.insert(name.clone(), value.clone());
    }
    Some(attributes)
}

fn published(number: usize) -> Response<Bytes> {
    let id = format!("00000000-0000-4000-9000-{number:012x}");
    respond(
        StatusCode::OK,
        &format!(
            "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult>\
             <MessageId>{id}</MessageId></PublishResult><ResponseMetadata><RequestId>{id}</RequestId>\
             </ResponseMetadata></PublishResponse>"
        ),
    )
}

/// An error in SNS's own form.
pub(crate) fn error(status: StatusCode, code: &str, text: &str) -> Response<Bytes> {
    let by = if status.is_server_error() {
        "Receiver"
    } else {
        "Sender"
    };
    respond(
        status,
        &format!(
            "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error><Type>{by}</Type>\
             <Code>{code}</Code><Message>{text}</Message></Error><RequestId>00000000</RequestId></ErrorResponse>"
        ),
    )
}

fn respond(status: StatusCode, body: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_owned()));
    *response.status_mut() = status;
    let media_type = http::HeaderValue::from_static("text/xml");
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}
