use std::time::Duration;

use serde_json::{Value, json};

use super::super::Replication;
use super::{Story, id};

const REGION: &str = "eu-west-1";

/// What `DescribeSecret` tells of the only replica.
fn status(story: &mut Story) -> Value {
    story.ok("DescribeSecret", json!({}))["ReplicationStatus"][0].clone()
}

fn arn(story: &mut Story) -> String {
    let answer = story.ok("DescribeSecret", json!({}));
    answer["ARN"].as_str().unwrap().to_owned()
}

/// The value under AWSCURRENT, and the ARN that comes with it.
fn read(story: &mut Story, secret_id: &str) -> [Value; 2] {
    let answer = story
        .call("GetSecretValue", &json!({ "SecretId": secret_id }))
        .1;
    ["SecretString", "ARN"].map(|it| answer[it].clone())
}

#[test]
fn a_secret_has_no_replica_of_its_own_accord() {
    let mut story = Story::new();
    let answer = story.ok("DescribeSecret", json!({}));
    assert_eq!(answer.get("ReplicationStatus"), None);
    assert_eq!(answer.get("PrimaryRegion"), None);
}

#[test]
fn a_replica_that_lags_is_in_progress_and_shows_what_was() {
    let mut story = Story::new();
    let primary = arn(&mut story);
    let replica = primary.replace("us-east-1", REGION);
    let lag = Replication::After(Duration::from_secs(10));
    story.service.replicate("app", REGION, lag);
    story.now += Duration::from_mins(1);
    assert_eq!(status(&mut story)["Status"], "InSync");

    story.write_by_hand(2, "two");

    assert_eq!(status(&mut story)["Status"], "InSync", "of a moment ago");
    story.now += Duration::from_secs(2);
    assert_eq!(status(&mut story)["Status"], "InProgress");
    assert_eq!(read(&mut story, &replica), ["one", replica.as_str()]);
    assert_eq!(read(&mut story, &primary), ["two", primary.as_str()]);
    story.now += Duration::from_secs(8);
    assert_eq!(status(&mut story)["Status"], "InSync");
    assert_eq!(read(&mut story, &replica), ["two", replica.as_str()]);
}

#[test]
fn a_replica_that_failed_stays_behind_until_it_is_mended() {
    let mut story = Story::new();
    let replica = arn(&mut story).replace("us-east-1", REGION);
    let failed = Replication::FailedSince(story.now);
    story.service.replicate("app", REGION, failed);
    assert_eq!(status(&mut story)["Status"], "InSync");

    story.write_by_hand(2, "two");
    story.now += Duration::from_hours(1);

    let told = status(&mut story);
    assert_eq!(told["Status"], "Failed");
    assert!(told["StatusMessage"].as_str().unwrap().contains("KMS"));
    assert_eq!(read(&mut story, &replica)[0], "one");
    story.service.mend_replicas();
    assert_eq!(status(&mut story)["Status"], "InSync");
    assert_eq!(read(&mut story, &replica)[0], "two");
}

#[test]
fn a_replica_answers_to_its_partial_arn_and_only_reads() {
    let mut story = Story::new();
    let replica = arn(&mut story).replace("us-east-1", REGION);
    let partial = &replica[..replica.len() - "-xxxxxx".len()];
    let at_once = Replication::After(Duration::ZERO);
    story.service.replicate("app", REGION, at_once);

    assert_eq!(read(&mut story, partial), ["one", replica.as_str()]);
    let described = story
        .call("DescribeSecret", &json!({ "SecretId": partial }))
        .1;
    assert_eq!(described["PrimaryRegion"], "us-east-1");
    let write = json!({
        "SecretId": replica,
        "ClientRequestToken": id(2),
        "SecretString": "two",
    });
    let (status, refusal) = story.call("PutSecretValue", &write);
    assert_eq!(
        (status, &refusal["__type"]),
        (400, &json!("InvalidRequestException"))
    );
}

#[test]
fn a_replica_of_another_account_is_told_apart_and_has_an_arn_of_that_account() {
    let mut story = Story::new();
    let (primary, account) = (arn(&mut story), "210987654321");
    let replica = primary.replace("123456789012", account);
    let failed = Replication::FailedSince(story.now);
    story.service.replicate("app", account, failed);
    story.now += Duration::from_mins(1);
    story.write_by_hand(2, "two");
    story.now += Duration::from_secs(2);

    let answer = story.ok("DescribeSecret", json!({}));

    assert_eq!(answer.get("ReplicationStatus"), None);
    let [told] = answer["CrossAccountReplicas"]
        .as_array()
        .unwrap()
        .as_slice()
    else {
        panic!("{answer}");
    };
    assert_eq!(told["ReplicaSecretARN"], replica);
    assert_eq!(told["ReplicationStatus"], "Failed");
    assert_eq!(read(&mut story, &replica), ["one", replica.as_str()]);
}
