//! Messages of promotions: what they say, when they are sent again, and that nothing depends on them.

#![expect(
    clippy::expect_used,
    reason = "a panic is how a test says that something is wrong"
)]

use std::time::Duration;

use datadog_rotation::Kind;
use datadog_rotation::secrets::{GRACE_TAG, LEAKED_TAG};
use harness::bench::{Bench, caller};
use harness::by_hand::ids;
use harness::function::Function;
use harness::listen::Listening;
use sandbox::gate::{Call, Fate};
use sandbox::rotation::{Invoke, Step, event};
use sandbox::scene::{Admin, SceneOptions};
use serde_json::{Value, json};
use tokio::time::Instant;

/// As long as a topic may hold a step up.
const PATIENCE: Duration = Duration::from_secs(5);

fn bench() -> Bench {
    let mut bench = Bench::new(SceneOptions::default());
    bench.tell_a_topic();
    bench
}

/// The classes of a type's keys, as messages name them.
fn classes(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::ApiKey => &["api_key"],
        Kind::ApplicationKey => &["application_key"],
        Kind::AdminKey => &["application_key", "api_key"],
        Kind::ServiceAccessToken => &["access_token"],
    }
}

fn publishes(bench: &Bench) -> usize {
    let calls = bench.gate.calls();
    let calls = calls.iter().filter(|it| it.call.operation == "Publish");
    calls.count()
}

#[tokio::test(start_paused = true)]
async fn a_message_names_what_was_promoted_and_what_it_replaces() {
    for kind in Kind::ALL {
        let bench = bench();
        bench.rotate(kind).await.expect("undisturbed");
        bench.wait(Duration::from_hours(20 * 24)).await;
        let (replaced, old) = (bench.labelled(kind, "AWSCURRENT"), bench.current(kind));
        bench.rotate(kind).await.expect("undisturbed");

        let told = bench.told(kind).pop().expect("a message");
        let mut old = ids(&old);
        if kind == Kind::AdminKey {
            old.reverse();
        }
        let keys = classes(kind).iter().zip(old);
        let keys: Vec<_> = keys
            .map(|(class, id)| json!({ "class": class, "id": id }))
            .collect();
        let has_grace = matches!(kind, Kind::ApiKey | Kind::ServiceAccessToken);
        let (until, date) = if has_grace {
            ("nextRotation", json!("2026-07-20T23:59:59Z"))
        } else {
            ("deletedByThisRotation", Value::Null)
        };
        assert_eq!(
            told,
            json!({
                "event": "SecretPromoted",
                "secretArn": bench.secret(kind),
                "secretName": name(&bench, kind),
                "region": "us-east-1",
                "secretType": kind.name(),
                "versionId": bench.labelled(kind, "AWSCURRENT"),
                "replacedVersionId": replaced,
                "replacedKeys": keys,
                "replacedWorksUntil": until,
                "nextRotationDate": date,
            })
        );
        let message = bench
            .gate
            .with_world(|it| it.sns.messages().last().cloned());
        let message = message.expect("a message");
        assert_eq!(message.attributes["secretType"], kind.name());
        assert_eq!(message.attributes["secretName"], name(&bench, kind));
        assert_eq!(message.attributes.len(), 2);
        bench.assert_settled();
    }
}

fn name(bench: &Bench, kind: Kind) -> String {
    bench.gate.with_world(|world| {
        let secret = world.secrets_manager.secret(bench.secret(kind));
        secret.expect("the secret").name().to_owned()
    })
}

/// Consumers learn of it while a replaced key that has no grace still works.
#[tokio::test(start_paused = true)]
async fn a_message_comes_after_the_promotion_and_before_the_deletion() {
    for kind in [Kind::ApplicationKey, Kind::AdminKey] {
        let bench = bench();
        bench.rotate(kind).await.expect("undisturbed");
        let order: Vec<_> = bench
            .changes()
            .iter()
            .map(|it| it.call.operation.clone())
            .filter(|it| it.starts_with("DELETE") || it.starts_with("Upd") || it == "Publish")
            .collect();
        assert_eq!(order[..2], ["UpdateSecretVersionStage", "Publish"]);
        assert!(order[2].starts_with("DELETE"), "{order:?}");
    }
}

