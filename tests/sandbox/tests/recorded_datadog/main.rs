//! Replays what Datadog's own client recorded: each cassette is a story of calls, told to a fresh
//! organisation in the order of the recording.
//!
//! Recorded nowhere, and hence synthetic in the organisation: `validate_keys`, `v2/validate`,
//! `current_user`, a revoked API key's GET, the key quota, 401 and 429.

#![expect(
    clippy::unwrap_used,
    reason = "a recording that cannot be read ends the test"
)]

mod likeness;
mod story;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use likeness::{Comparison, is_uuid, places};
use story::Story;

const RECORDINGS: &str = include_str!("../../recordings/datadog.json");

/// Cassettes that are not replayed.
const NOT_REPLAYED: &[(&str, &str)] = &[
    (
        "v2/key_management/Create-a-personal-access-token-returns-Created-response",
        PERSONAL_TOKEN,
    ),
    (
        "v2/key_management/Get-a-personal-access-token-returns-OK-response",
        PERSONAL_TOKEN,
    ),
    (
        "v2/key_management/Get-all-personal-access-tokens-returns-OK-response",
        PERSONAL_TOKEN,
    ),
    (
        "v2/key_management/Revoke-a-personal-access-token-returns-No-Content-response",
        PERSONAL_TOKEN,
    ),
    (
        "v2/key_management/Update-a-personal-access-token-returns-OK-response",
        PERSONAL_TOKEN,
    ),
];
const PERSONAL_TOKEN: &str = "personal access tokens are no keys: no secret type holds one";

/// Fields that an endpoint's answers are taken to have got since it was last recorded, because the
/// same resource has them in later recordings of other endpoints.
const GROWN: &[(&str, &[&str])] = &[
    (
        "PATCH /api/v2/api_keys/{id}",
        &[
            "data.attributes.category",
            "data.attributes.remote_config_read_enabled",
        ],
    ),
    (
        "GET /api/v2/service_accounts/{id}/application_keys/{id}",
        &["data.attributes.last_used_at"],
    ),
];

#[derive(Debug, Deserialize)]
struct Recordings {
    exchanges: Vec<Exchange>,
}

#[derive(Debug, Deserialize)]
struct Exchange {
    path: String,
    recorded_at: String,
    request: Request,
    response: Response,
}

#[derive(Debug, Deserialize)]
struct Request {
    method: String,
    url: String,
    body: String,
}

#[derive(Debug, Deserialize)]
struct Response {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Exchange {
    fn cassette(&self) -> &str {
        self.path
            .trim_start_matches("tests/scenarios/cassettes/")
            .trim_end_matches(".json")
    }

    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::parse(&self.recorded_at, &Rfc2822).unwrap()
    }

    fn is_replayed(&self) -> bool {
        !NOT_REPLAYED
            .iter()
            .any(|(cassette, _)| *cassette == self.cassette())
    }

    /// `GET /api/v2/users/{id}`.
    fn endpoint(&self) -> String {
        let path = self
            .request
            .url
            .trim_start_matches("https://api.datadoghq.com");
        let path = path.split('?').next().unwrap();
        let segments = path
            .split('/')
            .map(|segment| if is_id(segment) { "{id}" } else { segment });
        format!(
            "{} {}",
            self.request.method,
            segments.collect::<Vec<_>>().join("/")
        )
    }

    fn answer(&self) -> Option<Value> {
        (!self.response.body.is_empty()).then(|| serde_json::from_str(&self.response.body).unwrap())
    }
}

/// Ids of the recordings; some of them are wrong on purpose.
fn is_id(segment: &str) -> bool {
    is_uuid(segment)
        || [
            "invalidId",
            "incorrectId",
            "00000000-dead-beef-dead-ffffffffffff",
        ]
        .contains(&segment)
}

fn recordings() -> Vec<Exchange> {
    serde_json::from_str::<Recordings>(RECORDINGS)
        .unwrap()
        .exchanges
}

