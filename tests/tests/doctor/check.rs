//! `datadog-doctor check`: what is sound is called sound, each defect has its own line, and
//! nothing is changed.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use datadog_rotation::Kind;
use datadog_rotation::http::{Sending, Transport};
use datadog_rotation::inspect::checkup::Check;
use harness::bench::{Bench, DOCUMENTED_SCOPES};
use harness::by_hand::ids;
use harness::case::ENROLL;
use harness::doctor::{line, of_status};
use harness::transport::InProcess;
use http::StatusCode;
use sandbox::gate::{Call, Fate};
use sandbox::scene::{SceneOptions, token};
use sandbox::secrets_manager::Replication;
use serde_json::{Value, json};

const API: Kind = Kind::ApiKey;
const APP: Kind = Kind::ApplicationKey;
const ADMIN: Kind = Kind::AdminKey;

fn bench() -> Bench {
    Bench::new(SceneOptions::default())
}

fn bench_with(admin_scopes: &[&str]) -> Bench {
    Bench::new(SceneOptions {
        admin_scopes,
        ..SceneOptions::default()
    })
}

#[tokio::test(start_paused = true)]
async fn what_is_sound_is_called_so() {
    let bench = bench();
    for kind in Kind::ALL {
        let checkup = bench.checkup(bench.secret(kind)).await;
        assert_eq!(checkup["ok"], true);
        assert_eq!(checkup["type"], kind.name());
        let of_kind = Check::ALL.into_iter().filter(|it| it.is_of(kind));
        let of_kind: Vec<_> = of_kind.map(Check::word).collect();
        assert_eq!(of_status(&checkup, "ok"), of_kind, "{checkup:#}");
        bench.rotate(kind).await.unwrap();
    }
    for kind in Kind::ALL {
        assert_eq!(bench.checkup(bench.secret(kind)).await["ok"], true);
    }
}

#[tokio::test(start_paused = true)]
async fn people_get_a_table() {
    let bench = bench();
    let told = bench.check(&bench.secrets()).await;
    assert!(told.fine);
    for words in [
        "datadog/api-key (DatadogApiKey)",
        "  ok  admin_secret           itself",
        "by the tag adminSecretArn",
        "Rotation would fail for 0 of 4.",
    ] {
        assert!(
            told.output.contains(words),
            "no {words:?} in\n{}",
            told.output
        );
    }
    // An ARN is not cut.
    let is_narrow = |line: &str| line.len() <= 100 || line.trim().starts_with("arn:");
    assert!(told.output.lines().all(is_narrow), "{}", told.output);

    bench.revoke(&ids(&bench.current(API))[0]);
    let told = bench.check(&[bench.secret(API)]).await;
    assert!(!told.fine);
    assert!(told.output.contains("CurrentKeyDead: the current API key"));
    assert!(told.output.contains("If consumers fail"));
}

#[tokio::test(start_paused = true)]
async fn nothing_need_be_deployed() {
    let bench = bench();
    let value = bench.current(API);
    let secret = create(&bench, "fresh", &value, json!({}));
    let checkup = bench.checkup(&secret).await;
    assert_eq!(checkup["ok"], true, "{checkup:#}");
    assert_eq!(checkup["type"], API.name());
    assert_eq!(of_status(&checkup, "warning"), ["rotation"]);
    let text = line(&checkup, "rotation")["text"].as_str().unwrap();
    assert!(text.starts_with("off"), "{text}");
}

