use serde_json::{Value, json};

use super::{Organisation, errors, minted};

const ALL: &[&str] = &[
    "api_keys_delete",
    "api_keys_read",
    "api_keys_write",
    "user_app_keys",
];
const API_KEYS: &str = "/api/v1/api_key";
const APPLICATION_KEYS: &str = "/api/v1/application_key";

#[test]
fn an_api_key_lives_in_both_versions() {
    let mut organisation = Organisation::with(ALL);
    let (status, answer) = organisation.call("POST", API_KEYS, &json!({"name": "one"}));
    assert_eq!(status, 200);
    let key = answer["api_key"].clone();
    assert_eq!(key["name"], "one");
    assert_eq!(key["created"], "2024-01-02 00:00:00");
    let path = format!("{API_KEYS}/{}", key["key"].as_str().unwrap());
    assert_eq!(organisation.get(&path), (200, answer));

    let (_, listed) = organisation.get("/api/v2/api_keys?filter=one");
    assert_eq!(listed["data"][0]["attributes"]["name"], "one");
    let (_, answer) = organisation.create_api_key("two");
    let second = minted(&answer).value;
    let (_, listed) = organisation.get(API_KEYS);
    let listed = listed["api_keys"].as_array().unwrap().clone();
    assert!(listed.contains(&key));
    assert!(listed.iter().any(|it| it["key"] == second));

    let (status, answer) = organisation.call("PUT", &path, &json!({"name": "other"}));
    assert_eq!((status, &answer["api_key"]["name"]), (200, &json!("other")));
    let (status, answer) = organisation.call("DELETE", &path, &Value::Null);
    assert_eq!((status, &answer["api_key"]["name"]), (200, &json!("other")));
    assert_eq!(organisation.get(&path), (404, errors("API key not found")));
}

#[test]
fn refusals_are_those_recorded() {
    let mut organisation = Organisation::with(ALL);
    let path = format!("{API_KEYS}/whatever");
    let missing = errors("Required parameter 'name' is missing");
    assert_eq!(organisation.call("PUT", &path, &json!({})), (400, missing));
    let unknown = errors("API key not found");
    let named = json!({"name": "shrugs"});
    assert_eq!(organisation.call("PUT", &path, &named), (404, unknown));
    assert_eq!(organisation.call("PATCH", &path, &named).0, 404);

    let mut stranger = Organisation::with(&["user_app_keys"]);
    assert_eq!(stranger.call("DELETE", &path, &Value::Null).0, 403);
}

#[test]
fn an_application_key_is_named_by_its_hash() {
    let mut organisation = Organisation::with(ALL);
    organisation.datadog.settings.one_time_read = false;
    let named = json!({"name": "one"});
    let (status, answer) = organisation.call("POST", APPLICATION_KEYS, &named);
    assert_eq!(status, 200);
    let key = answer["application_key"].clone();
    let taken = errors("An application key with the name one already exists");
    let again = organisation.call("POST", APPLICATION_KEYS, &named);
    assert_eq!(again, (409, taken));
    let (_, listed) = organisation.get(APPLICATION_KEYS);
    assert!(
        listed["application_keys"]
            .as_array()
            .unwrap()
            .contains(&key)
    );
    let path = format!("{APPLICATION_KEYS}/{}", key["hash"].as_str().unwrap());
    let (status, answer) = organisation.call("PUT", &path, &json!({"name": "two"}));
    assert_eq!(status, 200);
    assert_eq!(answer["application_key"]["name"], "two");
    assert_eq!(
        organisation.call("DELETE", &path, &Value::Null),
        (200, answer)
    );
    assert_eq!(organisation.get(&path).0, 404);
}

#[test]
fn application_keys_are_out_of_reach_where_a_text_is_shown_once() {
    let mut organisation = Organisation::with(ALL);
    assert!(organisation.datadog.settings.one_time_read);
    let (status, _) = organisation.call("POST", APPLICATION_KEYS, &json!({"name": "one"}));
    assert_eq!(status, 403);
}
