use std::time::Duration;

use http::Request;
use serde_json::{Value, json};

use super::{Organisation, errors, minted, read};

/// A call with these headers and no others.
fn call_with(
    organisation: &mut Organisation,
    path: &str,
    headers: &[(&str, &str)],
) -> (u16, Value) {
    let request = headers
        .iter()
        .fold(Request::get(path), |request, (name, value)| {
            request.header(*name, *value)
        });
    read(&organisation.datadog.call(
        organisation.now,
        &request.body(bytes::Bytes::new()).unwrap(),
    ))
}

#[test]
fn each_missing_or_wrong_key_has_its_answer() {
    let mut organisation = Organisation::with(&[]);
    let (api, app) = organisation.pair.clone();
    let (api, app) = (api.value.as_str(), app.value.as_str());
    let unknown = "00000000000000000000000000000000";
    let edge = json!({
        "status": "error",
        "code": 403,
        "errors": ["Forbidden"],
        "statuspage": "http://status.datadoghq.com",
        "twitter": "http://twitter.com/datadogops",
        "email": "support@datadoghq.com",
    });
    for (headers, expected) in [
        (
            &[("dd-api-key", api), ("dd-application-key", app)][..],
            (200, json!({"status": "ok"})),
        ),
        (
            &[("dd-application-key", app)],
            (403, errors("API key required")),
        ),
        (
            &[("dd-api-key", ""), ("dd-application-key", app)],
            (403, errors("API key required")),
        ),
        (
            &[("dd-api-key", unknown), ("dd-application-key", app)],
            (403, edge.clone()),
        ),
        (
            &[("dd-api-key", app), ("dd-application-key", app)],
            (403, edge),
        ),
        (&[("dd-api-key", api)], (401, errors("Unauthorized"))),
        (
            &[("dd-api-key", api), ("dd-application-key", unknown)],
            (403, errors("Forbidden")),
        ),
        (
            &[("dd-api-key", api), ("dd-application-key", api)],
            (403, errors("Forbidden")),
        ),
    ] {
        assert_eq!(
            call_with(&mut organisation, "/api/v2/validate_keys", headers),
            expected,
            "{headers:?}"
        );
    }
}

#[test]
fn validating_an_api_key_ignores_the_application_key() {
    let mut organisation = Organisation::with(&[]);
    let api = organisation.pair.0.value.clone();
    let headers = [
        ("dd-api-key", api.as_str()),
        ("dd-application-key", "nonsense"),
    ];
    assert_eq!(
        call_with(&mut organisation, "/api/v1/validate", &headers).0,
        200
    );
}

/// Synthetic: 401 and 403 are both documented, the turns are ours.
#[test]
fn a_fresh_key_is_refused_in_turns_until_it_has_spread() {
    let mut organisation = Organisation::with(&["api_keys_write", "service_account_write"]);
    organisation.datadog.settings.fresh_key_unusable_for = Duration::from_secs(5);
    let bootstrap = organisation.pair.clone();
    let api = minted(&organisation.create_api_key("fresh").1);
    let app = minted(
        &organisation
            .create_application_key(json!({"name": "fresh"}))
            .1,
    );
    for pair in [
        (api.clone(), bootstrap.1.clone()),
        (bootstrap.0.clone(), app.clone()),
    ] {
        organisation.pair = pair;
        let statuses = [401, 403, 401, 403].map(|_| organisation.get("/api/v2/validate_keys").0);
        assert_eq!(statuses, [401, 403, 401, 403]);
    }
    organisation.pair = (api.clone(), app.clone());
    organisation.later(4);
    assert!(!organisation.datadog.is_usable(organisation.now, &api.value));
    assert_ne!(organisation.get("/api/v2/validate_keys").0, 200);
    organisation.later(1);
    assert!(organisation.datadog.is_usable(organisation.now, &app.value));
    assert_eq!(organisation.get("/api/v2/validate_keys").0, 200);
}

#[test]
fn a_key_made_by_hand_works_at_once() {
    let mut organisation = Organisation::with(&[]);
    organisation.datadog.settings.fresh_key_unusable_for = Duration::from_secs(5);
    organisation.pair.0 = organisation
        .datadog
        .create_api_key(organisation.now, "by hand");
    assert_eq!(organisation.get("/api/v2/validate_keys").0, 200);
}

#[test]
fn a_revoked_key_works_for_its_lag_and_no_longer() {
    for lag in [0, 3] {
        let mut organisation = Organisation::with(&[]);
        organisation.datadog.settings.revoked_key_usable_for = Duration::from_secs(lag);
        let key = organisation.pair.1.clone();
        organisation.datadog.revoke(organisation.now, &key.id);
        let status = if lag == 0 { 403 } else { 200 };
        assert_eq!(organisation.get("/api/v2/validate_keys").0, status);
        organisation.later(3);
        assert!(!organisation.datadog.is_usable(organisation.now, &key.value));
        assert_eq!(
            organisation.get("/api/v2/validate_keys"),
            (403, errors("Forbidden"))
        );
    }
}

#[test]
fn every_text_of_a_key_is_remembered() {
    let mut organisation =
        Organisation::with(&["api_keys_write", "api_keys_delete", "service_account_write"]);
    let api = minted(&organisation.create_api_key("one").1);
    let app = minted(
        &organisation
            .create_application_key(json!({"name": "one"}))
            .1,
    );
    assert_eq!(
        organisation.delete(&format!("/api/v2/api_keys/{}", api.id)),
        204
    );
    assert_eq!(organisation.delete(&organisation.own(&app.id)), 204);
    let values: Vec<_> = organisation.datadog.every_value().collect();
    assert!(values.contains(&api.value.as_str()) && values.contains(&app.value.as_str()));
    assert_eq!(values.len(), 4);
}
