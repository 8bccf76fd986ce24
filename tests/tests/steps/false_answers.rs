//! One answer of a right shape that is another's: a value of another secret, an ID or a name of another key.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test says that something is wrong"
)]

use std::time::Duration;

use datadog_rotation::Kind;
use datadog_rotation::keys::KeyClass;
use harness::bench::Bench;
use harness::by_hand::ids;
use http::StatusCode;
use sandbox::gate::{Call, Edit, Fate};
use sandbox::rotation::Step;
use sandbox::scene::SceneOptions;
use sandbox::secrets_manager::RotationJob;
use serde_json::{Value, json};

const HOUR: Duration = Duration::from_hours(1);

/// A secret whose keys have the names of its versions, and are old.
async fn rotated(kind: Kind) -> Bench {
    let bench = Bench::new(SceneOptions::default());
    for _ in 0..2 {
        bench.rotate(kind).await.unwrap();
        bench.wait(HOUR).await;
    }
    bench
}

/// The first success of an operation is changed so.
fn edit(
    bench: &Bench,
    operation: &'static str,
    subject: Option<&str>,
    change: impl Fn(&mut Value) + Send + Sync + 'static,
) {
    let subject = subject.map(str::to_owned);
    let mut change = Some(Edit::new(change));
    bench.gate.follow(move |call: &Call| {
        let is_meant = call.operation == operation
            && subject
                .as_ref()
                .is_none_or(|it| call.subject.as_ref() == Some(it));
        let change = change.take_if(|_| is_meant);
        change.map_or(Fate::Pass, Fate::Edited)
    });
}

/// A rotation that is answered with the value of another secret of the type where it first reads AWSCURRENT. The
/// other's value has a field of its own, `note`.
async fn rotated_by_anothers_value(kind: Kind, says_so: bool) -> (Bench, bool) {
    let bench = rotated(kind).await;
    let another = bench.another(kind);
    let mut value = bench.gate.with_world(|world| {
        let secret = world.secrets_manager.secret(&another.secret).unwrap();
        let held = secret.labelled("AWSCURRENT").unwrap().value().unwrap();
        serde_json::from_str::<Value>(held).unwrap()
    });
    value["note"] = json!("another's");
    let subject = bench.secret(kind).to_owned();
    edit(&bench, "GetSecretValue", Some(&subject), move |body| {
        if says_so {
            body["ARN"] = json!(another.secret);
        }
        body["SecretString"] = json!(value.to_string());
    });
    let is_done = bench.rotate(kind).await.is_ok();
    bench.gate.follow(|_: &Call| Fate::Pass);
    bench.assert_kept();
    (bench, is_done)
}

#[tokio::test(start_paused = true)]
async fn a_value_that_says_it_is_another_secrets_is_not_read() {
    for kind in [Kind::ApiKey, Kind::ApplicationKey, Kind::ServiceAccessToken] {
        let (bench, is_done) = rotated_by_anothers_value(kind, true).await;
        let value = bench.current(kind);
        assert_eq!((is_done, value.get("note")), (true, None), "{value}");
        bench.assert_settled();
    }
}

/// The list shows a key of the name of AWSCURRENT's version, and the value that was read names another: that may be
/// the key in use.
#[tokio::test(start_paused = true)]
async fn a_key_of_the_current_version_goes_only_beside_the_one_that_its_value_names() {
    for kind in [Kind::ApiKey, Kind::ApplicationKey, Kind::ServiceAccessToken] {
        let (bench, _) = rotated_by_anothers_value(kind, false).await;
        bench.wait(HOUR).await;
        bench.rotate(kind).await.unwrap();
        bench.assert_settled();
    }
}

#[tokio::test(start_paused = true)]
async fn an_orphaned_key_is_looked_up_before_it_goes() {
    for (kind, class, list) in [
        (Kind::ApiKey, KeyClass::Api, "GET /api/v2/api_keys"),
        (
            Kind::ApplicationKey,
            KeyClass::Application,
            "GET /api/v2/service_accounts/{id}/application_keys",
        ),
    ] {
        let bench = rotated(kind).await;
        let current = bench.labelled(kind, "AWSCURRENT").unwrap();
        let orphan = bench.plant(kind, class, &current, HOUR);
        let strangers = bench.make(class, "a person's", HOUR);
        let (shown, id) = (orphan.clone(), strangers.clone());
        bench.gate.follow(move |call: &Call| {
            if call.operation != list {
                return Fate::Pass;
            }
            let (shown, id) = (shown.clone(), id.clone());
            Fate::Edited(Edit::new(move |body| {
                for key in body["data"].as_array_mut().unwrap() {
                    if key["id"] == shown {
                        key["id"] = json!(id);
                    }
                }
            }))
        });
        bench.rotate(kind).await.unwrap();
        bench.gate.follow(|_: &Call| Fate::Pass);
        assert!(bench.is_live(&strangers), "{}", bench.story());
        bench.rotate(kind).await.unwrap();
        assert!(!bench.is_live(&orphan), "{}", bench.story());
    }
}

