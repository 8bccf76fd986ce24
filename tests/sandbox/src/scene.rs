//! An organisation and an account worth rotating in: one secret of each kind, and keys of others
//! that no rotation may touch.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::account::{ACCOUNT, FUNCTIONS};
use crate::datadog::Minted;
use crate::world::World;

/// What the managed service asks of an admin key, and `api_keys_read`, with which API keys can be
/// listed.
pub const ADMIN_SCOPES: [&str; 6] = [
    "api_keys_write",
    "api_keys_delete",
    "org_app_keys_read",
    "org_app_keys_write",
    "service_account_write",
    "api_keys_read",
];

/// Of the application key and the service access token.
pub const APPLICATION_SCOPES: [&str; 2] = ["dashboards_read", "monitors_read"];

/// An API key and an application key that act together.
#[derive(Clone, Debug)]
pub struct Pair {
    pub api_key: Minted,
    pub application_key: Minted,
}

/// ARNs.
#[derive(Clone, Debug)]
pub struct Secrets {
    pub admin_key: String,
    pub api_key: String,
    pub application_key: String,
    pub service_access_token: String,
}

#[derive(Clone, Debug)]
pub struct Scene {
    pub service_account: String,
    pub secrets: Secrets,
    /// An unscoped pair of the organisation's administrator, in no secret.
    pub administrator: Pair,
    /// Variables that the functions are to have.
    pub variables: BTreeMap<String, String>,
}

/// In whose name the functions act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admin {
    /// The pair of keys in the admin secret.
    Pair,
    /// The functions' own identity: the admin secret says so and holds no keys.
    Identity,
    /// Likewise, but the functions' variables say so, and no secret names an admin secret.
    IdentityOfVariables,
    /// A service access token in the admin secret, which never ends and may hand on the scopes of the
    /// scene's other keys.
    AccessToken,
}

/// The differences that tests want.
#[derive(Clone, Copy, Debug)]
pub struct SceneOptions<'a> {
    pub admin: Admin,
    /// Of the admin application key; the service account has no more permissions than these need.
    pub admin_scopes: &'a [&'a str],
    /// `None` is an unscoped key.
    pub application_scopes: Option<&'a [&'a str]>,
}

impl Default for SceneOptions<'_> {
    fn default() -> Self {
        Self {
            admin: Admin::Pair,
            admin_scopes: &ADMIN_SCOPES,
            application_scopes: Some(&APPLICATION_SCOPES),
        }
    }
}

/// Secrets Manager refused a request that sets the scene.
#[derive(Debug, thiserror::Error)]
#[error("CreateSecret {name}: {status}")]
pub struct SceneError {
    pub name: &'static str,
    pub status: http::StatusCode,
}

impl Scene {
    /// Makes everything by hand, as a person would before the first rotation.
    pub fn set(world: &mut World, options: SceneOptions<'_>) -> Result<Self, SceneError> {
        let now = world.now();
        let datadog = &mut world.datadog;
        let permissions: Vec<_> = options
            .admin_scopes
            .iter()
            .chain(&APPLICATION_SCOPES)
            .copied()
            .collect();
        let service_account = datadog.create_service_account(now, "key-rotation", &permissions);
        let person = datadog.create_administrator(now, "administrator");
        let administrator = Pair {
            api_key: datadog.create_api_key(now, "observability-team"),
            application_key: datadog.create_application_key(
                now,
                &person,
                "observability-team",
                None,
            ),
        };
        let api_key = datadog.create_api_key(now, "agents");
        let application_key = datadog.create_application_key(
            now,
            &service_account,
            "dashboards",
            options.application_scopes,
        );
        let value = json!({ "apiKey": api_key.value, "apiKeyId": api_key.id });
        let api_key = create_secret(world, "datadog/api-key", &value)?;
        let value = match options.admin {
            Admin::Pair => pair(world, &service_account, options.admin_scopes),
            Admin::AccessToken => admin_token(world, &service_account, &permissions, None),
            Admin::Identity | Admin::IdentityOfVariables => {
                trust_the_functions(world, &service_account);
                delegation(world, &service_account, &api_key)
            }
        };
        let admin_key = create_secret(world, "datadog/admin", &value)?;
        let mut variables = BTreeMap::new();
        if options.admin == Admin::IdentityOfVariables {
            variables = variables_of(&value);
        }
        let value = json!({
            "appKey": application_key.value,
            "appKeyId": application_key.id,
            "serviceAccountId": service_account,
        });
        let application_key = create_secret(world, "datadog/app-key", &value)?;
        let token = world.datadog.create_access_token(
            now,
            &service_account,
            "pipelines",
            &APPLICATION_SCOPES,
            None,
        );
        let value = json!({
            "serviceAccessToken": token.value,
            "serviceAccessTokenId": token.id,
            "serviceAccountId": service_account,
        });
        let service_access_token = create_secret(world, "datadog/service-token", &value)?;
        if variables.is_empty() {
            for secret in [&api_key, &application_key, &service_access_token] {
                name_admin_secret(world, secret, &admin_key);
            }
        }
        Ok(Self {
            service_account,
            secrets: Secrets {
                admin_key,
                api_key,
                application_key,
                service_access_token,
            },
            administrator,
            variables,
        })
    }
}

