use serde_json::{Value, json};

use super::{Organisation, edit, errors, id_of};

const ALL: &[&str] = &["service_account_write"];

#[test]
fn null_missing_and_empty_scopes_are_all_unscoped() {
    let mut organisation = Organisation::with(ALL);
    for (name, attributes) in [
        ("one", json!({"name": "one"})),
        ("two", json!({"name": "two", "scopes": null})),
        ("three", json!({"name": "three", "scopes": []})),
    ] {
        let (status, answer) = organisation.create_application_key(attributes);
        assert_eq!(
            (status, &answer["data"]["attributes"]["scopes"]),
            (201, &Value::Null),
            "{name}"
        );
        assert_eq!(
            organisation.datadog.key(&id_of(&answer)).unwrap().scopes(),
            None
        );
    }
}

#[test]
fn scopes_are_known_names_in_their_case() {
    let mut organisation = Organisation::with(ALL);
    for scopes in [
        json!(["nonsense"]),
        json!(["Dashboards_Read"]),
        json!(["dashboards_read", "nonsense"]),
    ] {
        let refused = organisation.create_application_key(json!({"name": "one", "scopes": scopes}));
        assert_eq!(refused, (400, errors("Invalid scopes")), "{scopes}");
    }
    let scopes = json!(["dashboards_write", "dashboards_read"]);
    let (status, answer) =
        organisation.create_application_key(json!({"name": "one", "scopes": scopes}));
    assert_eq!(
        (status, &answer["data"]["attributes"]["scopes"]),
        (201, &scopes)
    );
}

#[test]
fn an_edit_without_scopes_keeps_them() {
    let mut organisation = Organisation::with(ALL);
    let attributes = json!({"name": "one", "scopes": ["dashboards_read"]});
    let id = id_of(&organisation.create_application_key(attributes).1);
    let path = organisation.own(&id);
    for (attributes, status, scopes) in [
        (json!({"name": "two"}), 200, json!(["dashboards_read"])),
        (
            json!({"scopes": ["nonsense"]}),
            400,
            json!(["dashboards_read"]),
        ),
        (
            json!({"scopes": ["monitors_read"]}),
            200,
            json!(["monitors_read"]),
        ),
        (json!({"scopes": []}), 200, Value::Null),
        (
            json!({"scopes": ["monitors_read"]}),
            200,
            json!(["monitors_read"]),
        ),
        (json!({"scopes": null}), 200, Value::Null),
    ] {
        assert_eq!(
            organisation
                .call("PATCH", &path, &edit("application_keys", &id, attributes))
                .0,
            status
        );
        assert_eq!(
            organisation.get(&path).1["data"]["attributes"]["scopes"],
            scopes
        );
    }
    assert_eq!(organisation.datadog.key(&id).unwrap().name, "two");
}
