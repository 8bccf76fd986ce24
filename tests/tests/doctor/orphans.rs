//! `datadog-doctor orphans`: which keys it names, and that it deletes those that a sweep would.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use datadog_rotation::Kind;
use datadog_rotation::keys::KeyClass;
use harness::bench::{Bench, DOCUMENTED_SCOPES};
use harness::by_hand::ids;
use harness::case::Fault;
use harness::doctor::CALLER;
use harness::orphans::{every_sort, states};
use sandbox::gate::{Call, Fate, Service};
use sandbox::scene::{ADMIN_SCOPES, SceneOptions};
use serde_json::json;

const API: Kind = Kind::ApiKey;
const APP: Kind = Kind::ApplicationKey;
const ADMIN: Kind = Kind::AdminKey;

const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

pub(super) fn bench(admin_scopes: &[&str]) -> Bench {
    Bench::new(SceneOptions {
        admin_scopes,
        ..SceneOptions::default()
    })
}

pub(super) fn of<'a>(planted: &'a BTreeMap<String, &str>, what: &str) -> BTreeSet<&'a String> {
    let those = planted.iter().filter(|(_, it)| **it == what);
    those.map(|(id, _)| id).collect()
}

pub(super) async fn rotated(admin_scopes: &[&str], kind: Kind) -> Bench {
    let bench = bench(admin_scopes);
    for _ in 0..2 {
        bench.rotate(kind).await.unwrap();
        bench.wait(20 * MINUTE).await;
    }
    bench
}