/// A creation whose answer is changed so, up to the step that refuses it.
async fn created(
    kind: Kind,
    operation: &'static str,
    change: impl Fn(&mut Value) + Send + Sync + 'static,
) -> (Bench, RotationJob) {
    let bench = rotated(kind).await;
    edit(&bench, operation, None, change);
    let job = bench.begin(kind);
    (bench, job)
}

/// Nothing of it is left once a rotation has gone through.
async fn heals(bench: &Bench, kind: Kind, job: &RotationJob) {
    bench.gate.follow(|_: &Call| Fate::Pass);
    bench.give_up(job);
    bench.wait(HOUR).await;
    bench.rotate(kind).await.unwrap();
    bench.assert_settled();
}

#[tokio::test(start_paused = true)]
async fn a_created_key_with_the_value_of_another_is_not_stored() {
    for (kind, operation) in [
        (Kind::ApiKey, "POST /api/v2/api_keys"),
        (
            Kind::ApplicationKey,
            "POST /api/v2/service_accounts/{id}/application_keys",
        ),
    ] {
        let field = if kind == Kind::ApiKey {
            "apiKey"
        } else {
            "appKey"
        };
        let value = Bench::new(SceneOptions::default()).current(kind)[field].clone();
        let (bench, job) = created(kind, operation, move |body| {
            body["data"]["attributes"]["key"] = value.clone();
        })
        .await;
        let refused = bench.deliver(kind, &job, Step::CreateSecret).await;
        let words = ["which is another one", "delete nothing by this ID"];
        bench.assert_failed(refused, "DatadogUnexpectedAnswer", &words);
        assert_eq!(bench.value(kind, "AWSPENDING"), None);
        heals(&bench, kind, &job).await;
    }
}

/// An ID that this invocation has read before is no new key's.
#[tokio::test(start_paused = true)]
async fn a_created_key_with_the_id_of_the_current_one_is_not_stored() {
    for (kind, operation, field) in [
        (Kind::ApiKey, "POST /api/v2/api_keys", "apiKeyId"),
        (
            Kind::ApplicationKey,
            "POST /api/v2/service_accounts/{id}/application_keys",
            "appKeyId",
        ),
    ] {
        let bench = rotated(kind).await;
        let id = bench.current(kind)[field].clone();
        edit(&bench, operation, None, move |body| {
            body["data"]["id"] = id.clone();
        });
        let job = bench.begin(kind);
        let refused = bench.deliver(kind, &job, Step::CreateSecret).await;
        bench.assert_failed(
            refused,
            "DatadogUnexpectedAnswer",
            &["delete nothing by this ID"],
        );
        assert_eq!(bench.value(kind, "AWSPENDING"), None);
        heals(&bench, kind, &job).await;
    }
}

/// Where the preview is gone, a look-up by the ID shows the end of another value.
#[tokio::test(start_paused = true)]
async fn a_created_api_key_with_the_id_of_another_is_not_promoted() {
    for kind in [Kind::ApiKey, Kind::AdminKey] {
        let bench = rotated(kind).await;
        let strangers = bench.make(KeyClass::Api, "a person's", HOUR);
        let shown = strangers.clone();
        let job = bench.begin(kind);
        edit(&bench, "POST /api/v2/api_keys", None, move |body| {
            body["data"]["id"] = json!(shown);
        });
        bench.deliver(kind, &job, Step::CreateSecret).await.unwrap();
        bench.gate.follow(|call: &Call| {
            if call.operation == "GET /api/v2/validate" {
                Fate::Refuse(StatusCode::NOT_FOUND)
            } else {
                Fate::Pass
            }
        });
        let refused = bench.deliver(kind, &job, Step::TestSecret).await;
        let words = ["its ID is of another key", "AWSPENDING was taken off"];
        let text = bench.assert_failed(refused, "NewKeyDiffers", &words);
        assert!(
            !text.contains(&format!("Deleted: API key {strangers}")),
            "{text}"
        );
        assert!(bench.is_live(&strangers), "{}", bench.story());
        heals(&bench, kind, &job).await;
    }
}

