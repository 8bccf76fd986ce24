//! Worlds in which one key or secret may be taken for another.

use std::time::Duration;

use datadog_rotation::Kind;
use datadog_rotation::secrets::ADMIN_TAG;
use sandbox::gate::{Call, Fate};
use sandbox::rotation::{Step, event};
use sandbox::scene::token;
use sandbox::secrets_manager::RotationJob;
use serde_json::{Value, json};

use super::{rotate, unfinished};
use crate::bench::Bench;
use crate::by_hand::{ids, with};
use crate::case::Setting;

const HOUR: Duration = Duration::from_hours(1);

/// Makes the world, up to a rotation that is under way already.
pub(super) async fn make(bench: &Bench, kind: Kind, setting: Setting) -> Option<RotationJob> {
    match setting {
        Setting::Twin => name_a_twin(bench),
        Setting::HiddenEnds => {
            bench.store(kind, &with_others_ids(bench, kind, bench.current(kind)));
            bench
                .gate
                .with_world(|world| world.datadog.settings.hides_ends = true);
            bench.wait(HOUR).await;
        }
        Setting::OthersId | Setting::DeadWithOthersId => {
            let is_dead = setting == Setting::DeadWithOthersId;
            others_id_under_previous(bench, kind, is_dead).await;
        }
        Setting::ShownPending => {
            bench
                .gate
                .with_world(|world| world.datadog.settings.finds_revoked_tokens = true);
            return Some(unfinished(bench, kind, &[0]).await);
        }
        _ => {
            rotate(bench, kind, 2).await;
            return mistake(bench, kind, setting).await;
        }
    }
    None
}

async fn mistake(bench: &Bench, kind: Kind, setting: Setting) -> Option<RotationJob> {
    match setting {
        Setting::Forged => {
            bench.store(kind, &forged(bench.by_hand(kind)));
            bench.wait(HOUR).await;
        }
        Setting::CopyPending => return Some(begin_with_a_copy(bench, kind)),
        Setting::Orphan => leave_an_orphan(bench, kind).await,
        Setting::Neighbour => drop(bench.another(kind)),
        _ => unreachable!("{setting} is made elsewhere"),
    }
    None
}

/// The value with the IDs of other teams' keys beside its own texts.
fn with_others_ids(bench: &Bench, kind: Kind, own: Value) -> Value {
    let others = bench.by_hand(kind);
    let names = [
        "apiKeyId",
        "appKeyId",
        "adminAppKeyId",
        "adminApiKeyId",
        "serviceAccessTokenId",
    ];
    let of_keys = names.into_iter().filter(|it| others[it].is_string());
    of_keys.fold(own, |value, id| with(value, id, others[id].clone()))
}

/// A person has moved AWSPREVIOUS to a value of their own, which is older than AWSCURRENT's.
async fn others_id_under_previous(bench: &Bench, kind: Kind, is_dead: bool) {
    let own = bench.by_hand(kind);
    let mistaken = with_others_ids(bench, kind, own.clone());
    bench.store_aside(kind, "ASIDE", &mistaken);
    bench.wait(HOUR).await;
    rotate(bench, kind, 1).await;
    bench.make_previous(kind, "ASIDE");
    if is_dead {
        for (own, others) in ids(&own).iter().zip(ids(&mistaken)) {
            bench.revoke(own);
            // That nothing under AWSPREVIOUS works is nobody's breach.
            bench.ledger.excuse(&others);
        }
    }
    bench
        .gate
        .with_world(|world| world.datadog.settings.validate_v2 = false);
    bench.wait(HOUR).await;
}

/// The value with texts that look like its keys wherever Datadog shows them, and are none.
fn forged(mut value: Value) -> Value {
    for field in ["apiKey", "appKey", "serviceAccessToken"] {
        let Some(text) = value[field].as_str() else {
            continue;
        };
        let hidden = match text.rfind('_') {
            Some(end) if field == "serviceAccessToken" => end + 1..text.len(),
            underscore => underscore.map_or(0, |it| it + 1)..text.len() - 4,
        };
        let mut like = text.to_owned();
        like.replace_range(hidden.clone(), &"0".repeat(hidden.len()));
        value[field] = json!(like);
    }
    value
}

fn begin_with_a_copy(bench: &Bench, kind: Kind) -> RotationJob {
    let job = bench.begin(kind);
    let current = bench.current(kind);
    bench.manage(
        "PutSecretValue",
        &json!({
            "SecretId": bench.secret(kind), "ClientRequestToken": job.token,
            "SecretString": current.to_string(), "VersionStages": ["AWSPENDING"],
        }),
    );
    job
}

async fn leave_an_orphan(bench: &Bench, kind: Kind) {
    let names = bench.names(kind, bench.secret(kind));
    // A list by name shows them too.
    let strangers = |end: &str| {
        for class in kind.classes() {
            let name = format!("{}2-20260101-{end}", names.stem(*class));
            let _nobody_holds_it = bench.make(*class, &name, HOUR);
        }
    };
    strangers("aaaaaa");
    let job = bench.begin(kind);
    bench.gate.follow(|call: &Call| {
        if call.operation.starts_with("POST ") && !call.operation.contains("/validate") {
            Fate::KillAfter
        } else {
            Fate::Pass
        }
    });
    let function = bench.function(kind);
    let delivered = function.deliver(&event(&job, Step::CreateSecret)).await;
    assert!(delivered.is_none(), "the process has died");
    bench.gate.follow(|_: &Call| Fate::Pass);
    bench.give_up(&job);
    bench.take_pending_off(kind);
    strangers("bbbbbb");
    bench.wait(HOUR).await;
}

/// Another secret holds the pair too, and is the admin.
fn name_a_twin(bench: &Bench) {
    let copy = bench.current(Kind::AdminKey);
    let twin = bench.manage(
        "CreateSecret",
        &json!({
            "Name": "datadog/twin",
            "ClientRequestToken": token("twin"),
            "SecretString": copy.to_string(),
        }),
    );
    let arn = twin["ARN"].as_str().expect("an ARN");
    bench.tag(Kind::AdminKey, ADMIN_TAG, arn);
}
