//! What is left, by this probe or an earlier one: told, found, and deleted if it is a probe's.

use std::time::Duration;

use harness::bench::Bench;
use harness::doctor::CALLER;
use harness::probe::{WHO, inventory, left, world, world_without};
use http::StatusCode;
use sandbox::gate::{Call, Fate};
use sandbox::scene::Admin;
use serde_json::{Value, json};
use tokio::sync::Notify;

const MINUTE: Duration = Duration::from_mins(1);

/// A probe that dies after the POST of this path.
async fn killed_after(bench: &Bench, path: &'static str) {
    bench.gate.follow(move |call: &Call| {
        if call.operation == format!("POST {path}") {
            Fate::KillAfter
        } else {
            Fate::Pass
        }
    });
    let probed = bench.probe_until(&Notify::new()).await;
    assert!(probed.told.is_none());
    for name in left(bench) {
        assert!(probed.notes.contains(&name), "{name}: {}", probed.notes);
    }
    bench.gate.follow(|_: &Call| Fate::Pass);
}

const POSTS: [&str; 4] = [
    "/api/v2/api_keys",
    "/api/v2/service_accounts/{id}/application_keys",
    "/api/v2/service_accounts/{id}/access_tokens",
    "/api/v2/cloud_auth/aws/persona_mapping",
];

