//! What no recording shows. The recorded shapes are held by `tests/recorded_datadog`.

mod access_tokens;
mod api_keys;
mod application_keys;
mod authentication;
mod delegation;
mod edges;
mod keys_v1;
mod lists;
mod permissions;
mod rate_limit;
mod scopes;
mod times;
mod trust;
mod users;
mod validation;

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::{Datadog, Minted, user};

/// An organisation and one of its service accounts, which makes the calls.
struct Organisation {
    datadog: Datadog,
    now: OffsetDateTime,
    account: String,
    pair: (Minted, Minted),
}

impl Organisation {
    /// The calls are made with an unscoped key of a service account with these permissions.
    fn with(permissions: &[&str]) -> Self {
        let mut datadog = Datadog::new();
        let now = user::FOUNDED + Duration::days(1);
        let account = datadog.create_service_account(now, "rotation", permissions);
        let pair = (
            datadog.create_api_key(now, "bootstrap"),
            datadog.create_application_key(now, &account, "bootstrap", None),
        );
        Self {
            datadog,
            now,
            account,
            pair,
        }
    }

    fn later(&mut self, seconds: i64) {
        self.now += Duration::seconds(seconds);
    }

    fn call(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        read(&self.send(method, path, body))
    }

    fn get(&mut self, path: &str) -> (u16, Value) {
        self.call("GET", path, &Value::Null)
    }

    fn delete(&mut self, path: &str) -> u16 {
        self.call("DELETE", path, &Value::Null).0
    }

    fn send(&mut self, method: &str, path: &str, body: &Value) -> Response<Bytes> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("Dd-Api-Key", &self.pair.0.value)
            .header("DD-APPLICATION-KEY", &self.pair.1.value);
        self.datadog
            .call(self.now, &request.body(text(body)).unwrap())
    }

    fn create_api_key(&mut self, name: &str) -> (u16, Value) {
        self.call(
            "POST",
            "/api/v2/api_keys",
            &new("api_keys", json!({"name": name})),
        )
    }

    /// On the surface of the calling service account.
    fn create_application_key(&mut self, attributes: Value) -> (u16, Value) {
        let path = self.own("");
        self.call("POST", &path, &new("application_keys", attributes))
    }

    /// The path of the calling service account's keys, or of the one with this id.
    fn own(&self, id: &str) -> String {
        let path = format!(
            "/api/v2/service_accounts/{}/application_keys/{id}",
            self.account
        );
        path.trim_end_matches('/').to_owned()
    }
}

fn new(kind: &str, attributes: Value) -> Value {
    let mut document = json!({"data": {"type": kind}});
    document["data"]["attributes"] = attributes;
    document
}

fn edit(kind: &str, id: &str, attributes: Value) -> Value {
    let mut document = new(kind, attributes);
    document["data"]["id"] = id.into();
    document
}

fn errors(text: &str) -> Value {
    json!({"errors": [text]})
}

fn text(body: &Value) -> Bytes {
    if body.is_null() {
        Bytes::new()
    } else {
        body.to_string().into()
    }
}

/// Status and body; null if there is none.
fn read(response: &Response<Bytes>) -> (u16, Value) {
    let body = response.body();
    let body = if body.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(body).unwrap()
    };
    (response.status().as_u16(), body)
}

fn id_of(document: &Value) -> String {
    document["data"]["id"].as_str().unwrap().to_owned()
}

/// Id and text of a key from the answer that made it.
fn minted(document: &Value) -> Minted {
    let value = document["data"]["attributes"]["key"].as_str().unwrap();
    Minted {
        id: id_of(document),
        value: value.to_owned(),
    }
}