/// Trouble tells nothing of the key: the version stays, and the step is tried again.
#[tokio::test(start_paused = true)]
async fn a_key_whose_id_can_not_be_asked_for_is_not_abandoned() {
    for kind in [Kind::ApiKey, Kind::AdminKey] {
        let bench = rotated(kind).await;
        let job = bench.begin(kind);
        bench.deliver(kind, &job, Step::CreateSecret).await.unwrap();
        let (live, pending) = (bench.live(), bench.value(kind, "AWSPENDING"));
        bench
            .gate
            .follow(|call: &Call| match call.operation.as_str() {
                "GET /api/v2/validate" => Fate::Refuse(StatusCode::NOT_FOUND),
                "GET /api/v2/api_keys/{id}" => Fate::FailBefore,
                _ => Fate::Pass,
            });
        let failed = bench.deliver(kind, &job, Step::TestSecret).await;
        bench.assert_failed(failed, "DatadogUnavailable", &["stored as AWSPENDING"]);
        assert_eq!(bench.live(), live, "{}", bench.story());
        assert_eq!(bench.value(kind, "AWSPENDING"), pending);
        bench.gate.follow(|_: &Call| Fate::Pass);
        for step in &Step::ALL[2..] {
            bench.deliver(kind, &job, *step).await.unwrap();
        }
        bench.assert_settled();
    }
}

/// Two answers to the question for its ID that are another's: what is abandoned is not deleted by that ID, nor called
/// deleted.
#[tokio::test(start_paused = true)]
async fn a_key_that_two_answers_take_for_another_is_found_by_its_name() {
    let (kind, bench) = (Kind::ApiKey, rotated(Kind::ApiKey).await);
    let job = bench.begin(kind);
    bench.deliver(kind, &job, Step::CreateSecret).await.unwrap();
    bench.gate.follow(|call: &Call| {
        if call.operation == "GET /api/v2/validate" {
            Fate::Edited(Edit::new(tell_another_id))
        } else {
            Fate::Pass
        }
    });
    let refused = bench.deliver(kind, &job, Step::TestSecret).await;
    let text = bench.assert_failed(refused, "NewKeyDiffers", &["Not deleted: API key"]);
    assert!(!text.contains("Deleted: API key"), "{text}");
    heals(&bench, kind, &job).await;
}

fn tell_another_id(body: &mut Value) {
    body["data"]["attributes"]["api_key_id"] = json!("ffffffff-ffff-4fff-8fff-ffffffffffff");
}

/// One answer in which the new key's ID is of another value.
#[tokio::test(start_paused = true)]
async fn a_key_that_one_answer_takes_for_another_is_promoted() {
    let validation = "GET /api/v2/validate";
    let [application_keys, tokens] = ["application_keys", "access_tokens"]
        .map(|it| &*format!("GET /api/v2/service_accounts/{{id}}/{it}").leak());
    for (kind, operation) in [
        (Kind::ApiKey, validation),
        (Kind::AdminKey, validation),
        (Kind::AdminKey, application_keys),
        (Kind::ApplicationKey, application_keys),
        (Kind::ServiceAccessToken, tokens),
    ] {
        let bench = rotated(kind).await;
        let job = bench.begin(kind);
        bench.deliver(kind, &job, Step::CreateSecret).await.unwrap();
        let pending = bench.value(kind, "AWSPENDING").unwrap();
        edit(&bench, operation, None, move |body| {
            if body["data"].is_object() {
                tell_another_id(body);
            }
            let listed = body["data"].as_array_mut().into_iter().flatten();
            for key in listed.filter(|it| ids(&pending).iter().any(|id| it["id"] == *id)) {
                for (shown, of_another) in [("last4", "0000"), ("public_portion", "ddsat_00000000")]
                {
                    if key["attributes"][shown].is_string() {
                        key["attributes"][shown] = json!(of_another);
                    }
                }
            }
        });
        for step in &Step::ALL[2..] {
            bench.deliver(kind, &job, *step).await.unwrap();
        }
        bench.assert_settled();
    }
}

