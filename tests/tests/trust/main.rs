//! The custom resources of trust, against a Datadog and a `CloudFormation` that are disturbed.

#![expect(
    clippy::expect_used,
    reason = "a panic is how a test says that something is wrong"
)]

mod issued;
mod leash;
mod lives;
mod process;
mod recorded;
mod resources;
mod settings;

use harness::trust::case::AWS_ACCOUNT;
use harness::trust::{PERMISSIONS, Site};
use serde_json::{Value, json};

const IDENTITY: &str = "Custom::DatadogIdentityMapping";
const INTAKE: &str = "Custom::DatadogIntakeMapping";
const ACCOUNT: &str = "Custom::DatadogAwsAccount";

/// The ID of an access key by which an account is registered.
const KEY: &str = "AKIAIOSFODNN7EXAMPLE";

/// A registration that was made by hand, with these settings.
fn registered(settings: &Value) -> Site {
    let site = Site::new(&PERMISSIONS);
    site.gate.with_world(|world| {
        let role = json!({ "role_name": "Datadog", "external_id": "1".repeat(32) });
        world.datadog.integrate(AWS_ACCOUNT, &role, settings);
    });
    site
}

fn integrated() -> Site {
    registered(&json!({}))
}

/// The properties of a resource that registers the account.
fn account() -> Value {
    json!({ "AwsAccountId": AWS_ACCOUNT, "RoleName": "Datadog" })
}

/// A registration by access keys, and the properties that switch it.
fn keyed() -> (Site, Value) {
    let site = Site::new(&PERMISSIONS);
    site.gate.with_world(|world| {
        let keys = json!({ "access_key_id": KEY });
        let settings =
            json!({ "account_tags": ["team:a"], "aws_regions": { "include_only": ["eu-west-1"] } });
        world.datadog.integrate(AWS_ACCOUNT, &keys, &settings);
    });
    let mut properties = account();
    properties["SwitchFromKeys"] = "true".into();
    (site, properties)
}
