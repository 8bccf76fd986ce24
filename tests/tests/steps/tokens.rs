//! Service access tokens: two generations, scopes, expiry, and where a request carries one.

use std::time::Duration;

use datadog_rotation::Kind;
use harness::bench::Bench;
use harness::by_hand::{ids, with};
use sandbox::datadog::TokenHeader;
use sandbox::gate::CallRecord;
use sandbox::rotation::Step;
use sandbox::scene::{Admin, SceneOptions};
use serde_json::{Value, json};

const KIND: Kind = Kind::ServiceAccessToken;

const DAY: Duration = Duration::from_hours(24);

/// Twice the 90 days of the schedule, and the day that a rotation may take to begin.
const LEAST: u64 = 181;

const CREATION: &str = "POST /api/v2/service_accounts/{id}/access_tokens";

fn bench() -> Bench {
    Bench::new(SceneOptions::default())
}

/// A world whose secret says after how many days its tokens end.
fn ending_after(days: Value) -> Bench {
    let bench = bench();
    bench.store(KIND, &with(bench.current(KIND), "daysToExpiry", days));
    bench
}

fn token(value: &Value) -> String {
    ids(value).remove(0)
}

fn is_creation(record: &CallRecord) -> bool {
    record.call.operation == CREATION
}

#[tokio::test(start_paused = true)]
async fn a_replaced_token_lives_for_one_more_rotation() {
    let bench = bench();
    let mut tokens = vec![token(&bench.current(KIND))];
    for _ in 0..3 {
        bench.rotate(KIND).await.unwrap();
        bench.assert_settled();
        let value = bench.current(KIND);
        let name = bench.gate.with_world(|world| {
            let key = world.datadog.key(&token(&value)).unwrap();
            key.name.clone()
        });
        assert!(
            name.starts_with("aws-sm-service-token-datadog/service-token-20260401-"),
            "{name}"
        );
        tokens.push(token(&value));
    }
    let live: Vec<_> = tokens.iter().map(|it| bench.is_live(it)).collect();
    assert_eq!(live, [false, false, true, true]);
}

