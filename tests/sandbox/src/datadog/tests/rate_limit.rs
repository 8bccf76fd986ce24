//! Synthetic but for the headers' names.

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::{Organisation, errors, read};
use crate::datadog::RateLimit;

fn header(headers: &HeaderMap, name: &str) -> String {
    headers[name].to_str().unwrap().to_owned()
}

/// Status, remaining requests and seconds until the window ends.
fn ask(organisation: &mut Organisation, path: &str) -> (u16, String, String) {
    let answer = organisation.send("GET", path, &Value::Null);
    let headers = answer.headers();
    assert_eq!(
        (
            header(headers, "X-RateLimit-Limit"),
            header(headers, "X-RateLimit-Period")
        ),
        ("2".into(), "10".into())
    );
    let told = (
        header(headers, "X-RateLimit-Remaining"),
        header(headers, "X-RateLimit-Reset"),
    );
    (answer.status().as_u16(), told.0, told.1)
}

fn limited() -> Organisation {
    let mut organisation = Organisation::with(&["api_keys_read", "api_keys_write"]);
    organisation.datadog.settings.rate_limit = Some(RateLimit {
        requests: 2,
        period_seconds: 10,
    });
    organisation
}

#[test]
fn requests_beyond_the_limit_wait_for_the_next_window() {
    let mut organisation = limited();
    let expect = |status: u16, remaining: &str, reset: &str| {
        (status, remaining.to_owned(), reset.to_owned())
    };
    organisation.later(3);
    assert_eq!(
        ask(&mut organisation, "/api/v2/api_keys"),
        expect(200, "1", "7")
    );
    assert_eq!(
        ask(&mut organisation, "/api/v2/api_keys"),
        expect(200, "0", "7")
    );
    organisation.later(6);
    assert_eq!(
        ask(&mut organisation, "/api/v2/api_keys"),
        expect(429, "0", "1")
    );
    organisation.later(1);
    assert_eq!(
        ask(&mut organisation, "/api/v2/api_keys"),
        expect(200, "1", "10")
    );
}

#[test]
fn each_family_of_endpoints_has_its_own_limit() {
    let mut organisation = limited();
    for _ in 0..3 {
        ask(&mut organisation, "/api/v2/api_keys");
    }
    assert_eq!(ask(&mut organisation, "/api/v2/validate_keys").0, 200);
    let refused = organisation.send("GET", "/api/v2/api_keys", &Value::Null);
    assert_eq!(header(refused.headers(), "X-RateLimit-Name"), "api_keys");
    assert_eq!(read(&refused), (429, errors("Too many requests")));
}

#[test]
fn a_refused_request_has_no_effect() {
    let mut organisation = limited();
    let statuses = ["one", "two", "three"].map(|name| organisation.create_api_key(name).0);
    assert_eq!(statuses, [201, 201, 429]);
    assert!(
        organisation
            .datadog
            .keys()
            .iter()
            .all(|key| key.name != "three")
    );
}

#[test]
fn without_a_limit_there_are_no_headers() {
    let mut organisation = Organisation::with(&["api_keys_read"]);
    let answer = organisation.send("GET", "/api/v2/api_keys", &Value::Null);
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(
        answer
            .headers()
            .keys()
            .all(|name| !name.as_str().starts_with("x-ratelimit"))
    );
}
