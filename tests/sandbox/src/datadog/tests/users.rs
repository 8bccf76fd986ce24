use serde_json::{Value, json};

use super::{Organisation, edit, errors, id_of, new};
use crate::datadog::permission;

fn path(id: &str) -> String {
    format!("/api/v2/users/{id}")
}

#[test]
fn the_current_user_is_the_owner_of_the_key() {
    let mut organisation = Organisation::with(&["api_keys_write"]);
    let (status, answer) = organisation.get("/api/v2/current_user");
    assert_eq!(
        (status, id_of(&answer)),
        (200, organisation.account.clone())
    );
    let attributes = &answer["data"]["attributes"];
    assert_eq!(
        json!([attributes["service_account"], attributes["disabled"]]),
        json!([true, false])
    );
    assert!(answer["data"]["relationships"]["org"]["data"]["id"].is_string());
    let included: Vec<_> = answer["included"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["attributes"]["name"])
        .collect();
    assert_eq!(included, ["Sandbox", "rotation role", "api_keys_write"]);
    assert_eq!(answer["included"][0]["type"], "orgs");
    assert_eq!(attributes["uuid"], answer["data"]["id"]);
    assert!(attributes["last_login_time"].is_null());
    assert_eq!(
        answer["data"]["relationships"]["team_roles"],
        json!({"data": []})
    );
}

#[test]
fn a_resource_of_a_type_that_nobody_knows_may_come_with_the_current_user() {
    let mut organisation = Organisation::with(&[]);
    organisation.datadog.settings.odd_resources = true;
    let answer = organisation.get("/api/v2/current_user").1;
    let odd = &answer["included"][1];
    assert_eq!((&odd["type"], &odd["id"]), (&json!("badges"), &json!(7)));
}

#[test]
fn a_disabled_account_loses_its_application_keys_for_good() {
    for by_hand in [true, false] {
        let mut organisation = Organisation::with(permission::NAMES);
        let account = organisation.datadog.create_service_account(
            organisation.now,
            "other",
            permission::NAMES,
        );
        let key =
            organisation
                .datadog
                .create_application_key(organisation.now, &account, "theirs", None);
        if by_hand {
            organisation.datadog.disable(organisation.now, &account);
        } else {
            assert_eq!(organisation.delete(&path(&account)), 204);
        }
        let user = organisation.get(&path(&account)).1["data"]["attributes"].clone();
        assert_eq!(
            json!([user["disabled"], user["status"]]),
            json!([true, "Disabled"])
        );
        let enabled = edit("users", &account, json!({"disabled": false}));
        assert_eq!(
            organisation.call("PATCH", &path(&account), &enabled).1["data"]["attributes"]["status"],
            "Active"
        );
        assert!(!organisation.datadog.is_usable(organisation.now, &key.value));
        organisation.pair.1 = key;
        assert_eq!(
            organisation.get("/api/v2/validate_keys"),
            (403, errors("Forbidden"))
        );
    }
}

#[test]
fn a_disabled_account_keeps_the_api_keys_that_it_made() {
    let mut organisation = Organisation::with(&["api_keys_write"]);
    let id = id_of(&organisation.create_api_key("one").1);
    let account = organisation.account.clone();
    organisation.datadog.disable(organisation.now, &account);
    let key = organisation.datadog.key(&id).unwrap();
    assert!(key.is_live() && key.owner == account);
}

#[test]
fn a_key_made_for_a_disabled_account_does_not_work() {
    let mut organisation = Organisation::with(&["service_account_write"]);
    let account = organisation
        .datadog
        .create_service_account(organisation.now, "other", &[]);
    organisation.datadog.disable(organisation.now, &account);
    organisation.pair.1 =
        organisation
            .datadog
            .create_application_key(organisation.now, &account, "late", None);
    assert!(
        !organisation
            .datadog
            .is_usable(organisation.now, &organisation.pair.1.value)
    );
    assert_eq!(organisation.get("/api/v2/validate_keys").0, 403);
}

#[test]
fn an_unknown_user_is_named_except_by_get() {
    let mut organisation = Organisation::with(permission::NAMES);
    let id = "00000000-0000-4000-8000-000000000000";
    assert_eq!(organisation.get(&path(id)), (404, errors("user not found")));
    assert_eq!(
        organisation.call("DELETE", &path(id), &Value::Null),
        (404, errors(&format!("{id} not found")))
    );
}

#[test]
fn roles_granted_must_exist_and_not_exceed_ones_own() {
    let mut administrator = Organisation::with(permission::NAMES);
    let role = id_of(
        &administrator
            .call(
                "POST",
                "/api/v2/roles",
                &new("roles", json!({"name": "one"})),
            )
            .1,
    );
    let granted = |role: &str| {
        let mut account = new("users", json!({"email": "One@Example.com"}));
        account["data"]["relationships"]["roles"] =
            json!({"data": [{"type": "roles", "id": role}]});
        account
    };
    assert_eq!(
        administrator
            .call("POST", "/api/v2/service_accounts", &granted("unknown"))
            .0,
        400
    );
    let (status, account) = administrator.call("POST", "/api/v2/service_accounts", &granted(&role));
    assert_eq!(
        (status, &account["data"]["attributes"]["email"]),
        (201, &json!("one@example.com"))
    );
    let caller = administrator.account.clone();
    administrator
        .datadog
        .set_permissions(&caller, &["service_account_write"]);
    assert_eq!(
        administrator
            .call("POST", "/api/v2/service_accounts", &granted(&role))
            .0,
        403
    );
    administrator
        .datadog
        .set_permissions(&caller, &["service_account_write", "user_access_manage"]);
    assert_eq!(
        administrator
            .call("POST", "/api/v2/service_accounts", &granted(&role))
            .0,
        201
    );
}

#[test]
fn a_deleted_role_grants_nothing() {
    let mut organisation = Organisation::with(&["user_access_manage", "api_keys_read"]);
    let role = organisation.get("/api/v2/current_user").1["data"]["relationships"]["roles"]["data"]
        [0]["id"]
        .clone();
    assert_eq!(organisation.get("/api/v2/api_keys").0, 200);
    assert_eq!(
        organisation.delete(&format!("/api/v2/roles/{}", role.as_str().unwrap())),
        204
    );
    assert_eq!(organisation.get("/api/v2/api_keys").0, 403);
    let user = organisation.get("/api/v2/current_user").1;
    assert_eq!(user["data"]["relationships"]["roles"], json!({"data": []}));
    let included = user["included"].as_array().unwrap();
    assert!(included.iter().all(|it| it["type"] == "orgs"));
}
