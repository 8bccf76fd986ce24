mod tokens;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;

use super::{Organisation, errors, new, read};
use crate::datadog::{Expires, KeptFromTokens};
use crate::sts::signature::sign;
use crate::sts::{Session, SignedRequest};

const VECTORS: &str = include_str!("../../../recordings/proof-vectors.json");
const SIGNED: &str =
    "content-length;content-type;host;x-amz-date;x-amz-security-token;x-ddog-org-id";

/// What goes into a proof of the test's own making.
#[derive(Clone)]
struct Parts {
    session: Session,
    organisation: String,
    /// `YYYYMMDDTHHMMSSZ`
    date: String,
    host: &'static str,
    region: &'static str,
    signed: &'static str,
    body: &'static str,
}

/// An organisation that knows one role, and a proof that it would accept.
fn known() -> (Organisation, Parts) {
    let mut organisation = Organisation::with(&["api_keys_write", "service_account_write"]);
    let account = organisation.account.clone();
    let datadog = &mut organisation.datadog;
    datadog.map_identity(
        "arn:aws:sts::123456789012:assumed-role/rotation/*",
        &account,
    );
    let parts = Parts {
        session: datadog.sts.assume_role("123456789012", "rotation", "fn"),
        organisation: datadog.organisation().to_owned(),
        date: "20240102T000000Z".to_owned(),
        host: "sts.eu-west-1.amazonaws.com",
        region: "eu-west-1",
        signed: SIGNED,
        body: "Action=GetCallerIdentity&Version=2011-06-15",
    };
    assert_eq!(organisation.now, datetime!(2024-01-02 0:00 UTC));
    (organisation, parts)
}

impl Parts {
    fn headers(&self) -> Value {
        let day = &self.date[..8];
        let credential = format!(
            "{}/{day}/{}/sts/aws4_request",
            self.session.access_key_id, self.region
        );
        let mut headers = json!({
            "Authorization": [format!(
                "AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={}, Signature=",
                self.signed
            )],
            "Content-Type": ["application/x-www-form-urlencoded; charset=utf-8"],
            "Host": [self.host],
            "X-Amz-Date": [self.date],
            "X-Amz-Security-Token": [self.session.session_token],
            "X-Ddog-Org-Id": [self.organisation],
        });
        let mut known: Vec<_> = headers.as_object().unwrap().iter().collect();
        known.sort_by_key(|(name, _)| name.to_lowercase());
        let known = known
            .into_iter()
            .map(|(name, value)| (name.to_lowercase(), value[0].as_str().unwrap().to_owned()));
        let length = ("content-length".to_owned(), self.body.len().to_string());
        let request = SignedRequest {
            method: "POST".to_owned(),
            path: "/".to_owned(),
            host: self.host.to_owned(),
            headers: known.chain([length]).collect(),
            body: self.body.as_bytes().to_vec(),
        };
        let signature = sign(&request, &self.session.secret_access_key);
        let authorization = headers["Authorization"][0].as_str().unwrap();
        headers["Authorization"][0] = format!("{authorization}{signature}").into();
        headers
    }

    fn proof(&self) -> String {
        self.proof_with(&self.headers())
    }

    fn proof_with(&self, headers: &Value) -> String {
        let encode = |text: &str| STANDARD.encode(text);
        let url = format!("https://{}", self.host);
        let headers = encode(&headers.to_string());
        format!("{}|{headers}|POST|{}", encode(self.body), encode(&url))
    }
}

fn exchange(organisation: &mut Organisation, proof: &str) -> (u16, Value) {
    let request = Request::post("/api/v2/delegated-token")
        .header("content-type", "application/json")
        .header("authorization", format!("Delegated {proof}"));
    let request = request.body(Bytes::new()).unwrap();
    read(&organisation.datadog.call(organisation.now, &request))
}

fn token(organisation: &mut Organisation, parts: &Parts) -> String {
    let (status, body) = exchange(organisation, &parts.proof());
    assert_eq!(status, 200, "{body}");
    let token = &body["data"]["attributes"]["access_token"];
    token.as_str().unwrap().to_owned()
}

fn with_token(organisation: &mut Organisation, call: (&str, &str), token: &str) -> (u16, Value) {
    let (method, path) = call;
    let authorization = format!("Bearer {token}");
    let request = Request::builder().method(method).uri(path);
    let body = if path.ends_with("_keys") && method == "POST" {
        let kind = if path.ends_with("api_keys") {
            "api_keys"
        } else {
            "application_keys"
        };
        Bytes::from(new(kind, json!({ "name": "by token" })).to_string())
    } else {
        Bytes::new()
    };
    let request = request.header("authorization", authorization).body(body);
    read(
        &organisation
            .datadog
            .call(organisation.now, &request.unwrap()),
    )
}

