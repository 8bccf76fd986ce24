//! Tokens that were handed out.

use super::*;

#[test]
fn a_token_acts_as_its_user_and_within_its_time() {
    let (mut organisation, parts) = known();
    let token = token(&mut organisation, &parts);
    let (status, user) = with_token(&mut organisation, ("GET", "/api/v2/current_user"), &token);
    assert_eq!(
        (status, &user["data"]["id"]),
        (200, &json!(organisation.account))
    );
    let permitted = ("POST", "/api/v2/api_keys");
    assert_eq!(with_token(&mut organisation, permitted, &token).0, 201);
    let not_permitted = ("GET", "/api/v2/api_keys");
    assert_eq!(with_token(&mut organisation, not_permitted, &token).0, 403);
    for path in ["/api/v1/validate", "/api/v2/validate"] {
        let answer = with_token(&mut organisation, ("GET", path), &token);
        assert_eq!(answer, (403, errors("API key required")), "{path}");
    }
    assert_eq!(
        with_token(&mut organisation, ("GET", "/api/v2/validate_keys"), &token).0,
        200
    );

    organisation.later(15 * 60);
    let expired = with_token(&mut organisation, ("GET", "/api/v2/current_user"), &token);
    assert_eq!(expired, (401, errors("Unauthorized")));
}

#[test]
fn revoked_and_expired_tokens_are_refused() {
    let (mut organisation, parts) = known();
    let call = ("GET", "/api/v2/current_user");
    let now = organisation.now;
    let revoked = token(&mut organisation, &parts);
    organisation.datadog.revoke_tokens(now);
    assert_eq!(with_token(&mut organisation, call, &revoked).0, 403);
    let expired = token(&mut organisation, &parts);
    organisation.datadog.expire_tokens(now);
    assert_eq!(with_token(&mut organisation, call, &expired).0, 401);
    let fresh = token(&mut organisation, &parts);
    assert_eq!(with_token(&mut organisation, call, &fresh).0, 200);
    assert_eq!(with_token(&mut organisation, call, "eyJ").0, 401);
    organisation.datadog.unmap_identities();
    assert_eq!(
        with_token(&mut organisation, call, &fresh).0,
        200,
        "until its time"
    );
}

#[test]
fn a_second_credential_is_refused() {
    let (mut organisation, parts) = known();
    let token = token(&mut organisation, &parts);
    let authorizations = [
        format!("Bearer {token}"),
        format!("Delegated {}", parts.proof()),
    ];
    for (authorization, (method, path)) in authorizations.iter().zip([
        ("GET", "/api/v2/current_user"),
        ("POST", "/api/v2/delegated-token"),
    ]) {
        for key in ["dd-api-key", "dd-application-key"] {
            let request = Request::builder()
                .method(method)
                .uri(path)
                .header("content-type", "application/json")
                .header("authorization", authorization)
                .header(key, &organisation.pair.0.value)
                .body(Bytes::new());
            let answer = organisation
                .datadog
                .call(organisation.now, &request.unwrap());
            assert_eq!(answer.status(), 400, "{path} with {key}");
        }
    }
}

#[test]
fn what_is_kept_from_tokens_is_not_kept_from_keys() {
    let (mut organisation, parts) = known();
    let token = token(&mut organisation, &parts);
    let own = organisation.own("");
    for (kept, api, application) in [
        (KeptFromTokens::Nothing, 201, 201),
        (KeptFromTokens::ApplicationKeys, 201, 403),
        (KeptFromTokens::AllKeys, 403, 403),
    ] {
        organisation.datadog.settings.kept_from_tokens = kept;
        organisation.datadog.settings.taken_api_key_name = None;
        organisation.datadog.settings.taken_application_key_name = None;
        let mut create = |path: &str| with_token(&mut organisation, ("POST", path), &token).0;
        assert_eq!(
            (create("/api/v2/api_keys"), create(&own)),
            (api, application),
            "{kept:?}"
        );
    }
    let attributes = json!({ "name": "by keys" });
    assert_eq!(organisation.create_application_key(attributes).0, 201);
}

#[test]
fn the_end_of_a_token_is_told_in_every_form() {
    let (mut organisation, parts) = known();
    organisation.datadog.settings.token_life = Duration::from_secs(100);
    let ends = organisation.now + Duration::from_secs(100);
    let seconds = ends.unix_timestamp();
    for (form, told) in [
        (Expires::Text, json!(seconds.to_string())),
        (Expires::Number, json!(seconds)),
        (Expires::Date, json!(ends.format(&Rfc3339).unwrap())),
        (Expires::Untold, Value::Null),
    ] {
        organisation.datadog.settings.token_expires = form;
        let (_, body) = exchange(&mut organisation, &parts.proof());
        assert_eq!(body["data"]["attributes"]["expires"], told);
    }
}

#[test]
fn tokens_proofs_and_what_they_were_signed_with_are_remembered() {
    let (mut organisation, parts) = known();
    let token = token(&mut organisation, &parts);
    let values: Vec<_> = organisation.datadog.every_value().collect();
    let proof = parts.proof();
    for secret in [
        token.as_str(),
        &proof,
        &parts.session.secret_access_key,
        &parts.session.session_token,
    ] {
        assert!(values.contains(&secret));
    }
}
