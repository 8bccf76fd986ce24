use serde_json::{Value, json};

use super::{Organisation, edit, errors, new};
use crate::datadog::permission;

#[derive(Debug, Clone, Copy)]
enum Body {
    None,
    /// A new one of this type.
    New(&'static str),
    /// A new name for the one that has this id.
    Edit(&'static str, &'static str),
}

/// Every call that needs a permission, and the permissions that suffice by themselves. `{…}` are
/// ids of a scene made for the call.
#[rustfmt::skip]
const CALLS: &[(&str, Body, &[&str])] = &[
    ("POST /api/v2/api_keys", Body::New("api_keys"), &["api_keys_write"]),
    ("GET /api/v2/api_keys", Body::None, &["api_keys_read"]),
    ("GET /api/v2/api_keys/{api}", Body::None, &["api_keys_read"]),
    ("PATCH /api/v2/api_keys/{api}", Body::Edit("api_keys", "{api}"), &["api_keys_write"]),
    ("DELETE /api/v2/api_keys/{api}", Body::None, &["api_keys_delete"]),
    ("POST /api/v2/service_accounts/{account}/application_keys", Body::New("application_keys"), &["service_account_write"]),
    ("GET /api/v2/service_accounts/{account}/application_keys", Body::None, &["service_account_write"]),
    ("GET /api/v2/service_accounts/{account}/application_keys/{key}", Body::None, &["service_account_write"]),
    ("PATCH /api/v2/service_accounts/{account}/application_keys/{key}", Body::Edit("application_keys", "{key}"), &["service_account_write"]),
    ("DELETE /api/v2/service_accounts/{account}/application_keys/{key}", Body::None, &["service_account_write"]),
    ("GET /api/v2/application_keys", Body::None, &["org_app_keys_read"]),
    ("GET /api/v2/application_keys/{key}", Body::None, &["org_app_keys_read"]),
    ("PATCH /api/v2/application_keys/{key}", Body::Edit("application_keys", "{key}"), &["org_app_keys_write"]),
    ("DELETE /api/v2/application_keys/{key}", Body::None, &["org_app_keys_write"]),
    ("POST /api/v2/current_user/application_keys", Body::New("application_keys"), &["user_app_keys"]),
    ("GET /api/v2/current_user/application_keys", Body::None, &["user_app_keys"]),
    ("GET /api/v2/current_user/application_keys/{own}", Body::None, &["user_app_keys"]),
    ("PATCH /api/v2/current_user/application_keys/{own}", Body::Edit("application_keys", "{own}"), &["user_app_keys"]),
    ("DELETE /api/v2/current_user/application_keys/{own}", Body::None, &["user_app_keys"]),
    ("POST /api/v2/service_accounts", Body::New("users"), &["service_account_write"]),
    ("POST /api/v2/users", Body::New("users"), &["user_access_invite"]),
    ("GET /api/v2/users/{account}", Body::None, &["user_access_read"]),
    ("PATCH /api/v2/users/{account}", Body::Edit("users", "{account}"), &["user_access_manage", "service_account_write"]),
    ("DELETE /api/v2/users/{account}", Body::None, &["user_access_manage", "service_account_write"]),
    ("POST /api/v2/roles", Body::New("roles"), &["user_access_manage"]),
    ("DELETE /api/v2/roles/{role}", Body::None, &["user_access_manage"]),
];

impl Body {
    fn document(self) -> Value {
        match self {
            Self::None => Value::Null,
            Self::New(kind) => new(kind, json!({"name": "new", "email": "new@example.com"})),
            Self::Edit(kind, id) => edit(kind, id, json!({"name": "edited"})),
        }
    }
}

/// Makes the call with these permissions on a fresh organisation; returns the answer and whether
/// any key changed.
fn attempt(permissions: &[&str], call: &str, body: Body) -> (u16, Value, bool) {
    let mut organisation = Organisation::with(permissions);
    let now = organisation.now;
    let datadog = &mut organisation.datadog;
    let account = datadog.create_service_account(now, "other", &[]);
    let key = datadog.create_application_key(now, &account, "theirs", None);
    let own = datadog.create_application_key(now, &organisation.account, "ours", None);
    let api = datadog.create_api_key(now, "another");
    let role = datadog.roles.last().unwrap().id.clone();
    let fill = |text: &str| {
        let text = text
            .replace("{account}", &account)
            .replace("{key}", &key.id);
        text.replace("{own}", &own.id)
            .replace("{api}", &api.id)
            .replace("{role}", &role)
    };
    let state = |organisation: &Organisation| {
        let keys = organisation.datadog.keys().iter();
        keys.map(|key| (key.id.clone(), key.name.clone(), key.revoked_at))
            .collect::<Vec<_>>()
    };
    let before = state(&organisation);
    let call = fill(call);
    let (method, path) = call.split_once(' ').unwrap();
    let body = serde_json::from_str(&fill(&body.document().to_string())).unwrap();
    let (status, answer) = organisation.call(method, path, &body);
    (status, answer, before != state(&organisation))
}

#[test]
fn each_permission_suffices_and_nothing_else_does() {
    for (call, body, sufficient) in CALLS {
        for permission in *sufficient {
            let (status, answer, _) = attempt(&[permission], call, *body);
            assert!(
                (200..300).contains(&status),
                "{call} with {permission}: {status} {answer}"
            );
        }
        let others = permission::NAMES
            .iter()
            .copied()
            .filter(|name| !sufficient.contains(name));
        let refused = attempt(&others.collect::<Vec<_>>(), call, *body);
        assert_eq!(
            refused,
            (403, errors("Forbidden"), false),
            "{call} without {sufficient:?}"
        );
    }
}

#[test]
fn a_scoped_key_acts_within_scopes_and_roles_both() {
    for (roles, scopes, status) in [
        (&["api_keys_read"][..], &["api_keys_read"][..], 200),
        (&["api_keys_read"], &["api_keys_write"], 403),
        (&["api_keys_write"], &["api_keys_read"], 403),
        (
            &["api_keys_read", "api_keys_write"],
            &["api_keys_write"],
            403,
        ),
        (&["api_keys_read"], &[], 200),
    ] {
        let mut organisation = Organisation::with(roles);
        let key = organisation.pair.1.id.clone();
        organisation.datadog.set_scopes(&key, Some(scopes));
        assert_eq!(
            organisation.get("/api/v2/api_keys").0,
            status,
            "{roles:?} {scopes:?}"
        );
    }
}

#[test]
fn a_role_taken_away_takes_effect_at_once() {
    let mut organisation = Organisation::with(&["api_keys_read"]);
    assert_eq!(organisation.get("/api/v2/api_keys").0, 200);
    let account = organisation.account.clone();
    organisation
        .datadog
        .set_permissions(&account, &["api_keys_write"]);
    assert_eq!(organisation.get("/api/v2/api_keys").0, 403);
}

#[test]
fn unknown_paths_are_not_found() {
    let mut organisation = Organisation::with(permission::NAMES);
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/api/v2/api_keys/1/2"),
        ("PUT", "/api/v2/api_keys"),
        ("POST", "/api/v2/application_keys"),
        ("POST", "/api/v1/validate"),
        ("GET", "/api/v1/org"),
    ] {
        assert_eq!(
            organisation.call(method, path, &Value::Null),
            (404, errors("Not found")),
            "{method} {path}"
        );
    }
}
