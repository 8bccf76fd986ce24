use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use super::{Organisation, edit, errors, id_of, minted, new};

const ALL: &[&str] = &["api_keys_read", "api_keys_write", "api_keys_delete"];

fn path(id: &str) -> String {
    format!("/api/v2/api_keys/{id}")
}

#[test]
fn ids_and_texts_have_their_shapes() {
    let mut organisation = Organisation::with(ALL);
    let key = minted(&organisation.create_api_key("one").1);
    let is_hex = |text: &str| {
        text.chars()
            .all(|digit| matches!(digit, '0'..='9' | 'a'..='f'))
    };
    assert!(key.value.len() == 32 && is_hex(&key.value));
    assert!(key.id.len() == 36 && key.id.as_bytes()[14] == b'4');
    assert_ne!(minted(&organisation.create_api_key("two").1), key);
}

/// Synthetic: recorded nowhere, reported since 2026.
#[test]
fn a_deleted_key_is_revoked_and_tells_so() {
    let mut organisation = Organisation::with(ALL);
    let key = minted(&organisation.create_api_key("one").1);
    assert_eq!(
        organisation.get(&path(&key.id)).1["data"]["attributes"].get("status"),
        None
    );
    let deleted = organisation.send("DELETE", &path(&key.id), &Value::Null);
    assert_eq!(
        (deleted.status(), deleted.body().len()),
        (StatusCode::NO_CONTENT, 0)
    );

    let (status, answer) = organisation.get(&path(&key.id));
    assert_eq!(
        (status, &answer["data"]["attributes"]["status"]),
        (200, &json!("revoked"))
    );
    let listed = organisation.get("/api/v2/api_keys").1;
    assert!(
        listed["data"]
            .as_array()
            .unwrap()
            .iter()
            .all(|listed| listed["id"] != key.id)
    );
    assert_eq!(
        organisation.datadog.key(&key.id).unwrap().revoked_at,
        Some(organisation.now)
    );
    let edited = organisation.call(
        "PATCH",
        &path(&key.id),
        &edit("api_keys", &key.id, json!({"name": "two"})),
    );
    assert_eq!(edited, (404, errors("API key not found")));
    organisation.pair.0 = key;
    assert_eq!(organisation.get("/api/v1/validate").0, 403);
}

#[test]
fn deleting_a_revoked_key_answers_as_set() {
    for status in [
        StatusCode::NOT_FOUND,
        StatusCode::NO_CONTENT,
        StatusCode::BAD_REQUEST,
    ] {
        let mut organisation = Organisation::with(ALL);
        organisation.datadog.settings.deleting_revoked_api_key = status;
        let id = id_of(&organisation.create_api_key("one").1);
        assert_eq!(organisation.delete(&path(&id)), 204);
        assert_eq!(organisation.delete(&path(&id)), status.as_u16());
        assert_eq!(
            organisation.delete(&path("00000000-0000-4000-8000-000000000000")),
            404
        );
    }
}

/// Synthetic.
#[test]
fn the_last_key_stays() {
    let mut organisation = Organisation::with(ALL);
    let last = organisation.pair.0.clone();
    assert_eq!(organisation.delete(&path(&last.id)), 400);
    assert!(
        organisation
            .datadog
            .is_usable(organisation.now, &last.value)
    );
}

/// Synthetic: the text is reported, 50 documented.
#[test]
fn the_quota_counts_live_keys() {
    let mut organisation = Organisation::with(ALL);
    let ids: Vec<_> = (1..50)
        .map(|number| id_of(&organisation.create_api_key(&number.to_string()).1))
        .collect();
    let full = (
        400,
        errors("You have exceeded the maximum number of permitted API keys"),
    );
    assert_eq!(organisation.create_api_key("one too many"), full);
    assert_eq!(
        organisation
            .datadog
            .keys()
            .iter()
            .filter(|key| key.is_api_key())
            .count(),
        50
    );
    assert_eq!(organisation.delete(&path(&ids[0])), 204);
    assert_eq!(organisation.create_api_key("in its place").0, 201);
    assert_eq!(organisation.create_api_key("one too many").0, 400);
}

#[test]
fn names_are_unique_among_live_keys() {
    let mut organisation = Organisation::with(ALL);
    let id = id_of(&organisation.create_api_key("one").1);
    assert_eq!(organisation.create_api_key("one").0, 409);
    let other = id_of(&organisation.create_api_key("other").1);
    let taken = edit("api_keys", &other, json!({"name": "one"}));
    assert_eq!(organisation.call("PATCH", &path(&other), &taken).0, 409);
    let same = edit("api_keys", &id, json!({"name": "one"}));
    assert_eq!(organisation.call("PATCH", &path(&id), &same).0, 200);
    assert_eq!(organisation.delete(&path(&id)), 204);
    organisation.datadog.settings.revoked_api_key_keeps_name = true;
    assert_eq!(organisation.create_api_key("one").0, 409);
    organisation.datadog.settings.revoked_api_key_keeps_name = false;
    assert_eq!(organisation.create_api_key("one").0, 201);
    organisation.datadog.settings.taken_api_key_name = None;
    assert_eq!(organisation.create_api_key("one").0, 201);
}

