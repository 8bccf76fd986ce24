//! `datadog-doctor leaked`: one command deletes a leaked key, and says what came of it.

use std::time::Duration;

use datadog_rotation::Kind;
use harness::bench::{Bench, DOCUMENTED_SCOPES};
use harness::by_hand::ids;
use harness::doctor::Told;
use http::StatusCode;
use sandbox::gate::{Call, Fate};
use sandbox::scene::SceneOptions;
use serde_json::{Value, json};

fn bench() -> Bench {
    Bench::new(SceneOptions::default())
}

/// Runs the doctor while Secrets Manager invokes the function for each rotation that is asked for.
async fn doctor(bench: &Bench, kind: Kind, arguments: &[&str]) -> Told {
    // Boxed: the doctor's future is as large as a step's, and is raced with the rotations.
    let asked = Box::pin(bench.doctor(arguments));
    let rotations = async {
        loop {
            bench.wait(Duration::from_secs(1)).await;
            let jobs = bench
                .gate
                .with_world(|world| world.secrets_manager.take_rotations());
            for job in jobs {
                let _either_way = bench.carry_on(kind, &job).await;
            }
        }
    };
    tokio::select! {
        told = asked => told,
        () = rotations => unreachable!("it has no end"),
    }
}

/// The document that the page on the doctor shows.
fn documented() -> Value {
    let page = include_str!("../../../docs/reference/doctor.md");
    let mut blocks = page.split("```json\n").skip(1);
    let block = blocks.find(|it| it.contains(r#""command": "leaked""#));
    let block = block.and_then(|it| it.split("```").next());
    serde_json::from_str(block.expect("a block")).unwrap()
}

fn members(value: &Value) -> Vec<&str> {
    let object = value.as_object().expect("an object");
    object.keys().map(String::as_str).collect()
}

fn arguments<'a>(bench: &'a Bench, kind: Kind, more: &[&'a str]) -> Vec<&'a str> {
    [&["leaked", bench.secret(kind)], more].concat()
}

fn refuse(bench: &Bench, operation: &'static str) {
    bench.gate.follow(move |call: &Call| {
        if call.operation.starts_with(operation) {
            Fate::Refuse(StatusCode::FORBIDDEN)
        } else {
            Fate::Pass
        }
    });
}

#[tokio::test(start_paused = true)]
async fn one_command_ends_a_leaked_key_of_each_type() {
    for kind in Kind::ALL {
        for scopes in [&DOCUMENTED_SCOPES[..], &sandbox::scene::ADMIN_SCOPES] {
            let bench = Bench::new(SceneOptions {
                admin_scopes: scopes,
                ..SceneOptions::default()
            });
            bench.rotate(kind).await.unwrap();
            let leaked = ids(&bench.current(kind));
            let version = bench.labelled(kind, "AWSCURRENT").unwrap();
            let told = doctor(&bench, kind, &arguments(&bench, kind, &["--json"])).await;
            assert!(told.fine, "{kind:?}: {}", told.output);
            for id in &leaked {
                assert!(!bench.is_live(id), "{kind:?}: {}", bench.story());
            }
            let json = told.json();
            assert_eq!(members(&json), members(&documented()));
            assert_eq!(members(&json["keys"][0]), members(&documented()["keys"][0]));
            assert_eq!(json["state"], "deleted");
            assert_eq!(json["version"], json!(version));
            assert_eq!(json["keys"].as_array().unwrap().len(), leaked.len());
            assert!(
                json["keys"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|it| it["works"] == false)
            );
            bench.assert_kept();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn people_are_told_what_comes_next() {
    let (bench, kind) = (bench(), Kind::ApiKey);
    bench.rotate(kind).await.unwrap();
    let told = doctor(&bench, kind, &arguments(&bench, kind, &[])).await;
    assert!(told.fine, "{}", told.output);
    for words in [
        "Datadog refuses it",
        "restart those that cache it",
        "7 days",
        "same value",
    ] {
        let output = told.output.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(output.contains(words), "{words}: {output}");
    }
    for words in ["tagged the secret", "a rotation has begun", "AWSCURRENT is"] {
        assert!(told.notes.contains(words), "{words}: {}", told.notes);
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_rotation_replaced_is_deleted_too() {
    let (bench, kind) = (bench(), Kind::ApiKey);
    bench.rotate(kind).await.unwrap();
    let leaked = ids(&bench.current(kind)).remove(0);
    bench.rotate(kind).await.unwrap();
    assert!(bench.is_live(&leaked));
    let told = doctor(&bench, kind, &arguments(&bench, kind, &["--previous"])).await;
    assert!(told.fine, "{}", told.output);
    assert!(!bench.is_live(&leaked));
}

/// A rotation that Datadog refuses: nothing is claimed, and the tag stays for the next one.
#[tokio::test(start_paused = true)]
async fn a_rotation_that_fails_is_told() {
    let (bench, kind) = (bench(), Kind::ApiKey);
    bench.rotate(kind).await.unwrap();
    let leaked = ids(&bench.current(kind)).remove(0);
    refuse(&bench, "POST /api/v2/api_keys");
    let told = doctor(&bench, kind, &arguments(&bench, kind, &["--json"])).await;
    assert!(!told.fine);
    assert_eq!(told.json()["state"], "not_promoted", "{}", told.output);
    assert!(bench.is_live(&leaked));
    bench.gate.follow(|_: &Call| Fate::Pass);
    bench.wait(Duration::from_mins(20)).await;
    let told = doctor(&bench, kind, &arguments(&bench, kind, &[])).await;
    assert!(told.fine, "{}", told.output);
    assert!(!bench.is_live(&leaked), "{}", bench.story());
}

/// A key that can't be deleted works on, and is told to.
#[tokio::test(start_paused = true)]
async fn a_key_that_still_works_is_not_called_deleted() {
    let (bench, kind) = (bench(), Kind::ApplicationKey);
    bench.rotate(kind).await.unwrap();
    let leaked = ids(&bench.current(kind)).remove(0);
    refuse(&bench, "DELETE ");
    let told = doctor(&bench, kind, &arguments(&bench, kind, &["--json"])).await;
    assert!(!told.fine);
    let json = told.json();
    assert_eq!(json["state"], "still_works", "{json:#}");
    assert_eq!(json["keys"][0]["works"], true);
    assert!(bench.is_live(&leaked));
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_deleted_so_is_refused_before_any_effect() {
    let (bench, kind) = (bench(), Kind::ApiKey);
    let secret = bench.secret(kind).to_owned();
    bench.manage("CancelRotateSecret", &json!({ "SecretId": secret }));
    bench.gate.forget_calls();
    for (more, words) in [
        (vec!["--json"], "RotationNotEnabled"),
        (vec!["--json", "--previous"], "RotationNotEnabled"),
    ] {
        let told = bench.doctor(&arguments(&bench, kind, &more)).await;
        assert!(!told.fine);
        let json = told.json();
        assert_eq!(json["error"]["error_type"], words, "{json:#}");
        assert_eq!(json["state"], json!(null));
    }
    assert!(bench.changes().is_empty(), "{}", bench.story());
}

/// A second run goes on with the version that the tag names: it must not end that one's successor.
#[tokio::test(start_paused = true)]
async fn a_second_run_costs_the_new_key_nothing() {
    for kind in Kind::ALL {
        let bench = bench();
        bench.rotate(kind).await.unwrap();
        let leaked = ids(&bench.current(kind));
        for _ in 0..2 {
            let told = doctor(&bench, kind, &arguments(&bench, kind, &["--json"])).await;
            assert!(told.fine, "{kind:?}: {}", told.output);
        }
        let told = doctor(&bench, kind, &arguments(&bench, kind, &[])).await;
        assert!(told.output.contains("untag-resource"), "{}", told.output);
        assert!(leaked.iter().all(|id| !bench.is_live(id)));
        let current = ids(&bench.current(kind));
        assert!(current.iter().all(|id| bench.is_live(id)));
        let previous = bench.value(kind, "AWSPREVIOUS").unwrap();
        assert_eq!(ids(&previous), leaked, "no more than one rotation");
    }
}

/// After a run that could not delete the key, the next one goes on with it.
#[tokio::test(start_paused = true)]
async fn a_run_that_failed_is_gone_on_with() {
    let (bench, kind) = (bench(), Kind::ApiKey);
    bench.rotate(kind).await.unwrap();
    let leaked = ids(&bench.current(kind)).remove(0);
    refuse(&bench, "DELETE ");
    let told = doctor(&bench, kind, &arguments(&bench, kind, &["--json"])).await;
    assert!(!told.fine);
    bench.gate.follow(|_: &Call| Fate::Pass);
    let told = doctor(&bench, kind, &arguments(&bench, kind, &["--json"])).await;
    assert!(told.fine, "{}", told.output);
    assert!(!bench.is_live(&leaked), "{}", bench.story());
}

/// Where Datadog refuses everybody, its refusal of the leaked key proves nothing.
#[tokio::test(start_paused = true)]
async fn refusals_of_everything_end_nothing() {
    let (bench, kind) = (bench(), Kind::ApiKey);
    bench.rotate(kind).await.unwrap();
    let leaked = ids(&bench.current(kind)).remove(0);
    let mut is_tagged = false;
    bench.gate.follow(move |call: &Call| {
        let is_own = call.caller.as_deref() == Some("datadog-doctor");
        is_tagged |= call.operation == "TagResource";
        if is_own && is_tagged && call.operation.contains("/validate")
            || call.operation.starts_with("DELETE ")
        {
            Fate::Refuse(StatusCode::FORBIDDEN)
        } else {
            Fate::Pass
        }
    });
    let told = doctor(&bench, kind, &arguments(&bench, kind, &["--json"])).await;
    assert!(!told.fine, "{}", told.output);
    assert_ne!(told.json()["state"], "deleted");
    assert!(bench.is_live(&leaked));
}

/// What stands in the way of a rotation, or of trying the keys, is told before anything is changed.
#[tokio::test(start_paused = true)]
async fn nothing_is_tagged_before_all_is_known() {
    let kind = Kind::ApiKey;
    let untouched = async |bench: Bench, more: &[&str], error_type: &str| {
        bench.gate.forget_calls();
        let more = [&["--json"], more].concat();
        let told = bench.doctor(&arguments(&bench, kind, &more)).await;
        assert!(!told.fine);
        let json = told.json();
        assert_eq!(json["error"]["error_type"], error_type, "{json:#}");
        assert_eq!(json["state"], json!(null));
        assert!(bench.changes().is_empty(), "{}", bench.story());
    };
    let without_admin = bench();
    let admin = without_admin.secret(Kind::AdminKey).to_owned();
    without_admin.gate.follow(move |call: &Call| {
        let is_of_admin = call.subject.as_deref() == Some(&*admin);
        if is_of_admin && call.operation == "GetSecretValue" {
            Fate::Refuse(StatusCode::NOT_FOUND)
        } else {
            Fate::Pass
        }
    });
    untouched(without_admin, &[], "AdminSecretNotFound").await;
    let revoked = bench();
    revoked.revoke(&ids(&revoked.current(kind))[0]);
    untouched(revoked, &[], "CurrentKeyDead").await;
    let tagged = bench();
    tagged.tag(kind, "graceRotations", "2");
    untouched(tagged, &[], "TagMalformed").await;
    let bare = bench();
    untouched(bare, &["--previous"], "ValueUnreadable").await;
}

/// An answer to the tag that was lost: what is not known is not called unchanged.
#[tokio::test(start_paused = true)]
async fn a_tag_whose_answer_was_lost_may_be_there() {
    let (bench, kind) = (bench(), Kind::ApiKey);
    bench.gate.follow(|call: &Call| {
        if call.operation == "TagResource" {
            Fate::CutAfter
        } else {
            Fate::Pass
        }
    });
    let told = doctor(&bench, kind, &arguments(&bench, kind, &["--json"])).await;
    assert!(!told.fine);
    assert_eq!(told.json()["state"], "unknown", "{}", told.output);
}

/// The tag is told by `check`, too: before the rotation that it is about.
#[tokio::test(start_paused = true)]
async fn a_check_tells_what_the_tags_make_of_the_next_rotation() {
    let (bench, kind) = (bench(), Kind::ApiKey);
    let version = bench.labelled(kind, "AWSCURRENT").unwrap();
    for (tag, text, words) in [
        ("graceRotations", "0", "a replaced key is deleted at once"),
        (
            "graceRotations",
            "1",
            "a replaced key works for one more rotation",
        ),
        ("graceRotations", "7", "TagMalformed"),
        ("graceRotations", "", "on, by"),
        ("leakedVersion", &version, "leakedVersion names AWSCURRENT"),
    ] {
        bench.tag(kind, tag, text);
        let told = bench.check(&[bench.secret(kind)]).await;
        assert!(told.output.contains(words), "{words}: {}", told.output);
    }
}