/// The process may die, or the answer be lost, at the first deletion or the second.
#[tokio::test(start_paused = true)]
async fn a_deletion_that_is_disturbed_is_done_by_the_next_run() {
    for (kind, fault, at) in Kind::ALL
        .into_iter()
        .flat_map(|kind| Fault::ALL.map(|fault| (kind, fault)))
        .flat_map(|(kind, fault)| [1, 2].map(|at| (kind, fault, at)))
    {
        let bench = rotated(&ADMIN_SCOPES, kind).await;
        let planted = every_sort(&bench, kind);
        let (before, mut deletions) = (bench.live(), 0);
        bench.gate.follow(move |call: &Call| {
            let is_deletion = call.operation.starts_with("DELETE ");
            deletions += u32::from(is_deletion);
            if is_deletion && deletions == at {
                fault.fate()
            } else {
                Fate::Pass
            }
        });
        let deleting = ["orphans", bench.secret(kind), "--json", "--delete"];
        let (way, now) = (bench.way(CALLER), bench.gate.with_world(|it| it.now()));
        let killed = Arc::clone(&way.killed);
        tokio::select! {
            _ = bench.doctor_at(now.into(), way, &deleting) => {}
            () = killed.notified() => {}
        }
        let met = bench.gate.calls();
        let met = met.iter().filter(|it| it.fate != Fate::Pass.name());
        assert_eq!(met.count(), 1, "{fault}");

        bench.gate.follow(|_: &Call| Fate::Pass);
        bench.wait(MINUTE).await;
        bench.doctor(&deleting).await;
        let deleted: BTreeSet<_> = before.difference(&bench.live()).cloned().collect();
        for id in of(&planted, "deletable") {
            assert!(deleted.contains(id), "{} {fault}: {id} lives", kind.name());
        }
        let may_be = ["deletable", "young"]; // which a minute has made old
        for id in &deleted {
            let sort = planted.get(id).copied();
            let may_be = sort.is_some_and(|it| may_be.contains(&it));
            assert!(may_be, "{} {fault}: {id} was {sort:?}", kind.name());
        }
        bench.rotate(kind).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn each_sort_of_key_is_told_and_the_deletable_alone_are_deleted() {
    for kind in Kind::ALL {
        let bench = rotated(&ADMIN_SCOPES, kind).await;
        let planted = every_sort(&bench, kind);
        let before = bench.live();
        let told = bench
            .doctor(&["orphans", bench.secret(kind), "--json"])
            .await;
        assert!(!told.fine);
        assert_eq!(bench.live(), before, "a list deletes nothing");
        let told = states(&told);
        let mut expected = planted.clone();
        expected.retain(|_, it| *it != "not ours");
        let expected: BTreeMap<_, _> = expected
            .into_iter()
            .map(|(id, it)| (id, it.to_owned()))
            .collect();
        assert_eq!(told, expected, "{}", kind.name());

        let deleting = ["orphans", bench.secret(kind), "--json", "--delete"];
        let document = bench.doctor(&deleting).await.json();
        let after = bench.live();
        let deleted: BTreeSet<_> = before.difference(&after).collect();
        assert_eq!(deleted, of(&planted, "deletable"));
        for key in document["secrets"][0]["keys"].as_array().unwrap() {
            assert_eq!(key["deleted"], key["state"] == "deletable", "{key}");
        }
        assert_eq!(document["summary"]["deleted"], deleted.len());

        let again = bench.doctor(&deleting).await.json();
        assert_eq!(again["summary"]["deletable"], 0);
        assert_eq!(bench.live(), after);
        bench.rotate(kind).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_of_which_a_part_is_read_is_not_called_clean() {
    let bench = rotated(&ADMIN_SCOPES, APP).await;
    let names = "aws-sm-app-key-datadog/app-key";
    bench.gate.with_world(|world| {
        let (now, account) = (world.now(), &bench.scene.service_account);
        world.datadog.settings.most_per_page = 1;
        for number in 0..25 {
            let name = format!("{names}-{number}");
            world
                .datadog
                .create_application_key(now, account, &name, None);
        }
    });
    let told = bench
        .doctor(&["orphans", bench.secret(APP), "--json"])
        .await;
    let document = told.json();
    assert_eq!(document["secrets"][0]["cut"], json!(["application_key"]));
    assert_eq!(document["summary"]["cut"], 1);
    assert_eq!((told.fine, &document["ok"]), (false, &json!(false)));
    let told = bench.doctor(&["orphans", bench.secret(APP)]).await;
    let words = "cut  Datadog lists more application keys than could be read";
    assert!(told.output.contains(words), "{}", told.output);
    assert!(!told.output.contains("There is no orphaned key."));

    bench
        .gate
        .with_world(|world| world.datadog.settings.most_per_page = 100);
    let whole = bench
        .doctor(&["orphans", bench.secret(APP), "--json"])
        .await;
    assert_eq!(whole.json()["secrets"][0]["cut"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn without_api_keys_read_it_says_that_it_sees_no_api_keys() {
    for kind in Kind::ALL {
        let bench = rotated(&DOCUMENTED_SCOPES, kind).await;
        let planted = every_sort(&bench, kind);
        let before = bench.live();
        let told = bench
            .doctor(&["orphans", bench.secret(kind), "--json", "--delete"])
            .await;
        let secret = &told.json()["secrets"][0];
        let has_api = kind.classes().contains(&KeyClass::Api);
        let unlisted: &[&str] = if has_api { &["api_key"] } else { &[] };
        assert_eq!(secret["unlisted"], json!(unlisted));
        let keys = secret["keys"].as_array().unwrap();
        let listed = match kind {
            Kind::ServiceAccessToken => "access_token",
            _ => "application_key",
        };
        assert!(keys.iter().all(|it| it["class"] == listed));
        assert_eq!(keys.is_empty(), kind == API);
        let after = bench.live();
        let api_keys = bench.gate.with_world(|world| {
            let keys = world.datadog.keys().iter();
            let keys = keys.filter(|it| it.is_api_key());
            keys.map(|it| it.id.clone()).collect::<BTreeSet<_>>()
        });
        let mut due = of(&planted, "deletable");
        due.retain(|id| !api_keys.contains(*id));
        assert_eq!(before.difference(&after).collect::<BTreeSet<_>>(), due);

        let told = bench.doctor(&["orphans", bench.secret(kind)]).await;
        let says = told
            .output
            .contains("can't be listed without the scope api_keys_read");
        assert_eq!(says, has_api, "{}", told.output);
    }
}

#[tokio::test(start_paused = true)]
async fn beside_a_value_that_can_not_be_read_nothing_is_deleted() {
    for kind in Kind::ALL {
        let bench = rotated(&ADMIN_SCOPES, kind).await;
        let sound = bench.by_hand(kind);
        bench.store(kind, &json!({ "note": "anything" }));
        bench.store(kind, &sound);
        let planted = every_sort(&bench, kind);
        let before = bench.live();
        let told = bench
            .doctor(&["orphans", bench.secret(kind), "--json", "--delete"])
            .await;
        let told = states(&told);
        assert!(told.values().all(|it| it == "undecided"), "{told:?}");
        assert!(
            of(&planted, "deletable")
                .iter()
                .all(|it| told.contains_key(*it))
        );
        assert_eq!(bench.live(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_pending_version_holds_is_kept_and_what_it_lost_is_not() {
    for kind in Kind::ALL {
        let bench = rotated(&ADMIN_SCOPES, kind).await;
        let job = bench.begin(kind);
        let mut minted = 0;
        bench.gate.follow(move |call: &Call| {
            minted += usize::from(call.operation.starts_with("POST "));
            let is_mint = call.operation.starts_with("POST ") && minted == 1;
            if is_mint { Fate::KillAfter } else { Fate::Pass }
        });
        let create = sandbox::rotation::event(&job, sandbox::rotation::Step::CreateSecret);
        assert!(bench.function(kind).deliver(&create).await.is_none());
        let lost = bench
            .gate
            .with_world(|it| it.datadog.keys().last().unwrap().id.clone());

        // No value yet, and the key is young: nothing is known.
        let young = bench
            .doctor(&["orphans", bench.secret(kind), "--json", "--delete"])
            .await;
        assert_eq!(states(&young), [(lost.clone(), "young".to_owned())].into());
        assert!(young.fine, "{}", young.output);

        bench.wait(20 * MINUTE).await;
        bench
            .function(kind)
            .deliver(&create)
            .await
            .unwrap()
            .unwrap();
        let pending = ids(&bench.value(kind, "AWSPENDING").unwrap());
        bench.wait(20 * MINUTE).await;
        // A redelivery sweeps what its own token lost, so that it has to be planted once more.
        let planted: Vec<_> = kind
            .classes()
            .iter()
            .map(|class| bench.plant(kind, *class, &job.token, 16 * MINUTE))
            .collect();
        let told = bench
            .doctor(&["orphans", bench.secret(kind), "--json", "--delete"])
            .await;
        assert!(told.fine, "{}", told.output);
        assert!(planted.iter().chain([&lost]).all(|it| !bench.is_live(it)));
        assert!(pending.iter().all(|it| bench.is_live(it)));
        bench.give_up(&job);
        bench.rotate(kind).await.unwrap();
        bench.assert_settled();
    }
}

#[tokio::test(start_paused = true)]
async fn names_that_others_gave_can_not_steer_a_terminal() {
    let bench = bench(&ADMIN_SCOPES);
    let stem = bench.names(API, bench.secret(API)).stem(KeyClass::Api);
    let _key = bench.make(KeyClass::Api, &format!("{stem}20260101-\u{1b}[31mX"), DAY);
    let told = bench.doctor(&["orphans", bench.secret(API)]).await;
    assert!(told.output.contains("\\u{1b}[31mX"), "{}", told.output);
    assert!(told.output.chars().all(|it| it == '\n' || !it.is_control()));
}

#[tokio::test(start_paused = true)]
async fn the_keys_that_act_are_never_deleted() {
    let bench = bench(&ADMIN_SCOPES);
    let current = bench.labelled(APP, "AWSCURRENT").unwrap();
    // By mistake or by malice the admin's key bears the name of a version that does not hold it.
    let acting = bench.plant(APP, KeyClass::Application, &current, DAY);
    let mut admin = bench.current(ADMIN);
    bench.gate.with_world(|world| {
        world.datadog.set_scopes(&acting, Some(&ADMIN_SCOPES));
        admin["adminAppKey"] = json!(world.datadog.key(&acting).unwrap().value);
    });
    admin["adminAppKeyId"] = json!(acting);
    bench.store(ADMIN, &admin);
    let told = bench
        .doctor(&["orphans", bench.secret(APP), "--json", "--delete"])
        .await;
    assert_eq!(told.json()["summary"]["orphans"], 0, "{}", told.output);
    assert!(bench.is_live(&acting));
}

#[tokio::test(start_paused = true)]
async fn keys_of_another_account_are_not_asked_for() {
    let bench = bench(&ADMIN_SCOPES);
    let mut value = bench.current(APP);
    value["serviceAccountId"] = json!(bench.scene.administrator.api_key.id);
    bench.store(APP, &value);
    let told = bench
        .doctor(&["orphans", bench.secret(APP), "--json"])
        .await;
    let error = &told.json()["secrets"][0]["error"]["error_type"];
    assert_eq!(error, "ServiceAccountMismatch");
    assert!(!told.fine);
    let calls = bench.gate.calls();
    assert!(
        calls
            .iter()
            .all(|it| it.call.service == Service::SecretsManager)
    );
}

/// A person stored the value: no key of the version's name is the one that it names.
#[tokio::test(start_paused = true)]
async fn a_key_that_may_be_the_one_in_use_is_told_and_left() {
    let bench = bench(&ADMIN_SCOPES);
    let current = bench.labelled(APP, "AWSCURRENT").unwrap();
    let doubted = bench.plant(APP, KeyClass::Application, &current, DAY);
    let secret = bench.secret(APP);
    let told = bench
        .doctor(&["orphans", secret, "--json", "--delete"])
        .await;
    assert_eq!(states(&told)[&doubted], "undecided", "{}", told.output);
    let told = bench.doctor(&["orphans", secret, "--delete"]).await;
    assert!(
        told.output
            .contains("whose value names no key of that name"),
        "{}",
        told.output
    );
    assert!(bench.is_live(&doubted));
}
