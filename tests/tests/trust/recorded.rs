//! Every recorded exchange about trust, both ways: our client sends the recorded request and reads
//! the recorded answer; the sandbox answers the recorded request with the recorded answer.
//!
//! No exchange about an intake mapping is public, nor one that lists mappings: those shapes are the
//! ones of Datadog's Terraform provider.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use datadog_rotation::budget::Budget;
use datadog_rotation::datadog::trust::{MappingKind, TrustCall, TrustRefusal};
use datadog_rotation::datadog::{Authority, Call, Datadog, DatadogProblem};
use datadog_rotation::http::{Http, Sending, Transport};
use datadog_rotation::keys::{ApiKey, AppKey, TrustId};
use datadog_trust::account::Wanted;
use datadog_trust::properties::Properties;
use sandbox::datadog::{Datadog as Organisation, Minted};
use serde::Deserialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;

const RECORDINGS: &str = include_str!("../../sandbox/recordings/trust.json");
const HOST: &str = "https://api.datadoghq.com";
const ACCOUNTS: &str = "/api/v2/integration/aws/accounts";
const PERSONAS: &str = "/api/v2/cloud_auth/aws/persona_mapping";

#[derive(Deserialize)]
struct Recordings {
    exchanges: Vec<Exchange>,
}

#[derive(Deserialize)]
struct Exchange {
    path: String,
    request: Request,
    response: Response,
}

#[derive(Deserialize)]
struct Request {
    method: String,
    url: String,
    #[serde(deserialize_with = "text")]
    body: String,
}

#[derive(Deserialize)]
struct Response {
    status: u16,
    headers: BTreeMap<String, String>,
    #[serde(deserialize_with = "text")]
    body: String,
}

/// Null is a body that is not there.
fn text<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// Why an exchange is not replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Skipped {
    /// v1 is deprecated, and not spoken.
    V1,
    /// Of 2024, when the path had the number of the AWS account where the id is now.
    OldPath,
    /// Not sent by our client: integrating makes an external id of its own.
    NotSent,
    /// An id that is no UUID, which our client can't write.
    NoUuid,
    /// Of 2024, when attributes had the number of the AWS account beside them, some wrapped.
    OldBody,
    /// Of 2024: what was not said was taken otherwise.
    OldDefaults,
}

impl Exchange {
    fn target(&self) -> &str {
        self.request.url.trim_start_matches(HOST)
    }

    fn id(&self) -> Option<String> {
        let rest = self
            .target()
            .strip_prefix(ACCOUNTS)
            .or_else(|| self.target().strip_prefix(PERSONAS));
        let id = rest?.strip_prefix('/')?;
        Some(id.replace("%22", ""))
    }

    fn attributes(&self) -> Map<String, Value> {
        let body: Value = serde_json::from_str(&self.request.body).expect("JSON");
        body["data"]["attributes"]
            .as_object()
            .expect("attributes")
            .clone()
    }

    fn has_id_beside(&self) -> bool {
        let body = serde_json::from_str::<Value>(&self.request.body);
        body.is_ok_and(|it| it["data"]["id"].is_string())
    }

    fn skipped_by_both(&self) -> Option<Skipped> {
        let is_old = self.id().is_some_and(|id| id.len() == 12);
        match self.target() {
            target if target.starts_with("/api/v1/") => Some(Skipped::V1),
            _ if is_old => Some(Skipped::OldPath),
            _ if self.request.body.contains("\"aws_account\":{") => Some(Skipped::OldBody),
            _ if self.has_id_beside() && self.request.body.contains("$KEY") => {
                Some(Skipped::OldDefaults)
            }
            _ => None,
        }
    }

    fn skipped_by_client(&self) -> Option<Skipped> {
        let is_uuid = |id: String| TrustId::parse(&id).is_some();
        self.skipped_by_both().or_else(|| match self.target() {
            target if target.ends_with("generate_new_external_id") => Some(Skipped::NotSent),
            _ if !self.id().is_none_or(is_uuid) => Some(Skipped::NoUuid),
            _ if self.has_id_beside() => Some(Skipped::OldBody),
            _ => None,
        })
    }

    /// The call of ours that this is.
    fn call(&self) -> TrustCall {
        let id = self.id().map(|id| TrustId::parse(&id).expect("a UUID"));
        match (
            self.request.method.as_str(),
            id,
            self.target().starts_with(PERSONAS),
        ) {
            ("GET", Some(id), true) => TrustCall::GetMapping(MappingKind::Identity, id),
            ("DELETE", Some(id), true) => TrustCall::DeleteMapping(MappingKind::Identity, id),
            ("POST", None, true) => {
                let attributes = self.attributes();
                let text = |name: &str| attributes[name].as_str().expect("text").to_owned();
                TrustCall::CreateMapping {
                    pattern: text("arn_pattern"),
                    account: Some(text("account_identifier")),
                }
            }
            ("GET", Some(id), false) => TrustCall::GetAccount(id),
            ("DELETE", Some(id), false) => TrustCall::DeleteAccount(id),
            ("PATCH", Some(id), false) => TrustCall::UpdateAccount {
                id,
                attributes: self.attributes(),
            },
            ("POST", None, false) => TrustCall::CreateAccount(self.wanted()),
            // Recorded without the filter.
            ("GET", None, false) => TrustCall::ListAccounts {
                aws_account: String::new(),
            },
            (method, ..) => panic!("{method} {}", self.target()),
        }
    }

