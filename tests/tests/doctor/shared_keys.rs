//! A key that two secrets hold: rotating one of them deletes it for the other.

use datadog_rotation::Kind;
use harness::bench::Bench;
use harness::doctor::of_status;
use sandbox::scene::{SceneOptions, token};
use serde_json::{Value, json};

const ADMIN: Kind = Kind::AdminKey;

fn bench() -> Bench {
    Bench::new(SceneOptions::default())
}

/// Another secret with this value.
fn copy(bench: &Bench, name: &str, value: &Value) -> String {
    let body = json!({
        "Name": name, "ClientRequestToken": token(name), "SecretString": value.to_string(),
        "Tags": [{ "Key": "adminSecretArn", "Value": bench.secret(ADMIN) }],
    });
    let created = bench.manage("CreateSecret", &body);
    created["ARN"].as_str().unwrap().to_owned()
}

fn shared(checkup: &Value) -> Vec<String> {
    let lines = checkup["checks"].as_array().unwrap();
    let lines = lines.iter().filter(|it| it["error_type"] == "SharedKey");
    let text = |it: &Value| format!("{} {}", it["text"], it["advice"]);
    lines.map(text).collect()
}

#[tokio::test(start_paused = true)]
async fn a_key_of_two_secrets_is_told_beside_both() {
    for kind in [Kind::ApiKey, Kind::ApplicationKey, Kind::ServiceAccessToken] {
        for label in ["AWSCURRENT", "AWSPREVIOUS"] {
            let bench = bench();
            bench.rotate(kind).await.unwrap();
            let value = bench.value(kind, label).unwrap();
            let copy = copy(&bench, "copy", &value);
            let told = bench.check(&[bench.secret(kind), &copy, "--json"]).await;
            assert!(!told.fine, "{kind:?}, {label}: {}", told.output);
            let document = told.json();
            for (checkup, other) in [(0, &*copy), (1, bench.secret(kind))] {
                let checkup = &document["secrets"][checkup];
                assert_eq!(checkup["ok"], false);
                let lines = shared(checkup);
                assert_eq!(lines.len(), 1, "{kind:?}, {label}: {checkup:#}");
                for words in [other, label, "deletes"] {
                    assert!(lines[0].contains(words), "{words}: {}", lines[0]);
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_of_the_admin_secret_is_told_though_that_one_is_not_checked() {
    let bench = bench();
    let admin = bench.current(ADMIN);
    let value = json!({ "apiKey": admin["adminApiKey"], "apiKeyId": admin["adminApiKeyId"] });
    let agent = copy(&bench, "agent", &value);
    let checkup = bench.checkup(&agent).await;
    assert_eq!(checkup["ok"], false);
    let lines = shared(&checkup);
    assert_eq!(lines.len(), 1, "{checkup:#}");
    assert!(lines[0].contains(bench.secret(ADMIN)), "{}", lines[0]);
    let told = bench.check(&[&agent, bench.secret(ADMIN), "--json"]).await;
    let document = told.json();
    for checkup in document["secrets"].as_array().unwrap() {
        assert_eq!(shared(checkup).len(), 1, "{checkup:#}");
    }
}

#[tokio::test(start_paused = true)]
async fn secrets_with_keys_of_their_own_share_none() {
    let bench = bench();
    for _ in 0..2 {
        for kind in Kind::ALL {
            bench.rotate(kind).await.unwrap();
        }
        let told = bench
            .check(&[&bench.secrets()[..], &["--json"]].concat())
            .await;
        assert!(told.fine, "{}", told.output);
    }
}

#[tokio::test(start_paused = true)]
async fn an_admin_secret_that_is_named_by_its_partial_arn_is_no_other_one() {
    let bench = bench();
    let partial = bench.secret(ADMIN).rsplit_once('-').unwrap().0.to_owned();
    let (secret, admin) = (bench.secret(Kind::ApplicationKey), bench.secret(ADMIN));
    bench.tag(Kind::ApplicationKey, "adminSecretArn", &partial);
    let told = bench.check(&[secret, admin, "--json"]).await;
    assert!(told.fine, "{}", told.output);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_was_created_for_another_secret_is_told() {
    for kind in [Kind::ApiKey, Kind::ApplicationKey, Kind::ServiceAccessToken] {
        let bench = bench();
        bench.rotate(kind).await.unwrap();
        let own = bench.checkup(bench.secret(kind)).await;
        assert_eq!(of_status(&own, "warning"), Vec::<&str>::new());
        let copy = copy(&bench, "copy", &bench.current(kind));
        let checkup = bench.checkup(&copy).await;
        assert_eq!(checkup["ok"], true, "{checkup:#}");
        let lines = checkup["checks"].as_array().unwrap();
        let told = lines.iter().find(|it| {
            let text = it["text"].as_str().unwrap();
            it["status"] == "warning" && text.contains("created for the secret datadog/")
        });
        assert!(told.is_some(), "{kind:?}: {checkup:#}");
    }
}
