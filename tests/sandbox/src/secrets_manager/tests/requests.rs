use serde_json::{Value, json};
use time::Duration;

use super::{Story, id};

#[test]
fn members_are_held_to_the_model() {
    let mut story = Story::new();
    let long = |n| "x".repeat(n);
    let cases = [
        (
            "GetSecretValue",
            json!({ "VersionId": "short" }),
            "versionId",
        ),
        (
            "GetSecretValue",
            json!({ "VersionStage": "" }),
            "versionStage",
        ),
        (
            "UpdateSecretVersionStage",
            json!({ "MoveToVersionId": id(1) }),
            "versionStage",
        ),
        (
            "ListSecretVersionIds",
            json!({ "MaxResults": 0 }),
            "maxResults",
        ),
        (
            "ListSecretVersionIds",
            json!({ "MaxResults": 101 }),
            "maxResults",
        ),
        (
            "TagResource",
            json!({ "Tags": [{ "Key": long(129) }] }),
            "key",
        ),
        ("TagResource", json!({ "Tags": [{ "Value": "v" }] }), "key"),
        ("TagResource", json!({}), "tags"),
        ("PutResourcePolicy", json!({}), "resourcePolicy"),
        (
            "PutSecretValue",
            json!({ "ClientRequestToken": id(2), "SecretString": "s", "VersionStages": [] }),
            "versionStages",
        ),
        (
            "PutSecretValue",
            json!({ "ClientRequestToken": id(2), "SecretString": long(65_537) }),
            "secretString",
        ),
        (
            "PutSecretValue",
            json!({ "ClientRequestToken": id(2), "SecretString": "s", "RotationToken": "no" }),
            "rotationToken",
        ),
        (
            "RotateSecret",
            json!({ "ClientRequestToken": id(2), "RotationRules": { "AutomaticallyAfterDays": 1001 } }),
            "automaticallyAfterDays",
        ),
        (
            "RotateSecret",
            json!({ "ClientRequestToken": id(2), "RotationRules": { "Duration": "3d" } }),
            "duration",
        ),
    ];
    for (operation, members, member) in cases {
        let (code, text) = story.refused(operation, members);
        assert_eq!(code, "ValidationException", "{operation}");
        assert!(!text.contains(&long(1000)), "{operation} tells a value");
        assert!(
            text.contains(&format!("at '{member}'")),
            "{operation}: {text}"
        );
    }
    assert_eq!(story.labels(), json!({ id(1): ["AWSCURRENT"] }));
}

#[test]
fn combinations_are_refused() {
    let mut story = Story::new();
    let cases = [
        (
            "PutSecretValue",
            json!({ "ClientRequestToken": "short", "SecretString": "s" }),
            "InvalidParameterException",
        ),
        (
            "PutSecretValue",
            json!({ "ClientRequestToken": id(2) }),
            "InvalidRequestException",
        ),
        (
            "PutSecretValue",
            json!({ "ClientRequestToken": id(2), "SecretString": "s", "SecretBinary": "cw==" }),
            "InvalidParameterException",
        ),
        (
            "DeleteSecret",
            json!({ "ForceDeleteWithoutRecovery": true, "RecoveryWindowInDays": 7 }),
            "InvalidParameterException",
        ),
        (
            "DeleteSecret",
            json!({ "RecoveryWindowInDays": 6 }),
            "InvalidParameterException",
        ),
        (
            "PutResourcePolicy",
            json!({ "ResourcePolicy": "{" }),
            "MalformedPolicyDocumentException",
        ),
        (
            "ListSecretVersionIds",
            json!({ "NextToken": "x" }),
            "InvalidNextTokenException",
        ),
        ("CancelRotateSecret", json!({}), "InvalidRequestException"),
        ("InventSecret", json!({}), "UnknownOperationException"),
    ];
    for (operation, members, code) in cases {
        assert_eq!(story.refused(operation, members).0, code, "{operation}");
    }
    let (status, answer) = story.call("DescribeSecret", &json!({ "SecretId": 1 }));
    assert_eq!(
        (status, &answer["__type"]),
        (400, &json!("SerializationException"))
    );
    let (status, answer) = story.call("DescribeSecret", &json!({}));
    assert_eq!(
        (status, &answer["__type"]),
        (400, &json!("ValidationException"))
    );
}

#[test]
fn a_denied_action_is_refused_in_the_words_of_iam() {
    let mut story = Story::new();
    let arn = story.service.secret("app").unwrap().arn().to_owned();
    story.service.deny("GetSecretValue", &arn);
    let (code, text) = story.refused("GetSecretValue", json!({}));
    assert_eq!(code, "AccessDeniedException");
    assert!(text.starts_with("User: arn:aws:sts::123456789012:assumed-role/"));
    let ending = format!(
        " is not authorized to perform: secretsmanager:GetSecretValue on resource: {arn} because \
         no identity-based policy allows the secretsmanager:GetSecretValue action"
    );
    assert!(text.ends_with(&ending), "{text}");
    story.ok("DescribeSecret", json!({}));
    story.service.allow("GetSecretValue", &arn);
    story.ok("GetSecretValue", json!({}));
}

