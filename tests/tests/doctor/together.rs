//! `datadog-doctor orphans` of several secrets at once, and where something fails.

use std::time::Duration;

use datadog_rotation::Kind;
use datadog_rotation::event::VersionId;
use datadog_rotation::keys::KeyClass;
use harness::bench::Bench;
use harness::doctor::CALLER;
use harness::orphans::{every_sort, states};
use sandbox::gate::{Call, Fate};
use sandbox::scene::{ADMIN_SCOPES, Admin, SceneOptions, role_of, token, trust};
use serde_json::json;

use crate::orphans::{bench, of, rotated};

const API: Kind = Kind::ApiKey;
const APP: Kind = Kind::ApplicationKey;
const ADMIN: Kind = Kind::AdminKey;

const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

#[tokio::test(start_paused = true)]
async fn secrets_that_are_asked_for_together_account_for_each_others_keys() {
    let bench = bench(&ADMIN_SCOPES);
    // Names of keys hold the first 60 characters of the secret's: these two look alike.
    let [one, two] = ["one", "two"].map(|end| {
        let name = format!("{}-{end}", "datadog/".repeat(8));
        let value = bench.by_hand(API);
        let tags = json!([{ "Key": "adminSecretArn", "Value": bench.secret(ADMIN) }]);
        let created = bench.manage(
            "CreateSecret",
            &json!({
                "Name": name, "ClientRequestToken": token(end), "SecretString": value.to_string(), "Tags": tags,
            }),
        );
        let arn = created["ARN"].as_str().unwrap().to_owned();
        // A rotation created the key in AWSCURRENT.
        let names = datadog_rotation::key_name::KeyNames::new(API, &arn, &name);
        let version = VersionId::parse(&token(end)).unwrap();
        let made = names.name(KeyClass::Api, &version, 1, "20260101");
        let id = value["apiKeyId"].as_str().unwrap();
        bench.gate.with_world(|world| world.datadog.rename(id, &made));
        (arn, name, token(end))
    });
    let minted_under = |of: &(String, String, String), version: &str| {
        let (arn, name, _) = of;
        let names = datadog_rotation::key_name::KeyNames::new(API, arn, name);
        let version = VersionId::parse(version).unwrap();
        bench.make(
            KeyClass::Api,
            &names.name(KeyClass::Api, &version, 0, "20260101"),
            DAY,
        )
    };
    let minted = |of: &(String, String, String)| minted_under(of, &of.2);
    let (of_one, of_two, copied, shared) = (minted(&one), minted(&two), minted(&one), minted(&one));
    let nobodys = minted_under(&one, &token("forgotten"));
    // The second secret's value holds a key that the first's rotation made.
    let store = |key: &String, of: &(String, String, String), label: &str| {
        let text = bench
            .gate
            .with_world(|world| world.datadog.key(key).unwrap().value.clone());
        let value = json!({ "apiKey": text, "apiKeyId": key }).to_string();
        bench.manage(
            "PutSecretValue",
            &json!({
                "SecretId": of.0, "ClientRequestToken": token(&format!("{label} of {}", of.2)),
                "SecretString": value, "VersionStages": [label],
            }),
        );
    };
    store(&copied, &two, "AWSCURRENT");
    // And both hold another one.
    store(&shared, &one, "AWSPENDING");
    store(&shared, &two, "AWSPENDING");

    let alone = bench.doctor(&["orphans", &one.0, "--json"]).await;
    assert_eq!(states(&alone)[&of_two], "unknown_version");
    let arguments = ["orphans", &one.0, &two.0, "--json", "--delete"];
    let both = bench.doctor(&arguments).await;
    assert!(!both.fine, "one is left: {}", both.output);
    assert_eq!(
        states(&both),
        [
            (of_one.clone(), "deletable".to_owned()),
            (nobodys.clone(), "unknown_version".to_owned())
        ]
        .into()
    );
    assert!(!bench.is_live(&of_one) && !bench.is_live(&of_two));
    assert!(
        [&copied, &shared, &nobodys]
            .into_iter()
            .all(|it| bench.is_live(it))
    );
    bench.revoke(&nobodys);
    let both = bench.doctor(&arguments).await;
    assert!(both.fine, "{}", both.output);
}

