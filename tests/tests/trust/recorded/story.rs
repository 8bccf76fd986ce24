//! One cassette, told to an organisation of its own.

use std::time::Duration;

use bytes::Bytes;
use sandbox::datadog::{Datadog as Organisation, Minted};
use serde_json::Value;
use time::OffsetDateTime;

use super::exchange::Exchange;

/// One cassette, told to an organisation of its own.
pub(crate) struct Story {
    organisation: Organisation,
    keys: (Minted, Minted),
    now: OffsetDateTime,
    /// Recorded ids, and ours.
    ids: Vec<(String, String)>,
}

impl Story {
    pub(crate) fn begin(cassette: &[&Exchange]) -> Self {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::from_hours(24 * 365 * 56);
        let mut organisation = Organisation::new();
        organisation.settings.fresh_account_unknown_for = Duration::from_millis(1500);
        let who = "tf-testacccurrentuserdatasource-local";
        let person = organisation.create_administrator(now, who);
        let keys = (
            organisation.create_api_key(now, "recorded"),
            organisation.create_application_key(now, &person, "recorded", None),
        );
        let lists = cassette
            .iter()
            .filter(|it| it.request.method == "GET" && it.id().is_none());
        for list in lists {
            let body: Value = serde_json::from_str(&list.response.body).expect("JSON");
            for account in body["data"].as_array().into_iter().flatten() {
                let attributes = &account["attributes"];
                let number = attributes["aws_account_id"].as_str().expect("an account");
                organisation.integrate(number, &attributes["auth_config"], attributes);
            }
        }
        Self {
            organisation,
            keys,
            now,
            ids: Vec::new(),
        }
    }

    pub(crate) fn tell(&mut self, exchange: &Exchange) -> Vec<String> {
        self.now += Duration::from_secs(1);
        let url = self
            .ids
            .iter()
            .fold(exchange.request.url.clone(), |url, (theirs, ours)| {
                url.replace(theirs, ours)
            });
        let request = http::Request::builder()
            .method(exchange.request.method.as_str())
            .uri(url)
            .header("DD-API-KEY", &self.keys.0.value)
            .header("DD-APPLICATION-KEY", &self.keys.1.value)
            .body(Bytes::from(exchange.request.body.clone()));
        let answer = self
            .organisation
            .call(self.now, &request.expect("a request"));
        let body = |text: &[u8]| serde_json::from_slice::<Value>(text).unwrap_or_default();
        let (recorded, ours) = (body(exchange.response.body.as_bytes()), body(answer.body()));
        if let (Some(theirs), Some(ours)) =
            (recorded["data"]["id"].as_str(), ours["data"]["id"].as_str())
        {
            self.ids.push((theirs.to_owned(), ours.to_owned()));
        }
        let mut differences = Vec::new();
        if answer.status().as_u16() != exchange.response.status {
            differences.push(format!("{} {ours}", answer.status()));
        }
        let media_type = answer
            .headers()
            .get("content-type")
            .map(|it| it.to_str().expect("text"));
        if media_type
            != exchange
                .response
                .headers
                .get("Content-Type")
                .map(String::as_str)
        {
            differences.push(format!("content type {media_type:?}"));
        }
        // The words of 2024 are others than those of 2025.
        if !exchange
            .response
            .body
            .contains("\"Generic Error\",\"detail\":\"invalid partition")
        {
            compare("", &recorded, &ours, &mut differences);
        }
        differences
    }
}

/// Ours may have members more: recordings of 2024 lack some of those of 2026.
pub(crate) fn compare(place: &str, recorded: &Value, ours: &Value, differences: &mut Vec<String>) {
    let name = place.rsplit('.').next().unwrap_or_default();
    let is_alike = match (name, recorded, ours) {
        ("id" | "external_id" | "account_uuid", Value::String(recorded), Value::String(ours)) => {
            recorded.len() == ours.len() || recorded == "external_id"
        }
        ("created_at" | "modified_at", Value::String(_), Value::String(_)) => true,
        // More of them are excluded since.
        ("exclude_only", Value::Array(recorded), Value::Array(ours)) => {
            recorded.iter().all(|it| ours.contains(it))
        }
        (_, Value::Object(recorded), Value::Object(ours)) => {
            for (name, recorded) in recorded {
                let ours = ours.get(name).unwrap_or(&Value::Null);
                compare(&format!("{place}.{name}"), recorded, ours, differences);
            }
            true
        }
        (_, Value::Array(recorded), Value::Array(ours)) => {
            for (recorded, ours) in recorded.iter().zip(ours) {
                compare(place, recorded, ours, differences);
            }
            recorded.len() == ours.len()
        }
        _ => recorded == ours,
    };
    if !is_alike {
        differences.push(format!("{place}: recorded {recorded}, ours {ours}"));
    }
}
