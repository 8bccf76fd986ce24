//! The doctor beside keyless rotations: it looks with an identity of its own.

use std::collections::BTreeSet;
use std::time::Duration;

use datadog_rotation::Kind;
use datadog_rotation::inspect::checkup::Check;
use harness::bench::Bench;
use harness::doctor::{CALLER, line, of_status};
use harness::orphans::every_sort;
use sandbox::scene::{Admin, SceneOptions, role_of, trust};

use super::orphans::of;

const MODES: [Admin; 2] = [Admin::Identity, Admin::IdentityOfVariables];

fn keyless(admin: Admin) -> Bench {
    Bench::new(SceneOptions {
        admin,
        ..SceneOptions::default()
    })
}

fn trust_the_doctor(bench: &Bench) {
    let account = &bench.scene.service_account;
    bench
        .gate
        .with_world(|world| trust(world, &role_of(CALLER), account));
}

#[tokio::test(start_paused = true)]
async fn a_mapped_identity_is_looked_at_like_a_pair() {
    for admin in MODES {
        let bench = keyless(admin);
        trust_the_doctor(&bench);
        for kind in Kind::ALL {
            let checkup = bench.checkup(bench.secret(kind)).await;
            assert_eq!(checkup["type"], kind.name());
            let of_kind = Check::ALL.into_iter().filter(|it| it.is_of(kind));
            let of_kind: Vec<_> = of_kind.map(Check::word).collect();
            assert_eq!(of_status(&checkup, "ok"), of_kind, "{checkup:#}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_identity_of_its_own_that_is_not_mapped_proves_nothing() {
    for admin in MODES {
        let bench = keyless(admin);
        for kind in Kind::ALL {
            let checkup = bench.checkup(bench.secret(kind)).await;
            assert_eq!(checkup["ok"], true, "{checkup:#}");
            let keys = line(&checkup, "admin_keys");
            assert_eq!(keys["status"], "unknown", "{checkup:#}");
            let text = keys["text"].as_str().expect("a text");
            assert!(text.contains("that function alone can tell"), "{text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn permissions_that_are_missing_are_named() {
    let bench = keyless(Admin::IdentityOfVariables);
    trust_the_doctor(&bench);
    let account = &bench.scene.service_account;
    bench
        .gate
        .with_world(|world| world.datadog.set_permissions(account, &["api_keys_write"]));
    let checkup = bench.checkup(bench.secret(Kind::ApiKey)).await;
    let scopes = line(&checkup, "scopes");
    assert_eq!(scopes["error_type"], "MissingScope", "{checkup:#}");
    let text = scopes["text"].as_str().expect("a text");
    assert!(text.contains("api_keys_delete"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn orphans_are_deleted_without_an_admin_key() {
    for kind in [Kind::ApiKey, Kind::ApplicationKey] {
        let bench = keyless(Admin::IdentityOfVariables);
        trust_the_doctor(&bench);
        for _ in 0..2 {
            bench.rotate(kind).await.unwrap();
            bench.wait(Duration::from_mins(20)).await;
        }
        let (planted, before) = (every_sort(&bench, kind), bench.live());
        bench
            .doctor(&["orphans", bench.secret(kind), "--delete"])
            .await;
        let live = bench.live();
        let deleted: BTreeSet<_> = before.difference(&live).collect();
        assert_eq!(deleted, of(&planted, "deletable"));
    }
}
