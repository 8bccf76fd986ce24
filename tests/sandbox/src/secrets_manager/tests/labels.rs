use serde_json::{Value, json};
use time::Duration;

use super::{Story, id};
use crate::secrets_manager::Readings;

fn moved(stage: &str, from: Option<u8>, to: Option<u8>) -> Value {
    json!({
        "VersionStage": stage,
        "RemoveFromVersionId": from.map(id),
        "MoveToVersionId": to.map(id),
    })
}

#[test]
fn a_value_without_stages_is_current_at_once() {
    let mut story = Story::new();
    story.write_by_hand(2, "two");
    assert_eq!(story.ok("GetSecretValue", json!({}))["SecretString"], "two");
    story.write_by_hand(3, "three");
    assert_eq!(
        story.labels(),
        json!({ id(2): ["AWSPREVIOUS"], id(3): ["AWSCURRENT"] })
    );
}

#[test]
fn the_same_token_stores_the_same_value_only() {
    let mut story = Story::new();
    story.rotate(2);
    let stored = story.store_pending(2, "two");
    assert_eq!(story.store_pending(2, "two"), stored);
    let other = json!({
        "ClientRequestToken": id(2),
        "SecretString": "other",
        "VersionStages": ["AWSPENDING"],
    });
    let (code, _) = story.refused("PutSecretValue", other);
    assert_eq!(code, "ResourceExistsException");
    let kept = story.ok("GetSecretValue", json!({ "VersionId": id(2) }));
    assert_eq!(kept["SecretString"], "two");
}

#[test]
fn the_first_value_is_current_whatever_its_stages() {
    let mut story = Story::new();
    let (_, empty) = story.call(
        "CreateSecret",
        &json!({ "Name": "empty", "ClientRequestToken": id(1) }),
    );
    assert_eq!(empty.get("VersionId"), None);
    let first = json!({
        "SecretId": "empty",
        "ClientRequestToken": id(2),
        "SecretString": "two",
        "VersionStages": ["NEW"],
    });
    let (_, answer) = story.call("PutSecretValue", &first);
    assert_eq!(answer["VersionStages"], json!(["AWSCURRENT", "NEW"]));
}

#[test]
fn a_value_can_be_current_and_pending() {
    let mut story = Story::new();
    let both = json!({
        "ClientRequestToken": id(2),
        "SecretString": "two",
        "VersionStages": ["AWSCURRENT", "AWSPENDING"],
    });
    let answer = story.ok("PutSecretValue", both);
    assert_eq!(answer["VersionStages"], json!(["AWSCURRENT", "AWSPENDING"]));
}

#[test]
fn a_repeated_token_moves_no_label() {
    let mut story = Story::new();
    story.store_pending(2, "two");
    let again = json!({ "ClientRequestToken": id(2), "SecretString": "two" });
    story.ok("PutSecretValue", again);
    assert_eq!(
        story.labels(),
        json!({ id(1): ["AWSCURRENT"], id(2): ["AWSPENDING"] })
    );
}

#[test]
fn pending_leaves_one_version_for_another() {
    let mut story = Story::new();
    story.store_pending(2, "two");
    story.store_pending(3, "three");
    assert_eq!(
        story.labels(),
        json!({ id(1): ["AWSCURRENT"], id(3): ["AWSPENDING"] })
    );
}

#[test]
fn previous_follows_current_and_back() {
    let mut story = Story::new();
    story.store_pending(2, "two");
    story.promote(1, 2);
    story.promote(2, 1);
    assert_eq!(
        story.labels(),
        json!({ id(1): ["AWSCURRENT"], id(2): ["AWSPENDING", "AWSPREVIOUS"] })
    );
}

#[test]
fn a_label_leaves_only_the_version_that_the_caller_names() {
    let mut story = Story::new();
    story.store_pending(2, "two");
    let before = story.labels();
    let parameter = "InvalidParameterException".to_owned();
    let text = format!(
        "The parameter RemoveFromVersionId can't be empty. Staging label AWSCURRENT is currently \
         attached to version {}, so you must explicitly reference that version in \
         RemoveFromVersionId.",
        id(1)
    );
    assert_eq!(
        story.refused(
            "UpdateSecretVersionStage",
            moved("AWSCURRENT", None, Some(2))
        ),
        (parameter.clone(), text)
    );
    for wrong in [
        moved("AWSCURRENT", Some(2), Some(2)),
        moved("AWSCURRENT", Some(3), Some(2)),
        moved("AWSCURRENT", Some(1), Some(3)),
        moved("AWSCURRENT", Some(1), None),
        moved("AWSPENDING", Some(1), None),
        moved("NEW", Some(1), Some(2)),
        moved("AWSCURRENT", None, None),
    ] {
        let (code, text) = story.refused("UpdateSecretVersionStage", wrong);
        assert_eq!(code, parameter, "{text}");
    }
    assert_eq!(story.labels(), before);
    story.ok("UpdateSecretVersionStage", moved("NEW", None, Some(2)));
    story.ok(
        "UpdateSecretVersionStage",
        moved("AWSCURRENT", None, Some(1)),
    );
    assert_eq!(story.labels()[id(2)], json!(["AWSPENDING", "NEW"]));
}

