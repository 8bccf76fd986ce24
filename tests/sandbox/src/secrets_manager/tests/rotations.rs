use serde_json::json;
use time::Duration;

use super::{FUNCTION, Story, id};

const IN_PROGRESS: &str = "A previous rotation isn't complete. That rotation will be reattempted.";

#[test]
fn a_rotation_begins_with_a_pending_version_that_holds_nothing() {
    let mut story = Story::new();
    let job = story.rotate(2);
    assert_eq!((job.token.as_str(), job.test_only), (id(2).as_str(), false));
    assert!(story.service.take_rotations().is_empty());
    assert_eq!(
        story.labels(),
        json!({ id(1): ["AWSCURRENT"], id(2): ["AWSPENDING"] })
    );
    let not_found = "ResourceNotFoundException".to_owned();
    let pending = json!({ "VersionId": id(2), "VersionStage": "AWSPENDING" });
    let text = "Secrets Manager can't find the specified secret value for VersionId: ".to_owned();
    assert_eq!(
        story.refused("GetSecretValue", pending),
        (not_found.clone(), text + &id(2))
    );
    let text =
        "Secrets Manager can't find the specified secret value for staging label: AWSPENDING";
    assert_eq!(
        story.refused("GetSecretValue", json!({ "VersionStage": "AWSPENDING" })),
        (not_found, text.to_owned())
    );
}

#[test]
fn success_leaves_the_new_version_current_alone() {
    let mut story = Story::new();
    let job = story.rotate(2);
    story.store_pending(2, "two");
    story.promote(1, 2);
    assert_eq!(
        story.labels(),
        json!({ id(1): ["AWSPREVIOUS"], id(2): ["AWSCURRENT", "AWSPENDING"] })
    );
    assert!(story.service.is_wanted(&job));
    story.end(&job, true);
    assert!(!story.service.is_wanted(&job));
    assert_eq!(
        story.labels(),
        json!({ id(1): ["AWSPREVIOUS"], id(2): ["AWSCURRENT"] })
    );
    let described = story.ok("DescribeSecret", json!({}));
    assert!(described["LastRotatedDate"].is_number());
}

#[test]
fn failure_leaves_the_labels_and_the_next_rotation_takes_up_the_old_token() {
    let mut story = Story::new();
    let first = story.rotate(2);
    story.store_pending(2, "two");
    let next = json!({ "ClientRequestToken": id(3) });
    let refusal = ("InvalidRequestException".to_owned(), IN_PROGRESS.to_owned());
    assert_eq!(story.refused("RotateSecret", next.clone()), refusal);
    assert!(
        story.service.take_rotations().is_empty(),
        "the first attempt is still under way"
    );

    story.end(&first, false);
    let labels = json!({ id(1): ["AWSCURRENT"], id(2): ["AWSPENDING"] });
    assert_eq!(story.labels(), labels);
    assert_eq!(story.refused("RotateSecret", next), refusal);
    let again = story.taken();
    assert_eq!(again.token, id(2));
    assert_ne!(again.rotation_token, first.rotation_token);
    assert_eq!(story.labels(), labels);
    story.end(&first, true);
    assert!(story.service.is_wanted(&again), "ended by a stale report");
}

#[test]
fn a_success_that_promoted_nothing_is_not_one() {
    let mut story = Story::new();
    let job = story.rotate(2);
    story.end(&job, true);
    assert_eq!(
        story.labels(),
        json!({ id(1): ["AWSCURRENT"], id(2): ["AWSPENDING"] })
    );
    let described = story.ok("DescribeSecret", json!({}));
    assert_eq!(described.get("LastRotatedDate"), None);
}

#[test]
fn a_pending_label_beside_current_is_no_rotation_in_progress() {
    let mut story = Story::new();
    let job = story.rotate(2);
    story.store_pending(2, "two");
    story.promote(1, 2);
    story.end(&job, false);
    assert_eq!(story.rotate(3).token, id(3));
    assert_eq!(
        story.labels(),
        json!({ id(1): ["AWSPREVIOUS"], id(2): ["AWSCURRENT"], id(3): ["AWSPENDING"] })
    );
}

