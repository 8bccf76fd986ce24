//! A world as the case asks for it, up to the moment at which the disturbed rotation begins.

mod mistakes;

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use datadog_rotation::Kind;
use datadog_rotation::secrets::{ADMIN_TAG, GRACE_TAG, LEAKED_TAG};
use http::StatusCode;
use sandbox::datadog::{Edge, Key, ReadOnly, Settings};
use sandbox::rotation::Step;
use sandbox::scene::{ADMIN_SCOPES, SceneOptions, delegation, pair, token, trust_the_functions};
use sandbox::secrets_manager::{Replication, RotationJob};
use sandbox::stack::REGION;
use sandbox::world::World;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::bench::{Bench, DOCUMENTED_SCOPES};
use crate::by_hand::{ids, with};
use crate::case::{Case, ENROLL, Setting, Subject};
use crate::listen::{overheard, repeat};

/// How far behind the world is in [`Setting::Lagging`]: within what the functions wait for.
const LAG: Duration = Duration::from_secs(2);

const REPLICA_REGION: &str = "eu-west-1";
const REPLICA_ACCOUNT: &str = "210987654321";

/// A world as it was set once, to be copied: setting it takes longer than most of what is tried in it.
struct Staged {
    bench: Bench,
    at: OffsetDateTime,
    job: Option<RotationJob>,
    /// Keys are named there that may be left later.
    printed: Vec<u8>,
}

thread_local! {
    static STAGED: RefCell<HashMap<Case, Staged>> = RefCell::default();
}

/// A world, and the rotation that is begun already if the setting has one.
pub async fn set(case: Case) -> (Bench, Option<RotationJob>) {
    // Redelivery is for what comes afterwards.
    let case = Case {
        redelivered: false,
        ..case
    };
    let copy = |it: &Staged| {
        repeat(&it.printed);
        (it.bench.fork(it.at), it.job.clone())
    };
    if let Some(copied) = STAGED.with_borrow(|it| it.get(&case).map(copy)) {
        return copied;
    }
    let ((bench, job), printed) = overheard(build(case)).await;
    let at = bench.gate.with_world(|world| world.now());
    let staged = Staged {
        bench: bench.fork(at),
        at,
        job: job.clone(),
        printed,
    };
    STAGED.with_borrow_mut(|it| it.insert(case, staged));
    (bench, job)
}