#[test]
fn a_version_bears_twenty_labels_at_most() {
    let mut story = Story::new();
    for n in 1..20 {
        story.ok(
            "UpdateSecretVersionStage",
            moved(&format!("L{n}"), None, Some(1)),
        );
    }
    let (code, _) = story.refused("UpdateSecretVersionStage", moved("L20", None, Some(1)));
    assert_eq!(code, "LimitExceededException");
}

#[test]
fn a_version_without_labels_is_listed_on_demand_until_it_is_purged() {
    let mut story = Story::new();
    story.store_pending(2, "two");
    story.ok(
        "UpdateSecretVersionStage",
        moved("AWSPENDING", Some(2), None),
    );
    let listed = |story: &mut Story, deprecated: bool| -> Vec<Value> {
        let all = json!({ "IncludeDeprecated": deprecated });
        let versions = story.ok("ListSecretVersionIds", all)["Versions"].clone();
        let versions = versions.as_array().unwrap();
        versions
            .iter()
            .map(|version| version["VersionId"].clone())
            .collect()
    };
    assert_eq!(story.labels(), json!({ id(1): ["AWSCURRENT"] }));
    assert_eq!(listed(&mut story, false), [json!(id(1))]);
    assert_eq!(listed(&mut story, true), [json!(id(1)), json!(id(2))]);
    let unlabelled = story.ok("GetSecretValue", json!({ "VersionId": id(2) }));
    assert_eq!(unlabelled["SecretString"], "two");
    assert_eq!(unlabelled.get("VersionStages"), None);

    story.service.purge(story.now);
    assert_eq!(listed(&mut story, true).len(), 2);
    story.service.purge(story.now + Duration::DAY);
    assert_eq!(listed(&mut story, true), [json!(id(1))]);
}

#[test]
fn a_new_secret_shows_its_first_labels_at_once() {
    let mut story = Story::new();
    story.service.label_lag = Duration::HOUR;
    story.store_pending(2, "two");
    assert_eq!(story.labels(), json!({ id(1): ["AWSCURRENT"] }));
}

#[test]
fn every_second_reading_may_lag() {
    let mut story = Story::new();
    story.now += Duration::MINUTE;
    story.service.label_lag = Duration::seconds(30);
    story.service.readings_behind = Readings::EverySecond;
    story.rotate(2);
    story.store_pending(2, "two");
    story.promote(1, 2);
    for value in ["two", "one", "two"] {
        assert_eq!(story.ok("GetSecretValue", json!({}))["SecretString"], value);
    }
}

#[test]
fn readers_lag_and_writers_do_not() {
    let mut story = Story::new();
    story.now += Duration::MINUTE;
    story.service.label_lag = Duration::seconds(30);
    let job = story.rotate(2);
    assert_eq!(story.labels(), json!({ id(1): ["AWSCURRENT"] }));
    story.store_pending(2, "two");
    let pending = json!({ "VersionId": id(2), "VersionStage": "AWSPENDING" });
    let (code, _) = story.refused("GetSecretValue", pending.clone());
    assert_eq!(code, "InvalidRequestException");
    let (code, _) = story.refused("GetSecretValue", json!({ "VersionStage": "AWSPENDING" }));
    assert_eq!(code, "ResourceNotFoundException");
    let by_id = story.ok("GetSecretValue", json!({ "VersionId": id(2) }));
    assert_eq!(by_id["SecretString"], "two");

    story.promote(1, 2);
    assert_eq!(story.ok("GetSecretValue", json!({}))["SecretString"], "one");
    let (code, _) = story.refused(
        "UpdateSecretVersionStage",
        moved("AWSCURRENT", Some(1), Some(2)),
    );
    assert_eq!(code, "InvalidParameterException");
    story.end(&job, true);
    let secret = story.service.secret("app").unwrap();
    assert_eq!(secret.labelled("AWSCURRENT").unwrap().value(), Some("two"));

    story.now += Duration::seconds(30);
    assert_eq!(story.ok("GetSecretValue", json!({}))["SecretString"], "two");
    let (code, _) = story.refused("GetSecretValue", pending);
    assert_eq!(code, "InvalidRequestException");
}
