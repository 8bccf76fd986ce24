//! Mappings and AWS accounts, as far as no recording shows them.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Organisation, edit, id_of, new};

const ACCOUNT: &str = "123456789012";
const PERSONAS: &str = "/api/v2/cloud_auth/aws/persona_mapping";
const INTAKES: &str = "/api/v2/cloud_auth/aws/intake_mapping";
const ACCOUNTS: &str = "/api/v2/integration/aws/accounts";

const PERMISSIONS: [&str; 6] = [
    "workload_identity_federation_read",
    "workload_identity_federation_write",
    "aws_configuration_read",
    "aws_configuration_edit",
    "aws_configurations_manage",
    "api_keys_write",
];

/// An organisation that has integrated the account.
fn integrated() -> Organisation {
    let mut organisation = Organisation::with(&PERMISSIONS);
    let role = json!({ "role_name": "Datadog", "external_id": "0".repeat(32) });
    organisation.datadog.integrate(ACCOUNT, &role, &json!({}));
    organisation
}

fn persona(role: &str, account: &str) -> Value {
    let pattern = format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}");
    new(
        "aws_cloud_auth_config",
        json!({ "arn_pattern": pattern, "account_identifier": account }),
    )
}

fn intake(role: &str) -> Value {
    let pattern = format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}");
    new(
        "aws_cloud_auth_intake_mapping",
        json!({ "arn_pattern": pattern }),
    )
}

#[test]
fn one_role_has_one_mapping() {
    let mut organisation = integrated();
    let own = organisation.account.clone();
    assert_eq!(
        organisation.call("POST", PERSONAS, &persona("a/*", &own)).0,
        201
    );
    for (path, body) in [
        (PERSONAS, persona("a/*", &own)),
        (PERSONAS, persona("a/session", &own)),
        (INTAKES, intake("a/*")),
    ] {
        assert_eq!(organisation.call("POST", path, &body).0, 409, "{body}");
    }
    let (status, made) = organisation.call("POST", INTAKES, &intake("b/*"));
    assert_eq!(
        (status, &made["data"]["attributes"]["account_uuid"]),
        (201, &Value::Null)
    );
    // Each list has its own kind alone.
    for path in [PERSONAS, INTAKES] {
        assert_eq!(
            organisation.get(path).1["data"].as_array().unwrap().len(),
            1
        );
    }
    let path = format!("{PERSONAS}/{}", id_of(&made));
    assert_eq!(organisation.delete(&path), 404);
}

#[test]
fn nobody_maps_a_role_to_somebody_who_may_more() {
    let mut organisation = integrated();
    let now = organisation.now;
    let datadog = &mut organisation.datadog;
    let powerful = datadog.create_service_account(now, "powerful", &["org_management"]);
    let person = datadog.create_administrator(now, "person");
    // A person is named by e-mail address alone.
    for (account, status) in [
        (powerful.as_str(), 403),
        (person.as_str(), 400),
        ("person@example.com", 403),
        ("nobody@example.com", 400),
    ] {
        let body = persona("a/*", account);
        assert_eq!(
            organisation.call("POST", PERSONAS, &body).0,
            status,
            "{account}"
        );
    }
}

#[test]
fn patterns_are_of_callers() {
    let mut organisation = integrated();
    let own = organisation.account.clone();
    for role in ["a", "*/b", "a/*/*", "a?/b", "a/b*"] {
        let (status, refusal) = organisation.call("POST", PERSONAS, &persona(role, &own));
        assert_eq!(
            (status, &refusal["errors"][0]["title"]),
            (400, &json!("Generic Error")),
            "{role}"
        );
    }
}

#[test]
fn a_fresh_mapping_is_hidden_from_time_to_time() {
    let mut organisation = integrated();
    organisation.datadog.settings.fresh_mapping_hidden_for = Duration::from_secs(30);
    let own = organisation.account.clone();
    let (_, made) = organisation.call("POST", PERSONAS, &persona("a/*", &own));
    let path = format!("{PERSONAS}/{}", id_of(&made));
    let looks: Vec<_> = (0..6).map(|_| organisation.get(&path).0).collect();
    assert_eq!(looks, [404, 404, 200, 404, 404, 200]);
    organisation.later(31);
    assert_eq!(organisation.get(&path).0, 200);
}

#[test]
fn each_call_has_its_permission() {
    let body = new(
        "account",
        json!({ "aws_account_id": ACCOUNT, "aws_partition": "aws", "auth_config": { "role_name": "R" } }),
    );
    for (missing, method, path) in [
        ("workload_identity_federation_read", "GET", PERSONAS),
        ("workload_identity_federation_write", "POST", INTAKES),
        ("aws_configuration_read", "GET", ACCOUNTS),
        ("aws_configurations_manage", "POST", ACCOUNTS),
    ] {
        let left: Vec<_> = PERMISSIONS
            .into_iter()
            .filter(|it| *it != missing)
            .collect();
        let mut organisation = Organisation::with(&left);
        assert_eq!(organisation.call(method, path, &body).0, 403, "{missing}");
        let mut organisation = Organisation::with(&PERMISSIONS);
        assert_ne!(organisation.call(method, path, &body).0, 403, "{missing}");
    }
}

#[test]
fn the_filter_finds_one_account_and_changes_are_of_that_account() {
    let mut organisation = integrated();
    let filtered = |account: &str| format!("{ACCOUNTS}?aws_account_id={account}");
    let (_, found) = organisation.get(&filtered(ACCOUNT));
    let id = found["data"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        organisation.get(&filtered("999999999999")).1["data"],
        json!([])
    );
    let path = format!("{ACCOUNTS}/{id}");
    let other = edit("account", &id, json!({ "aws_account_id": "999999999999" }));
    assert_eq!(organisation.call("PATCH", &path, &other).0, 400);
    organisation.datadog.conflict(1);
    let own = edit(
        "account",
        &id,
        json!({ "aws_account_id": ACCOUNT, "account_tags": ["a:b"] }),
    );
    assert_eq!(organisation.call("PATCH", &path, &own).0, 400);
    let (status, changed) = organisation.call("PATCH", &path, &own);
    assert_eq!(
        (status, &changed["data"]["attributes"]["account_tags"]),
        (200, &json!(["a:b"]))
    );
}

/// The rest of the settings stays as it is: only the newer members go so.
#[test]
fn a_change_that_leaves_out_the_names_of_metrics_drops_them() {
    let mut organisation = integrated();
    let (_, found) = organisation.get(ACCOUNTS);
    let id = found["data"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("{ACCOUNTS}/{id}");
    let names = json!([{ "namespace": "AWS/EC2", "include_only": ["CPUUtilization"] }]);
    let mut change = |metrics: Value| {
        let attributes = json!({ "aws_account_id": ACCOUNT, "metrics_config": metrics });
        let (status, changed) =
            organisation.call("PATCH", &path, &edit("account", &id, attributes));
        assert_eq!(status, 200, "{changed}");
        changed["data"]["attributes"]["metrics_config"].clone()
    };
    let changed = change(json!({ "metric_name_filters": names, "automute_enabled": false }));
    assert_eq!(changed["metric_name_filters"], names);
    let dropped = change(json!({ "tag_filters": [] }));
    assert_eq!(dropped["metric_name_filters"], json!([]));
    assert_eq!(dropped["automute_enabled"], false);
}
