//! The secrets of a fleet: API keys and application keys in turn, all of one admin pair and one
//! service account.

use datadog_rotation::Kind;
use datadog_rotation::settings::Settings;
use sandbox::datadog::Datadog;
use sandbox::gate::Gate;
use sandbox::scene::{ADMIN_SCOPES, request, token};
use sandbox::secrets_manager::SecretsManager;
use sandbox::stack::{ACCOUNT, REGION};
use sandbox::world::{Clock, World};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::bench::caller;
use crate::function::Function;

/// One secret and its function, which stays warm for it.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) secret: String,
    pub(super) function: Function,
}

/// An organisation with so many secrets, whose keys people have made.
pub(super) fn enlist(secrets: usize) -> (Gate, Vec<Member>) {
    let start = OffsetDateTime::from_unix_timestamp(1_767_225_600).expect("a date");
    let clock = Clock::starting_at(start);
    let mut world = World::new(clock, SecretsManager::new(REGION, ACCOUNT), Datadog::new());
    let now = world.now();
    let datadog = &mut world.datadog;
    // Datadog's support raises them: the usual 50 API keys are less than a fleet.
    datadog.settings.api_key_quota = usize::MAX;
    datadog.settings.application_key_quota = usize::MAX;
    let account = datadog.create_service_account(now, "key-rotation", &ADMIN_SCOPES);
    let api = datadog.create_api_key(now, "key-rotation");
    let application =
        datadog.create_application_key(now, &account, "key-rotation", Some(&ADMIN_SCOPES));
    let admin = json!({
        "adminApiKey": api.value, "adminApiKeyId": api.id, "adminAppKey": application.value,
        "adminAppKeyId": application.id, "serviceAccountId": account, "site": "datadoghq.com",
    });
    let admin = create(&mut world, "datadog/admin", &admin);
    let secrets: Vec<_> = (0..secrets).map(|n| add(&mut world, n, &account)).collect();
    let gate = Gate::new(world);
    let settings = Settings {
        admin_secret_arn: Some(admin),
        ..Settings::default()
    };
    let members = secrets.into_iter().map(|(kind, secret)| Member {
        secret,
        function: Function::new(kind, caller(kind), &gate, settings.clone()).unjudged(),
    });
    let members = members.collect();
    (gate, members)
}

fn add(world: &mut World, n: usize, account: &str) -> (Kind, String) {
    let now = world.now();
    let datadog = &mut world.datadog;
    let (kind, value) = if n.is_multiple_of(2) {
        let key = datadog.create_api_key(now, &format!("agents {n}"));
        let value = json!({ "apiKey": key.value, "apiKeyId": key.id });
        (Kind::ApiKey, value)
    } else {
        let key = datadog.create_application_key(now, account, &format!("dashboards {n}"), None);
        let value = json!({ "appKey": key.value, "appKeyId": key.id, "serviceAccountId": account });
        (Kind::ApplicationKey, value)
    };
    let secret = create(world, &format!("team-{n:05}/datadog"), &value);
    turn_rotation_on(world, kind, &secret);
    (kind, secret)
}

/// A call of an operator's.
pub(super) fn manage(world: &mut World, operation: &str, body: &Value) -> Value {
    let now = world.now();
    let response = world.secrets_manager.call(now, &request(operation, body));
    let (status, body) = (response.status(), response.body());
    assert!(status.is_success(), "{operation}: {body:?}");
    serde_json::from_slice(body).expect("JSON")
}

fn create(world: &mut World, name: &str, value: &Value) -> String {
    let body = json!({
        "Name": name, "ClientRequestToken": token(name), "SecretString": value.to_string(),
    });
    let created = manage(world, "CreateSecret", &body);
    created["ARN"].as_str().expect("an ARN").to_owned()
}

/// As the console does, without the test that comes with it.
fn turn_rotation_on(world: &mut World, kind: Kind, secret: &str) {
    let caller = caller(kind);
    let function = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{caller}");
    world.deploy(&function);
    let body = json!({
        "SecretId": secret, "ClientRequestToken": token(&format!("check {secret}")),
        "RotationLambdaARN": function, "RotationRules": { "AutomaticallyAfterDays": 30 },
        "RotateImmediately": false,
    });
    manage(world, "RotateSecret", &body);
    let now = world.now();
    for job in world.secrets_manager.take_rotations() {
        world.secrets_manager.rotation_ended(now, &job, true);
    }
}