#[test]
fn creating_again_succeeds_under_the_same_token_and_value() {
    let mut story = Story::new();
    let first = json!({ "Name": "app", "SecretString": "one", "ClientRequestToken": id(1) });
    let answer = story.ok("CreateSecret", first);
    assert_eq!(answer["VersionId"], json!(id(1)));
    for (value, token) in [("two", id(1)), ("one", id(2))] {
        let members = json!({ "Name": "app", "SecretString": value, "ClientRequestToken": token });
        let (_, answer) = story.call("CreateSecret", &members);
        assert_eq!(answer["__type"], "ResourceExistsException");
    }
}

#[test]
fn a_deleted_secret_refuses_until_it_is_restored_or_gone() {
    let mut story = Story::new();
    story.ok("DeleteSecret", json!({ "RecoveryWindowInDays": 7 }));
    let marked = (
        "InvalidRequestException".to_owned(),
        "You can't perform this operation on the secret because it was marked for deletion."
            .to_owned(),
    );
    assert_eq!(story.refused("GetSecretValue", json!({})), marked);
    assert_eq!(story.refused("DeleteSecret", json!({})), marked);
    story.ok("RestoreSecret", json!({}));
    story.ok("GetSecretValue", json!({}));
    story.ok("DeleteSecret", json!({ "RecoveryWindowInDays": 7 }));
    story.now += Duration::days(7);
    let (code, _) = story.refused("DescribeSecret", json!({}));
    assert_eq!(code, "ResourceNotFoundException");
}

#[test]
fn a_forced_deletion_succeeds_with_or_without_a_secret() {
    let mut story = Story::new();
    for _ in 0..2 {
        let answer = story.ok(
            "DeleteSecret",
            json!({ "ForceDeleteWithoutRecovery": true }),
        );
        assert_eq!(answer["Name"], "app");
    }
    let (code, _) = story.refused("DeleteSecret", json!({}));
    assert_eq!(code, "ResourceNotFoundException");
}

#[test]
fn lists_are_cut_into_pages_and_filtered() {
    let mut story = Story::new();
    for (name, description) in [("two", "an app"), ("/three", "appendix")] {
        let members = json!({
            "Name": name,
            "Description": description,
            "ClientRequestToken": id(1),
            "Tags": [{ "Key": "team", "Value": name }],
        });
        story.ok("CreateSecret", members);
    }
    let names = |answer: &Value| -> Vec<String> {
        let list = answer["SecretList"].as_array().unwrap();
        list.iter()
            .map(|entry| entry["Name"].as_str().unwrap().to_owned())
            .collect()
    };
    let (_, first) = story.call("ListSecrets", &json!({ "MaxResults": 2 }));
    assert_eq!(names(&first), ["app", "two"]);
    let rest = json!({ "MaxResults": 2, "NextToken": first["NextToken"] });
    let (_, rest) = story.call("ListSecrets", &rest);
    assert_eq!(
        (names(&rest), rest.get("NextToken")),
        (vec!["/three".to_owned()], None)
    );

    let (_, whole) = story.call("ListSecrets", &json!({ "MaxResults": 3 }));
    assert_eq!((names(&whole).len(), whole.get("NextToken")), (3, None));

    for (key, value, expected) in [
        ("name", "/", vec!["/three"]),
        ("name", "!/", vec!["app", "two"]),
        ("description", "an app", vec!["two"]),
        ("description", "APP", vec!["two", "/three"]),
        ("tag-value", "two", vec!["two"]),
        ("all", "app", vec!["app", "two", "/three"]),
        ("all", "AN App", vec!["two"]),
        ("all", "/THREE", vec!["/three"]),
    ] {
        let filters = json!({ "Filters": [{ "Key": key, "Values": [value] }] });
        let (_, answer) = story.call("ListSecrets", &filters);
        assert_eq!(names(&answer), expected, "{key} {value}");
    }
}

/// Whose token it is matters more than whose name.
#[test]
fn a_taken_name_is_refused_by_its_token_if_that_is_taken_too() {
    let mut story = Story::new();
    for (token, value, text) in [
        (id(1), "two", "You can't use ClientRequestToken"),
        (id(2), "one", "secret app already exists"),
    ] {
        let again = json!({ "Name": "app", "SecretString": value, "ClientRequestToken": token });
        let (code, said) = story.refused("CreateSecret", again);
        assert_eq!(code, "ResourceExistsException");
        assert!(said.contains(text), "{said}");
    }
    let same = json!({ "Name": "app", "SecretString": "one", "ClientRequestToken": id(1) });
    assert_eq!(story.ok("CreateSecret", same)["VersionId"], id(1));
    assert_eq!(story.ok("GetSecretValue", json!({}))["SecretString"], "one");
}

#[test]
fn passwords_are_made_of_what_is_asked_for() {
    let mut story = Story::new();
    let members = json!({
        "PasswordLength": 120,
        "ExcludePunctuation": true,
        "ExcludeNumbers": true,
        "ExcludeCharacters": "xyzDj",
    });
    let (_, answer) = story.call("GetRandomPassword", &members);
    let password = answer["RandomPassword"].as_str().unwrap();
    assert_eq!(password.len(), 120);
    let is_allowed = |c: char| c.is_ascii_alphabetic() && !"xyzDj".contains(c);
    assert!(password.chars().all(is_allowed), "{password}");
    let (_, other) = story.call("GetRandomPassword", &json!({}));
    assert_eq!(other["RandomPassword"].as_str().unwrap().len(), 32);
    let (_, refusal) = story.call("GetRandomPassword", &json!({ "PasswordLength": 3 }));
    assert_eq!(refusal["__type"], "InvalidParameterException");
}