    /// As a resource's properties make it, where they can.
    fn wanted(&self) -> Map<String, Value> {
        let attributes = self.attributes();
        // Access keys are no resource's: what the recording has is sent as it is.
        if !attributes["auth_config"]["role_name"].is_string() {
            return attributes;
        }
        let mut properties = Map::from_iter([
            (
                "AwsAccountId".to_owned(),
                attributes["aws_account_id"].clone(),
            ),
            (
                "AwsPartition".to_owned(),
                attributes["aws_partition"].clone(),
            ),
            (
                "RoleName".to_owned(),
                attributes["auth_config"]["role_name"].clone(),
            ),
        ]);
        for (name, member) in [
            ("AccountTags", "account_tags"),
            ("AwsRegions", "aws_regions"),
            ("LogsConfig", "logs_config"),
            ("MetricsConfig", "metrics_config"),
            ("ResourcesConfig", "resources_config"),
            ("TracesConfig", "traces_config"),
        ] {
            if let Some(value) = attributes.get(member) {
                properties.insert(name.to_owned(), in_texts(value));
            }
        }
        match Wanted::read(Properties::new(&properties)) {
            Ok(wanted) => wanted.attributes(),
            // A partition that does not exist is refused before any call.
            Err(error) => {
                assert!(error.to_string().contains("AwsPartition"), "{error}");
                attributes
            }
        }
    }
}

/// As `CloudFormation` sends it.
fn in_texts(value: &Value) -> Value {
    match value {
        Value::Bool(flag) => flag.to_string().into(),
        Value::Array(elements) => elements.iter().map(in_texts).collect(),
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| (name.clone(), in_texts(value)));
            Value::Object(members.collect())
        }
        value => value.clone(),
    }
}

fn recordings() -> Vec<Exchange> {
    serde_json::from_str::<Recordings>(RECORDINGS)
        .expect("recordings")
        .exchanges
}

/// Answers as recorded, and keeps what was sent.
#[derive(Clone, Debug)]
struct Canned {
    status: u16,
    body: Bytes,
    sent: Arc<Mutex<Option<http::Request<Bytes>>>>,
}

impl Transport for Canned {
    fn send(&self, request: http::Request<Bytes>, _: Duration) -> Sending<'_> {
        *self.sent.lock().expect("whole") = Some(request);
        let answer = http::Response::builder().status(self.status);
        Box::pin(async move { Ok(answer.body(self.body.clone()).expect("an answer")) })
    }
}

#[tokio::test(start_paused = true)]
async fn our_client_sends_the_recorded_requests_and_reads_the_answers() {
    let mut skipped = BTreeMap::new();
    let mut replayed = 0;
    for (number, exchange) in recordings().iter().enumerate() {
        if let Some(why) = exchange.skipped_by_client() {
            *skipped.entry(why).or_insert(0) += 1;
            continue;
        }
        let canned = Canned {
            status: exchange.response.status,
            body: exchange.response.body.clone().into(),
            sent: Arc::default(),
        };
        let datadog = Datadog::new(Http::new(canned.clone()), HOST.to_owned());
        let told = ask(&datadog, exchange.call()).await;
        let sent = canned
            .sent
            .lock()
            .expect("whole")
            .take()
            .expect("a request");
        assert_eq!(sent.method().as_str(), exchange.request.method, "{number}");
        let uri = sent.uri().to_string();
        let (uri, recorded) = (
            uri.replace("?aws_account_id=", ""),
            exchange.request.url.replace("%22", ""),
        );
        assert_eq!(uri, recorded, "{number}");
        let body = |text: &[u8]| serde_json::from_slice::<Value>(text).unwrap_or_default();
        assert_eq!(
            body(sent.body()),
            body(exchange.request.body.as_bytes()),
            "{number}"
        );
        assert_eq!(told, expected(exchange), "{number}");
        replayed += 1;
    }
    let counts: Vec<_> = skipped.into_iter().collect();
    let expected = [
        (Skipped::V1, 26),
        (Skipped::OldPath, 3),
        (Skipped::NotSent, 3),
        (Skipped::NoUuid, 4),
        (Skipped::OldBody, 8),
        (Skipped::OldDefaults, 1),
    ];
    assert_eq!((counts.as_slice(), replayed), (expected.as_slice(), 52));
}