/// A secret that names the scene's admin secret by its tag.
fn create(bench: &Bench, name: &str, value: &Value, rest: Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    let mut body = json!({
        "Name": name, "ClientRequestToken": token(name), "SecretString": text,
        "Tags": [{ "Key": "adminSecretArn", "Value": bench.secret(ADMIN) }],
    });
    if let (Value::Object(body), Value::Object(rest)) = (&mut body, rest) {
        body.extend(rest);
    }
    let created = bench.manage("CreateSecret", &body);
    created["ARN"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn the_type_is_told_by_the_service_the_value_or_the_person() {
    let bench = bench();
    let mut odd = bench.current(APP);
    odd["apiKey"] = bench.current(API)["apiKey"].clone();
    odd["apiKeyId"] = bench.current(API)["apiKeyId"].clone();
    let secret = create(&bench, "both", &odd, json!({}));
    let told = bench.checkup(&secret).await;
    assert_eq!(line(&told, "value")["error_type"], "SecretMalformed");
    assert!(
        line(&told, "value")["advice"]
            .as_str()
            .unwrap()
            .contains("--type")
    );
    for (word, kind) in [("api-key", API), ("application-key", APP)] {
        let told = bench.check(&[&secret, "--json", "--type", word]).await;
        assert_eq!(told.json()["secrets"][0]["type"], kind.name());
        assert!(told.fine, "{}", told.output);
    }
    let secret = create(
        &bench,
        "typed",
        &odd,
        json!({ "Type": "DatadogApplicationKey" }),
    );
    assert_eq!(bench.checkup(&secret).await["type"], APP.name());
    let asked = bench.check(&[&secret, "--json", "--type", "api-key"]).await;
    assert_eq!(asked.json()["secrets"][0]["type"], API.name());
    let asked = bench
        .check(&[bench.secret(API), "--json", "--type", "admin-key"])
        .await;
    let checkup = &asked.json()["secrets"][0];
    assert!(
        line(checkup, "value")["text"]
            .as_str()
            .unwrap()
            .contains("`adminApiKey`")
    );
}

#[tokio::test(start_paused = true)]
async fn the_admin_secret_is_found_as_a_rotation_finds_it() {
    let mut bench = bench();
    let admin = bench.secret(ADMIN).to_owned();
    let how = |checkup: &Value| {
        line(checkup, "admin_secret")["text"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(how(&bench.checkup(&admin).await), "itself");
    let by_tag = bench.checkup(bench.secret(API)).await;
    assert_eq!(how(&by_tag), format!("by the tag adminSecretArn: {admin}"));

    let secret = bench.secret(API).to_owned();
    let untag = json!({ "SecretId": secret, "TagKeys": ["adminSecretArn"] });
    bench.manage("UntagResource", &untag);
    let none = bench.checkup(&secret).await;
    assert_eq!(line(&none, "admin_secret")["error_type"], "NoAdminSecret");
    let told = bench
        .check(&[&secret, "--json", "--admin-secret", &admin])
        .await;
    assert!(told.fine);
    bench.settings.admin_secret_arn = Some(admin.clone());
    let by_setting = bench.checkup(&secret).await;
    assert!(how(&by_setting).starts_with("by --admin-secret or ADMIN_SECRET_ARN: arn:"));
    // An admin secret is never its own default.
    let told = bench
        .check(&[&admin, "--json", "--admin-secret", &secret])
        .await;
    assert_eq!(how(&told.json()["secrets"][0]), "itself");

    let mut value = bench.current(API);
    value["adminSecretArn"] = json!(admin);
    bench.store(API, &value);
    let by_field = bench.checkup(&secret).await;
    assert_eq!(
        how(&by_field),
        format!("by the field adminSecretArn: {admin}")
    );
}

/// Its id is a live key's, and it ends as that key does: it has to be tried.
#[tokio::test(start_paused = true)]
async fn an_application_key_that_only_ends_like_another_is_told() {
    let bench = bench();
    let mut value = bench.current(APP);
    let text = value["appKey"].as_str().unwrap();
    value["appKey"] = json!(format!("ddapp_{:a>34}", &text[text.len() - 4..]));
    bench.store(APP, &value);
    let checkup = bench.checkup(bench.secret(APP)).await;
    let line = line(&checkup, "application_key");
    assert_eq!(line["error_type"], "CurrentKeyMismatch", "{checkup:#}");
}

#[tokio::test(start_paused = true)]
async fn another_organisations_key_is_told_by_its_text() {
    let bench = bench_with(&DOCUMENTED_SCOPES);
    let key = ids(&bench.current(API))[0].clone();
    bench.gate.with_world(|world| world.datadog.give_away(&key));
    let checkup = bench.checkup(bench.secret(API)).await;
    assert_eq!(of_status(&checkup, "failed"), ["organisation"]);
    let line = line(&checkup, "organisation");
    assert_eq!(line["error_type"], "OrganisationMismatch");
}

#[tokio::test(start_paused = true)]
async fn without_api_keys_read_it_says_what_it_can_not_see() {
    let bench = bench_with(&DOCUMENTED_SCOPES);
    for kind in [API, ADMIN] {
        let checkup = bench.checkup(bench.secret(kind)).await;
        assert_eq!(checkup["ok"], true);
        assert_eq!(of_status(&checkup, "warning"), ["api_keys_read"]);
        let unknown = ["api_key_attributes", "api_key_quota"];
        assert_eq!(of_status(&checkup, "unknown"), unknown);
    }
    bench
        .gate
        .with_world(|world| world.datadog.settings.validate_v2 = false);
    let checkup = bench.checkup(bench.secret(API)).await;
    assert_eq!(of_status(&checkup, "warning"), ["api_key", "api_keys_read"]);
    let unknown = ["organisation", "api_key_attributes", "api_key_quota"];
    assert_eq!(of_status(&checkup, "unknown"), unknown);
}

#[tokio::test(start_paused = true)]
async fn what_no_rotation_asks_for_fails_none() {
    let bench = bench();
    bench.gate.follow(|call: &Call| {
        if call.operation == "GET /api/v2/current_user" {
            Fate::Html(StatusCode::FORBIDDEN)
        } else {
            Fate::Pass
        }
    });
    let checkup = bench.checkup(bench.secret(APP)).await;
    assert_eq!(checkup["ok"], true);
    assert_eq!(of_status(&checkup, "unknown"), ["permissions"]);
    let text = line(&checkup, "permissions")["text"].as_str().unwrap();
    assert!(text.starts_with("Datadog does not tell"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn what_harms_no_rotation_is_a_warning() {
    let warning = async |bench: &Bench, check| {
        let checkup = bench.checkup(bench.secret(API)).await;
        assert_eq!(of_status(&checkup, "warning"), [check], "{checkup:#}");
        assert_eq!(checkup["ok"], true);
        let text = line(&checkup, check)["text"].as_str().unwrap();
        text.to_owned()
    };
    let overdue = bench();
    overdue.wait(Duration::from_hours(92 * 24)).await;
    assert!(
        warning(&overdue, "rotation")
            .await
            .contains("overdue since 2026-06-")
    );

    let unfinished = bench();
    let job = unfinished.begin(API);
    assert!(warning(&unfinished, "versions").await.contains(&job.token));

    let stale = bench();
    let mut value = stale.current(API);
    value["dd_api_key"] = json!("another text");
    stale.store(API, &value);
    assert!(warning(&stale, "value").await.starts_with("dd_api_key"));
}

/// Notes the hosts that are called.
#[derive(Clone, Debug)]
struct Spy(InProcess, Arc<Mutex<BTreeSet<String>>>);

impl Transport for Spy {
    fn send(&self, request: http::Request<Bytes>, timeout: Duration) -> Sending<'_> {
        let host = request.uri().host().unwrap().to_owned();
        self.1.lock().unwrap().insert(host);
        self.0.send(request, timeout)
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_asked_for_in_its_own_region() {
    let bench = bench();
    let elsewhere = bench.secret(API).replace("us-east-1", "eu-west-1");
    let spy = Spy(bench.way("spy"), Arc::default());
    let now = bench.gate.with_world(|world| world.now()).into();
    bench
        .doctor_at(now, spy.clone(), &["check", &elsewhere])
        .await;
    let hosts = spy.1.lock().unwrap();
    let all: Vec<_> = hosts.iter().map(String::as_str).collect();
    assert_eq!(all, ["secretsmanager.eu-west-1.amazonaws.com"]);
}

#[tokio::test(start_paused = true)]
async fn a_name_is_looked_up() {
    let bench = bench();
    let checkup = bench.checkup("datadog/api-key").await;
    assert_eq!(checkup["secret"], bench.secret(API));
    assert_eq!(checkup["ok"], true);
    let told = bench.check(&["datadog/nobody", "--json"]).await;
    let checkup = &told.json()["secrets"][0];
    let found = line(checkup, "secret");
    assert_eq!(found["error_type"], "SecretNotFound");
    let advice = found["advice"].as_str().unwrap();
    assert!(advice.contains("a name is looked up"), "{advice}");
    assert_eq!(checkup["secret"], "datadog/nobody");
}

#[tokio::test(start_paused = true)]
async fn an_attribute_that_may_be_lost_is_told_beforehand() {
    let bench = bench();
    let id = &ids(&bench.current(API))[0];
    bench
        .gate
        .with_world(|world| world.datadog.switch(id, ENROLL, true));
    let told = |checkup: &Value| {
        let line = line(checkup, "api_key_attributes").clone();
        (
            line["status"].clone(),
            line["text"].as_str().unwrap().to_owned(),
        )
    };
    let (status, text) = told(&bench.checkup(bench.secret(API)).await);
    assert_eq!(status, "warning");
    assert!(
        text.contains(ENROLL) && text.contains("AttributeLost"),
        "{text}"
    );

    let mut value = bench.current(API);
    value["mayLoseAttributes"] = json!(ENROLL);
    bench.store(API, &value);
    let (status, text) = told(&bench.checkup(bench.secret(API)).await);
    assert_eq!(status, "ok", "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_value_of_another_shape_is_told_apart() {
    let bench = bench();
    for (value, words) in [
        (json!({"DD_API_KEY": "x"}), "as `DD_API_KEY`"),
        (bench.current(APP), "those of a DatadogApplicationKey"),
        (json!({"apiKey": 7}), "`apiKey`"),
    ] {
        bench.store(API, &value);
        let told = bench
            .check(&[bench.secret(API), "--json", "--type", "api-key"])
            .await;
        let text = line(&told.json()["secrets"][0], "value")["text"].to_string();
        assert!(text.contains(words), "{text}");
    }
}

/// What waits for a check that failed has one line for all.
#[tokio::test(start_paused = true)]
async fn one_cause_has_one_line() {
    let bench = bench();
    bench.store(API, &json!("bare"));
    let told = bench.check(&[bench.secret(API)]).await;
    let lines: Vec<_> = told.output.lines().collect();
    let rest = lines.iter().filter(|it| it.contains("not looked at"));
    assert_eq!(rest.count(), 1, "{}", told.output);
    assert!(told.output.contains("the rest"), "{}", told.output);
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_failed_is_told() {
    let bench = bench();
    let replicate = |since: Duration| {
        bench.gate.with_world(|world| {
            let replication = Replication::FailedSince(world.now() - since);
            let manager = &mut world.secrets_manager;
            manager.replicate(bench.secret(API), "eu-west-1", replication);
        });
    };
    replicate(Duration::from_hours(1));
    bench.store(API, &bench.current(API));
    // The status comes after the change.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let checkup = bench.checkup(bench.secret(API)).await;
    assert_eq!(of_status(&checkup, "failed"), ["replicas"], "{checkup:#}");
    let line = line(&checkup, "replicas");
    assert_eq!(line["error_type"], "ReplicaFailed");
    let text = line["text"].as_str().unwrap();
    let words = "AWS says: Replication failed: Access to KMS is not allowed";
    assert!(text.contains("eu-west-1") && text.contains(words), "{text}");
    assert!(!text.contains("kms:Encrypt"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn of_a_replica_in_another_account_it_is_told_what_it_takes() {
    let bench = bench();
    bench.gate.with_world(|world| {
        let (secret, in_time) = (bench.secret(API), Replication::After(Duration::ZERO));
        world
            .secrets_manager
            .replicate(secret, "210987654321", in_time);
    });
    let checkup = bench.checkup(bench.secret(API)).await;
    assert_eq!(checkup["ok"], true);
    let line = line(&checkup, "replicas");
    assert_eq!(line["status"], "ok");
    let text = line["text"].as_str().unwrap();
    assert!(text.starts_with("in sync: account 210987654321"), "{text}");
    assert!(
        text.contains("kms:Encrypt on the replica's KMS key"),
        "{text}"
    );
}