#[tokio::test(start_paused = true)]
async fn one_secret_that_can_not_be_looked_at_keeps_nothing_from_the_others() {
    let bench = rotated(&ADMIN_SCOPES, APP).await;
    let planted = every_sort(&bench, APP);
    let deny = |world: &mut sandbox::world::World| {
        world
            .secrets_manager
            .deny("ListSecretVersionIds", bench.secret(API));
    };
    bench.gate.with_world(deny);
    let arguments = ["orphans", bench.secret(API), bench.secret(APP), "--delete"];
    let told = bench.doctor(&[&arguments[..], &["--json"]].concat()).await;
    let document = told.json();
    assert_eq!(
        document["secrets"][0]["error"]["error_type"],
        "AccessDenied"
    );
    let words = |word: &str| document["secrets"][0]["error"][word].to_string();
    assert!(words("text").contains("ListSecretVersionIds"), "{document}");
    assert!(words("advice").contains("role to rotate"), "{document}");
    assert_eq!(document["secrets"][1]["name"], "datadog/app-key");
    assert_eq!(document["summary"]["not_searched"], 1);
    assert_eq!(
        document["summary"]["deleted"],
        of(&planted, "deletable").len()
    );
    let told = bench.doctor(&arguments).await;
    assert!(!told.fine);
    assert!(
        told.output.contains("not looked at  AccessDenied: "),
        "{}",
        told.output
    );
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_fails_is_told_and_the_others_go_on() {
    let bench = rotated(&ADMIN_SCOPES, API).await;
    let planted = every_sort(&bench, API);
    let due: Vec<_> = of(&planted, "deletable").into_iter().cloned().collect();
    let spared = due[0].clone();
    bench.gate.follow(move |call: &Call| {
        let is_it = call.changes() && call.subject.as_ref() == Some(&spared);
        if is_it { Fate::FailBefore } else { Fate::Pass }
    });
    let told = bench
        .doctor(&["orphans", bench.secret(API), "--json", "--delete"])
        .await;
    assert!(!told.fine);
    let document = told.json();
    let keys = document["secrets"][0]["keys"].as_array().unwrap();
    let failed: Vec<_> = keys.iter().filter(|it| it["error"].is_object()).collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["id"], due[0]);
    assert_eq!(failed[0]["error"]["error_type"], "DatadogUnavailable");
    assert_eq!(failed[0]["deleted"], false);
    assert!(bench.is_live(&due[0]) && due[1..].iter().all(|it| !bench.is_live(it)));
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_takes_long_takes_no_others_time() {
    let bench = rotated(&ADMIN_SCOPES, APP).await;
    let planted = every_sort(&bench, APP);
    // Nobody answers for the others, while the first waits for its deletions, which take time too.
    bench
        .gate
        .follow(|call: &Call| match call.operation.as_str() {
            "GET /api/v2/api_keys" => Fate::SilenceBefore,
            _ if call.changes() => Fate::Slow(Duration::from_millis(50)),
            _ => Fate::Pass,
        });
    let [quick, slow, slower] = [APP, API, ADMIN].map(|kind| bench.secret(kind));
    let arguments = ["orphans", quick, slow, slower, "--json", "--delete"];
    let began = tokio::time::Instant::now();
    let told = bench.doctor(&arguments).await.json();
    assert!(began.elapsed() > 5 * MINUTE, "{:?}", began.elapsed());
    for unseen in &told["secrets"].as_array().unwrap()[1..] {
        assert_eq!(unseen["error"]["error_type"], "DatadogUnreachable");
    }
    assert_eq!(told["summary"]["deleted"], of(&planted, "deletable").len());
}

/// A secret's deletions have time of their own, however long the others were looked at: for what
/// was refused to be explained, and for another token.
#[tokio::test(start_paused = true)]
async fn deletions_have_time_of_their_own() {
    for admin in [Admin::Pair, Admin::Identity] {
        let bench = Bench::new(SceneOptions {
            admin,
            ..SceneOptions::default()
        });
        bench.rotate(APP).await.unwrap();
        bench.wait(20 * MINUTE).await;
        let planted = every_sort(&bench, APP);
        bench.gate.with_world(|world| {
            trust(world, &role_of(CALLER), &bench.scene.service_account);
            world.datadog.settings.token_life = 3 * MINUTE;
        });
        bench
            .gate
            .follow(|call: &Call| match call.operation.as_str() {
                "GET /api/v2/api_keys" => Fate::SilenceBefore,
                _ => Fate::Slow(Duration::from_millis(100)),
            });
        let slower = bench.another(API).secret;
        let [quick, slow] = [APP, API].map(|kind| bench.secret(kind));
        let arguments = ["orphans", quick, slow, &slower, "--json", "--delete"];
        let (told, ()) = tokio::join!(bench.doctor(&arguments), async {
            bench.wait(MINUTE).await;
            // A pair dies meanwhile, and its tokens end.
            if let Some(id) = bench.current(ADMIN)["adminAppKeyId"].as_str() {
                bench.revoke(id);
            }
        });
        let (document, due) = (told.json(), of(&planted, "deletable").len());
        let keys = document["secrets"][0]["keys"].as_array().unwrap();
        let failed = keys.iter().filter(|it| it["error"].is_object());
        let failed: Vec<_> = failed.map(|it| &it["error"]["error_type"]).collect();
        let refused = match admin {
            Admin::Pair => vec!["AdminKeyRefused"; due],
            Admin::Identity | Admin::IdentityOfVariables | Admin::AccessToken => vec![],
        };
        assert_eq!(failed, refused, "{}", bench.story());
        assert_eq!(document["summary"]["deleted"], due - refused.len());
    }
}
