use http::{Method, StatusCode};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::*;
use crate::datadog::Datadog;
use crate::scene::{Pair, Scene, SceneOptions, request};
use crate::secrets_manager::SecretsManager;
use crate::world::Clock;

fn gate() -> (Gate, Pair) {
    let secrets_manager = SecretsManager::new("us-east-1", "123456789012");
    let clock = Clock::starting_at(OffsetDateTime::UNIX_EPOCH);
    let mut world = World::new(clock, secrets_manager, Datadog::new());
    let scene = Scene::set(&mut world, SceneOptions::default()).unwrap();
    (Gate::new(world), scene.administrator)
}

fn mint(pair: &Pair, name: &str) -> Request<Bytes> {
    let attributes = json!({ "name": name });
    let body = json!({ "data": { "type": "api_keys", "attributes": attributes } });
    Request::builder()
        .method(Method::POST)
        .uri("/api/v2/api_keys")
        .header("dd-api-key", &pair.api_key.value)
        .header("dd-application-key", &pair.application_key.value)
        .body(Bytes::from(body.to_string()))
        .unwrap()
}

fn describe() -> Request<Bytes> {
    request("DescribeSecret", &json!({ "SecretId": "datadog/admin" }))
}

fn names(gate: &Gate) -> Vec<String> {
    gate.with_world(|world| {
        world
            .datadog
            .keys()
            .iter()
            .map(|key| key.name.clone())
            .collect()
    })
}

fn seen(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Answer(response) => response.status().as_u16().to_string(),
        Outcome::Cut => "cut".to_owned(),
        Outcome::Silence => "silence".to_owned(),
        Outcome::Killed => "killed".to_owned(),
    }
}

#[tokio::test]
async fn each_fate_has_the_effect_and_the_outcome_in_its_name() {
    let bad_gateway = StatusCode::BAD_GATEWAY;
    for (fate, sees, is_done) in [
        (Fate::Pass, "201", true),
        (Fate::FailBefore, "500", false),
        (Fate::FailAfter, "500", true),
        (Fate::CutBefore, "cut", false),
        (Fate::CutAfter, "cut", true),
        (Fate::SilenceBefore, "silence", false),
        (Fate::SilenceAfter, "silence", true),
        (Fate::Throttle, "429", false),
        (Fate::KillBefore, "killed", false),
        (Fate::KillAfter, "killed", true),
        (Fate::Html(bad_gateway), "502", false),
        (Fate::Truncated, "201", true),
        (Fate::Oversized(100_000), "201", true),
        (Fate::Refuse(StatusCode::CONFLICT), "409", false),
        (Fate::Lie(Lie::SaysError), "200", false),
        (Fate::Lie(Lie::Without("id")), "201", true),
        (Fate::Edited(Edit::new(|_| {})), "201", true),
        (Fate::NewShape, "201", true),
        (Fate::Undeletable(StatusCode::FORBIDDEN), "201", true),
    ] {
        let (gate, pair) = gate();
        let name = fate.name();
        let mut fate = Some(fate);
        gate.follow(move |_: &Call| fate.take().unwrap_or(Fate::Pass));

        let outcome = gate.pass(mint(&pair, "new")).await;

        assert_eq!(seen(&outcome), sees, "{name}");
        assert_eq!(names(&gate).contains(&"new".to_owned()), is_done, "{name}");
        let [record] = &gate.calls()[..] else {
            panic!("one call, one record")
        };
        assert_eq!(record.fate, name);
        assert_eq!(record.changed_something, is_done, "{name}");
        assert_eq!(record.status.is_some(), is_done, "{name}");
    }
}

#[tokio::test]
async fn spoiled_answers_are_spoiled() {
    let (gate, pair) = gate();
    let mut fates = vec![
        Fate::Oversized(100_000),
        Fate::Truncated,
        Fate::Html(StatusCode::OK),
    ];
    gate.follow(move |_: &Call| fates.pop().unwrap_or(Fate::Pass));
    let mut bodies = Vec::new();
    for name in ["one", "two", "three"] {
        match gate.pass(mint(&pair, name)).await {
            Outcome::Answer(response) => bodies.push(response.into_body()),
            outcome => panic!("{outcome:?}"),
        }
    }

    assert!(bodies[0].starts_with(b"<html>"));
    assert!(serde_json::from_slice::<Value>(&bodies[1]).is_err());
    assert_eq!(bodies[2].len(), 100_000);
    assert!(serde_json::from_slice::<Value>(&bodies[2]).is_ok());
}