#[test]
fn published_and_derived_vectors_are_accepted() {
    let document: Value = serde_json::from_str(VECTORS).unwrap();
    for vector in document["vectors"].as_array().unwrap() {
        let text = |name: &str| vector["input"][name].as_str().unwrap().to_owned();
        let (mut organisation, _) = known();
        organisation.now = datetime!(2026-08-05 12:34:56 UTC);
        organisation.datadog.organisation = text("org_uuid");
        organisation.datadog.sts.admit(Session {
            access_key_id: text("access_key_id"),
            secret_access_key: text("secret_access_key"),
            session_token: text("session_token"),
            arn: "arn:aws:sts::123456789012:assumed-role/rotation/fn".to_owned(),
        });
        let proof = vector["proof"].as_str().unwrap();
        for seconds in [0, 299] {
            organisation.later(seconds);
            assert_eq!(
                exchange(&mut organisation, proof).0,
                200,
                "{}",
                vector["name"]
            );
        }
        organisation.later(2);
        assert_eq!(
            exchange(&mut organisation, proof).0,
            401,
            "{}",
            vector["name"]
        );
    }
}

#[test]
fn a_proof_of_other_parts_is_refused() {
    let (mut organisation, good) = known();
    let mut refused = |what: &str, change: fn(&mut Parts)| {
        let mut parts = good.clone();
        change(&mut parts);
        // Signed by its holder all the same: it is not the signature that gives it away.
        assert_eq!(exchange(&mut organisation, &parts.proof()).0, 401, "{what}");
    };
    refused("another organisation", |it| {
        it.organisation = "11111111-2222-3333-4444-555555555555".to_owned();
    });
    refused("an old date", |it| it.date = "20240101T235459Z".to_owned());
    refused("a date to come", |it| {
        it.date = "20240102T000501Z".to_owned();
    });
    refused("an organisation that is not signed", |it| {
        it.signed = "content-length;content-type;host;x-amz-date;x-amz-security-token";
    });
    refused("a session token that is not signed", |it| {
        it.signed = "content-length;content-type;host;x-amz-date;x-ddog-org-id";
    });
    refused("another action", |it| {
        it.body = "Action=GetSessionToken&Version=2011-06-15";
    });
    refused("another host", |it| it.host = "sts.example.com");
    refused("another region's scope", |it| it.region = "us-east-1");
    refused("another's key", |it| {
        it.session.secret_access_key = "x".repeat(40);
    });
    refused("another's session", |it| {
        it.session.session_token = "x".repeat(40);
    });
    refused("an unknown key", |it| {
        it.session.access_key_id = "ASIA0000".to_owned();
    });
    assert_eq!(exchange(&mut organisation, &good.proof()).0, 200);
}

#[test]
fn a_proof_that_was_altered_is_refused() {
    let (mut organisation, good) = known();
    for header in [
        "X-Amz-Date",
        "X-Amz-Security-Token",
        "Content-Type",
        "Host",
        "Authorization",
    ] {
        let mut headers = good.headers();
        let text = headers[header][0].as_str().unwrap();
        let last = if text.ends_with('0') { '1' } else { '0' };
        headers[header][0] = format!("{}{last}", &text[..text.len() - 1]).into();
        let proof = good.proof_with(&headers);
        assert_eq!(exchange(&mut organisation, &proof).0, 401, "{header}");
    }
    let mut headers = good.headers();
    headers["X-Ddog-Org-Id"] = json!([]);
    let good = good.proof();
    let cut = &good[..good.len() - 1];
    for proof in ["", "a|b|POST|c", cut, &good.replace("|POST|", "|GET|")] {
        assert_eq!(exchange(&mut organisation, proof).0, 401, "{proof}");
    }
}

#[test]
fn only_mapped_callers_get_a_token() {
    let (mut organisation, parts) = known();
    let account = organisation.account.clone();
    let arn = "arn:aws:sts::123456789012:assumed-role/rotation/fn";
    for (pattern, status) in [
        (arn, 200),
        ("arn:aws:sts::123456789012:assumed-role/rotation/*", 200),
        ("arn:aws:sts::123456789012:assumed-role/rotation/other", 401),
        ("arn:aws:sts::123456789012:assumed-role/rotation", 401),
        ("arn:aws:sts::123456789012:assumed-role/rotat/*", 401),
        ("arn:aws:sts::210987654321:assumed-role/rotation/*", 401),
        ("arn:aws:iam::123456789012:role/rotation", 401),
    ] {
        organisation.datadog.unmap_identities();
        organisation.datadog.map_identity(pattern, &account);
        assert_eq!(
            exchange(&mut organisation, &parts.proof()).0,
            status,
            "{pattern}"
        );
    }
    organisation.datadog.settings.unmapped_identity = StatusCode::FORBIDDEN;
    let text = format!("Authenticated as {arn} but no identity mapping was found.");
    assert_eq!(
        exchange(&mut organisation, &parts.proof()),
        (403, errors(&text))
    );
    organisation.datadog.unmap_identities();
    organisation.datadog.map_identity(arn, &account);
    let now = organisation.now;
    organisation.datadog.disable(now, &account);
    assert_eq!(exchange(&mut organisation, &parts.proof()).0, 403);
}
