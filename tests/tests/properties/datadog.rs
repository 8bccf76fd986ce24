//! Datadog's answers: of Datadog, of something on the way, or of nobody.

use std::time::Duration;

use bytes::Bytes;
use datadog_rotation::datadog::DatadogProblem;
use datadog_rotation::http::{ConnectCause, Peer, TransportError};
use http::{HeaderValue, StatusCode};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::config;
use crate::json;
use crate::oracle::answer::check;
use crate::oracle::exchange::{Answer, ID, Question, SILENCE, unconnected};

/// In every text of every body that is made here.
const MARK: &str = "hushhush";

fn question() -> impl Strategy<Value = Question> {
    prop::sample::select(Question::ALL.to_vec())
}

/// A key as Datadog shows it, with or without its text.
fn key() -> impl Strategy<Value = Value> {
    let other = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}";
    let id = prop_oneof![Just(ID.to_owned()), other];
    let text = prop_oneof!["[0-9a-f]{32}", "ddapp_[0-9A-Za-z]{34}", "[0-9a-f]{40}"];
    let created = prop_oneof![
        "2026-0[1-9]-1[0-9]T0[0-9]:00:00(\\.[0-9]{1,9})?Z",
        ".{0,12}"
    ];
    (id, text, created).prop_map(|(id, text, created)| {
        json!({
            "id": id,
            "attributes": {
                "name": MARK,
                "key": text,
                "last4": MARK,
                "created_at": created,
                "status": "active",
                "scopes": [MARK],
                "api_key_id": id,
                "valid": true,
            },
            "relationships": { "owned_by": { "data": { "id": id } } },
        })
    })
}

fn user(id: &Value) -> Value {
    json!({ "id": id, "relationships": { "org": { "data": { "id": id } } } })
}

fn token() -> impl Strategy<Value = String> {
    prop_oneof!["[!-~]{1,30}", "[0-9A-Za-z._-]{20,30}", ".{0,5}"]
}

/// Documents of the shapes that Datadog answers.
fn document() -> impl Strategy<Value = Value> {
    let page = prop_oneof![3 => 0..4_usize, 1 => Just(100), 1 => Just(101)];
    prop_oneof![
        key().prop_map(|key| json!({ "data": key })),
        (key(), page).prop_map(|(key, count)| json!({ "data": vec![key; count] })),
        Just(json!({ "valid": true, MARK: MARK })),
        Just(json!({ "status": "ok", MARK: MARK })),
        key().prop_map(|key| json!({ "data": user(&key["id"]), "included": [key] })),
        (token(), json::any()).prop_map(|(token, expires)| json!({ "data": { "attributes": {
            "access_token": token, "expires": expires,
        } } })),
        prop::collection::vec(complaint(), 0..3).prop_map(|it| json!({ "errors": it })),
    ]
}

fn complaint() -> impl Strategy<Value = Value> {
    let words = vec![
        "API key not found",
        "Forbidden",
        "An API key with this name already exists",
        "You have exceeded the maximum number of permitted API keys",
        "",
    ];
    let words = prop::sample::select(words);
    (words, any::<bool>()).prop_map(|(words, is_text)| {
        let text = format!("{words} {MARK}");
        if is_text {
            json!(text)
        } else {
            json!({ "title": text, "detail": MARK })
        }
    })
}

/// The same with one part of it replaced by anything.
fn spoilt() -> impl Strategy<Value = Value> {
    let places = vec![
        "",
        "/data",
        "/data/id",
        "/data/attributes",
        "/data/attributes/key",
        "/data/attributes/scopes",
        "/data/relationships/owned_by",
        "/data/relationships/org",
        "/data/attributes/access_token",
        "/data/0",
        "/data/0/id",
        "/errors",
        "/errors/0",
    ];
    let place = prop::sample::select(places);
    (document(), place, json::any()).prop_map(|(mut document, place, other)| {
        if let Some(part) = document.pointer_mut(place) {
            *part = json!([other, MARK]);
        }
        document
    })
}

/// The same without the names of its members: to a parser that knows their order, the same still.
fn nameless() -> impl Strategy<Value = Value> {
    document().prop_map(|it| it.as_object().unwrap().values().cloned().collect())
}

fn body() -> impl Strategy<Value = Bytes> {
    let cut = (document(), any::<prop::sample::Index>()).prop_map(|(document, at)| {
        let text = document.to_string().into_bytes();
        text[..at.index(text.len())].to_vec()
    });
    let page = Just(format!("<html><h1>{MARK}</h1></html>").into_bytes());
    let bytes = prop::collection::vec(any::<u8>(), 0..64);
    prop_oneof![
        4 => document().prop_map(|it| it.to_string().into_bytes()),
        4 => spoilt().prop_map(|it| it.to_string().into_bytes()),
        1 => nameless().prop_map(|it| it.to_string().into_bytes()),
        1 => cut,
        1 => page,
        1 => bytes,
        1 => Just(Vec::new()),
    ]
    .prop_map(Bytes::from)
}

