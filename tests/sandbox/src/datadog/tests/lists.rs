use serde_json::{Value, json};

use super::{Organisation, edit, errors};

/// 25 API keys named `key 00` … `key 23` and `bootstrap`, made a minute apart from each other.
fn organisation() -> Organisation {
    let mut organisation =
        Organisation::with(&["api_keys_read", "api_keys_write", "org_app_keys_read"]);
    for number in 0..24 {
        organisation.later(60);
        organisation
            .datadog
            .create_api_key(organisation.now, &format!("key {number:02}"));
    }
    organisation
}

/// The names on the page and the count of all.
fn list(organisation: &mut Organisation, query: &str) -> (Vec<String>, u64) {
    let (status, answer) = organisation.get(&format!("/api/v2/api_keys{query}"));
    assert_eq!(status, 200, "{query}: {answer}");
    let name = |key: &Value| key["attributes"]["name"].as_str().unwrap().to_owned();
    let names = answer["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(name)
        .collect();
    (
        names,
        answer["meta"]["page"]["total_filtered_count"]
            .as_u64()
            .unwrap(),
    )
}

fn assert_list(query: &str, first: &str, length: usize, total: u64) {
    let (names, counted) = list(&mut organisation(), query);
    let found = (
        names.first().map_or("", String::as_str),
        names.len(),
        counted,
    );
    assert_eq!(found, (first, length, total), "{query}");
}

#[test]
fn pages_have_ten_keys_unless_asked() {
    assert_list("", "bootstrap", 10, 25);
    assert_list("?page[number]=2", "key 19", 5, 25);
    assert_list("?page[number]=3", "", 0, 25);
    assert_list("?page%5Bsize%5D=7&page%5Bnumber%5D=1", "key 06", 7, 25);
    assert_list("?page[size]=100", "bootstrap", 25, 25);
}

#[test]
fn pages_together_are_the_list() {
    let mut organisation = organisation();
    let whole = list(&mut organisation, "?page[size]=100").0;
    let pages = (0..4).flat_map(|number| {
        list(
            &mut organisation,
            &format!("?page[size]=7&page[number]={number}"),
        )
        .0
    });
    assert_eq!(pages.collect::<Vec<_>>(), whole);
}

#[test]
fn lists_are_sorted_as_asked() {
    assert_list("?sort=-name", "key 23", 10, 25);
    assert_list("?sort=created_at", "bootstrap", 10, 25);
    assert_list("?sort=-created_at", "key 23", 10, 25);
    let mut organisation = organisation();
    let last4 = |answer: &Value| {
        let keys = answer["data"].as_array().unwrap().iter();
        keys.map(|key| key["attributes"]["last4"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let ascending = last4(
        &organisation
            .get("/api/v2/api_keys?page[size]=100&sort=last4")
            .1,
    );
    let descending = last4(
        &organisation
            .get("/api/v2/api_keys?page[size]=100&sort=-last4")
            .1,
    );
    assert!(ascending.is_sorted());
    assert!(descending.iter().rev().is_sorted());
    let oldest = organisation.pair.0.id.clone();
    organisation.later(1);
    let renamed = edit("api_keys", &oldest, json!({"name": "bootstrap"}));
    assert_eq!(
        organisation
            .call("PATCH", &format!("/api/v2/api_keys/{oldest}"), &renamed)
            .0,
        200
    );
    assert_eq!(
        list(&mut organisation, "?sort=-modified_at").0[0],
        "bootstrap"
    );
}

#[test]
fn filters_narrow_the_list_together() {
    assert_list("?filter=KEY%200", "key 00", 10, 10);
    assert_list("?filter=key+2", "key 20", 4, 4);
    assert_list("?filter=nothing", "", 0, 0);
    assert_list(
        "?filter[created_at][start]=2024-01-02T00:20:00%2B00:00",
        "key 19",
        5,
        5,
    );
    assert_list(
        "?filter[created_at][end]=2024-01-02T00:02:00Z",
        "bootstrap",
        3,
        3,
    );
    assert_list(
        "?filter[modified_at][start]=2024-01-02T00:24:00Z",
        "key 23",
        1,
        1,
    );
    assert_list(
        "?filter[modified_at][end]=2024-01-02T00:00:00Z&filter=key",
        "",
        0,
        0,
    );
    assert_list("?filter[category]=default&filter=23", "key 23", 1, 1);
    assert_list("?filter[category]=other", "", 0, 0);
    assert_list("?filter[remote_config_read_enabled]=false", "", 0, 0);
}

/// Synthetic.
#[test]
fn ill_formed_queries_are_refused() {
    for (parameter, value) in [
        ("page[size]", "0"),
        ("page[size]", "101"),
        ("page[size]", "ten"),
        ("page[number]", "-1"),
        ("sort", "colour"),
        ("filter[created_at][start]", "yesterday"),
        ("filter[remote_config_read_enabled]", "maybe"),
    ] {
        let answer = organisation().get(&format!("/api/v2/api_keys?{parameter}={value}"));
        assert_eq!(
            answer,
            (400, errors(&format!("Invalid query parameter {parameter}")))
        );
    }
}

#[test]
fn the_organisations_application_keys_are_listed_by_owner() {
    let mut organisation = organisation();
    let other = organisation
        .datadog
        .create_service_account(organisation.now, "other", &[]);
    let key = organisation
        .datadog
        .create_application_key(organisation.now, &other, "theirs", None);
    let listed = organisation
        .get(&format!(
            "/api/v2/application_keys?filter[owned_by]={other}"
        ))
        .1;
    assert_eq!(
        (
            listed["data"].as_array().unwrap().len(),
            &listed["data"][0]["id"]
        ),
        (1, &json!(key.id))
    );
    assert_eq!(
        organisation.get("/api/v2/application_keys").1["data"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn users_are_included_when_asked() {
    let mut organisation = organisation();
    let included = |organisation: &mut Organisation, path: &str| {
        organisation.get(path).1["included"]
            .as_array()
            .map(|users| users.iter().map(|user| user["type"].clone()).collect())
    };
    let one_user = Some(vec![json!("users")]);
    assert_eq!(included(&mut organisation, "/api/v2/api_keys"), None);
    assert_eq!(
        included(
            &mut organisation,
            "/api/v2/api_keys?include=created_by,modified_by"
        ),
        one_user
    );
    assert_eq!(
        included(
            &mut organisation,
            "/api/v2/application_keys?include=owned_by"
        ),
        one_user
    );
    let key = organisation.pair.1.id.clone();
    let path = format!("/api/v2/application_keys/{key}?include=owned_by");
    assert_eq!(
        included(&mut organisation, &path),
        Some(vec![json!("users"), json!("roles")])
    );
    assert_eq!(
        included(
            &mut organisation,
            &format!("/api/v2/application_keys/{key}")
        ),
        None
    );
    let key = organisation.pair.0.id.clone();
    assert_eq!(
        included(
            &mut organisation,
            &format!("/api/v2/api_keys/{key}?include=modified_by")
        ),
        one_user
    );
}