fn earlier(document: &Value) -> Vec<(&str, &str)> {
    let things = document["throwaway"].as_array().into_iter().flatten();
    let earlier = things.filter(|it| it["earlier"] == true);
    earlier
        .map(|it| (it["name"].as_str().unwrap(), it["state"].as_str().unwrap()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn what_a_killed_probe_has_left_the_next_deletes_and_names() {
    for admin in WHO {
        for path in POSTS {
            let bench = world(admin);
            let before = inventory(&bench);
            killed_after(&bench, path).await;
            let names = left(&bench);
            assert!(!names.is_empty());
            bench.wait(5 * MINUTE).await;
            let told = bench.probe().await;
            assert_eq!(inventory(&bench), before);
            let document = told.json();
            let mut deleted = earlier(&document);
            deleted.sort_unstable();
            let mut expected: Vec<_> = names.iter().map(|it| (it.as_str(), "deleted")).collect();
            expected.sort_unstable();
            assert_eq!(deleted, expected);
            assert!(told.fine, "{document:#}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_young_may_be_another_probes() {
    for path in POSTS {
        let bench = world(Admin::Pair);
        killed_after(&bench, path).await;
        let names = left(&bench);
        bench.wait(4 * MINUTE).await;
        let told = bench.probe().await;
        assert_eq!(left(&bench), names);
        let mut young: Vec<_> = told.json()["young"].as_array().unwrap().clone();
        young.sort_by_key(ToString::to_string);
        let mut expected: Vec<_> = names.iter().map(|it| json!(it)).collect();
        expected.sort_by_key(ToString::to_string);
        assert_eq!(young, expected);
        assert!(told.fine);
    }
}

/// Of an hour ago, in the world's own time.
fn old_name(bench: &Bench) -> String {
    let seconds = bench
        .gate
        .with_world(|world| world.now().unix_timestamp() - 3600);
    format!("datadog-doctor-probe-{seconds}-abcdef")
}

#[tokio::test(start_paused = true)]
async fn what_is_alike_and_not_a_probes_is_left_alone() {
    let bench = world(Admin::Pair);
    let name = old_name(&bench);
    bench.gate.with_world(|world| {
        let (now, account) = (world.now(), bench.scene.service_account.clone());
        let datadog = &mut world.datadog;
        let other = datadog.create_service_account(now, "other", &["dashboards_read"]);
        let hour = Duration::from_hours(1);
        // Made by a person.
        let id = datadog.create_api_key(now, &name).id;
        datadog.backdate(&id, now - hour);
        // Of another account.
        let id = datadog.create_application_key(now, &other, &name, None).id;
        datadog.backdate(&id, now - hour);
        // Named almost like it.
        for name in [
            format!("{name}2"),
            format!("my-{name}"),
            "datadog-doctor-probe-".into(),
        ] {
            let id = datadog
                .create_application_key(now, &account, &name, None)
                .id;
            datadog.backdate(&id, now - hour);
        }
        // Of the right name, and made a moment ago.
        datadog.create_application_key(now, &account, &name, None);
        datadog.map_identity(
            &format!("arn:aws:sts::123456789012:assumed-role/{name}/*"),
            &other,
        );
        datadog.map_identity(
            &format!("arn:aws:sts::123456789012:assumed-role/{name}/x"),
            &account,
        );
    });
    let before = inventory(&bench);
    let told = bench.probe().await;
    assert_eq!(inventory(&bench), before, "{}", told.output);
    assert_eq!(told.json()["young"], json!([name]));
}

/// What is looked for after a lost answer bears the very name that was told.
#[tokio::test(start_paused = true)]
async fn a_lost_thing_is_not_taken_for_another_probes() {
    for path in POSTS {
        let bench = world(Admin::Pair);
        killed_after(&bench, path).await;
        let names = left(&bench);
        bench.wait(MINUTE).await;
        bench.gate.follow(move |call: &Call| {
            if call.operation == format!("POST {path}") {
                Fate::CutBefore
            } else {
                Fate::Pass
            }
        });
        let told = bench.probe().await;
        assert_eq!(left(&bench), names, "{}", told.output);
        assert!(!told.fine);
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_at_a_desk_whose_clock_is_ahead_deletes_nothing_young() {
    let bench = world(Admin::Pair);
    killed_after(&bench, POSTS[2]).await;
    let names = left(&bench);
    let now = bench.gate.with_world(|world| world.now()) + Duration::from_hours(2);
    let secret = bench.scene.secrets.admin_key.clone();
    let arguments = [
        "probe",
        "--mappings",
        "123456789012",
        "--admin-secret",
        &secret,
    ];
    bench
        .doctor_at(now.into(), bench.way(CALLER), &arguments)
        .await;
    assert_eq!(left(&bench), names);
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_deleted_is_named_with_what_to_do() {
    for (operation, class, place) in [
        ("DELETE /api/v2/api_keys/{id}", "api_key", "API Keys"),
        (
            "DELETE /api/v2/service_accounts/{id}/application_keys/{id}",
            "application_key",
            "Service Accounts",
        ),
        (
            "DELETE /api/v2/service_accounts/{id}/access_tokens/{id}",
            "service_access_token",
            "Service Accounts",
        ),
        (
            "DELETE /api/v2/cloud_auth/aws/persona_mapping/{id}",
            "identity_mapping",
            "Workload Identity Federation",
        ),
    ] {
        for fate in [
            || Fate::Refuse(StatusCode::FORBIDDEN),
            || Fate::FailBefore,
            || Fate::SilenceBefore,
        ] {
            let bench = world(Admin::Pair);
            let before = inventory(&bench);
            bench.gate.follow(move |call: &Call| {
                if call.operation == operation {
                    fate()
                } else {
                    Fate::Pass
                }
            });
            let probed = bench.probe_until(&Notify::new()).await;
            let told = probed.told.unwrap();
            assert!(!told.fine);
            assert!(probed.took <= MINUTE, "{:?}", probed.took);
            let names = left(&bench);
            assert_eq!(names.len(), 1, "{names:?}");
            let document = told.json();
            let things = document["throwaway"].as_array().unwrap();
            let kept: Vec<_> = things.iter().filter(|it| it["state"] == "left").collect();
            assert_eq!(kept.len(), 1, "{document:#}");
            assert_eq!(kept[0]["class"], class);
            assert_eq!(kept[0]["name"], names[0].as_str());
            assert!(kept[0]["trouble"].is_string(), "{document:#}");
            assert!(kept[0]["advice"].as_str().unwrap().contains(place));

            bench.gate.follow(|_: &Call| Fate::Pass);
            bench.wait(10 * MINUTE).await;
            bench.probe().await;
            assert_eq!(inventory(&bench), before);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_api_keys_read_a_key_that_was_lost_is_named() {
    for (fate, is_made) in [(Fate::CutAfter, true), (Fate::CutBefore, false)] {
        let bench = world_without(Admin::Pair, &["api_keys_read"]);
        let mut fate = Some(fate);
        bench.gate.follow(move |call: &Call| {
            let is_it = call.operation == "POST /api/v2/api_keys";
            fate.take_if(|_| is_it).unwrap_or(Fate::Pass)
        });
        let told = bench.probe().await;
        let names = left(&bench);
        assert_eq!(names.len(), usize::from(is_made));
        assert!(!told.fine);
        let document = told.json();
        let things = document["throwaway"].as_array().unwrap();
        let lost: Vec<_> = things
            .iter()
            .filter(|it| it["state"] == "perhaps_left")
            .collect();
        assert_eq!(lost.len(), 1, "{document:#}");
        assert!(
            lost[0]["trouble"]
                .as_str()
                .unwrap()
                .contains("api_keys_read")
        );
        for name in names {
            assert_eq!(lost[0]["name"], name.as_str());
        }
    }
}