#[tokio::test(start_paused = true)]
async fn a_token_goes_where_datadog_takes_it() {
    for admin in [Admin::Pair, Admin::Identity] {
        for header in [
            TokenHeader::Either,
            TokenHeader::Bearer,
            TokenHeader::ApplicationKey,
        ] {
            let bench = Bench::new(SceneOptions {
                admin,
                ..SceneOptions::default()
            });
            bench
                .gate
                .with_world(|world| world.datadog.settings.token_header = header);
            for _ in 0..2 {
                bench.rotate(KIND).await.unwrap();
                bench.assert_settled();
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_ends_after_the_days_that_the_value_says() {
    for days in [json!(LEAST), json!("200"), json!(365)] {
        let bench = ending_after(days.clone());
        bench.rotate(KIND).await.unwrap();
        bench.assert_settled();
        let value = bench.current(KIND);
        assert_eq!(value["daysToExpiry"], days);
        let life = bench.gate.with_world(|world| {
            let key = world.datadog.key(&token(&value)).unwrap();
            key.expires_at().unwrap() - key.created_at
        });
        let days: i64 = days.to_string().trim_matches('"').parse().unwrap();
        assert!((life.whole_minutes() - days * 24 * 60).abs() <= 1, "{life}");
    }
    let bench = ending_after(Value::Null);
    bench.rotate(KIND).await.unwrap();
    let value = token(&bench.current(KIND));
    bench.gate.with_world(|world| {
        assert_eq!(world.datadog.key(&value).unwrap().expires_at(), None);
    });
}

#[tokio::test(start_paused = true)]
async fn a_token_that_ends_too_early_is_refused_before_anything_is_created() {
    for step in [Step::CreateSecret, Step::TestSecret] {
        let bench = ending_after(json!(LEAST - 1));
        let job = bench.begin(KIND);
        let result = bench.deliver(KIND, &job, step).await;
        let words = ["daysToExpiry 180", "the least value is 181"];
        bench.assert_failed(result, "ExpiryTooShort", &words);
        assert!(!bench.gate.calls().iter().any(is_creation));
        bench.assert_kept();
    }
}

#[tokio::test(start_paused = true)]
async fn days_that_are_no_days_are_refused() {
    for days in [
        json!(0),
        json!(366),
        json!(-1),
        json!(1.5),
        json!("soon"),
        json!([30]),
    ] {
        let bench = ending_after(days);
        let result = bench.create(KIND).await;
        bench.assert_failed(result, "SecretMalformed", &["a whole number from 1 to 365"]);
    }
}

#[tokio::test(start_paused = true)]
async fn scopes_are_copied_exactly() {
    let bench = bench();
    let before = token(&bench.current(KIND));
    let scopes = ["monitors_write", "dashboards_read"];
    bench
        .gate
        .with_world(|world| world.datadog.set_scopes(&before, Some(&scopes)));
    bench.rotate(KIND).await.unwrap();
    let value = token(&bench.current(KIND));
    bench.gate.with_world(|world| {
        let key = world.datadog.key(&value).unwrap();
        let mut copied = key.scopes().unwrap().to_vec();
        copied.sort();
        assert_eq!(copied, ["dashboards_read", "monitors_write"]);
    });
}

/// A value with another service account's token.
fn of_another_account(bench: &Bench) -> Value {
    bench.gate.with_world(|world| {
        let now = world.now();
        let datadog = &mut world.datadog;
        let account = datadog.create_service_account(now, "other", &["dashboards_read"]);
        let token =
            datadog.create_access_token(now, &account, "theirs", &["dashboards_read"], None);
        json!({
            "serviceAccessToken": token.value, "serviceAccessTokenId": token.id,
            "serviceAccountId": account,
        })
    })
}

#[tokio::test(start_paused = true)]
async fn a_token_of_another_service_account_is_refused() {
    let bench = bench();
    let value = of_another_account(&bench);
    bench.store(KIND, &value);
    let result = bench.create(KIND).await;
    bench.assert_failed(result, "ServiceAccountMismatch", &[]);
    assert!(!bench.gate.calls().iter().any(is_creation));
}

/// AWSPREVIOUS of another service account is out of the admin's reach, and is nobody's to delete.
#[tokio::test(start_paused = true)]
async fn a_previous_token_of_another_service_account_is_left_alone() {
    let bench = bench();
    let own = bench.current(KIND);
    let theirs = of_another_account(&bench);
    bench.store(KIND, &theirs);
    bench.store(KIND, &own);
    bench.rotate(KIND).await.unwrap();
    assert!(bench.is_live(&token(&theirs)), "{}", bench.story());
    let deletes = |it: &&CallRecord| it.call.operation.starts_with("DELETE");
    assert_eq!(bench.gate.calls().iter().filter(deletes).count(), 0);
}

/// `daysToExpiry` says something of tokens alone: in other secrets it is a field of its owner's.
#[tokio::test(start_paused = true)]
async fn days_to_expiry_in_a_secret_of_another_type_are_its_owners() {
    for kind in Kind::ALL {
        if kind == KIND {
            continue;
        }
        for days in [json!(730), json!("90d"), json!(1)] {
            let bench = bench();
            bench.store(
                kind,
                &with(bench.current(kind), "daysToExpiry", days.clone()),
            );
            bench.rotate(kind).await.unwrap();
            assert_eq!(bench.current(kind)["daysToExpiry"], days);
        }
    }
}

/// A person writes the ID and the public part of somebody else's token: both are on every screen.
#[tokio::test(start_paused = true)]
async fn a_public_part_does_not_make_a_token_the_secrets() {
    let bench = bench();
    bench.rotate(KIND).await.unwrap();
    let made = bench.current(KIND);
    let others = bench.by_hand(KIND);
    let text = others["serviceAccessToken"].as_str().unwrap();
    let (public, hidden) = text.rsplit_once('_').unwrap();
    let claim = format!("{public}_{}", "0".repeat(hidden.len()));
    bench.store(
        KIND,
        &with(others.clone(), "serviceAccessToken", json!(claim)),
    );
    bench.store(KIND, &made);
    bench.wait(DAY).await;
    bench.rotate(KIND).await.unwrap();
    assert!(bench.is_live(&token(&others)), "{}", bench.story());
}

#[tokio::test(start_paused = true)]
async fn a_pending_token_that_has_ended_heals() {
    for next in [Step::CreateSecret, Step::TestSecret, Step::FinishSecret] {
        for (finds_ended, days) in [(false, 200), (true, 200), (false, 91), (false, 180)] {
            let bench = ending_after(json!(LEAST));
            finds_ended_tokens(&bench, finds_ended);
            let job = bench.begin(KIND);
            bench.deliver(KIND, &job, Step::CreateSecret).await.unwrap();
            bench.wait(days * DAY).await;
            let result = bench.deliver(KIND, &job, next).await;
            bench.assert_failed(result, "PendingKeyDead", &["next rotation starts afresh"]);
            bench.give_up(&job);
            bench.rotate(KIND).await.expect("afresh");
            bench.assert_settled();
        }
    }
}

/// Datadog may go on showing it: that it is refused for long, beside the current one, shows that it is dead.
#[tokio::test(start_paused = true)]
async fn a_pending_token_that_is_revoked_and_still_shown_heals() {
    for next in [Step::TestSecret, Step::FinishSecret] {
        let bench = bench();
        let job = bench.begin(KIND);
        bench.deliver(KIND, &job, Step::CreateSecret).await.unwrap();
        let pending = token(&bench.value(KIND, "AWSPENDING").unwrap());
        bench
            .gate
            .with_world(|world| world.datadog.settings.finds_revoked_tokens = true);
        bench.revoke(&pending);
        let young = bench.deliver(KIND, &job, next).await;
        bench.assert_failed(young, "NewKeyUnusable", &["stored as AWSPENDING"]);
        bench.wait(DAY).await;
        let result = bench.deliver(KIND, &job, next).await;
        bench.assert_failed(result, "PendingKeyDead", &["next rotation starts afresh"]);
        bench.give_up(&job);
        bench.rotate(KIND).await.expect("afresh");
        bench.assert_settled();
    }
}

/// It would end while it is AWSCURRENT, weeks before a rotation could replace it. One that lasts is kept.
#[tokio::test(start_paused = true)]
async fn a_pending_token_that_lasts_until_the_next_rotation_is_promoted() {
    let bench = ending_after(json!(LEAST));
    let job = bench.begin(KIND);
    bench.deliver(KIND, &job, Step::CreateSecret).await.unwrap();
    bench.wait(89 * DAY).await;
    for step in Step::ALL {
        bench.deliver(KIND, &job, step).await.unwrap();
    }
    assert_eq!(
        bench.changes().iter().filter(|it| is_creation(it)).count(),
        1
    );
}

fn finds_ended_tokens(bench: &Bench, finds: bool) {
    bench
        .gate
        .with_world(|world| world.datadog.settings.finds_ended_tokens = finds);
}

#[tokio::test(start_paused = true)]
async fn a_current_token_that_has_ended_is_told() {
    for finds_ended in [false, true] {
        let bench = ending_after(json!(LEAST));
        finds_ended_tokens(&bench, finds_ended);
        bench.rotate(KIND).await.unwrap();
        bench.wait(200 * DAY).await;
        bench.ledger.excuse(&token(&bench.current(KIND)));
        let result = bench.create(KIND).await;
        let error = result.unwrap_err();
        assert_eq!(error.error_type(), "CurrentKeyDead", "{error}");
        let changes = bench.changes();
        assert_eq!(changes.iter().filter(|it| is_creation(it)).count(), 1);
    }
}
