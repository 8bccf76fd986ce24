use super::*;
use crate::account::{ACCOUNT, REGION};
use crate::sts::{Session, signature};

const HOST_NAME: &str = "sns.us-east-1.amazonaws.com";
const DATE: &str = "20260101T000000Z";

struct Site {
    sns: Sns,
    sts: Sts,
    session: Session,
    topic: String,
}

impl Site {
    fn new() -> Self {
        let (mut sns, mut sts) = (Sns::new(REGION), Sts::default());
        Self {
            topic: sns.create_topic(ACCOUNT, "promotions"),
            session: sts.assume_role(ACCOUNT, "role", "session"),
            sns,
            sts,
        }
    }

    fn form(&self, rest: &str) -> String {
        let topic = self.topic.replace(':', "%3A");
        format!("Action=Publish&Version=2010-03-31&TopicArn={topic}{rest}")
    }

    /// A request of this form that is signed for another one, if need be.
    fn request(&self, scope: &str, form: &str, signed_form: &str) -> Request<Bytes> {
        let id = &self.session.access_key_id;
        let claim = format!(
            "AWS4-HMAC-SHA256 Credential={id}/20260101/{scope}/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature="
        );
        let token = &self.session.session_token;
        let mut headers = vec![
            ("content-type".to_owned(), "form".to_owned()),
            ("host".to_owned(), HOST_NAME.to_owned()),
            ("x-amz-date".to_owned(), DATE.to_owned()),
            ("x-amz-security-token".to_owned(), token.clone()),
            ("authorization".to_owned(), claim.clone()),
        ];
        let signed = SignedRequest {
            method: "POST".to_owned(),
            path: "/".to_owned(),
            host: HOST_NAME.to_owned(),
            headers: headers.clone(),
            body: signed_form.as_bytes().to_vec(),
        };
        let signature = signature::sign(&signed, &self.session.secret_access_key);
        headers[4].1 = format!("{claim}{signature}");
        let mut request = Request::post(format!("https://{HOST_NAME}/"));
        for (name, value) in headers.iter().filter(|(name, _)| name != "host") {
            request = request.header(name, value);
        }
        request.body(Bytes::from(form.to_owned())).unwrap()
    }

    fn send(&mut self, request: &Request<Bytes>) -> (u16, String) {
        let now = time::macros::datetime!(2026-01-01 00:01 UTC);
        let answer = self.sns.call(now, &self.sts, request);
        let body = String::from_utf8(answer.body().to_vec()).unwrap();
        (answer.status().as_u16(), body)
    }

    fn publish(&mut self, form: &str) -> (u16, String) {
        let request = self.request("us-east-1/sns", form, form);
        self.send(&request)
    }
}

const ATTRIBUTE: &str = "&MessageAttributes.entry.1.Name=secretType\
    &MessageAttributes.entry.1.Value.DataType=String\
    &MessageAttributes.entry.1.Value.StringValue=DatadogApiKey";

#[test]
fn a_message_is_kept_as_it_was_sent() {
    let mut site = Site::new();
    let form = site.form(&format!(
        "&Message=%7B%22a%22%3A%20%221%202%22%7D{ATTRIBUTE}"
    ));
    let (status, body) = site.publish(&form);
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("<MessageId>"), "{body}");
    let [message] = site.sns.messages() else {
        panic!("one message")
    };
    assert_eq!(message.text, "{\"a\": \"1 2\"}");
    assert_eq!(message.topic, site.topic);
    assert_eq!(message.by, site.session.arn);
    assert_eq!(message.attributes["secretType"], "DatadogApiKey");
}

#[test]
fn a_wrong_signature_is_refused() {
    let mut site = Site::new();
    let form = site.form("&Message=x");
    for (scope, signed) in [
        ("eu-west-1/sns", form.as_str()),
        ("us-east-1/sts", &form),
        ("us-east-1/sns", "Action=Publish"),
    ] {
        let request = site.request(scope, &form, signed);
        let (status, body) = site.send(&request);
        assert_eq!(status, 403, "{scope}: {body}");
        assert!(
            body.contains("<Code>SignatureDoesNotMatch</Code>"),
            "{body}"
        );
    }
    assert_eq!(site.sns.messages(), []);
}

#[test]
fn what_sns_would_refuse_is_refused() {
    let mut site = Site::new();
    let topic = site.topic.clone();
    let unknown = site.form("&Message=x").replace("promotions", "other");
    for (form, status, code) in [
        (unknown, 404, "NotFound"),
        (site.form(""), 400, "InvalidParameter"),
        (
            site.form("&Message=x").replace("Publish", "Subscribe"),
            400,
            "InvalidAction",
        ),
        (
            site.form(&format!(
                "&Message=x{}",
                ATTRIBUTE.replace("DataType=String", "DataType=")
            )),
            400,
            "ParameterValueInvalid",
        ),
    ] {
        let (refused, body) = site.publish(&form);
        assert_eq!(refused, status, "{body}");
        assert!(body.contains(&format!("<Code>{code}</Code>")), "{body}");
    }
    site.sns.deny(&topic);
    let (status, body) = site.publish(&site.form("&Message=x"));
    assert_eq!(status, 403);
    assert!(body.contains("<Code>AuthorizationError</Code>"), "{body}");
    assert_eq!(site.sns.messages(), []);
}
