//! All answers, in worlds that are known to be so.

use std::time::Duration;

use harness::bench::Bench;
use harness::probe::{WHO, answer, answered, inventory, world, world_without};
use sandbox::datadog::{Expires, RateLimit, Settings, TokenHeader};
use sandbox::gate::Service;
use sandbox::scene::Admin;
use serde_json::{Value, json};

use super::REVOKED_AGAIN;

/// What an organisation in which all works as expected has a conflict about.
const CONFLICTS: [&str; 2] = ["identity_mapping_created_again", "intake_mapping_created"];

async fn probed(bench: &Bench, settle: impl FnOnce(&mut Settings)) -> Value {
    bench
        .gate
        .with_world(|world| settle(&mut world.datadog.settings));
    let before = inventory(bench);
    let told = bench.probe().await;
    assert_eq!(inventory(bench), before, "{}", told.output);
    told.json()
}

#[tokio::test(start_paused = true)]
async fn where_all_works_it_says_so_and_leaves_nothing() {
    for admin in WHO {
        let bench = world(admin);
        let before = inventory(&bench);
        let told = bench.probe().await;
        let document = told.json();
        assert!(told.fine, "{document:#}");
        let [first, second] = CONFLICTS;
        let denied = [REVOKED_AGAIN, first, second];
        assert_eq!(answered(&document, "no"), denied, "{document:#}");
        assert!(answered(&document, "unknown").is_empty(), "{document:#}");
        let of_keyless = ["identity_mapped", "token_life", "service_account"];
        let yes = answered(&document, "yes");
        let is_keyless = admin != Admin::Pair;
        assert!(of_keyless.iter().all(|it| yes.contains(it) == is_keyless));
        assert_eq!(yes.contains(&"pair_accepted"), !is_keyless);
        assert_eq!(document["admin"]["keyless"], is_keyless);
        let account = &bench.scene.service_account;
        assert_eq!(document["admin"]["service_account"], json!(account));
        assert_eq!(inventory(&bench), before);

        let things = document["throwaway"].as_array().unwrap();
        assert_eq!(things.len(), 4, "{document:#}");
        for thing in things {
            assert_eq!(thing["state"], "deleted");
            assert!(told.notes.contains(thing["name"].as_str().unwrap()));
        }
        for (question, seen) in [
            ("api_key_created", "201"),
            ("api_key_deleted_again", "404"),
            ("application_key_deleted_again", "404"),
            ("service_access_token_created", "201"),
            (REVOKED_AGAIN, "204"),
            ("identity_mapping_created_again", "409: "),
            ("mapping_deleted", "204"),
            ("mapping_deleted_again", "404"),
        ] {
            let told = answer(&document, question)["seen"].as_str().unwrap();
            assert!(told.starts_with(seen), "{question}: {told}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_mappings_none_is_made_or_looked_for() {
    let bench = world(Admin::Pair);
    let secret = bench.scene.secrets.admin_key.clone();
    let told = bench
        .doctor(&["probe", "--json", "--admin-secret", &secret])
        .await;
    assert!(told.fine, "{}", told.output);
    let document = told.json();
    assert!(!told.output.contains("mapping"), "{}", told.output);
    assert!(!answered(&document, "yes").is_empty());
    let calls = bench.gate.calls();
    assert!(
        calls
            .iter()
            .all(|it| !it.call.operation.contains("cloud_auth"))
    );
}

#[tokio::test(start_paused = true)]
async fn times_are_told_as_they_are() {
    let (three, five, four) = (3, 5, 4);
    let document = probed(&world(Admin::IdentityOfVariables), |settings| {
        settings.fresh_key_unusable_for = Duration::from_secs(three);
        settings.fresh_key_unlisted_for = Duration::from_secs(five);
        settings.revoked_key_usable_for = Duration::from_secs(four);
        settings.fresh_mapping_hidden_for = Duration::from_mins(1);
    })
    .await;
    for (question, seconds) in [
        ("api_key_valid", three),
        ("api_key_listed", five),
        ("api_key_refused", four),
        ("service_access_token_accepted", three),
        ("service_access_token_refused", four),
        ("application_key_accepted", three),
        ("application_key_refused", four),
        ("identity_mapping_found", 0),
    ] {
        let ms = answer(&document, question)["ms"].as_u64();
        let ms = ms.unwrap_or_else(|| panic!("{question}: {document:#}"));
        assert!(
            (seconds * 1000..=seconds * 1000 + 1250).contains(&ms),
            "{question}: {ms}"
        );
    }
    // Refused in both ways that are documented, and found at the third look.
    let seen = &answer(&document, "api_key_valid")["seen"];
    assert!(seen.as_str().unwrap().contains("403"), "{seen}");
    let seen = &answer(&document, "identity_mapping_found")["seen"];
    assert_eq!(seen, "404 (2 times), 200");
}

#[tokio::test(start_paused = true)]
async fn what_takes_too_long_is_not_waited_for() {
    for (question, settle) in [
        (
            "api_key_valid",
            (|it| it.fresh_key_unusable_for = Duration::from_mins(2)) as fn(&mut Settings),
        ),
        ("api_key_listed", |it| {
            it.fresh_key_unlisted_for = Duration::from_mins(2);
        }),
        ("api_key_refused", |it| {
            it.revoked_key_usable_for = Duration::from_mins(2);
        }),
        ("application_key_refused", |it| {
            it.revoked_key_usable_for = Duration::from_mins(2);
        }),
    ] {
        let bench = world(Admin::Pair);
        let begun = tokio::time::Instant::now();
        let document = probed(&bench, settle).await;
        let told = answer(&document, question);
        assert_eq!(told["answer"], "unknown", "{told}");
        let seen = told["seen"].as_str().unwrap();
        assert!(seen.starts_with("not within 12 s: "), "{seen}");
        assert!(begun.elapsed() <= Duration::from_mins(1));
        assert_eq!(document["end"], "done", "{document:#}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_was_never_seen_to_work_is_not_said_to_end() {
    let document = probed(&world(Admin::Pair), |it| {
        it.fresh_key_unusable_for = Duration::from_mins(2);
    })
    .await;
    for question in [
        "api_key_refused",
        "application_key_refused",
        "service_access_token_refused",
    ] {
        let told = answer(&document, question);
        assert_eq!(told["answer"], "unknown", "{told}");
        assert_eq!(told["seen"], "not asked: it was never seen to work");
    }
}

#[tokio::test(start_paused = true)]
async fn the_life_of_a_token_is_told_in_whatever_form_it_comes() {
    for (form, word, ms) in [
        (Expires::Text, "string of seconds", json!(600_000)),
        (Expires::Number, "number of seconds", json!(600_000)),
        (Expires::Date, "RFC 3339", json!(600_000)),
        (Expires::Untold, "not told", Value::Null),
    ] {
        let document = probed(&world(Admin::Identity), |settings| {
            settings.token_expires = form;
            settings.token_life = Duration::from_mins(10);
        })
        .await;
        let told = answer(&document, "token_life");
        assert_eq!(told["ms"], ms, "{told}");
        assert!(told["seen"].as_str().unwrap().contains(word), "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_deletion_is_told_by_its_status() {
    for (status, follows) in [
        (http::StatusCode::NO_CONTENT, "nothing needs to be changed"),
        (http::StatusCode::BAD_REQUEST, "404 alone"),
        (http::StatusCode::CONFLICT, "404 alone"),
    ] {
        let document = probed(&world(Admin::Pair), |settings| {
            settings.deleting_revoked_api_key = status;
        })
        .await;
        let told = answer(&document, "api_key_deleted_again");
        assert_eq!(told["answer"], "no", "{told}");
        assert_eq!(told["seen"], status.as_u16().to_string());
        assert!(told["follows"].as_str().unwrap().contains(follows));
        assert_eq!(document["ok"], true);
    }
}

#[tokio::test(start_paused = true)]
async fn another_status_of_a_conflict_is_told() {
    let document = probed(&world(Admin::Pair), |settings| {
        settings.taken_mapping = http::StatusCode::BAD_REQUEST;
    })
    .await;
    for question in CONFLICTS {
        let told = answer(&document, question);
        assert_eq!(
            (&told["answer"], &told["seen"]),
            (&json!("no"), &json!("400"))
        );
        let follows = told["follows"].as_str().unwrap();
        assert!(follows.contains("by 409 alone"), "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_api_keys_read_lists_are_not_known() {
    let bench = world_without(Admin::Pair, &["api_keys_read"]);
    let document = probed(&bench, |_| {}).await;
    let listed = answer(&document, "api_key_listed");
    assert_eq!(listed["answer"], "unknown");
    assert!(listed["seen"].as_str().unwrap().contains("api_keys_read"));
    assert_eq!(document["unlisted"], json!(["api_key"]));
    assert_eq!(document["ok"], true, "{document:#}");
}

#[tokio::test(start_paused = true)]
async fn an_identity_of_the_environment_reads_no_secret() {
    let bench = world(Admin::IdentityOfVariables);
    bench.probe().await;
    let calls = bench.gate.calls();
    let of_datadog = |service| service == Service::Datadog;
    assert!(calls.iter().all(|it| of_datadog(it.call.service)));
}

#[tokio::test(start_paused = true)]
async fn rate_limits_are_told_by_name() {
    let bench = world(Admin::IdentityOfVariables);
    let document = probed(&bench, |settings| {
        settings.rate_limit = Some(RateLimit {
            requests: 1000,
            period_seconds: 60,
        });
    })
    .await;
    let limits = document["limits"].as_array().unwrap();
    assert!(limits.len() >= 3, "{document:#}");
    for limit in limits {
        assert_eq!(
            (&limit["requests"], &limit["period_seconds"]),
            (&json!(1000), &json!(60))
        );
        assert!(!limit["name"].as_str().unwrap().is_empty());
    }
    let told = probed(&world(Admin::Pair), |_| {}).await;
    assert_eq!(told["limits"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn the_table_says_the_same() {
    let bench = world(Admin::Pair);
    let secret = bench.scene.secrets.admin_key.clone();
    let told = bench.doctor(&["probe", "--admin-secret", &secret]).await;
    for line in [
        "yes   api_key_created",
        "0 ms  api_key_valid",
        "deleted  application_key",
        "3 deleted, 0 left, 0 perhaps left.",
    ] {
        assert!(told.output.contains(line), "{line}\n{}", told.output);
    }
    assert!(told.output.lines().all(|it| it.len() <= 100));
}

#[tokio::test(start_paused = true)]
async fn the_header_that_takes_a_token_is_told() {
    for (header, word) in [
        (TokenHeader::Either, "in Authorization: Bearer"),
        (TokenHeader::Bearer, "in Authorization: Bearer"),
        (
            TokenHeader::ApplicationKey,
            "in DD-APPLICATION-KEY, beside an API key",
        ),
    ] {
        let document = probed(&world(Admin::Pair), |it| it.token_header = header).await;
        let told = answer(&document, "service_access_token_accepted");
        assert_eq!(told["answer"], "yes", "{told}");
        assert!(told["seen"].as_str().unwrap().ends_with(word), "{told}");
    }
}
