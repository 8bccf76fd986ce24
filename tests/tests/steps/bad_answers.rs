//! What the services answer when they do not do what they are asked: every kind of refusal, by
//! name, with what it left.

use std::time::Duration;

use datadog_rotation::Kind;
use harness::bench::{Bench, DOCUMENTED_SCOPES};
use http::StatusCode;
use sandbox::gate::{Call, Fate};
use sandbox::rotation::{Step, event};
use sandbox::scene::SceneOptions;

/// A fate is used up by its call.
type MakeFate = fn() -> Fate;

const MINT: &str = "POST /api/v2/api_keys";

fn bench() -> Bench {
    Bench::new(SceneOptions::default())
}

/// Every call of this operation meets this fate.
fn spoil(bench: &Bench, operation: &'static str, fate: MakeFate) {
    bench.gate.follow(move |call: &Call| {
        if call.operation == operation {
            fate()
        } else {
            Fate::Pass
        }
    });
}

#[tokio::test(start_paused = true)]
async fn key_quota() {
    let bench = bench();
    bench
        .gate
        .with_world(|world| world.datadog.settings.api_key_quota = 3);
    let result = bench.create(Kind::ApiKey).await;
    bench.assert_refused(
        result,
        "DatadogKeyQuota",
        &["as many keys of this class", "raise the limit"],
    );
}

#[tokio::test(start_paused = true)]
async fn half_a_pair_is_undone() {
    let bench = bench();
    bench
        .gate
        .with_world(|world| world.datadog.settings.api_key_quota = 3);
    let result = bench.create(Kind::AdminKey).await;
    bench.assert_failed(result, "DatadogKeyQuota", &["were deleted again"]);
    bench.assert_settled();
}