/// The name of the role that a function has.
#[must_use]
pub fn role_of(function: &str) -> String {
    format!("{function}-role")
}

/// A new pair of the service account, as an admin secret has it.
pub fn pair(world: &mut World, service_account: &str, scopes: &[&str]) -> Value {
    let (now, datadog) = (world.now(), &mut world.datadog);
    let api = datadog.create_api_key(now, "key-rotation");
    let application =
        datadog.create_application_key(now, service_account, "key-rotation", Some(scopes));
    json!({
        "adminApiKey": api.value,
        "adminApiKeyId": api.id,
        "adminAppKey": application.value,
        "adminAppKeyId": application.id,
        "serviceAccountId": service_account,
        "site": "datadoghq.com",
    })
}

/// A new service access token of the service account, as an admin secret has it.
pub fn admin_token(
    world: &mut World,
    service_account: &str,
    scopes: &[&str],
    expires_at: Option<OffsetDateTime>,
) -> Value {
    let now = world.now();
    let token =
        world
            .datadog
            .create_access_token(now, service_account, "key-rotation", scopes, expires_at);
    json!({
        "serviceAccessToken": token.value,
        "serviceAccessTokenId": token.id,
        "serviceAccountId": service_account,
        "site": "datadoghq.com",
    })
}

/// An admin secret without keys. Application keys are tried together with the key in
/// `api_key_secret`.
#[must_use]
pub fn delegation(world: &World, service_account: &str, api_key_secret: &str) -> Value {
    json!({
        "orgUuid": world.datadog.organisation(),
        "serviceAccountId": service_account,
        "site": "datadoghq.com",
        "apiKeySecretArn": api_key_secret,
    })
}

/// Maps the roles of the functions to the service account.
pub fn trust_the_functions(world: &mut World, service_account: &str) {
    for function in FUNCTIONS {
        trust(world, &role_of(function), service_account);
    }
}

/// Maps a role of this account to the service account.
pub fn trust(world: &mut World, role: &str, service_account: &str) {
    let pattern = format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/*");
    world.datadog.map_identity(&pattern, service_account);
}

fn variables_of(delegation: &Value) -> BTreeMap<String, String> {
    let said = [
        ("DATADOG_ORG_UUID", "orgUuid"),
        ("DATADOG_SERVICE_ACCOUNT_ID", "serviceAccountId"),
        ("DATADOG_SITE", "site"),
        ("DATADOG_API_KEY_SECRET_ARN", "apiKeySecretArn"),
    ];
    said.iter()
        .filter_map(|(name, field)| {
            let value = delegation.get(field)?.as_str()?;
            Some(((*name).to_owned(), value.to_owned()))
        })
        .collect()
}

fn name_admin_secret(world: &mut World, secret: &str, admin_secret: &str) {
    let tags = json!([{ "Key": "adminSecretArn", "Value": admin_secret }]);
    let body = json!({ "SecretId": secret, "Tags": tags });
    let now = world.now();
    world
        .secrets_manager
        .call(now, &request("TagResource", &body));
}

fn create_secret(
    world: &mut World,
    name: &'static str,
    value: &Value,
) -> Result<String, SceneError> {
    let body = json!({
        "Name": name,
        "ClientRequestToken": token(name),
        "SecretString": value.to_string(),
    });
    let now = world.now();
    let response = world
        .secrets_manager
        .call(now, &request("CreateSecret", &body));
    serde_json::from_slice::<Value>(response.body())
        .ok()
        .and_then(|answer| Some(answer.get("ARN")?.as_str()?.to_owned()))
        .ok_or(SceneError {
            name,
            status: response.status(),
        })
}

/// A `ClientRequestToken`, the same for the same seed: equal runs tell equal stories.
#[must_use]
pub fn token(seed: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, seed.as_bytes()).to_string()
}

/// A request in Secrets Manager's protocol, JSON 1.1.
#[must_use]
pub fn request(operation: &str, body: &Value) -> Request<Bytes> {
    let mut request = Request::new(Bytes::from(body.to_string()));
    *request.method_mut() = http::Method::POST;
    let headers = request.headers_mut();
    let media_type = http::HeaderValue::from_static("application/x-amz-json-1.1");
    headers.insert(http::header::CONTENT_TYPE, media_type);
    if let Ok(target) = http::HeaderValue::from_str(&format!("secretsmanager.{operation}")) {
        headers.insert("x-amz-target", target);
    }
    request
}