/// Also of the repeat.
#[tokio::test(start_paused = true)]
async fn the_tags_decide_until_when_replaced_keys_work() {
    let (ends, stays) = ("deletedByThisRotation", "nextRotation");
    for kind in Kind::ALL {
        for (tag, value, until) in [
            (GRACE_TAG, Some("0"), ends),
            (GRACE_TAG, Some("1"), stays),
            (LEAKED_TAG, None, ends),
        ] {
            let bench = bench();
            let current = bench.labelled(kind, "AWSCURRENT").expect("a version");
            bench.tag(kind, tag, value.unwrap_or(&current));
            let job = bench.begin(kind);
            for step in [&Step::ALL[..], &[Step::FinishSecret]].concat() {
                let done = bench.deliver(kind, &job, step).await;
                done.expect("undisturbed");
            }
            let told = bench.told(kind);
            assert_eq!(told.len(), 2);
            for message in told {
                assert_eq!(message["replacedWorksUntil"], until, "{kind:?} {tag}");
            }
            bench.assert_settled();
        }
    }
}

/// The answer of the invocation that promoted was lost, or a person invokes it again.
#[tokio::test(start_paused = true)]
async fn a_finish_secret_that_finds_its_version_current_sends_the_same_again() {
    for kind in Kind::ALL {
        let bench = bench();
        let job = bench.begin(kind);
        for step in Step::ALL {
            let done = bench.deliver(kind, &job, step).await;
            done.expect("undisturbed");
        }
        let again = bench.deliver(kind, &job, Step::FinishSecret).await;
        again.expect("undisturbed");
        let told = bench.told(kind);
        assert_eq!(told.len(), 2);
        assert_eq!(told[0], told[1]);
        let create = bench.deliver(kind, &job, Step::CreateSecret).await;
        create.expect("undisturbed");
        assert_eq!(bench.told(kind).len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn two_at_once_send_the_same_message() {
    for kind in Kind::ALL {
        let bench = bench();
        let job = bench.begin(kind);
        for step in &Step::ALL[..3] {
            let done = bench.deliver(kind, &job, *step).await;
            done.expect("undisturbed");
        }
        let function = bench.function(kind);
        let finish = || function.invoke(event(&job, Step::FinishSecret));
        let (one, other) = tokio::join!(finish(), finish());
        assert!(one.is_ok() || other.is_ok(), "{one:?} {other:?}");
        let told = bench.told(kind);
        let version = json!(bench.labelled(kind, "AWSCURRENT"));
        assert!(!told.is_empty());
        assert!(told.iter().all(|it| it["versionId"] == version), "{told:?}");
        bench.assert_kept();
    }
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_refuses_is_told_once_and_fails_nothing() {
    for kind in Kind::ALL {
        let listening = Listening::begin();
        let bench = bench();
        bench.gate.with_world(|world| {
            let topic = bench.settings.promotion_topic.as_ref();
            world.sns.deny(topic.expect("a topic").arn.as_str());
        });
        bench.rotate(kind).await.expect("the rotation goes on");
        assert_eq!(publishes(&bench), 1);
        bench.assert_settled();
        let heard = listening.heard();
        for words in [
            "SNS refused it (403 AuthorizationError)",
            "sns:Publish",
            "restart the consumers yourself",
            "promoted to AWSCURRENT; message not sent",
        ] {
            assert!(heard.contains(words), "no {words:?} in: {heard}");
        }
    }
}

/// How long finishSecret takes if each message meets this fate.
async fn time_of_finish(kind: Kind, fate: fn() -> Fate) -> Duration {
    let bench = bench();
    let job = bench.begin(kind);
    for step in &Step::ALL[..3] {
        let done = bench.deliver(kind, &job, *step).await;
        done.expect("undisturbed");
    }
    bench
        .gate
        .follow(move |call: &Call| match call.operation.as_str() {
            "Publish" => fate(),
            _ => Fate::Pass,
        });
    let begun = Instant::now();
    let done = bench.deliver(kind, &job, Step::FinishSecret).await;
    done.expect("the rotation goes on");
    let time = begun.elapsed();
    assert_eq!(publishes(&bench) > 1, !matches!(fate(), Fate::Pass));
    bench.assert_settled();
    time
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_is_silent_or_broken_costs_seconds() {
    let fates: [fn() -> Fate; 5] = [
        || Fate::SilenceBefore,
        || Fate::FailBefore,
        || Fate::Throttle,
        || Fate::CutBefore,
        || Fate::Html(http::StatusCode::OK),
    ];
    for kind in Kind::ALL {
        let undisturbed = time_of_finish(kind, || Fate::Pass).await;
        for fate in fates {
            let time = time_of_finish(kind, fate).await;
            assert!(time <= undisturbed + PATIENCE, "{:?}: {time:?}", fate());
        }
    }
}

/// What is left of an invocation is for the deletion.
#[tokio::test(start_paused = true)]
async fn an_invocation_that_is_short_of_time_still_deletes() {
    let bench = bench();
    let kind = Kind::ApplicationKey;
    let job = bench.begin(kind);
    for step in &Step::ALL[..3] {
        let done = bench.deliver(kind, &job, *step).await;
        done.expect("undisturbed");
    }
    bench
        .gate
        .follow(|call: &Call| match call.operation.as_str() {
            "Publish" => Fate::SilenceBefore,
            _ => Fate::Pass,
        });
    let mut function = bench.function(kind);
    function.timeout = Duration::from_secs(5);
    let done = function.invoke(event(&job, Step::FinishSecret)).await;
    done.expect("the rotation goes on");
    bench.assert_settled();
}

/// The region is the topic's own, wherever the function is.
#[tokio::test(start_paused = true)]
async fn a_topic_of_another_region_is_reached_there() {
    let bench = bench();
    let kind = Kind::ApiKey;
    let settings = bench.settings.clone();
    let function = Function::in_region("eu-west-1", kind, caller(kind), &bench.gate, settings);
    let job = bench.begin(kind);
    for step in Step::ALL {
        function
            .invoke(event(&job, step))
            .await
            .expect("undisturbed");
    }
    assert_eq!(bench.told(kind).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_told_where_nothing_is_replaced() {
    let kind = Kind::AdminKey;
    let mut bench = Bench::new(SceneOptions {
        admin: Admin::Identity,
        ..SceneOptions::default()
    });
    bench.tell_a_topic();
    let before = bench.labelled(kind, "AWSCURRENT");
    let job = bench.begin(kind);
    for step in [&Step::ALL[..], &[Step::FinishSecret]].concat() {
        let done = bench.deliver(kind, &job, step).await;
        done.expect("undisturbed");
    }
    assert_ne!(bench.labelled(kind, "AWSCURRENT"), before);
    assert_eq!(publishes(&bench), 0);
}

/// The value under AWSPREVIOUS is refused, or nothing answers.
#[tokio::test(start_paused = true)]
async fn a_repeat_that_can_not_read_what_was_replaced_says_so() {
    let fates: [fn() -> Fate; 2] = [
        || Fate::Refuse(http::StatusCode::FORBIDDEN),
        || Fate::SilenceBefore,
    ];
    for fate in fates {
        let bench = bench();
        let kind = Kind::ApiKey;
        let job = bench.begin(kind);
        for step in Step::ALL {
            let done = bench.deliver(kind, &job, step).await;
            done.expect("undisturbed");
        }
        let mut values = 0;
        bench.gate.follow(move |call: &Call| {
            values += usize::from(call.operation == "GetSecretValue");
            // The first two are of AWSCURRENT and AWSPENDING.
            if call.operation == "GetSecretValue" && values > 2 {
                fate()
            } else {
                Fate::Pass
            }
        });
        let begun = Instant::now();
        let again = bench.deliver(kind, &job, Step::FinishSecret).await;
        again.expect("the rotation goes on");
        assert!(begun.elapsed() <= PATIENCE, "{:?}", begun.elapsed());
        let told = bench.told(kind);
        assert_eq!(told[1]["replacedKeys"], Value::Null);
        assert_eq!(told[1]["replacedVersionId"], told[0]["replacedVersionId"]);
    }
}

/// `docs/reference/messages.md` shows a message, and names each of its fields.
#[tokio::test(start_paused = true)]
async fn the_page_names_the_fields_that_are_sent() {
    let page = include_str!("../../../docs/reference/messages.md");
    let (_, example) = page.split_once("```json\n").expect("an example");
    let (example, _) = example.split_once("```").expect("its end");
    let shown: Value = serde_json::from_str(example).expect("JSON");
    let bench = bench();
    bench.rotate(Kind::ApiKey).await.expect("undisturbed");
    let told = bench.told(Kind::ApiKey).remove(0);
    let names = |it: &Value| -> Vec<_> {
        let members = it.as_object().expect("an object");
        members.keys().cloned().collect()
    };
    assert_eq!(names(&told), names(&shown));
    let rows: Vec<_> = page.lines().filter(|it| it.starts_with("| `")).collect();
    for name in names(&told) {
        let is_named = |row: &&str| row.split('|').nth(1).is_some_and(|it| it.contains(&name));
        assert!(rows.iter().any(is_named), "{name}");
    }
}