/// The same, and then the preview is gone: the look-up by the ID clears the key.
#[tokio::test(start_paused = true)]
async fn one_answer_alone_abandons_no_key() {
    for kind in [Kind::ApiKey, Kind::AdminKey] {
        let bench = rotated(kind).await;
        let job = bench.begin(kind);
        bench.deliver(kind, &job, Step::CreateSecret).await.unwrap();
        let mut asked = 0;
        bench.gate.follow(move |call: &Call| {
            let is_validation = call.operation == "GET /api/v2/validate";
            asked += i32::from(is_validation);
            match (is_validation, asked) {
                (false, _) => Fate::Pass,
                (true, 1) => Fate::Edited(Edit::new(tell_another_id)),
                (true, _) => Fate::Refuse(StatusCode::NOT_FOUND),
            }
        });
        bench.deliver(kind, &job, Step::TestSecret).await.unwrap();
        bench.gate.follow(|_: &Call| Fate::Pass);
        for step in &Step::ALL[2..] {
            bench.deliver(kind, &job, *step).await.unwrap();
        }
        bench.assert_settled();
    }
}

/// The preview tells nothing twice, and the look-up by the ID finds no key. That is one answer; after one of the preview it
/// is the second.
#[tokio::test(start_paused = true)]
async fn a_key_that_is_not_found_is_abandoned_by_a_second_answer_alone() {
    for (told, is_abandoned) in [(0, false), (1, true)] {
        let (kind, bench) = (Kind::ApiKey, rotated(Kind::ApiKey).await);
        let job = bench.begin(kind);
        bench.deliver(kind, &job, Step::CreateSecret).await.unwrap();
        let mut asked = 0;
        bench
            .gate
            .follow(move |call: &Call| match call.operation.as_str() {
                "GET /api/v2/validate" => {
                    asked += 1;
                    if asked <= told {
                        Fate::Edited(Edit::new(tell_another_id))
                    } else {
                        Fate::Refuse(StatusCode::NOT_FOUND)
                    }
                }
                "GET /api/v2/api_keys/{id}" => Fate::Refuse(StatusCode::NOT_FOUND),
                _ => Fate::Pass,
            });
        let tested = bench.deliver(kind, &job, Step::TestSecret).await;
        assert_eq!(tested.is_err(), is_abandoned, "{tested:?}");
        heals(&bench, kind, &job).await;
    }
}

/// AWSPENDING holds a copy of AWSCURRENT's value.
#[tokio::test(start_paused = true)]
async fn a_copy_of_the_current_value_is_not_promoted() {
    for kind in Kind::ALL {
        for step in [Step::CreateSecret, Step::FinishSecret] {
            let bench = rotated(kind).await;
            let (before, version) = (bench.current(kind), bench.labelled(kind, "AWSCURRENT"));
            let job = bench.begin(kind);
            bench.manage(
                "PutSecretValue",
                &json!({
                    "SecretId": bench.secret(kind), "ClientRequestToken": job.token,
                    "SecretString": before.to_string(), "VersionStages": ["AWSPENDING"],
                }),
            );
            let refused = bench.deliver(kind, &job, step).await;
            let words = ["a copy of AWSCURRENT's", "AWSPENDING was taken off"];
            bench.assert_failed(refused, "PendingWithoutValue", &words);
            assert_eq!(bench.labelled(kind, "AWSCURRENT"), version);
            assert_eq!(bench.current(kind), before);
            heals(&bench, kind, &job).await;
        }
    }
}

/// Whatever `api_keys_read` would tell, the key itself tells its ID.
#[tokio::test(start_paused = true)]
async fn a_created_api_key_with_the_id_of_none_is_not_promoted() {
    for kind in [Kind::ApiKey, Kind::AdminKey] {
        let (bench, job) = created(kind, "POST /api/v2/api_keys", |body| {
            body["data"]["id"] = json!("ffffffff-ffff-4fff-8fff-ffffffffffff");
        })
        .await;
        bench.deliver(kind, &job, Step::CreateSecret).await.unwrap();
        let refused = bench.deliver(kind, &job, Step::TestSecret).await;
        let words = ["its ID is of another key", "AWSPENDING was taken off"];
        bench.assert_failed(refused, "NewKeyDiffers", &words);
        heals(&bench, kind, &job).await;
    }
}
