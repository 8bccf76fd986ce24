//! Values that stand beside another key's ID: the key of such a value lives.

use std::time::Duration;

use datadog_rotation::Kind;
use datadog_rotation::credential::Grace;
use harness::bench::Bench;
use harness::by_hand::{ids, with};
use http::StatusCode;
use sandbox::gate::{Call, Fate};
use sandbox::rotation::Step;
use sandbox::scene::SceneOptions;
use sandbox::secrets_manager::Replication;
use serde_json::Value;

const DAY: Duration = Duration::from_hours(24);

const AGE_FLOOR: Duration = Duration::from_mins(16);

/// The types with the fields of a value's key and ID, and of the admin pair's.
const HALVES: [(Kind, [&str; 4]); 2] = [
    (
        Kind::ApiKey,
        ["apiKey", "apiKeyId", "adminApiKey", "adminApiKeyId"],
    ),
    (
        Kind::ApplicationKey,
        ["appKey", "appKeyId", "adminAppKey", "adminAppKeyId"],
    ),
];

fn bench() -> Bench {
    Bench::new(SceneOptions::default())
}

/// The value with the ID of a key that somebody made by hand, in this field.
fn beside_another_id(bench: &Bench, kind: Kind, id: &str, value: Value) -> Value {
    with(value, id, bench.by_hand(kind)[id].clone())
}

#[tokio::test(start_paused = true)]
async fn an_admins_key_outlives_a_stale_id_beside_it() {
    for (kind, [key, id, admin_key, admin_id]) in HALVES {
        let bench = bench();
        let admin = bench.current(Kind::AdminKey);
        let shared = with(bench.current(kind), key, admin[admin_key].clone());
        let shared = with(shared, id, admin[admin_id].clone());
        let others = bench.by_hand(kind)[id].clone();
        bench.store(Kind::AdminKey, &with(admin.clone(), admin_id, others));
        bench.store(kind, &shared);
        for _ in 0..2 {
            bench.wait(DAY).await;
            let rotated = bench.rotate(kind).await;
            assert!(rotated.is_ok(), "{rotated:?}: {}", bench.story());
        }
        let id = admin[admin_id].as_str().unwrap();
        assert!(bench.is_live(id), "{}", bench.story());
    }
}

#[tokio::test(start_paused = true)]
async fn the_key_in_use_outlives_another_id_beside_it() {
    for (kind, [_, id, ..]) in HALVES {
        let bench = bench();
        bench.rotate(kind).await.unwrap();
        let value = bench.current(kind);
        bench.wait(AGE_FLOOR).await;
        let job = bench.begin(kind);
        bench.deliver(kind, &job, Step::CreateSecret).await.unwrap();
        // Twice, so that AWSPREVIOUS does not name the key either.
        for label in ["FIRST", "SECOND"] {
            let stored = beside_another_id(&bench, kind, id, value.clone());
            bench.store_aside(kind, label, &stored);
            bench.make_current(kind, label);
        }
        bench.wait(AGE_FLOOR).await;
        bench.deliver(kind, &job, Step::CreateSecret).await.unwrap();
        assert!(bench.is_live(&ids(&value)[0]), "{}", bench.story());
    }
}

#[tokio::test(start_paused = true)]
async fn the_key_with_grace_outlives_another_id_beside_it() {
    let (kind, bench) = (Kind::ApiKey, bench());
    bench.rotate(kind).await.unwrap();
    let value = bench.current(kind);
    let stored = beside_another_id(&bench, kind, "apiKeyId", value.clone());
    bench.store(kind, &stored);
    bench.store(kind, &bench.by_hand(kind));
    bench.wait(AGE_FLOOR).await;
    let job = bench.begin(kind);
    bench.deliver(kind, &job, Step::CreateSecret).await.unwrap();
    assert!(bench.is_live(&ids(&value)[0]), "{}", bench.story());
}

#[tokio::test(start_paused = true)]
async fn a_key_that_a_failed_replica_serves_outlives_its_version() {
    for (kind, place) in Kind::ALL
        .into_iter()
        .zip(["eu-west-1", "210987654321"].into_iter().cycle())
    {
        let bench = bench();
        bench.rotate(kind).await.unwrap();
        let served = bench.current(kind);
        bench.wait(DAY).await;
        bench.gate.with_world(|world| {
            let (now, secret) = (world.now(), bench.secret(kind));
            let failed = Replication::FailedSince(now);
            world.secrets_manager.replicate(secret, place, failed);
        });
        // Of types without grace it fails after the promotion, of the others the next one.
        let rotated = bench.rotate(kind).await;
        let has_grace = kind.grace() == Grace::OneRotation;
        assert_eq!(rotated.is_ok(), has_grace, "{rotated:?}");
        for _ in 0..2 {
            bench.store(kind, &bench.by_hand(kind));
        }
        bench.wait(DAY).await;
        let job = bench.begin(kind);
        bench.deliver(kind, &job, Step::CreateSecret).await.unwrap();
        for id in ids(&served) {
            assert!(bench.is_live(&id), "{}: {}", kind.name(), bench.story());
        }
    }
}

/// A rotation created the key, and somebody copied its value into the admin secret and forgot the ID.
#[tokio::test(start_paused = true)]
async fn an_admins_key_that_a_rotation_created_outlives_a_stale_id_beside_it() {
    let (kind, bench) = (Kind::ApiKey, bench());
    bench.rotate(kind).await.unwrap();
    let copied = bench.current(kind);
    let admin = bench.current(Kind::AdminKey);
    bench.store(
        Kind::AdminKey,
        &with(admin, "adminApiKey", copied["apiKey"].clone()),
    );
    for _ in 0..4 {
        bench.wait(AGE_FLOOR).await;
        let rotated = bench.rotate(kind).await;
        assert!(rotated.is_ok(), "{rotated:?}: {}", bench.story());
    }
    assert!(bench.is_live(&ids(&copied)[0]), "{}", bench.story());
}

/// One that can't be deleted must not stop every rotation from then on.
#[tokio::test(start_paused = true)]
async fn an_orphaned_key_that_can_not_be_deleted_stops_no_rotation() {
    for kind in Kind::ALL {
        let bench = bench();
        bench.rotate(kind).await.unwrap();
        let orphaned = ids(&bench.current(kind));
        for _ in 0..2 {
            bench.store(kind, &bench.by_hand(kind));
        }
        bench.wait(AGE_FLOOR).await;
        let first = orphaned[0].clone();
        bench.gate.follow(move |call: &Call| {
            let is_its_deletion = call.operation.starts_with("DELETE")
                && call.subject.as_deref() == Some(first.as_str());
            if is_its_deletion {
                Fate::Refuse(StatusCode::FORBIDDEN)
            } else {
                Fate::Pass
            }
        });
        let rotated = bench.rotate(kind).await;
        assert!(rotated.is_ok(), "{rotated:?}: {}", bench.story());
        bench.gate.follow(|_: &Call| Fate::Pass);
        bench.wait(AGE_FLOOR).await;
        bench.rotate(kind).await.unwrap();
        for id in &orphaned {
            assert!(!bench.is_live(id), "{}: {}", kind.name(), bench.story());
        }
    }
}