#[tokio::test]
async fn a_key_of_a_new_shape_is_created_once_and_a_record_names_the_keys_that_acted() {
    let (gate, pair) = gate();
    let mut fate = Some(Fate::NewShape);
    gate.follow(move |_: &Call| fate.take().unwrap_or(Fate::Pass));
    gate.pass(mint(&pair, "one")).await;
    gate.pass(mint(&pair, "two")).await;

    let shapes = gate.with_world(|world| {
        let keys = world.datadog.keys();
        let newest = keys[keys.len() - 2..].iter();
        newest.map(|it| it.value.len()).collect::<Vec<_>>()
    });
    assert_eq!(shapes, [59, 32]);
    let mut acted = gate.calls().remove(0).authenticated_by;
    acted.sort();
    let mut expected = [pair.api_key.id, pair.application_key.id];
    expected.sort();
    assert_eq!(acted, expected);
}

#[tokio::test]
async fn failures_speak_the_language_of_the_service() {
    for (fate, error) in [
        (Fate::Throttle, "ThrottlingException"),
        (Fate::FailBefore, "InternalServiceError"),
    ] {
        let (gate, _) = gate();
        let mut fate = Some(fate);
        gate.follow(move |_: &Call| fate.take().unwrap_or(Fate::Pass));
        let Outcome::Answer(response) = gate.pass(describe()).await else {
            panic!("an answer")
        };
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(body["__type"], error);
    }
    let (gate, pair) = gate();
    gate.follow(|_: &Call| Fate::Throttle);
    let Outcome::Answer(response) = gate.pass(mint(&pair, "new")).await else {
        panic!("an answer")
    };
    assert_eq!(response.headers()["x-ratelimit-reset"], "1");
}

#[tokio::test]
async fn a_paused_call_is_overtaken_and_may_end_otherwise() {
    let (gate, pair) = gate();
    let (held, release) = pause();
    let (dropped, forgotten) = pause();
    let mut fates = vec![Fate::Pause(dropped), Fate::Pass, Fate::Pause(held)];
    gate.follow(move |_: &Call| fates.pop().unwrap_or(Fate::Pass));

    let first = tokio::spawn({
        let (gate, call) = (gate.clone(), mint(&pair, "first"));
        async move { gate.pass(call).await }
    });
    tokio::task::yield_now().await;
    let second = gate.pass(mint(&pair, "second")).await;
    release.with(Fate::KillAfter);
    let first = first.await.unwrap();
    drop(forgotten);
    let third = gate.pass(mint(&pair, "third")).await;

    assert_eq!(
        [seen(&first), seen(&second), seen(&third)],
        ["killed", "201", "201"]
    );
    assert_eq!(
        &names(&gate)[names(&gate).len() - 3..],
        ["second", "first", "third"]
    );
    let numbers: Vec<_> = gate
        .calls()
        .iter()
        .map(|record| record.call.number)
        .collect();
    assert_eq!(numbers, [2, 1, 3]);
}

#[tokio::test]
async fn a_released_call_may_be_held_again() {
    let (gate, pair) = gate();
    let (held, release) = pause();
    let (again, release_again) = pause();
    let mut fate = Some(Fate::Pause(held));
    gate.follow(move |_: &Call| fate.take().unwrap_or(Fate::Pass));
    release.with(Fate::Pause(again));
    release_again.with(Fate::CutBefore);

    let outcome = gate.pass(mint(&pair, "new")).await;

    assert_eq!(seen(&outcome), "cut");
}

#[tokio::test]
async fn a_watcher_sees_the_world_after_the_effect_but_not_what_people_do() {
    let (gate, pair) = gate();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sight = Arc::clone(&seen);
    gate.watch(move |world, record| {
        let keys = world.datadog.keys().len();
        sight
            .lock()
            .unwrap()
            .push((record.call.operation.clone(), keys));
    });
    let keys = names(&gate).len();

    gate.with_world(|world| {
        let now = world.now();
        world.datadog.create_api_key(now, "by hand");
    });
    gate.pass(mint(&pair, "new")).await;
    gate.pass(describe()).await;

    let expected = [
        ("POST /api/v2/api_keys".to_owned(), keys + 2),
        ("DescribeSecret".to_owned(), keys + 2),
    ];
    assert_eq!(seen.lock().unwrap()[..], expected);
    gate.forget_calls();
    assert!(gate.calls().is_empty());
}
