//! A world as the case asks for it, up to the moment at which the disturbed rotation begins.

use std::time::Duration;

use datadog_rotation::Kind;
use sandbox::rotation::Step;
use sandbox::scene::{ADMIN_SCOPES, SceneOptions, delegation, pair, token, trust_the_functions};
use sandbox::secrets_manager::RotationJob;
use serde_json::{Value, json};

use crate::bench::{Bench, DOCUMENTED_SCOPES};
use crate::by_hand::ids;
use crate::case::{Case, Setting, Subject};

/// How far behind the world is in [`Setting::Lagging`]: within what the functions wait for.
const LAG: Duration = Duration::from_secs(2);

/// A world, and the rotation that is begun already if the setting has one.
pub async fn set(case: Case) -> (Bench, Option<RotationJob>) {
    let admin_scopes = if case.reads {
        &ADMIN_SCOPES[..]
    } else {
        &DOCUMENTED_SCOPES
    };
    let bench = Bench::new(SceneOptions {
        admin: case.subject.admin(),
        admin_scopes,
        ..SceneOptions::default()
    });
    match case.subject {
        Subject::AssistedAdminKey => assist(&bench, &assistant(&bench, admin_scopes)),
        Subject::KeylessAssistedAdminKey => assist(&bench, &keyless_assistant(&bench)),
        _ => {}
    }
    let kind = case.subject.kind();
    let job = match case.setting {
        Setting::First => None,
        Setting::Later => {
            rotate(&bench, kind, 2).await;
            None
        }
        Setting::Lagging => {
            rotate(&bench, kind, 2).await;
            lag(&bench);
            None
        }
        Setting::Displaced | Setting::RolledBack => {
            rotate(&bench, kind, 1).await;
            bench.store(kind, &bench.by_hand(kind));
            if case.setting == Setting::RolledBack {
                bench.roll_back(kind);
            }
            bench.wait(Duration::from_mins(20)).await;
            None
        }
        Setting::DeadPending => Some(dead_pending(&bench, kind, 0).await),
        Setting::DeadApplicationKey => Some(dead_pending(&bench, kind, 1).await),
    };
    (bench, job)
}

async fn rotate(bench: &Bench, kind: Kind, times: usize) {
    for _ in 0..times {
        bench
            .rotate(kind)
            .await
            .expect("nothing is in the rotation's way");
        bench.wait(Duration::from_mins(20)).await;
    }
}

fn lag(bench: &Bench) {
    bench.gate.with_world(|world| {
        world.secrets_manager.label_lag = LAG.try_into().expect("a short time");
        let datadog = &mut world.datadog.settings;
        datadog.fresh_key_unusable_for = LAG;
        datadog.fresh_key_unlisted_for = LAG;
        datadog.revoked_key_usable_for = LAG;
    });
}

/// A rotation that was given up after createSecret, and whose key number `which` is revoked.
async fn dead_pending(bench: &Bench, kind: Kind, which: usize) -> RotationJob {
    let job = bench.begin(kind);
    bench
        .deliver(kind, &job, Step::CreateSecret)
        .await
        .expect("nothing is in its way");
    let pending = bench.value(kind, "AWSPENDING").expect("a stored value");
    bench.revoke(&ids(&pending)[which]);
    bench.wait(Duration::from_mins(20)).await;
    job
}

fn assistant(bench: &Bench, scopes: &[&str]) -> Value {
    bench
        .gate
        .with_world(|world| pair(world, &bench.scene.service_account, scopes))
}

fn keyless_assistant(bench: &Bench) -> Value {
    let scene = &bench.scene;
    bench.gate.with_world(|world| {
        trust_the_functions(world, &scene.service_account);
        delegation(world, &scene.service_account, &scene.secrets.api_key)
    })
}

/// Names another admin secret, of this value, for the admin secret.
fn assist(bench: &Bench, value: &Value) {
    let assistant = bench.manage(
        "CreateSecret",
        &json!({
            "Name": "datadog/assistant",
            "ClientRequestToken": token("assistant"),
            "SecretString": value.to_string(),
        }),
    );
    let tags = json!([{ "Key": "adminSecretArn", "Value": assistant["ARN"] }]);
    let secret = bench.secret(Kind::AdminKey);
    bench.manage("TagResource", &json!({ "SecretId": secret, "Tags": tags }));
}
