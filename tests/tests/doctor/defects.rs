//! Each thing that a rotation would fail on, and the line of `datadog-doctor check` that says so.

use datadog_rotation::Kind;
use harness::bench::Bench;
use harness::by_hand::ids;
use harness::doctor::{line, of_status};
use http::StatusCode;
use sandbox::datadog::Settings;
use sandbox::gate::{Call, Fate};
use sandbox::scene::{APPLICATION_SCOPES, SceneOptions};
use serde_json::json;

const API: Kind = Kind::ApiKey;
const APP: Kind = Kind::ApplicationKey;
const ADMIN: Kind = Kind::AdminKey;
const TOKEN: Kind = Kind::ServiceAccessToken;

/// What is wrong, with a secret of which type; the check that says so, in which words.
type Defect = (&'static str, Kind, fn(&Bench), &'static str, &'static str);

#[rustfmt::skip]
const DEFECTS: &[Defect] = &[
    ("may not be described", API, |it| deny(it, DESCRIBE, API), "secret", "AccessDenied"),
    ("marked for deletion", API, delete, "secret", "SecretsManagerRefused"),
    ("versions not listed", APP, |it| deny(it, LIST, APP), "versions", "AccessDenied"),
    ("value may not be read", APP, |it| deny(it, GET, APP), "value", "AccessDenied"),
    ("no JSON", API, |it| it.store(API, &json!("bare")), "value", "SecretNotJson"),
    ("binary", API, binary, "value", "SecretBinary"),
    ("a field is missing", APP, |it| without(it, APP, "appKeyId"), "value", "SecretMalformed"),
    ("of no type", API, |it| it.store(API, &json!({"key": "x"})), "value", "SecretMalformed"),
    ("admin not named", APP, untag, "admin_secret", "NoAdminSecret"),
    ("admin by no ARN", APP, |it| admin(it, "x"), "admin_secret", "AdminSecretArnInvalid"),
    ("no reading it", API, |it| deny(it, GET, ADMIN), "admin_secret", "AdminSecretAccessDenied"),
    ("admin is none", APP, |it| admin(it, it.secret(API)), "admin_secret", "AdminSecretMalformed"),
    ("admin is gone", APP, |it| admin(it, &nobody(it)), "admin_secret", "AdminSecretNotFound"),
    ("site unknown", ADMIN, |it| with(it, ADMIN, "site", "example.com"), "site", "UnknownSite"),
    ("site missing", ADMIN, |it| without(it, ADMIN, "site"), "site", "AdminSecretMalformed"),
    ("another account", APP, account, "service_account", "ServiceAccountMismatch"),
    ("admin pair dead", API, |it| revoke(it, ADMIN), "admin_keys", "AdminKeyRefused"),
    ("scope missing", APP, |it| scope(it, &FEW), "scopes", "MissingScope"),
    ("permission missing", API, |it| permit(it, &FEW), "permissions", "MissingScope"),
    ("application key dead", APP, |it| revoke(it, APP), "application_key", "CurrentKeyDead"),
    ("key of another account", APP, foreign, "application_key", "CurrentKeyNotOwned"),
    ("text of another", APP, |it| mix(it, APP, "appKey"), "application_key", "CurrentKeyMismatch"),
    ("token dead", TOKEN, |it| revoke(it, TOKEN), "access_token", "CurrentKeyDead"),
    // It is looked for among the account's own.
    ("token of another account", TOKEN, foreign_token, "access_token", "CurrentKeyDead"),
    ("another account", TOKEN, token_account, "service_account", "ServiceAccountMismatch"),
    ("token for too few days", TOKEN, |it| days(it, 10), "access_token", "ExpiryTooShort"),
    ("API key dead", API, |it| revoke(it, API), "api_key", "CurrentKeyDead"),
    ("text of another", API, |it| mix(it, API, "apiKey"), "api_key", "CurrentKeyMismatch"),
    ("no room", API, |it| quota(it, API_QUOTA), "api_key_quota", "DatadogKeyQuota"),
    ("no room", APP, |it| quota(it, APP_QUOTA), "application_key_quota", "DatadogKeyQuota"),
    ("Datadog is down", APP, |it| answer(it, PAIR, 502), "admin_keys", "DatadogUnavailable"),
    ("a proxy answers", API, |it| answer(it, ONE, 200), "api_key", "DatadogUnexpectedAnswer"),
];

const DESCRIBE: &str = "DescribeSecret";
const GET: &str = "GetSecretValue";
const LIST: &str = "ListSecretVersionIds";
const PAIR: &str = "GET /api/v2/validate_keys";
const ONE: &str = "GET /api/v2/api_keys/{id}";
const API_QUOTA: fn(&mut Settings) -> &mut usize = |of| &mut of.api_key_quota;
const APP_QUOTA: fn(&mut Settings) -> &mut usize = |of| &mut of.application_key_quota;

/// Without `api_keys_delete`, which a rotation of each type needs.
const FEW: [&str; 4] = [
    "api_keys_write",
    "api_keys_read",
    "service_account_write",
    "org_app_keys_read",
];

fn deny(bench: &Bench, action: &str, kind: Kind) {
    let arn = bench.secret(kind);
    bench
        .gate
        .with_world(|world| world.secrets_manager.deny(action, arn));
}

fn delete(bench: &Bench) {
    bench.manage("DeleteSecret", &json!({ "SecretId": bench.secret(API) }));
}

fn binary(bench: &Bench) {
    let token = sandbox::scene::token("binary");
    let (secret, bytes) = (bench.secret(API), "AAAA");
    let body = json!({ "SecretId": secret, "ClientRequestToken": token, "SecretBinary": bytes });
    bench.manage("PutSecretValue", &body);
}

fn with(bench: &Bench, kind: Kind, field: &str, to: &str) {
    let mut value = bench.current(kind);
    value[field] = json!(to);
    bench.store(kind, &value);
}

fn admin(bench: &Bench, arn: &str) {
    with(bench, APP, "adminSecretArn", arn);
}

fn nobody(bench: &Bench) -> String {
    bench.secret(API).replace("api", "no")
}

fn account(bench: &Bench) {
    let somebody = &bench.scene.administrator.api_key.id;
    with(bench, APP, "serviceAccountId", somebody);
}

fn token_account(bench: &Bench) {
    let somebody = &bench.scene.administrator.api_key.id;
    with(bench, TOKEN, "serviceAccountId", somebody);
}

fn foreign(bench: &Bench) {
    let theirs = &bench.scene.administrator.application_key.id;
    with(bench, APP, "appKeyId", theirs);
}

/// A token of another service account, with its own text.
fn foreign_token(bench: &Bench) {
    let theirs = bench.gate.with_world(|world| {
        let (now, datadog) = (world.now(), &mut world.datadog);
        let account = datadog.create_service_account(now, "others", &APPLICATION_SCOPES);
        datadog.create_access_token(now, &account, "others", &APPLICATION_SCOPES, None)
    });
    with(bench, TOKEN, "serviceAccessToken", &theirs.value);
    with(bench, TOKEN, "serviceAccessTokenId", &theirs.id);
}

/// The next token is to end after so many days, and the secret is rotated every 90.
fn days(bench: &Bench, days: u32) {
    let mut value = bench.current(TOKEN);
    value["daysToExpiry"] = json!(days);
    bench.store(TOKEN, &value);
}

/// The text of the admin's key under the key's own id.
fn mix(bench: &Bench, kind: Kind, field: &str) {
    let admin = bench.current(ADMIN);
    let theirs = match kind {
        API => &admin["adminApiKey"],
        _ => &admin["adminAppKey"],
    };
    with(bench, kind, field, theirs.as_str().unwrap());
}

fn revoke(bench: &Bench, kind: Kind) {
    bench.revoke(&ids(&bench.current(kind))[0]);
}

fn without(bench: &Bench, kind: Kind, field: &str) {
    let mut value = bench.current(kind);
    value.as_object_mut().unwrap().remove(field);
    bench.store(kind, &value);
}

fn untag(bench: &Bench) {
    let body = json!({ "SecretId": bench.secret(APP), "TagKeys": ["adminSecretArn"] });
    bench.manage("UntagResource", &body);
}

fn scope(bench: &Bench, scopes: &[&str]) {
    let admin = bench.current(ADMIN);
    let key = admin["adminAppKeyId"].as_str().unwrap();
    bench
        .gate
        .with_world(|world| world.datadog.set_scopes(key, Some(scopes)));
}

fn permit(bench: &Bench, permissions: &[&str]) {
    let account = &bench.scene.service_account;
    bench
        .gate
        .with_world(|world| world.datadog.set_permissions(account, permissions));
}

/// As many as there are, and no more.
fn quota(bench: &Bench, of: fn(&mut Settings) -> &mut usize) {
    bench.gate.with_world(|world| {
        let live = world.datadog.keys().len();
        *of(&mut world.datadog.settings) = live.min(2);
    });
}

fn answer(bench: &Bench, operation: &'static str, status: u16) {
    let status = StatusCode::from_u16(status).unwrap();
    bench.gate.follow(move |call: &Call| {
        if call.operation == operation {
            Fate::Html(status)
        } else {
            Fate::Pass
        }
    });
}

#[tokio::test(start_paused = true)]
async fn each_defect_has_its_own_line() {
    for (what, kind, defect, check, error_type) in DEFECTS {
        let bench = Bench::new(SceneOptions::default());
        defect(&bench);
        let checkup = bench.checkup(bench.secret(*kind)).await;
        assert_eq!(
            of_status(&checkup, "failed"),
            [*check],
            "{what}: {checkup:#}"
        );
        let line = line(&checkup, check);
        assert_eq!(line["error_type"], *error_type, "{what}: {line}");
        // What is looked at before it is sound.
        let checks = checkup["checks"].as_array().unwrap().iter();
        let before = checks.take_while(|it| it["check"] != *check);
        for line in before.filter(|it| it["check"] != "versions") {
            assert_eq!(line["status"], "ok", "{what}: {line}");
        }
    }
}

/// The function's own check, which Secrets Manager asks for with `--no-rotate-immediately`, ends in
/// the same error.
#[tokio::test(start_paused = true)]
async fn the_functions_own_check_agrees() {
    // A step finds these when it comes to mint or to sweep.
    let later = [
        "versions",
        "permissions",
        "api_key_quota",
        "application_key_quota",
    ];
    for (what, kind, defect, check, error_type) in DEFECTS {
        if later.contains(check) {
            continue;
        }
        let bench = Bench::new(SceneOptions::default());
        defect(&bench);
        let event = json!({
            "Step": "testSecret",
            "SecretId": bench.secret(*kind),
            "ClientRequestToken": bench.labelled(*kind, "AWSCURRENT"),
        });
        let result = bench.send(*kind, &event).await;
        assert_eq!(result.expect_err(what).error_type(), *error_type, "{what}");
    }
}
