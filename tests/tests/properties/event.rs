//! Events: whatever Lambda is invoked with.

use datadog_rotation::event::{EventError, RotationEvent};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::config;
use crate::json;
use crate::oracle::event::{self as oracle, MEMBERS};

fn valid() -> impl Strategy<Value = Value> {
    let step = prop::sample::select(vec![
        "createSecret",
        "setSecret",
        "testSecret",
        "finishSecret",
    ]);
    let secret = prop_oneof![
        4 => "arn:aws:secretsmanager:us-east-1:[0-9]{12}:secret:[-/_+=.@!A-Za-z0-9]{1,40}",
        1 => "[!-~]{2048}",
    ];
    let token = prop_oneof![4 => "[0-9a-f]{8}-[0-9a-f]{27}", 1 => "[!-~]{1,64}"];
    let rest = prop::option::of(json::any());
    (step, secret, token, "[ -~]{8,80}", rest).prop_map(|(step, secret, token, proof, rest)| {
        json!({
            "Step": step,
            "SecretId": secret,
            "ClientRequestToken": token,
            "RotationToken": format!("proof:{proof}"),
            "SomethingNew": rest,
        })
    })
}

/// What a member may be instead of what it should: nothing, no string, or an ill-formed one.
#[derive(Clone, Debug)]
enum Defect {
    Removed,
    NoString(Value),
    IllFormed(String),
}

fn defect() -> impl Strategy<Value = Defect> {
    let no_string = json::any().prop_filter("a string", |it| !it.is_string());
    let ill_formed = prop_oneof![
        Just(String::new()),
        "[!-~]{0,20}[\u{0}- \u{7f}-\u{a0}é“\u{202e}\u{2028}][!-~]{0,20}",
        "[!-~]{2049,2060}",
    ];
    prop_oneof![
        Just(Defect::Removed),
        no_string.prop_map(Defect::NoString),
        ill_formed.prop_map(Defect::IllFormed),
    ]
}

impl Defect {
    fn apply(&self, event: &mut Value, name: &'static str) -> EventError {
        match self {
            Self::Removed => {
                event.as_object_mut().unwrap().remove(name);
                EventError::Missing(name)
            }
            Self::NoString(value) => {
                event[name] = value.clone();
                EventError::Missing(name)
            }
            Self::IllFormed(text) => {
                event[name] = json!(text);
                if name == "Step" {
                    EventError::UnknownStep
                } else {
                    EventError::IllFormed(name)
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_json_is_an_event_or_refused(event in json::any()) {
        oracle::check(&event);
    }

    #[test]
    fn a_valid_event_is_read_and_its_rotation_token_not_shown(event in valid()) {
        oracle::check(&event);
        let parsed = RotationEvent::parse(&event).unwrap();
        let shown = format!("{parsed:?}");
        prop_assert!(!shown.contains(event["RotationToken"].as_str().unwrap()), "{}", shown);
        let again = json!({
            "Step": parsed.step.to_string(),
            "SecretId": parsed.secret.to_string(),
            "ClientRequestToken": parsed.token.to_string(),
        });
        for name in MEMBERS {
            prop_assert_eq!(&again[name], &event[name]);
        }
    }

    #[test]
    fn a_member_that_is_amiss_is_named(
        mut event in valid(),
        name in prop::sample::select(MEMBERS.to_vec()),
        defect in defect(),
    ) {
        let proof = event["RotationToken"].as_str().unwrap().to_owned();
        let expected = defect.apply(&mut event, name);
        oracle::check(&event);
        let error = RotationEvent::parse(&event).unwrap_err();
        prop_assert_eq!(&error, &expected);
        let shown = format!("{error} {error:?}");
        prop_assert!(error.to_string().contains(&format!("`{name}`")), "{}", shown);
        prop_assert!(!shown.contains(&proof) && !shown.contains(char::is_control), "{}", shown);
    }
}
