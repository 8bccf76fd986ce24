//! Every recorded exchange about trust, both ways: our client sends the recorded request and reads
//! the recorded answer; the sandbox answers the recorded request with the recorded answer.
//!
//! No exchange about an intake mapping is public, nor one that lists mappings: those shapes are the
//! ones of Datadog's Terraform provider.

mod exchange;
mod story;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use datadog_rotation::datadog::trust::TrustRefusal;
use datadog_rotation::datadog::{Authority, Datadog, DatadogProblem, Limits};
use datadog_rotation::deadline::Deadline;
use datadog_rotation::http::{Http, Sending, Transport};
use datadog_rotation::keys::{ApiKey, AppKey};
use serde_json::Value;

use exchange::{Asked, Exchange, Skipped, recordings};
use story::Story;

const RECORDINGS: &str = include_str!("../../sandbox/recordings/trust.json");
const HOST: &str = "https://api.datadoghq.com";
const ACCOUNTS: &str = "/api/v2/integration/aws/accounts";
const PERSONAS: &str = "/api/v2/cloud_auth/aws/persona_mapping";

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
        let datadog = Datadog::new(
            Http::new(canned.clone()),
            HOST.to_owned(),
            Limits::default(),
        );
        let told = ask(&datadog, exchange.asked()).await;
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
        (Skipped::NoUuid, 4),
        (Skipped::OldBody, 8),
        (Skipped::OldDefaults, 1),
    ];
    assert_eq!((counts.as_slice(), replayed), (expected.as_slice(), 55));
}

/// The answer in short.
async fn ask(datadog: &Datadog, asked: Asked) -> String {
    let (api, app) = (
        ApiKey::parse(&"0".repeat(32)),
        AppKey::parse(&"0".repeat(40)),
    );
    let pair = Authority::Pair(api.expect("a key"), app.expect("a key"));
    let deadline = Deadline::new(SystemTime::UNIX_EPOCH, Duration::from_mins(5));
    let account = |it: datadog_rotation::datadog::trust::AwsAccount| {
        format!("{} {}", it.id, it.external_id().unwrap_or_default())
    };
    let told = match asked {
        Asked::GetMapping(kind, id) => {
            let mapping = datadog.mapping(&pair, kind, &id, &deadline).await;
            mapping.map(|it| format!("{} {}", it.id, it.user.unwrap_or_default()))
        }
        Asked::CreateMapping { pattern, account } => {
            let id = datadog
                .create_mapping(&pair, &pattern, account.as_deref(), &deadline)
                .await;
            id.map(|it| it.to_string())
        }
        Asked::GetAccount(id) => datadog
            .aws_account(&pair, &id, &deadline)
            .await
            .map(account),
        Asked::CreateAccount(attributes) => datadog
            .create_aws_account(&pair, &attributes, &deadline)
            .await
            .map(account),
        Asked::UpdateAccount { id, attributes } => datadog
            .update_aws_account(&pair, &id, &attributes, &deadline)
            .await
            .map(account),
        Asked::ListAccounts { aws_account } => {
            let found = datadog.aws_account_of(&pair, &aws_account, &deadline).await;
            found.map(|it| it.map_or_else(|| "none".to_owned(), account))
        }
        Asked::CreateExternalId => datadog.create_external_id(&pair, &deadline).await,
        Asked::Delete(call) => datadog
            .send(&pair, &call, &deadline)
            .await
            .map(|_| "deleted".to_owned()),
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
            if let Some(issued) = attributes["external_id"].as_str() {
                return issued.to_owned();
            }
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