#[test]
fn the_same_request_again_begins_nothing() {
    let mut story = Story::new();
    let members = json!({ "ClientRequestToken": id(2), "RotationLambdaARN": FUNCTION });
    story.ok("RotateSecret", members.clone());
    story.ok("RotateSecret", members);
    story.taken();

    let off = json!({ "VersionStage": "AWSPENDING", "RemoveFromVersionId": id(2) });
    story.ok("UpdateSecretVersionStage", off);
    let (code, _) = story.refused("RotateSecret", json!({ "ClientRequestToken": id(1) }));
    assert_eq!(code, "ResourceExistsException");
}

#[test]
fn a_test_runs_on_a_version_of_its_own_that_goes_again() {
    for succeeded in [true, false] {
        let mut story = Story::new();
        let members = json!({
            "ClientRequestToken": id(2),
            "RotationLambdaARN": FUNCTION,
            "RotateImmediately": false,
        });
        story.ok("RotateSecret", members);
        let job = story.taken();
        assert!(job.test_only);
        assert_eq!(story.labels()[id(2)], json!(["AWSPENDING"]));
        story.end(&job, succeeded);
        assert_eq!(story.labels(), json!({ id(1): ["AWSCURRENT"] }));
        let all = json!({ "IncludeDeprecated": true });
        let versions = story.ok("ListSecretVersionIds", all)["Versions"].clone();
        assert_eq!(versions.as_array().unwrap().len(), 1);
        let described = story.ok("DescribeSecret", json!({}));
        assert_eq!(described["RotationEnabled"], true);
        assert_eq!(described.get("LastRotatedDate"), None);
    }
}

#[test]
fn a_test_may_run_on_a_copy_of_the_current_value() {
    let mut story = Story::new();
    story.service.tests_a_copy = true;
    let members = json!({
        "ClientRequestToken": id(2),
        "RotationLambdaARN": FUNCTION,
        "RotateImmediately": false,
    });
    story.ok("RotateSecret", members);
    let job = story.taken();
    let value = |story: &mut Story, version| {
        let asked = json!({ "VersionId": version });
        story.ok("GetSecretValue", asked)["SecretString"].clone()
    };
    assert_eq!(value(&mut story, id(2)), value(&mut story, id(1)));
    story.end(&job, true);
    assert_eq!(story.labels(), json!({ id(1): ["AWSCURRENT"] }));
}

#[test]
fn a_value_written_by_hand_abandons_the_rotation() {
    let mut story = Story::new();
    let job = story.rotate(2);
    story.store_pending(2, "two");
    story.write_by_hand(3, "three");
    let labels = json!({ id(1): ["AWSPREVIOUS"], id(3): ["AWSCURRENT"] });
    assert_eq!(story.labels(), labels);
    assert!(!story.service.is_wanted(&job));
    story.end(&job, false);
    assert_eq!(story.labels(), labels);
    let pending = json!({ "VersionId": id(2), "VersionStage": "AWSPENDING" });
    let (code, text) = story.refused("GetSecretValue", pending);
    assert_eq!(code, "InvalidRequestException");
    assert_eq!(
        text,
        "You provided a VersionStage that is not associated to the provided VersionId."
    );
    let abandoned = story.ok("GetSecretValue", json!({ "VersionId": id(2) }));
    assert_eq!(abandoned["SecretString"], "two");
    assert_eq!(story.rotate(4).token, id(4));
}

#[test]
fn a_cancelled_rotation_leaves_its_version() {
    let mut story = Story::new();
    let members = json!({
        "ClientRequestToken": id(2),
        "RotationLambdaARN": FUNCTION,
        "RotationRules": { "AutomaticallyAfterDays": 1 },
    });
    story.ok("RotateSecret", members);
    let job = story.taken();
    story.store_pending(2, "two");
    let answer = story.ok("CancelRotateSecret", json!({}));
    assert_eq!(answer["VersionId"], json!(id(2)));
    assert!(!story.service.is_wanted(&job));
    let described = story.ok("DescribeSecret", json!({}));
    assert_eq!(described["RotationEnabled"], false);
    assert_eq!(described["RotationLambdaARN"], FUNCTION);
    assert_eq!(described.get("NextRotationDate"), None);
    assert_eq!(
        described["VersionIdsToStages"][id(2)],
        json!(["AWSPENDING"])
    );

    let off = json!({ "VersionStage": "AWSPENDING", "RemoveFromVersionId": id(2) });
    story.ok("UpdateSecretVersionStage", off);
    story.ok("RotateSecret", json!({ "ClientRequestToken": id(3) }));
    assert_eq!(story.taken().token, id(3));
    assert!(story.service.secret("app").unwrap().rotation_enabled());
}

