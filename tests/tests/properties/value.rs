//! Values: whatever somebody has stored in a secret.

use datadog_rotation::Kind;
use datadog_rotation::keys::{AccessToken, ApiKey};
use datadog_rotation::site::Site;
use datadog_rotation::value::{SecretValue, ValueError};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::config;
use crate::json;
use crate::oracle::value::{self as oracle, ALIASES, UUID, fields};

/// A member: its name, and its value to the byte.
type Member = (String, String);

fn kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(Kind::ALL.to_vec())
}

fn of_shape(shape: &'static str) -> BoxedStrategy<String> {
    match shape {
        UUID => "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}".boxed(),
        ApiKey::SHAPE => "[0-9a-fA-F]{32}".boxed(),
        AccessToken::SHAPE => "ddsat_[0-9a-zA-Z]{22}_[0-9a-zA-Z]{36}".boxed(),
        _ => prop_oneof!["ddapp_[0-9a-zA-Z]{34}", "[0-9a-f]{40}"].boxed(),
    }
}

/// The fields of the type, and the site.
fn known(kind: Kind) -> impl Strategy<Value = Vec<Member>> {
    let fields: Vec<_> = fields(kind)
        .iter()
        .map(|&(field, shape)| of_shape(shape).prop_map(move |text| member(field, &text)))
        .collect();
    let site = prop::sample::select(Site::ALL.to_vec());
    (fields, site).prop_map(|(mut fields, site)| {
        fields.push(member("site", site.domain()));
        fields
    })
}

fn member(name: &str, text: &str) -> Member {
    (name.to_owned(), json!(text).to_string())
}

/// What JSON texts hold that a rewriting through numbers and strings would change.
fn raw() -> impl Strategy<Value = String> {
    let delicate = vec![
        "1.0",
        "-0",
        "1e400",
        "123456789012345678901234567890",
        r#""\u0041\/""#,
        r#""\ud800""#,
        "{ \"a\" : 1,\t\"a\":\n2 }",
        r#"{"$serde_json::private::RawValue":"1"}"#,
        "[ ]",
    ];
    prop_oneof![
        prop::sample::select(delicate).prop_map(str::to_owned),
        json::any().prop_map(|it| it.to_string()),
    ]
}

/// Members beside the known ones, some of which repeat a text of them, in whatever spelling.
fn others(known: Vec<Member>) -> impl Strategy<Value = Vec<Member>> {
    let name = prop_oneof![
        prop::sample::select(ALIASES.to_vec()).prop_map(str::to_owned),
        any::<String>(),
        "(dd_|DD_| )?(api|app|API|APP)_?[Kk]ey(Id)?.?",
    ];
    let repeated = prop::sample::select(known.clone()).prop_flat_map(|(_, raw)| {
        prop_oneof![
            Just(raw.clone()),
            Just(raw.to_ascii_uppercase()),
            Just(escaped(&raw)),
            Just(format!("[{raw}]")),
        ]
    });
    let other = (name, prop_oneof![raw(), repeated]);
    prop::collection::vec(other, 0..8).prop_map(move |mut others| {
        others.retain(|(name, _)| known.iter().all(|(known, _)| known != name));
        others
    })
}

/// The same string, its first character written as an escape.
fn escaped(raw: &str) -> String {
    let text: String = serde_json::from_str(raw).unwrap();
    let (first, rest) = text.split_at(1);
    format!("\"\\u{:04x}{rest}\"", first.as_bytes()[0])
}

/// A sound value, its members in any order, and the blanks between them any that JSON has.
fn sound(kind: Kind) -> impl Strategy<Value = Vec<Member>> {
    let members = known(kind).prop_flat_map(|known| (others(known.clone()), Just(known)));
    members
        .prop_map(|(others, known)| [known, others].concat())
        .prop_shuffle()
}

fn text(members: &[Member], blank: &str) -> String {
    let members = members.iter().map(|(name, raw)| {
        let name = json!(name);
        format!("{blank}{name}{blank}:{blank}{raw}{blank}")
    });
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

fn defect() -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        Just(None),
        "hushhush[ -~]{0,40}".prop_map(|text| Some(Value::from(text))),
        json::any().prop_map(|it| Some(json!([it, "hushhush"]))),
    ]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_text_is_a_value_or_refused(text in any::<String>(), json in json::any(), cut in 0..=1) {
        oracle::check(&text);
        let json = json.to_string();
        oracle::check(&json);
        oracle::check(&json[..json.len() - usize::try_from(cut).unwrap()]);
    }

    /// JSON by its grammar, and by no reader's.
    #[test]
    fn a_name_with_half_a_surrogate_pair_is_refused(half in "d[89ab][0-9a-f]{2}", raw in raw()) {
        let text = format!("{{\"\\u{half}\":{raw}}}");
        oracle::check(&text);
        prop_assert_eq!(SecretValue::parse(&text).unwrap_err(), ValueError::NotJson);
    }

    #[test]
    fn a_sound_value_has_a_sound_successor(
        (kind, members) in kind().prop_flat_map(|kind| (Just(kind), sound(kind))),
        blank in "[ \t\r\n]{0,2}",
    ) {
        let text = text(&members, &blank);
        let value = SecretValue::parse(&text).unwrap();
        prop_assert!(value.credential(kind).is_ok());
        prop_assert!(value.site().is_ok());
        oracle::check(&text);
    }

    #[test]
    fn a_field_that_is_amiss_is_named_and_not_quoted(
        (kind, mut members) in kind().prop_flat_map(|kind| (Just(kind), sound(kind))),
        which in any::<prop::sample::Index>(),
        defect in defect(),
    ) {
        let (field, shape) = *which.get(fields(kind));
        let texts: Vec<String> = members.iter().map(|(_, raw)| raw.clone()).collect();
        let is_text = matches!(defect, Some(Value::String(_)));
        let is_there = defect.is_some();
        let at = members.iter().position(|(name, _)| name == field).unwrap();
        match defect {
            None => { members.remove(at); }
            Some(defect) => members[at].1 = defect.to_string(),
        }
        let text = text(&members, "");
        oracle::check(&text);
        let error = SecretValue::parse(&text).unwrap().credential(kind).unwrap_err();
        let is_told = match &error {
            ValueError::IllFormed { field: told, shape: other, flaw } => {
                is_text && *told == field && *other == shape && flaw.is_some()
            }
            ValueError::NotAString { field: told, .. } => is_there && !is_text && *told == field,
            ValueError::Missing(told) => !is_there && *told == field,
            _ => false,
        };
        prop_assert!(is_told, "{error}");
        let shown = format!("{error} {error:?}");
        let quoted = |raw: &String| raw.len() > 10 && shown.contains(raw.trim_matches('"'));
        prop_assert!(!shown.contains("hushhush") && !texts.iter().any(quoted), "{}", shown);
    }
}
