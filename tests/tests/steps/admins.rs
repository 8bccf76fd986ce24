//! Whose keys act: the admin that the secret names, as it is now, and nobody in its place.

#![expect(
    clippy::expect_used,
    reason = "a panic is how a test says that something is wrong"
)]

use datadog_rotation::Kind;
use harness::bench::Bench;
use harness::listen::Listening;
use http::StatusCode;
use sandbox::gate::{Call, Fate};
use sandbox::rotation::Step;
use sandbox::scene::{ADMIN_SCOPES, SceneOptions, pair, token};
use serde_json::{Value, json};

const ROTATED: [Kind; 2] = [Kind::ApiKey, Kind::ApplicationKey];
const OF_ACCOUNT: &str = "GET /api/v2/service_accounts/{id}/application_keys/{id}";
const OF_ANYBODY: &str = "GET /api/v2/application_keys/{id}";
const VALIDATION: &str = "GET /api/v2/validate_keys";

/// A fate is used up by its call.
type MakeFate = fn() -> Fate;

fn bench() -> Bench {
    Bench::new(SceneOptions::default())
}

/// A pair of another service account, which may do all that the admin may.
fn pair_of_another(bench: &Bench) -> Value {
    bench.gate.with_world(|world| {
        let now = world.now();
        let datadog = &mut world.datadog;
        let other = datadog.create_service_account(now, "other", &ADMIN_SCOPES);
        pair(world, &other, &ADMIN_SCOPES)
    })
}

/// The admin's keys.
fn kill(bench: &Bench) {
    let admin = bench.current(Kind::AdminKey);
    for id in ["adminApiKeyId", "adminAppKeyId"] {
        bench.revoke(admin[id].as_str().expect("an id"));
    }
}

/// Runs the configuration check: testSecret of a version without a value.
async fn check(bench: &Bench, kind: Kind) -> Result<(), datadog_rotation::error::RotationError> {
    bench
        .deliver(kind, &bench.begin(kind), Step::TestSecret)
        .await
}

/// The default's pair may do all that is needed, but for another service account.
#[tokio::test(start_paused = true)]
async fn the_admin_that_a_secret_names_acts_and_not_the_functions_default() {
    for kind in ROTATED {
        let mut bench = bench();
        let others = pair_of_another(&bench);
        let default = bench.manage(
            "CreateSecret",
            &json!({
                "Name": "datadog/default", "ClientRequestToken": token("default"),
                "SecretString": others.to_string(),
            }),
        );
        let default = default["ARN"].as_str().expect("an ARN");
        bench.settings.admin_secret_arn = Some(default.to_owned());
        bench.rotate(kind).await.expect("by the admin named");
        bench.assert_settled();
    }
}

#[tokio::test(start_paused = true)]
async fn a_pair_of_another_service_account_does_not_take_the_place_of_the_dead_one() {
    for kind in ROTATED {
        let bench = bench();
        let others = pair_of_another(&bench);
        let mint = match kind {
            Kind::ApiKey => "POST /api/v2/api_keys",
            _ => "POST /api/v2/service_accounts/{id}/application_keys",
        };
        let job = bench.begin(kind);
        let step = bench.deliver(kind, &job, Step::CreateSecret);
        let change = || {
            kill(&bench);
            bench.store(Kind::AdminKey, &others);
        };
        let created = bench.meanwhile(mint, step, change).await;
        bench.assert_failed(created, "AdminKeyRefused", &[]);
        let minted = bench.changes().into_iter();
        assert_eq!(
            minted.filter(|it| it.call.operation == mint).count(),
            0,
            "{}",
            bench.story()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_check_tells_a_dead_pair() {
    for kind in ROTATED {
        let bench = bench();
        kill(&bench);
        let checked = check(&bench, kind).await;
        bench.assert_refused(checked, "AdminKeyRefused", &[bench.secret(Kind::AdminKey)]);
    }
}

/// Replaced by one that does not work either.
#[tokio::test(start_paused = true)]
async fn the_check_tells_a_dead_pair_that_was_just_replaced() {
    let bench = bench();
    let (kind, next) = (Kind::ApiKey, bench.by_hand(Kind::AdminKey));
    bench.revoke(next["adminAppKeyId"].as_str().expect("an id"));
    let step = check(&bench, kind);
    let change = || {
        kill(&bench);
        bench.store(Kind::AdminKey, &next);
    };
    let checked = bench.meanwhile(VALIDATION, step, change).await;
    bench.assert_failed(checked, "AdminKeyRefused", &[]);
}

/// What the admin's application key may do is asked by its service account, and where that is
/// refused, by its id alone.
#[tokio::test(start_paused = true)]
async fn the_check_finds_the_admins_scopes_where_it_may() {
    let pass: MakeFate = || Fate::Pass;
    let refusal: MakeFate = || Fate::Refuse(StatusCode::FORBIDDEN);
    let fail: MakeFate = || Fate::FailBefore;
    for (of_account, of_anybody, error_type) in [
        (pass, pass, Some("MissingScope")),
        (refusal, pass, Some("MissingScope")),
        (refusal, refusal, None),
        (fail, pass, Some("DatadogUnavailable")),
        (refusal, fail, Some("DatadogUnavailable")),
    ] {
        let scopes: Vec<_> = ADMIN_SCOPES
            .into_iter()
            .filter(|it| *it != "api_keys_delete")
            .collect();
        let bench = Bench::new(SceneOptions {
            admin_scopes: &scopes,
            ..SceneOptions::default()
        });
        bench
            .gate
            .follow(move |call: &Call| match call.operation.as_str() {
                OF_ACCOUNT => of_account(),
                OF_ANYBODY => of_anybody(),
                _ => Fate::Pass,
            });
        let listening = Listening::begin();
        let checked = check(&bench, Kind::ApiKey).await;
        let is_told = listening
            .heard()
            .contains("its own scopes: they were not checked");
        assert_eq!(is_told, error_type.is_none());
        match error_type {
            Some(error_type) => bench.assert_refused(checked, error_type, &[]),
            None => checked.expect("as far as can be seen"),
        }
    }
}