/// What the newest recording of each endpoint and status has at which place, and where each of
/// them has grown since.
fn grown(exchanges: &[Exchange]) -> BTreeMap<(String, u16), (OffsetDateTime, BTreeSet<String>)> {
    let mut newest: BTreeMap<_, (OffsetDateTime, BTreeSet<String>)> = BTreeMap::new();
    for exchange in exchanges {
        let now = exchange.now();
        let found = newest
            .entry((exchange.endpoint(), exchange.response.status))
            .or_insert((now, BTreeSet::new()));
        if now >= found.0 {
            *found = (
                now,
                exchange.answer().as_ref().map(places).unwrap_or_default(),
            );
        }
    }
    for ((endpoint, _), (_, places)) in &mut newest {
        let later = GROWN.iter().filter(|(grown, _)| grown == endpoint);
        places.extend(later.flat_map(|(_, fields)| fields.iter().copied().map(str::to_owned)));
    }
    newest
}

#[test]
fn every_recorded_story_comes_out_alike() {
    let exchanges = recordings();
    let grown = grown(&exchanges);
    let mut stories: BTreeMap<&str, Story> = BTreeMap::new();
    let mut differences = Vec::new();
    let mut replayed = 0;
    for exchange in exchanges.iter().filter(|exchange| exchange.is_replayed()) {
        let (newest, grown) = &grown[&(exchange.endpoint(), exchange.response.status)];
        let story = stories
            .entry(exchange.cassette())
            .or_insert_with(|| Story::begin(exchange.now()));
        story.set_scene(exchange.cassette(), exchange.answer().as_ref());
        let found = replay(story, exchange, grown, exchange.now() == *newest);
        differences.extend(
            found
                .iter()
                .map(|found| format!("{} {}: {found}", exchange.path, exchange.endpoint())),
        );
        replayed += 1;
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert_eq!((stories.len(), replayed), (37, 106));
}

/// Tells one exchange and returns the differences.
fn replay(
    story: &mut Story,
    exchange: &Exchange,
    grown: &BTreeSet<String>,
    is_newest: bool,
) -> Vec<String> {
    let Request { method, url, body } = &exchange.request;
    let ours = story.call(exchange.now(), method, url, body);
    let (status, body) = (ours.status(), ours.body());
    let content_type = ours
        .headers()
        .get("content-type")
        .map(|kind| kind.to_str().unwrap());
    let mut differences = Vec::new();
    if status.as_u16() != exchange.response.status {
        differences.push(format!(
            "recorded {}, ours {status} {}",
            exchange.response.status,
            story::text(body)
        ));
    }
    // Empty answers got their type between the recordings of 2022 and those of 2023.
    let recorded_type = exchange
        .response
        .headers
        .get("Content-Type")
        .map(String::as_str);
    if recorded_type != content_type && (is_newest || recorded_type.is_some()) {
        differences.push(format!(
            "recorded type {recorded_type:?}, ours {content_type:?}"
        ));
    }
    let Some(recorded) = exchange.answer() else {
        differences.extend(
            (!body.is_empty()).then(|| format!("recorded no body, ours {}", story::text(body))),
        );
        return differences;
    };
    let ours = serde_json::from_slice(body).unwrap_or(Value::Null);
    let mut comparison = Comparison {
        ids: &mut story.ids,
        grown,
        differences,
    };
    comparison.compare("", &recorded, &ours);
    comparison.differences
}

#[test]
fn every_cassette_is_replayed_or_argued() {
    let exchanges = recordings();
    let cassettes: BTreeSet<_> = exchanges.iter().map(Exchange::cassette).collect();
    for (cassette, reason) in NOT_REPLAYED {
        assert!(
            cassettes.contains(cassette),
            "no such cassette: {cassette} ({reason})"
        );
        assert!(
            cassette.contains("access-token"),
            "{cassette} is not about tokens: {reason}"
        );
    }
}

#[test]
fn every_grown_field_is_missing_in_its_newest_recording() {
    let exchanges = recordings();
    for (endpoint, fields) in GROWN {
        let recorded = exchanges
            .iter()
            .filter(|exchange| exchange.endpoint() == *endpoint);
        let newest = recorded
            .max_by_key(|exchange| exchange.now())
            .unwrap()
            .answer()
            .unwrap();
        let places = places(&newest);
        assert!(
            fields.iter().all(|field| !places.contains(*field)),
            "{endpoint} was recorded with {fields:?}"
        );
    }
}