fn answer() -> impl Strategy<Value = Answer> {
    let usual = vec![
        200, 201, 204, 400, 401, 403, 404, 409, 422, 429, 500, 502, 503,
    ];
    let status = prop_oneof![5 => prop::sample::select(usual), 1 => 100..1000_u16];
    let reset = prop_oneof!["[0-9]{1,20}", "-[0-9]", "[ -~]{0,8}"];
    let reply =
        (status, prop::option::of(reset), body()).prop_map(|(status, reset, body)| Answer::Reply {
            status: StatusCode::from_u16(status).unwrap(),
            reset: reset.map(|it| HeaderValue::from_str(&it).unwrap()),
            body,
        });
    let faults = vec![
        unconnected(ConnectCause::Refused(Peer::Host)),
        unconnected(ConnectCause::ProxyPassword),
        SILENCE,
        TransportError::Cut,
        TransportError::TooLarge,
        TransportError::NotSent,
    ];
    prop_oneof![4 => reply, 1 => prop::sample::select(faults).prop_map(Answer::Fault)]
}

/// What Datadog answers if all is well, and what is made of it.
fn sound(question: Question) -> (Vec<Answer>, &'static str) {
    let key = json!({
        "id": ID,
        "attributes": {
            "name": "n",
            "key": "0123456789abcdef0123456789abcdef01234567",
            "api_key_id": ID,
        },
    });
    let mut api_key = key.clone();
    api_key["attributes"]["key"] = json!("0123456789abcdef0123456789abcdef");
    // A page may be shorter than asked for.
    let page = |numbers: std::ops::Range<u32>| {
        let keys = numbers.map(|number| {
            let mut key = key.clone();
            key["id"] = json!(format!("{number:08}-1111-4111-8111-111111111111"));
            key
        });
        let keys: Vec<Value> = keys.collect();
        let meta = json!({ "page": { "total_filtered_count": 199 } });
        json!({ "data": keys, "meta": meta })
    };
    let told = |status, body: Value| vec![Answer::reply(status, body.to_string())];
    match question {
        Question::CreateApiKey => (told(201, json!({ "data": api_key })), "Created"),
        Question::CreateAppKey => (told(201, json!({ "data": key })), "Created"),
        Question::ApiKey | Question::AppKey | Question::AnyAppKey => {
            (told(200, json!({ "data": key })), "Key(")
        }
        Question::ApiKeys | Question::AppKeys => {
            let pages = [
                told(200, page(0..100)),
                told(200, page(100..150)),
                told(200, page(150..199)),
                told(200, page(199..200)),
            ];
            (pages.concat(), "Keys(199)")
        }
        Question::DeleteApiKey | Question::DeleteAppKey => (vec![Answer::reply(204, "")], "Gone"),
        Question::Validate => (told(200, json!({ "valid": true })), "Works(true)"),
        Question::ValidateWithId => (told(200, json!({ "data": key })), "Id(Some(Id("),
        Question::ValidatePair => (told(200, json!({ "status": "ok" })), "Works(true)"),
        Question::Exchange => {
            let attributes = json!({ "access_token": "ey.J.x", "expires": "1800000000" });
            (
                told(200, json!({ "data": { "attributes": attributes } })),
                "Created",
            )
        }
        Question::CurrentUser => (told(200, json!({ "data": user(&json!(ID)) })), "User("),
    }
}

/// What is worth another try, of a mint too if it certainly had no effect.
fn passing(question: Question) -> impl Strategy<Value = Answer> {
    let harmless = vec![
        Answer::reply(429, ""),
        Answer::Fault(unconnected(ConnectCause::Refused(Peer::Host))),
    ];
    let others = vec![
        Answer::reply(500, ""),
        Answer::reply(503, "<html>"),
        Answer::Fault(SILENCE),
        Answer::Fault(TransportError::Cut),
    ];
    let is_mint = matches!(question, Question::CreateApiKey | Question::CreateAppKey);
    let all = [harmless.clone(), others].concat();
    prop::sample::select(if is_mint { harmless } else { all })
}

/// Of 15 minutes, or near the end, where no mint is begun any more.
fn left() -> impl Strategy<Value = Duration> {
    prop_oneof![0..=15 * 60_u64, 0..60_u64].prop_map(Duration::from_secs)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_answers_come_to_an_end_and_are_not_quoted(
        question in question(),
        answers in prop::collection::vec(answer(), 0..6),
        left in left(),
    ) {
        let (shown, problem) = check(question, &answers, left);
        prop_assert!(problem.is_none() || !shown.contains(MARK), "{}", shown);
    }

    #[test]
    fn a_sound_answer_is_understood_also_after_failures(
        (question, mut answers) in question().prop_flat_map(|question| {
            (Just(question), prop::collection::vec(passing(question), 0..5))
        }),
    ) {
        let (sound, told) = sound(question);
        answers.extend(sound);
        let (shown, problem) = check(question, &answers, Duration::from_mins(15));
        prop_assert!(problem.is_none() && shown.starts_with(told), "{}", shown);
    }

    #[test]
    fn a_good_status_proves_nothing_by_itself(
        question in question(),
        status in prop::sample::select(vec![200, 201, 204]),
        body in body(),
    ) {
        check(question, &[Answer::reply(status, body)], Duration::from_mins(15));
    }

    #[test]
    fn a_404_means_that_a_key_is_gone_or_nothing(question in question(), body in body()) {
        let answers = [Answer::reply(404, body)];
        let (_, problem) = check(question, &answers, Duration::from_mins(15));
        let is_gone = problem == Some(DatadogProblem::NotFound);
        let defect = "is not Datadog's";
        let is_strange = problem == Some(DatadogProblem::Unexpected { status: 404, defect });
        prop_assert!(is_gone || is_strange, "{:?}", problem);
    }
}