#[test]
fn a_rotation_is_wanted_while_its_secret_lives_and_its_version_is_labelled() {
    let mut story = Story::new();
    let job = story.rotate(2);
    story.write_by_hand(2, "two");
    assert_eq!(story.labels()[id(2)], json!(["AWSCURRENT"]));
    assert!(story.service.is_wanted(&job));
    story.ok("DeleteSecret", json!({}));
    assert!(!story.service.is_wanted(&job));
}

#[test]
fn a_rotation_that_nobody_took_goes_with_a_cancellation_or_its_secret() {
    for operation in ["CancelRotateSecret", "DeleteSecret"] {
        let mut story = Story::new();
        let members = json!({ "ClientRequestToken": id(2), "RotationLambdaARN": FUNCTION });
        story.ok("RotateSecret", members);
        story.ok(operation, json!({}));
        assert!(story.service.take_rotations().is_empty(), "{operation}");
    }
}

#[test]
fn the_rotation_token_is_that_of_a_rotation() {
    let mut story = Story::new();
    let job = story.rotate(2);
    let put = |proof: &str| {
        json!({
            "ClientRequestToken": id(2),
            "SecretString": "two",
            "VersionStages": ["AWSPENDING"],
            "RotationToken": proof,
        })
    };
    let (code, _) = story.refused("PutSecretValue", put(&id(9)));
    assert_eq!(code, "InvalidRequestException");
    story.ok("PutSecretValue", put(&job.rotation_token));
    let shown = format!("{job:?} {:?}", story.service);
    assert!(!shown.contains(&job.rotation_token));
    assert!(!shown.contains("two"));
}

#[test]
fn the_schedule_counts_from_the_last_value() {
    let mut story = Story::new();
    let mut due = |rules, after| {
        story.now += after;
        let token = story.now.unix_timestamp();
        let members = json!({
            "ClientRequestToken": format!("{token:032}"),
            "RotationLambdaARN": FUNCTION,
            "RotationRules": rules,
            "RotateImmediately": false,
        });
        story.ok("RotateSecret", members);
        let job = story.taken();
        story.end(&job, true);
        let written = story.now;
        let described = story.ok("DescribeSecret", json!({}));
        let due = described.get("NextRotationDate")?.as_f64()?;
        Some(Duration::seconds_f64(due) - (written - time::OffsetDateTime::UNIX_EPOCH))
    };
    let after_days = due(json!({ "AutomaticallyAfterDays": 30 }), Duration::ZERO).unwrap();
    assert!((30..31).contains(&after_days.whole_days()));
    let hours = due(
        json!({ "ScheduleExpression": "rate(4 hours)" }),
        Duration::DAY,
    )
    .unwrap();
    assert_eq!(hours, Duration::hours(4));
    let cron = due(
        json!({ "ScheduleExpression": "cron(0 8 1 * ? *)" }),
        Duration::DAY,
    );
    assert_eq!(cron, None);
}

#[test]
fn a_value_written_by_hand_puts_the_next_rotation_off() {
    let mut story = Story::new();
    let members = json!({
        "ClientRequestToken": id(2),
        "RotationLambdaARN": FUNCTION,
        "RotationRules": { "ScheduleExpression": "rate(4 hours)" },
    });
    story.ok("RotateSecret", members);
    let due = |story: &mut Story| {
        let described = story.ok("DescribeSecret", json!({}));
        described["NextRotationDate"].as_f64().unwrap()
    };
    let before = due(&mut story);
    story.now += Duration::HOUR;
    story.write_by_hand(3, "three");
    assert!(due(&mut story) > before + 3600.0);
}
