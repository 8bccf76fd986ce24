//! What a service access token may do as the caller (documented, but where the code says otherwise).

use super::*;

const SCOPES: [&str; 4] = [
    "api_keys_write",
    "api_keys_delete",
    "service_account_write",
    "dashboards_read",
];

/// An account with these permissions, and a token of it that never ends or ends then.
fn with_token(scopes: &[&str], expires_at: Option<Duration>) -> (Organisation, String) {
    let permissions = [&SCOPES[..], &["monitors_read", "user_app_keys"]].concat();
    let mut organisation = Organisation::with(&permissions);
    let now = organisation.now;
    let account = organisation.account.clone();
    let end = expires_at.map(|life| now + life);
    let token = organisation
        .datadog
        .create_access_token(now, &account, "admin", scopes, end);
    (organisation, token.value)
}

fn call(
    organisation: &mut Organisation,
    token: &str,
    (method, path): (&str, &str),
    body: &Value,
) -> (u16, Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("Authorization", format!("Bearer {token}"));
    let request = request.body(text(body)).unwrap();
    read(&organisation.datadog.call(organisation.now, &request))
}

fn tokens(organisation: &Organisation) -> String {
    format!(
        "/api/v2/service_accounts/{}/access_tokens",
        organisation.account
    )
}

#[test]
fn it_creates_and_deletes_api_keys_within_its_scopes() {
    let (mut organisation, token) = with_token(&SCOPES, None);
    let body = new("api_keys", json!({"name": "made"}));
    let creation = ("POST", "/api/v2/api_keys");
    let (status, made) = call(&mut organisation, &token, creation, &body);
    assert_eq!(status, 201);
    let path = format!("/api/v2/api_keys/{}", id_of(&made));
    let deletion = ("DELETE", path.as_str());
    assert_eq!(
        call(&mut organisation, &token, deletion, &Value::Null).0,
        204
    );
    let listing = ("GET", "/api/v2/api_keys");
    assert_eq!(
        call(&mut organisation, &token, listing, &Value::Null).0,
        403
    );
    let (mut organisation, token) = with_token(&SCOPES[1..], None);
    assert_eq!(call(&mut organisation, &token, creation, &body).0, 403);
}

#[test]
fn it_neither_creates_nor_changes_application_keys_and_deletes_them() {
    let (mut organisation, token) = with_token(&[&SCOPES[..], &["user_app_keys"]].concat(), None);
    let (_, made) = organisation.create_application_key(json!({"name": "made"}));
    let (id, attributes) = (id_of(&made), json!({"name": "changed"}));
    let account = organisation.own("");
    for surface in [account.as_str(), "/api/v2/current_user/application_keys"] {
        let body = new("application_keys", json!({"name": "refused"}));
        let creation = call(&mut organisation, &token, ("POST", surface), &body);
        assert_eq!(creation.0, 403, "{surface}");
        let body = edit("application_keys", &id, attributes.clone());
        let path = format!("{surface}/{id}");
        let change = call(&mut organisation, &token, ("PATCH", &path), &body);
        assert_eq!(change.0, 403, "{surface}");
    }
    let path = organisation.own(&id);
    let deletion = call(&mut organisation, &token, ("DELETE", &path), &Value::Null);
    assert_eq!(deletion.0, 204);
}

#[test]
fn a_token_of_its_making_has_no_other_scopes_and_no_longer_life() {
    let (mut organisation, token) = with_token(&SCOPES, Some(Duration::days(100)));
    let path = tokens(&organisation);
    let at = |organisation: &Organisation, days| {
        let end = organisation.now + Duration::days(days);
        end.format(&time::format_description::well_known::Rfc3339)
            .unwrap()
    };
    let short = at(&organisation, 99);
    let long = at(&organisation, 101);
    for (scope, end, status) in [
        ("dashboards_read", json!(short), 201),
        ("monitors_read", json!(short), 403),
        ("dashboards_read", json!(long), 403),
        ("dashboards_read", Value::Null, 403),
    ] {
        let attributes = json!({"name": "made", "scopes": [scope], "expires_at": end});
        let body = new("service_access_tokens", attributes);
        let made = call(&mut organisation, &token, ("POST", &path), &body);
        assert_eq!(made.0, status, "{scope} {end}");
    }
}

/// Inferred.
#[test]
fn it_widens_no_token() {
    let (mut organisation, token) = with_token(&SCOPES, None);
    let (path, now) = (tokens(&organisation), organisation.now);
    let account = organisation.account.clone();
    let other = organisation.datadog.create_access_token(
        now,
        &account,
        "other",
        &["dashboards_read"],
        None,
    );
    let path = format!("{path}/{}", other.id);
    for (scopes, status) in [
        (["dashboards_read", "monitors_read"], 403),
        (["dashboards_read", "api_keys_write"], 200),
    ] {
        let body = edit(
            "service_access_tokens",
            &other.id,
            json!({"scopes": scopes}),
        );
        let changed = call(&mut organisation, &token, ("PATCH", &path), &body);
        assert_eq!(changed.0, status, "{scopes:?}");
    }
}
