use std::time::Duration;

use serde_json::json;

use super::{Organisation, edit, id_of, minted};

const ALL: &[&str] = &[
    "org_app_keys_read",
    "org_app_keys_write",
    "service_account_write",
    "user_app_keys",
];

#[test]
fn a_fresh_key_is_listed_late_where_set() {
    let mut organisation = Organisation::with(ALL);
    organisation.datadog.settings.fresh_key_unlisted_for = Duration::from_secs(2);
    organisation.create_application_key(json!({"name": "one"}));
    for path in [
        organisation.own(""),
        "/api/v2/current_user/application_keys".to_owned(),
        "/api/v2/application_keys".to_owned(),
    ] {
        assert_eq!(
            organisation.get(&path).1["data"].as_array().unwrap().len(),
            1,
            "{path}"
        );
    }
    organisation.later(2);
    assert_eq!(
        organisation.get("/api/v2/current_user/application_keys").1["data"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn times_of_change_and_end_are_kept() {
    let mut organisation = Organisation::with(ALL);
    let id = id_of(
        &organisation
            .create_application_key(json!({"name": "one"}))
            .1,
    );
    let created_at = organisation.now;
    organisation.later(1);
    let renamed = edit("application_keys", &id, json!({"name": "two"}));
    assert_eq!(
        organisation
            .call("PATCH", &format!("/api/v2/application_keys/{id}"), &renamed)
            .0,
        200
    );
    let ended_at = organisation.now;
    organisation.datadog.revoke(ended_at, &id);
    organisation.later(1);
    organisation.datadog.revoke(organisation.now, &id);
    let key = organisation.datadog.key(&id).unwrap();
    assert_eq!(
        (key.created_at, key.modified_at, key.revoked_at),
        (created_at, ended_at, Some(ended_at))
    );
}

#[test]
fn a_backdated_key_is_old_in_every_answer() {
    let mut organisation = Organisation::with(ALL);
    let key = organisation.pair.1.id.clone();
    organisation.datadog.settings.fresh_key_unusable_for = Duration::from_secs(5);
    let fresh = minted(
        &organisation
            .create_application_key(json!({"name": "one"}))
            .1,
    );
    let long_ago = organisation.now - time::Duration::HOUR;
    organisation.datadog.backdate(&fresh.id, long_ago);
    assert!(
        organisation
            .datadog
            .is_usable(organisation.now, &fresh.value)
    );
    let shown = organisation
        .get(&format!("/api/v2/application_keys/{}", fresh.id))
        .1;
    assert_eq!(
        shown["data"]["attributes"]["created_at"],
        "2024-01-01T23:00:00.000000+00:00"
    );
    let newest_first = organisation
        .get("/api/v2/application_keys?sort=-created_at")
        .1;
    assert_eq!(
        json!([newest_first["data"][0]["id"], newest_first["data"][1]["id"]]),
        json!([key, fresh.id])
    );
}