#[test]
fn category_and_remote_configuration_are_kept_by_edits_that_do_not_name_them() {
    let mut organisation = Organisation::with(ALL);
    let attributes =
        json!({"name": "one", "category": "mobile", "remote_config_read_enabled": false});
    let (status, made) =
        organisation.call("POST", "/api/v2/api_keys", &new("api_keys", attributes));
    assert_eq!(status, 201);
    let id = id_of(&made);
    for (edited, expected) in [
        (json!({"name": "two"}), json!(["two", "mobile", false])),
        (
            json!({"name": "two", "category": "other"}),
            json!(["two", "other", false]),
        ),
        (
            json!({"name": "two", "remote_config_read_enabled": true}),
            json!(["two", "other", true]),
        ),
    ] {
        organisation.later(1);
        let answer = organisation
            .call("PATCH", &path(&id), &edit("api_keys", &id, edited))
            .1;
        let shown = &answer["data"]["attributes"];
        assert_eq!(
            json!([
                shown["name"],
                shown["category"],
                shown["remote_config_read_enabled"]
            ]),
            expected
        );
        assert!(shown["modified_at"] != shown["created_at"] && shown.get("key").is_none());
    }
}

#[test]
fn the_text_is_shown_again_only_where_set() {
    let mut organisation = Organisation::with(ALL);
    let key = minted(&organisation.create_api_key("one").1);
    assert_eq!(
        organisation.get(&path(&key.id)).1["data"]["attributes"].get("key"),
        None
    );
    organisation.datadog.settings.get_shows_api_key_value = true;
    assert_eq!(
        organisation.get(&path(&key.id)).1["data"]["attributes"]["key"],
        json!(key.value)
    );
}

#[test]
fn usage_is_told_while_it_is_recent() {
    let mut organisation = Organisation::with(ALL);
    let id = organisation.pair.0.id.clone();
    let used = |organisation: &mut Organisation, id: &str| {
        let key = organisation.get(&path(id)).1["data"]["attributes"].clone();
        (
            key["date_last_used"].clone(),
            key["used_in_last_24_hours"].clone(),
        )
    };
    assert_eq!(
        used(&mut organisation, &id),
        (json!("2024-01-02T00:00:00.000000+00:00"), json!(true))
    );
    let other = organisation
        .datadog
        .create_api_key(organisation.now, "other");
    assert_eq!(
        used(&mut organisation, &other.id),
        (Value::Null, json!(false))
    );
    organisation.pair.0 = other;
    organisation.later(24 * 60 * 60);
    assert_eq!(
        used(&mut organisation, &id),
        (json!("2024-01-02T00:00:00.000000+00:00"), json!(false))
    );
}

#[test]
fn a_fresh_key_is_listed_late_where_set() {
    let mut organisation = Organisation::with(ALL);
    organisation.datadog.settings.fresh_key_unlisted_for = Duration::from_secs(2);
    let id = id_of(&organisation.create_api_key("one").1);
    let count = |organisation: &mut Organisation| {
        organisation.get("/api/v2/api_keys").1["data"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(count(&mut organisation), 1);
    assert_eq!(organisation.get(&path(&id)).0, 200);
    organisation.later(2);
    assert_eq!(count(&mut organisation), 2);
}

#[test]
fn ill_formed_bodies_have_no_effect() {
    let mut organisation = Organisation::with(ALL);
    for body in [
        Value::Null,
        json!({}),
        json!([]),
        json!({"data": {"type": "api_keys"}}),
        new("api_keys", json!({})),
        new("api_keys", json!({"name": " "})),
        new("api_keys", json!({"name": 1})),
        new("application_keys", json!({"name": "one"})),
    ] {
        assert_eq!(
            organisation.call("POST", "/api/v2/api_keys", &body).0,
            400,
            "{body}"
        );
    }
    let id = organisation.pair.0.id.clone();
    for body in [
        new("api_keys", json!({"name": "two"})),
        edit("api_keys", "other", json!({"name": "two"})),
    ] {
        assert_eq!(
            organisation.call("PATCH", &path(&id), &body).0,
            400,
            "{body}"
        );
    }
    let names: Vec<_> = organisation
        .datadog
        .keys()
        .iter()
        .map(|key| key.name.as_str())
        .collect();
    assert_eq!(names, ["bootstrap", "bootstrap"]);
}
