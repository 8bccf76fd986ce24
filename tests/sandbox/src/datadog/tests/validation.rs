//! Synthetic but for `/api/v1/validate`.

use serde_json::json;

use super::{Organisation, errors};

#[test]
fn the_preview_tells_the_id_of_the_api_key() {
    let mut organisation = Organisation::with(&[]);
    let (status, answer) = organisation.get("/api/v2/validate");
    let attributes =
        json!({"api_key_id": organisation.pair.0.id, "api_key_scopes": [], "valid": true});
    assert_eq!((status, &answer["data"]["attributes"]), (200, &attributes));
    assert_eq!(answer["data"]["type"], "validate_v2");
    let organisation_id =
        organisation.get("/api/v2/current_user").1["data"]["relationships"]["org"]["data"]["id"]
            .clone();
    assert_eq!(answer["data"]["id"], organisation_id);
}

#[test]
fn the_preview_may_not_exist() {
    let mut organisation = Organisation::with(&[]);
    organisation.datadog.settings.validate_v2 = false;
    assert_eq!(
        organisation.get("/api/v2/validate"),
        (404, errors("Not found"))
    );
}

#[test]
fn a_pair_needs_no_permission_to_be_valid() {
    let mut organisation = Organisation::with(&[]);
    assert_eq!(
        organisation.get("/api/v2/validate_keys"),
        (200, json!({"status": "ok"}))
    );
    let app = organisation.pair.1.id.clone();
    organisation.datadog.revoke(organisation.now, &app);
    assert_eq!(organisation.get("/api/v2/validate_keys").0, 403);
    assert_eq!(
        organisation.get("/api/v1/validate"),
        (200, json!({"valid": true}))
    );
}