/// The answer in short.
async fn ask(datadog: &Datadog, call: TrustCall) -> String {
    let (api, app) = (
        ApiKey::parse(&"0".repeat(32)),
        AppKey::parse(&"0".repeat(40)),
    );
    let pair = Authority::Pair(api.expect("a key"), app.expect("a key"));
    let budget = Budget::new(SystemTime::UNIX_EPOCH, Duration::from_mins(5));
    let account = |it: datadog_rotation::datadog::trust::AwsAccount| {
        format!("{} {}", it.id, it.external_id().unwrap_or_default())
    };
    let told = match call {
        TrustCall::GetMapping(kind, id) => {
            let mapping = datadog.mapping(&pair, kind, &id, &budget).await;
            mapping.map(|it| format!("{} {}", it.id, it.user.unwrap_or_default()))
        }
        TrustCall::CreateMapping { pattern, account } => {
            let id = datadog
                .create_mapping(&pair, &pattern, account.as_deref(), &budget)
                .await;
            id.map(|it| it.to_string())
        }
        TrustCall::GetAccount(id) => datadog.aws_account(&pair, &id, &budget).await.map(account),
        TrustCall::CreateAccount(attributes) => datadog
            .create_aws_account(&pair, attributes, &budget)
            .await
            .map(account),
        TrustCall::UpdateAccount { id, attributes } => datadog
            .update_aws_account(&pair, &id, attributes, &budget)
            .await
            .map(account),
        TrustCall::ListAccounts { aws_account } => {
            let found = datadog.aws_account_of(&pair, &aws_account, &budget).await;
            found.map(|it| it.map_or_else(|| "none".to_owned(), account))
        }
        call @ (TrustCall::DeleteMapping(..)
        | TrustCall::DeleteAccount(_)
        | TrustCall::ListMappings(_)) => {
            let call = Call::from(call);
            datadog
                .send(&pair, &call, &budget)
                .await
                .map(|_| "deleted".to_owned())
        }
    };
    told.unwrap_or_else(|error| format!("{:?}", error.problem))
}

fn expected(exchange: &Exchange) -> String {
    let body: Value = serde_json::from_str(&exchange.response.body).unwrap_or_default();
    let (data, text) = (&body["data"], &exchange.response.body);
    let id = data["id"].as_str().unwrap_or_default();
    let problem = match exchange.response.status {
        204 => return "deleted".to_owned(),
        // Our list asks for one account, which is not among the recorded ones.
        200 if data.is_array() => return "none".to_owned(),
        201 => return id.to_owned(),
        200 => {
            let attributes = &data["attributes"];
            let other = attributes["auth_config"]["external_id"].as_str();
            let other = other.or_else(|| attributes["account_uuid"].as_str());
            return format!("{id} {}", other.unwrap_or_default());
        }
        404 => DatadogProblem::NotFound,
        409 => DatadogProblem::Trust(TrustRefusal::Exists),
        400 if text.contains("not integrated") => {
            DatadogProblem::Trust(TrustRefusal::NotIntegrated)
        }
        400 if text.contains("cannot switch") => DatadogProblem::Trust(TrustRefusal::KeysAndRole),
        400 if text.contains("partition") => DatadogProblem::Trust(TrustRefusal::Partition),
        status => panic!("{status} {text}"),
    };
    format!("{problem:?}")
}

/// One cassette, told to an organisation of its own.
struct Story {
    organisation: Organisation,
    keys: (Minted, Minted),
    now: OffsetDateTime,
    /// Recorded ids, and ours.
    ids: Vec<(String, String)>,
}

impl Story {
    fn begin(cassette: &[&Exchange]) -> Self {
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

    fn tell(&mut self, exchange: &Exchange) -> Vec<String> {
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
fn compare(place: &str, recorded: &Value, ours: &Value, differences: &mut Vec<String>) {
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

#[test]
fn the_sandbox_gives_the_recorded_answers() {
    let exchanges = recordings();
    let mut cassettes: BTreeMap<&str, Vec<&Exchange>> = BTreeMap::new();
    for exchange in exchanges.iter().filter(|it| it.skipped_by_both().is_none()) {
        cassettes.entry(&exchange.path).or_default().push(exchange);
    }
    let mut differences = Vec::new();
    for (path, cassette) in &cassettes {
        let mut story = Story::begin(cassette);
        for exchange in cassette {
            let found = story.tell(exchange);
            let call = format!("{path}: {} {}", exchange.request.method, exchange.target());
            differences.extend(found.iter().map(|it| format!("{call}: {it}\n")));
        }
    }
    assert!(differences.is_empty(), "{}", differences.concat());
    let replayed: usize = cassettes.values().map(Vec::len).sum();
    assert_eq!(replayed, 65);
    assert!(!RECORDINGS.contains("intake_mapping"));
}
