use serde_json::{Value, json};

use super::{Organisation, edit, errors, id_of, minted, new};

const ALL: &[&str] = &[
    "org_app_keys_read",
    "org_app_keys_write",
    "service_account_write",
    "user_app_keys",
];
const CURRENT_USER: &str = "/api/v2/current_user/application_keys";

fn organisation_path(id: &str) -> String {
    format!("/api/v2/application_keys/{id}")
}

#[test]
fn the_text_has_its_shape() {
    let mut organisation = Organisation::with(ALL);
    let (_, answer) = organisation.create_application_key(json!({"name": "one"}));
    let key = minted(&answer);
    let random = key.value.strip_prefix("ddapp_").unwrap();
    assert!(random.len() == 34 && random.chars().all(|symbol| symbol.is_ascii_alphanumeric()));
    assert_eq!(answer["data"]["attributes"]["last4"], key.value[36..]);
}

#[test]
fn the_text_is_shown_once() {
    for (one_time_read, shown_again) in [(true, false), (false, true)] {
        let mut organisation = Organisation::with(ALL);
        organisation.datadog.settings.one_time_read = one_time_read;
        let id = id_of(
            &organisation
                .create_application_key(json!({"name": "one"}))
                .1,
        );
        let renamed = edit("application_keys", &id, json!({"name": "two"}));
        for (path, shown) in [
            (organisation.own(&id), false),
            (organisation_path(&id), false),
            (format!("{CURRENT_USER}/{id}"), shown_again),
        ] {
            for answer in [
                organisation.get(&path),
                organisation.call("PATCH", &path, &renamed),
            ] {
                assert_eq!(answer.0, 200, "{path}");
                assert_eq!(
                    answer.1["data"]["attributes"].get("key").is_some(),
                    shown,
                    "{path}"
                );
            }
        }
        for path in [
            organisation.own(""),
            organisation_path(""),
            CURRENT_USER.to_owned(),
        ] {
            let list = organisation.get(path.trim_end_matches('/')).1;
            assert!(
                list["data"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|key| key["attributes"].get("key").is_none())
            );
        }
    }
}

#[test]
fn another_accounts_key_is_not_found_on_ones_own_surface() {
    let mut organisation = Organisation::with(ALL);
    let other = organisation
        .datadog
        .create_service_account(organisation.now, "other", &[]);
    let key = organisation
        .datadog
        .create_application_key(organisation.now, &other, "theirs", None);
    let not_found = (404, errors("Application key not found"));
    for path in [
        organisation.own(&key.id),
        format!("{CURRENT_USER}/{}", key.id),
    ] {
        let renamed = edit("application_keys", &key.id, json!({"name": "ours"}));
        assert_eq!(organisation.get(&path), not_found);
        assert_eq!(organisation.call("PATCH", &path, &renamed), not_found);
        assert_eq!(organisation.call("DELETE", &path, &Value::Null), not_found);
    }
    let (status, answer) = organisation.get(&organisation_path(&key.id));
    assert_eq!(
        (
            status,
            &answer["data"]["relationships"]["owned_by"]["data"]["id"]
        ),
        (200, &json!(other))
    );
    assert!(organisation.datadog.key(&key.id).unwrap().is_live());
}

#[test]
fn a_deleted_key_is_gone_everywhere() {
    let mut organisation = Organisation::with(ALL);
    let key = minted(
        &organisation
            .create_application_key(json!({"name": "one"}))
            .1,
    );
    assert_eq!(organisation.delete(&organisation.own(&key.id)), 204);
    for path in [
        organisation.own(&key.id),
        organisation_path(&key.id),
        format!("{CURRENT_USER}/{}", key.id),
    ] {
        assert_eq!(organisation.get(&path).0, 404);
        assert_eq!(organisation.delete(&path), 404);
    }
    assert_eq!(
        organisation.get(CURRENT_USER).1["meta"]["page"]["total_filtered_count"],
        1
    );
    organisation.pair.1 = key;
    assert_eq!(organisation.get("/api/v2/validate_keys").0, 403);
}

#[test]
fn names_are_unique_for_each_owner() {
    let mut organisation = Organisation::with(ALL);
    let other = organisation
        .datadog
        .create_service_account(organisation.now, "other", &[]);
    organisation
        .datadog
        .create_application_key(organisation.now, &other, "one", None);
    let id = id_of(
        &organisation
            .create_application_key(json!({"name": "one"}))
            .1,
    );
    assert_eq!(
        organisation
            .create_application_key(json!({"name": "one"}))
            .0,
        409
    );
    assert_eq!(
        organisation.create_application_key(json!({"name": " "})).0,
        400
    );
    let taken = edit("application_keys", &id, json!({"name": "bootstrap"}));
    assert_eq!(
        organisation
            .call("PATCH", &organisation_path(&id), &taken)
            .0,
        409
    );
    assert_eq!(organisation.delete(&organisation.own(&id)), 204);
    assert_eq!(
        organisation
            .create_application_key(json!({"name": "one"}))
            .0,
        201
    );
    organisation.datadog.settings.taken_application_key_name = None;
    assert_eq!(
        organisation
            .create_application_key(json!({"name": "one"}))
            .0,
        201
    );
}

/// Synthetic; the number is recorded.
#[test]
fn each_user_has_a_quota() {
    let mut organisation = Organisation::with(ALL);
    organisation.datadog.settings.application_key_quota = 2;
    assert_eq!(
        organisation
            .create_application_key(json!({"name": "one"}))
            .0,
        201
    );
    assert_eq!(
        organisation
            .create_application_key(json!({"name": "two"}))
            .0,
        400
    );
    let other = organisation
        .datadog
        .create_service_account(organisation.now, "other", &[]);
    let path = format!("/api/v2/service_accounts/{other}/application_keys");
    assert_eq!(
        organisation
            .call(
                "POST",
                &path,
                &new("application_keys", json!({"name": "two"}))
            )
            .0,
        201
    );
}

#[test]
fn only_service_accounts_have_the_surface() {
    let mut organisation = Organisation::with(ALL);
    let person = organisation
        .datadog
        .create_administrator(organisation.now, "person");
    for id in [person.as_str(), "00000000-0000-4000-8000-000000000000"] {
        let path = format!("/api/v2/service_accounts/{id}/application_keys");
        assert_eq!(organisation.get(&path).0, 404);
        assert_eq!(
            organisation
                .call(
                    "POST",
                    &path,
                    &new("application_keys", json!({"name": "one"}))
                )
                .0,
            404
        );
    }
}

#[test]
fn ill_formed_bodies_have_no_effect() {
    let mut organisation = Organisation::with(ALL);
    let (id, path) = (organisation.pair.1.id.clone(), organisation.own(""));
    for body in [
        Value::Null,
        new("application_keys", json!({})),
        new(
            "application_keys",
            json!({"name": "one", "scopes": "dashboards_read"}),
        ),
        new("api_keys", json!({"name": "one"})),
    ] {
        assert_eq!(organisation.call("POST", &path, &body).0, 400, "{body}");
    }
    for body in [
        new("application_keys", json!({"name": "one"})),
        edit("application_keys", "other", json!({"name": "one"})),
        edit("api_keys", &id, json!({"name": "one"})),
    ] {
        let path = organisation.own(&id);
        assert_eq!(organisation.call("PATCH", &path, &body).0, 400, "{body}");
    }
    assert!(
        organisation
            .datadog
            .keys()
            .iter()
            .all(|key| key.name == "bootstrap")
    );
}