async fn build(case: Case) -> (Bench, Option<RotationJob>) {
    let admin_scopes = if case.reads {
        &ADMIN_SCOPES[..]
    } else {
        &DOCUMENTED_SCOPES
    };
    let mut bench = Bench::new(SceneOptions {
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
    if case.reads && Setting::PLAIN.contains(&case.setting) {
        enroll_runners(&bench, kind);
    }
    match case.subject {
        Subject::GracedApplicationKey | Subject::GracedAdminKey => bench.tag(kind, GRACE_TAG, "1"),
        Subject::UngracedApiKey => bench.tag(kind, GRACE_TAG, "0"),
        _ => {}
    }
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
        Setting::Checked | Setting::CheckedByCopy => {
            rotate(&bench, kind, 2).await;
            Some(bench.begin_check(kind, case.setting == Setting::CheckedByCopy))
        }
        Setting::OwnFallback => {
            let spare = spare(&bench);
            bench.settings.delegation.fallback_admin_secret_arn = Some(spare.0);
            bench.store(kind, &spare.1);
            bench.wait(Duration::from_mins(20)).await;
            rotate(&bench, kind, 1).await;
            None
        }
        Setting::Topic => {
            bench.tell_a_topic();
            rotate(&bench, kind, 2).await;
            None
        }
        mistaken if Setting::mistaken(case.subject).contains(&mistaken) => {
            mistakes::make(&bench, kind, mistaken).await
        }
        Setting::Unfinished => {
            rotate(&bench, kind, 2).await;
            let job = unfinished(&bench, kind, &[]).await;
            bench.gate.with_world(|world| {
                world.datadog.settings.revoked_key_usable_for = Duration::from_secs(15);
            });
            Some(job)
        }
        Setting::DeadPending => Some(unfinished(&bench, kind, &[0]).await),
        Setting::DeadApplicationKey => Some(unfinished(&bench, kind, &[1]).await),
        world => {
            rotate(&bench, kind, 2).await;
            change(&bench, case, world).await;
            None
        }
    };
    if case.subject == Subject::LeakedAccessToken {
        let current = bench.labelled(kind, "AWSCURRENT");
        bench.tag(kind, LEAKED_TAG, &current.expect("a current version"));
    }
    (bench, job)
}

/// Lets an API key enrol action runners, in an organisation where a creation can ask for that.
fn enroll_runners(bench: &Bench, kind: Kind) {
    let value = bench.current(kind);
    let id = ["apiKeyId", "adminApiKeyId"]
        .iter()
        .find_map(|it| value[it].as_str());
    if let Some(id) = id {
        bench.gate.with_world(|world| {
            let settings = &mut world.datadog.settings;
            settings.read_only_attributes = [(ENROLL.to_owned(), false)].into();
            settings.asked_for_read_only = ReadOnly::Taken;
            let keys = world.datadog.keys().iter().filter(|it| it.is_api_key());
            let keys: Vec<_> = keys.map(|it| it.id.clone()).collect();
            for key in keys {
                world.datadog.switch(&key, ENROLL, key == id);
            }
        });
    }
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

/// Makes a world other than the plain one of it.
async fn change(bench: &Bench, case: Case, world: Setting) {
    let kind = case.subject.kind();
    let set = |change: &dyn Fn(&mut Settings)| {
        bench
            .gate
            .with_world(|world| change(&mut world.datadog.settings));
    };
    match world {
        Setting::Edges => set(&|it| it.edges = edges([0, 5, 10])),
        Setting::FreshAdmin => {
            rotate_admin(bench).await;
            set(&|it| it.edges = edges([0, 4, 8]));
        }
        Setting::LateById => set(&|it| {
            it.edges = vec![Edge {
                by_id: Duration::from_secs(5),
                ..Edge::default()
            }];
        }),
        Setting::UpperCase => set(&|it| it.upper_case_names = true),
        Setting::ShortPages => set(&|it| it.most_per_page = 2),
        Setting::NewShape => set(&|it| it.new_shape = true),
        Setting::OddResources => set(&|it| it.odd_resources = true),
        Setting::EndingTokens => {
            let ending = with(bench.current(kind), "daysToExpiry", json!(365));
            bench.store(kind, &ending);
            rotate(bench, kind, 2).await;
            let id = ids(&bench.current(kind)).remove(0);
            let token = |world: &mut World| world.datadog.key(&id).and_then(Key::expires_at);
            assert!(bench.gate.with_world(token).is_some(), "the new token ends");
        }
        Setting::Forgetful => {
            bench.wait(Duration::from_hours(25)).await;
            bench
                .gate
                .with_world(|world| world.secrets_manager.forgets_versions = true);
        }
        Setting::NumberedDates => set(&|it| it.numbered_dates = true),
        Setting::ErrorsWith200 => set(&|it| {
            it.errors_with_200 = true;
            it.fresh_key_unusable_for = Duration::from_secs(20);
        }),
        Setting::RevokedPrevious => {
            set(&|it| it.deleting_revoked_api_key = StatusCode::FORBIDDEN);
            let previous = bench.value(kind, "AWSPREVIOUS").expect("a previous value");
            for id in ids(&previous) {
                bench.ledger.excuse(&id);
                bench.revoke(&id);
            }
        }
        Setting::OwnPartialArn => {
            let arn = bench.secret(kind);
            name_as_admin(bench, kind, &arn[..arn.len() - "-xxxxxx".len()]);
        }
        Setting::OwnReplicaArn => {
            replicate(
                bench,
                kind,
                REPLICA_REGION,
                Replication::After(Duration::ZERO),
            );
            let arn = bench.secret(kind).replace(REGION, REPLICA_REGION);
            name_as_admin(bench, kind, &arn);
        }
        Setting::LaggingReplica => {
            let lag = Replication::After(Duration::from_secs(5));
            replicate(bench, kind, REPLICA_REGION, lag);
        }
        Setting::FailedReplica => {
            let now = bench.gate.with_world(|world| world.now());
            replicate(
                bench,
                kind,
                REPLICA_REGION,
                Replication::After(Duration::ZERO),
            );
            replicate(bench, kind, REPLICA_ACCOUNT, Replication::FailedSince(now));
        }
        Setting::EnrollsRunners => {
            // Where it can't be read it can't be looked after.
            if case.reads {
                set(&|it| it.read_only_attributes = [(ENROLL.to_owned(), false)].into());
                let ids = ids(&bench.current(kind));
                bench
                    .gate
                    .with_world(|world| world.datadog.switch(&ids[0], ENROLL, true));
            }
        }
        _ => unreachable!("{world} is set elsewhere"),
    }
}

/// The edges come into being afterwards: what is tried is the rotation after this one.
async fn rotate_admin(bench: &Bench) {
    let rotated = bench.rotate(Kind::AdminKey).await;
    rotated.expect("nothing is in the rotation's way");
}

/// Edges that are so many seconds late with everything.
#[must_use]
pub fn edges(late_by: [u64; 3]) -> Vec<Edge> {
    late_by
        .map(|seconds| Edge::late_by(Duration::from_secs(seconds)))
        .into()
}

fn name_as_admin(bench: &Bench, kind: Kind, arn: &str) {
    bench.tag(kind, ADMIN_TAG, arn);
}

fn replicate(bench: &Bench, kind: Kind, place: &str, replication: Replication) {
    bench.gate.with_world(|world| {
        let service = &mut world.secrets_manager;
        service.replicate(bench.secret(kind), place, replication);
    });
}

/// What nobody has done wrong is over: keys can be deleted, replicas follow, Datadog gives new keys what
/// it gave the old one, and a refusal is a refusal.
pub fn mend(bench: &Bench) {
    bench.gate.with_world(|world| {
        world.datadog.allow_deletions();
        world.secrets_manager.mend_replicas();
        let settings = &mut world.datadog.settings;
        settings.errors_with_200 = false;
        settings.validate_v2 = true;
        // Where a creation is not asked, what it gives every key.
        if settings.asked_for_read_only == ReadOnly::Ignored {
            for it in settings.read_only_attributes.values_mut() {
                *it = true;
            }
        }
    });
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

/// A rotation that was given up after createSecret, of whose keys those with these numbers are revoked.
async fn unfinished(bench: &Bench, kind: Kind, revoked: &[usize]) -> RotationJob {
    let job = bench.begin(kind);
    bench
        .deliver(kind, &job, Step::CreateSecret)
        .await
        .expect("nothing is in its way");
    let pending = bench.value(kind, "AWSPENDING").expect("a stored value");
    for which in revoked {
        bench.revoke(&ids(&pending)[*which]);
    }
    bench.wait(Duration::from_mins(20)).await;
    job
}

fn assistant(bench: &Bench, scopes: &[&str]) -> Value {
    bench
        .gate
        .with_world(|world| pair(world, &bench.scene.service_account, scopes))
}

/// A pair in a secret of its own, and a value with its API key.
fn spare(bench: &Bench) -> (String, Value) {
    let value = assistant(bench, &ADMIN_SCOPES);
    let secret = bench.manage(
        "CreateSecret",
        &json!({
            "Name": "datadog/spare",
            "ClientRequestToken": token("spare"),
            "SecretString": value.to_string(),
        }),
    );
    let arn = secret["ARN"].as_str().expect("an ARN").to_owned();
    let own = json!({ "apiKey": value["adminApiKey"], "apiKeyId": value["adminApiKeyId"] });
    (arn, own)
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
    let arn = assistant["ARN"].as_str().expect("an ARN");
    bench.tag(Kind::AdminKey, ADMIN_TAG, arn);
}