/// The application key can always be listed, so it goes last; and a half that can't be deleted keeps nobody
/// from deleting the other.
#[tokio::test(start_paused = true)]
async fn a_pair_that_can_not_be_stored_is_undone_to_its_end() {
    let (api, application) = (
        "DELETE /api/v2/api_keys/{id}",
        "DELETE /api/v2/service_accounts/{id}/application_keys/{id}",
    );
    for kept in [None, Some(api), Some(application)] {
        let bench = bench();
        bench.gate.follow(move |call: &Call| {
            if call.operation == "PutSecretValue" || Some(call.operation.as_str()) == kept {
                Fate::Refuse(StatusCode::FORBIDDEN)
            } else {
                Fate::Pass
            }
        });
        let error = bench.create(Kind::AdminKey).await.unwrap_err();
        let calls = bench.gate.calls();
        let mut sent: Vec<_> = calls.iter().map(|it| it.call.operation.as_str()).collect();
        sent.retain(|it| it.starts_with("DELETE"));
        sent.dedup();
        assert_eq!(sent, [api, application], "{}", bench.story());
        let left = bench.gate.with_world(|world| {
            let keys = world.datadog.keys().iter();
            let made = keys.filter(|it| it.is_live() && it.name.starts_with("aws-sm-admin"));
            made.map(|it| it.id.clone()).collect::<Vec<_>>()
        });
        assert_eq!(left.len(), usize::from(kept.is_some()));
        let said = left.first().map_or("were deleted again", |id| id);
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn missing_scopes_are_named() {
    for (missing, kind, step) in [
        ("api_keys_write", Kind::ApiKey, Step::CreateSecret),
        (
            "service_account_write",
            Kind::ApplicationKey,
            Step::CreateSecret,
        ),
    ] {
        let scopes: Vec<_> = DOCUMENTED_SCOPES
            .into_iter()
            .filter(|scope| *scope != missing)
            .collect();
        let bench = Bench::new(SceneOptions {
            admin_scopes: &scopes,
            ..SceneOptions::default()
        });
        let result = bench.deliver(kind, &bench.begin(kind), step).await;
        bench.assert_refused(result, "DatadogForbidden", &["403", missing]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_scope_missed_at_the_end_loses_nothing() {
    let scopes: Vec<_> = DOCUMENTED_SCOPES
        .into_iter()
        .filter(|scope| *scope != "api_keys_delete")
        .collect();
    let bench = Bench::new(SceneOptions {
        admin_scopes: &scopes,
        ..SceneOptions::default()
    });
    bench
        .rotate(Kind::ApiKey)
        .await
        .expect("nothing to delete yet");
    let error = bench.rotate(Kind::ApiKey).await.unwrap_err();
    assert_eq!(error.error_type, "DatadogForbidden");
    assert!(
        error.message.contains("api_keys_delete"),
        "{}",
        error.message
    );
    let admin = bench.current(Kind::AdminKey)["adminAppKeyId"]
        .as_str()
        .unwrap()
        .to_owned();
    bench.gate.with_world(|world| {
        world.datadog.set_scopes(&admin, None);
        world
            .datadog
            .set_permissions(&bench.scene.service_account, &DOCUMENTED_SCOPES);
    });
    bench.rotate(Kind::ApiKey).await.expect("resumed");
    bench.assert_settled();
}

#[tokio::test(start_paused = true)]
async fn a_dead_admin_pair() {
    let bench = bench();
    let admin = bench.current(Kind::AdminKey)["adminAppKeyId"]
        .as_str()
        .unwrap()
        .to_owned();
    bench.gate.with_world(|world| {
        let now = world.now();
        world.datadog.revoke(now, &admin);
    });
    for kind in [Kind::ApiKey, Kind::ApplicationKey] {
        let error = bench.create(kind).await.unwrap_err();
        assert!(
            ["AdminKeyRefused", "DatadogForbidden"].contains(&error.error_type()),
            "{error}"
        );
        assert!(bench.changes().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn rate_limits() {
    let bench = bench();
    spoil(&bench, MINT, || Fate::Throttle);
    let result = bench.create(Kind::ApiKey).await;
    bench.assert_refused(result, "DatadogRateLimited", &["429", "Rotate again."]);
    let mints = bench
        .gate
        .calls()
        .iter()
        .filter(|it| it.call.operation == MINT)
        .count();
    assert!(mints > 1, "a definite refusal is sent again");
}

#[tokio::test(start_paused = true)]
async fn a_reset_that_is_told_is_waited_for() {
    let bench = bench();
    let limit = sandbox::datadog::RateLimit {
        requests: 2,
        period_seconds: 10,
    };
    bench
        .gate
        .with_world(|world| world.datadog.settings.rate_limit = Some(limit));
    bench.rotate(Kind::ApplicationKey).await.expect("patience");
    bench.assert_settled();
    let refused = StatusCode::TOO_MANY_REQUESTS;
    let (calls, after) = (bench.gate.calls(), 1);
    for pair in calls
        .windows(1 + after)
        .filter(|pair| pair[0].status == Some(refused))
    {
        assert_ne!(
            pair[1].status,
            Some(refused),
            "waited too short\n{}",
            bench.story()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn service_failures() {
    let get = "GET /api/v2/api_keys/{id}";
    let cases: [(&'static str, MakeFate, &str); 5] = [
        (get, || Fate::FailBefore, "DatadogUnavailable"),
        (get, || Fate::CutBefore, "DatadogUnavailable"),
        (get, || Fate::SilenceBefore, "DatadogUnreachable"),
        (
            "DescribeSecret",
            || Fate::FailBefore,
            "SecretsManagerUnavailable",
        ),
        (
            "GetSecretValue",
            || Fate::Throttle,
            "SecretsManagerThrottled",
        ),
    ];
    for (operation, fate, error_type) in cases {
        let bench = bench();
        spoil(&bench, operation, fate);
        let result = bench.create(Kind::ApiKey).await;
        bench.assert_refused(result, error_type, &["otate again."]);
        let tries = bench
            .gate
            .calls()
            .iter()
            .filter(|it| it.call.operation == operation)
            .count();
        assert!(tries > 1, "{operation} is tried again");
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_make_no_sense() {
    let get = "GET /api/v2/api_keys/{id}";
    let cases: [(MakeFate, &str, &str); 5] = [
        (
            || Fate::Html(StatusCode::OK),
            "DatadogUnexpectedAnswer",
            "is not JSON",
        ),
        (
            || Fate::Html(StatusCode::NOT_FOUND),
            "DatadogUnexpectedAnswer",
            "is not Datadog's",
        ),
        (|| Fate::Truncated, "DatadogUnexpectedAnswer", "is not JSON"),
        (
            || Fate::Oversized(2 << 20),
            "DatadogUnexpectedAnswer",
            "larger than 1 MiB",
        ),
        (
            || Fate::Html(StatusCode::BAD_GATEWAY),
            "DatadogUnavailable",
            "502",
        ),
    ];
    for (fate, error_type, words) in cases {
        let bench = bench();
        spoil(&bench, get, fate);
        let result = bench.create(Kind::ApiKey).await;
        bench.assert_refused(result, error_type, &[words]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_mint_without_a_usable_answer_is_never_sent_again() {
    let fates: [MakeFate; 7] = [
        || Fate::FailBefore,
        || Fate::FailAfter,
        || Fate::CutAfter,
        || Fate::SilenceAfter,
        || Fate::Truncated,
        || Fate::Oversized(2 << 20),
        || Fate::Html(StatusCode::OK),
    ];
    for fate in fates {
        let mut bench = bench();
        bench.attempts.count = 1;
        spoil(&bench, MINT, fate);
        let error = bench.rotate(Kind::ApiKey).await.unwrap_err().message;
        assert!(
            error.contains("aws-sm-api-key-datadog/api-key-2026"),
            "{error}"
        );
        bench.assert_silent(&error);
        let mints = bench
            .gate
            .calls()
            .iter()
            .filter(|it| it.call.operation == MINT)
            .count();
        assert_eq!(mints, 1);
        bench.gate.follow(|_: &Call| Fate::Pass);
        bench.wait(Duration::from_mins(16)).await;
        bench.rotate(Kind::ApiKey).await.expect("healed");
        bench.assert_settled();
    }
}

#[tokio::test(start_paused = true)]
async fn a_taken_name_is_followed_by_the_next() {
    for status in [StatusCode::CONFLICT, StatusCode::BAD_REQUEST] {
        let bench = bench();
        let settings = |world: &mut sandbox::world::World| {
            world.datadog.settings.taken_api_key_name = Some(status);
        };
        bench.gate.with_world(settings);
        // The mint's answer is lost, so that its name is taken when it is tried again.
        let mut first = true;
        bench.gate.follow(move |call: &Call| {
            let lose = call.operation == MINT && std::mem::take(&mut first);
            if lose { Fate::CutAfter } else { Fate::Pass }
        });
        bench
            .rotate(Kind::ApiKey)
            .await
            .expect("the next of the series");
        bench.assert_settled();
    }
}

#[tokio::test(start_paused = true)]
async fn all_names_taken() {
    let bench = bench();
    let job = bench.begin(Kind::ApiKey);
    let names =
        datadog_rotation::key_name::KeyNames::new(Kind::ApiKey, &job.arn, "datadog/api-key");
    let version = datadog_rotation::event::VersionId::parse(&job.token).unwrap();
    bench.gate.with_world(|world| {
        let now = world.now();
        let day = format!("{}{:02}{:02}", now.year(), u8::from(now.month()), now.day());
        for n in 0..8 {
            let class = datadog_rotation::keys::KeyClass::Api;
            world
                .datadog
                .create_api_key(now, &names.name(class, &version, n, &day));
        }
    });
    let result = bench.deliver(Kind::ApiKey, &job, Step::CreateSecret).await;
    bench.assert_refused(result, "KeyNameTaken", &["all names", "Delete unused keys"]);
}

#[tokio::test(start_paused = true)]
async fn no_mint_without_time_to_store_it() {
    let bench = bench();
    let mut function = bench.function(Kind::ApiKey);
    function.timeout = Duration::from_secs(20);
    let job = bench.begin(Kind::ApiKey);
    let result = function
        .deliver(&event(&job, Step::CreateSecret))
        .await
        .unwrap();
    bench.assert_refused(result, "NotEnoughTime", &["Raise the function's timeout"]);
}

/// Three values are read of a secret with AWSPREVIOUS: which of them fails is said.
#[tokio::test(start_paused = true)]
async fn a_value_that_can_not_be_read_is_named_by_version_and_label() {
    let bench = bench();
    bench.rotate(Kind::ApiKey).await.unwrap();
    let mut values = 0;
    let own = bench.secret(Kind::ApiKey).to_owned();
    bench.gate.follow(move |call: &Call| {
        let is_own = call.subject.as_deref() == Some(&own);
        values += u64::from(call.operation == "GetSecretValue" && is_own);
        if values >= 3 {
            return Fate::Refuse(StatusCode::FORBIDDEN);
        }
        Fate::Pass
    });
    let result = bench.create(Kind::ApiKey).await;
    bench.assert_failed(
        result,
        "SecretsManagerRefused",
        &[", version ", "(AWSPREVIOUS), failed"],
    );
}
