//! API keys whose values work, where nothing shows whether the ID beside the value is theirs.

#![expect(
    clippy::expect_used,
    reason = "a panic is how a test says that something is wrong"
)]

use std::time::Duration;

use datadog_rotation::Kind;
use harness::bench::{Bench, DOCUMENTED_SCOPES};
use harness::by_hand::{ids, with};
use http::StatusCode;
use sandbox::gate::{Call, Fate, Lie};
use sandbox::rotation::Step;
use sandbox::scene::{ADMIN_SCOPES, SceneOptions};
use sandbox::secrets_manager::RotationJob;
use serde_json::json;

const KIND: Kind = Kind::ApiKey;
const VALIDATE_WITH_ID: &str = "GET /api/v2/validate";

/// Longer than any age that a step goes by.
const PAUSE: Duration = Duration::from_mins(20);

fn without_api_keys_read() -> Bench {
    Bench::new(SceneOptions {
        admin_scopes: &DOCUMENTED_SCOPES,
        ..SceneOptions::default()
    })
}

/// AWSPREVIOUS holds a value that works, beside the ID of another team's key. Returns that ID.
fn wrong_id_in_previous(bench: &Bench) -> String {
    let current = bench.current(KIND);
    let [own, others] = ["of this team", "of another team"].map(|name| {
        bench.gate.with_world(|world| {
            let now = world.now();
            world.datadog.create_api_key(now, name)
        })
    });
    bench.store(KIND, &json!({ "apiKey": own.value, "apiKeyId": others.id }));
    bench.store(KIND, &current);
    others.id
}

async fn up_to_finish_secret(bench: &Bench) -> RotationJob {
    let job = bench.begin(KIND);
    for step in [Step::CreateSecret, Step::TestSecret] {
        bench.deliver(KIND, &job, step).await.expect("undisturbed");
    }
    job
}

fn refuse_to_tell(bench: &Bench, status: StatusCode) {
    bench.gate.follow(move |call: &Call| {
        if call.operation == VALIDATE_WITH_ID {
            Fate::Refuse(status)
        } else {
            Fate::Pass
        }
    });
}

#[tokio::test(start_paused = true)]
async fn a_value_that_works_costs_nobody_the_key_of_the_id_beside_it() {
    let bench = without_api_keys_read();
    bench.rotate(KIND).await.expect("undisturbed");
    let others = wrong_id_in_previous(&bench);
    bench
        .gate
        .with_world(|world| world.datadog.settings.validate_v2 = false);
    bench.rotate(KIND).await.expect("without that key");
    assert!(bench.is_live(&others), "{}", bench.story());
}

#[tokio::test(start_paused = true)]
async fn definite_refusals_to_tell_show_no_possession() {
    for status in [400, 401, 403, 404, 405, 410] {
        let bench = without_api_keys_read();
        bench.rotate(KIND).await.expect("undisturbed");
        let others = wrong_id_in_previous(&bench);
        refuse_to_tell(&bench, StatusCode::from_u16(status).unwrap());
        let rotated = bench.rotate(KIND).await;
        rotated.unwrap_or_else(|error| panic!("{status}: {error}"));
        assert!(bench.is_live(&others), "{status}: {}", bench.story());
    }
}

/// While Datadog has trouble nothing is promoted: the next invocation may be told.
#[tokio::test(start_paused = true)]
async fn trouble_at_datadog_shows_no_possession_and_ends_in_an_error() {
    let bench = without_api_keys_read();
    bench.rotate(KIND).await.expect("undisturbed");
    let others = wrong_id_in_previous(&bench);
    let current = bench.current(KIND);
    let job = up_to_finish_secret(&bench).await;
    refuse_to_tell(&bench, StatusCode::SERVICE_UNAVAILABLE);
    let finished = bench.deliver(KIND, &job, Step::FinishSecret).await;
    bench.assert_failed(
        finished,
        "PossessionUnknown",
        &[&others, "api_keys_read", "AWSCURRENT is unchanged"],
    );
    assert!(bench.is_live(&others), "{}", bench.story());
    assert_eq!(bench.current(KIND), current);
    bench.gate.follow(|_: &Call| Fate::Pass);
    let finished = bench.deliver(KIND, &job, Step::FinishSecret).await;
    finished.expect("Datadog tells");
    assert!(bench.is_live(&others), "{}", bench.story());
}

#[tokio::test(start_paused = true)]
async fn trouble_that_passes_leaves_no_key_behind() {
    for status in [403, 404, 503] {
        let bench = without_api_keys_read();
        bench.rotate(KIND).await.expect("undisturbed");
        let doomed = ids(&bench.value(KIND, "AWSPREVIOUS").expect("a value")).remove(0);
        let job = up_to_finish_secret(&bench).await;
        let mut is_first = true;
        bench.gate.follow(move |call: &Call| {
            if call.operation == VALIDATE_WITH_ID && std::mem::take(&mut is_first) {
                Fate::Refuse(StatusCode::from_u16(status).unwrap())
            } else {
                Fate::Pass
            }
        });
        let finished = bench.deliver(KIND, &job, Step::FinishSecret).await;
        finished.expect("told in the end");
        assert!(!bench.is_live(&doomed), "{status}: {}", bench.story());
        bench.assert_settled();
    }
}

/// A list that hides the last four characters shows the owner of none.
#[tokio::test(start_paused = true)]
async fn hidden_characters_show_no_possession() {
    let bench = Bench::new(SceneOptions::default());
    bench.rotate(KIND).await.expect("undisturbed");
    let others = wrong_id_in_previous(&bench);
    bench
        .gate
        .with_world(|world| world.datadog.settings.validate_v2 = false);
    bench.gate.follow(|call: &Call| {
        if call.operation == "GET /api/v2/api_keys/{id}" {
            Fate::Lie(Lie::Without("last4"))
        } else {
            Fate::Pass
        }
    });
    bench.rotate(KIND).await.expect("without that key");
    assert!(bench.is_live(&others), "{}", bench.story());
}

/// "Not found" may be a mistake, and so may be the ID: together they show nothing.
#[tokio::test(start_paused = true)]
async fn a_key_that_is_not_found_is_not_deleted_for_its_id() {
    for works in [true, false] {
        let bench = Bench::new(SceneOptions::default());
        bench.rotate(KIND).await.expect("undisturbed");
        let others = wrong_id_in_previous(&bench);
        if !works {
            let value = bench.value(KIND, "AWSPREVIOUS").expect("a value");
            let text = value["apiKey"].as_str().expect("a value").to_owned();
            let own = bench.gate.with_world(|world| {
                let keys = world.datadog.keys();
                let own = keys.iter().find(|key| key.value == text);
                own.expect("the key of the value").id.clone()
            });
            bench.revoke(&own);
        }
        bench
            .gate
            .with_world(|world| world.datadog.settings.validate_v2 = false);
        let id = others.clone();
        bench.gate.follow(move |call: &Call| {
            let is_looked_up = call.operation == "GET /api/v2/api_keys/{id}";
            if is_looked_up && call.subject.as_deref() == Some(&*id) {
                Fate::Refuse(StatusCode::NOT_FOUND)
            } else {
                Fate::Pass
            }
        });
        let rotated = bench.rotate(KIND).await;
        rotated.unwrap_or_else(|error| panic!("works: {works}: {error}"));
        assert!(bench.is_live(&others), "works: {works}: {}", bench.story());
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_not_found_is_not_deleted_for_its_id() {
    let kind = Kind::ServiceAccessToken;
    let bench = Bench::new(SceneOptions::default());
    bench.rotate(kind).await.expect("undisturbed");
    let current = bench.current(kind);
    let (revoked, others) = (bench.by_hand(kind), bench.by_hand(kind));
    let others = ids(&others).remove(0);
    bench.revoke(&ids(&revoked)[0]);
    bench.store(
        kind,
        &with(revoked, "serviceAccessTokenId", json!(others.clone())),
    );
    bench.store(kind, &current);
    let id = others.clone();
    bench.gate.follow(move |call: &Call| {
        let is_looked_up = call.operation.ends_with("/access_tokens/{id}")
            && call.operation.starts_with("GET ")
            && call.subject.as_deref() == Some(&*id);
        if is_looked_up {
            Fate::Refuse(StatusCode::NOT_FOUND)
        } else {
            Fate::Pass
        }
    });
    bench.rotate(kind).await.expect("without that token");
    assert!(bench.is_live(&others), "{}", bench.story());
}

/// A rotation's own key stays too, where nothing shows that it is that. With `api_keys_read` the next
/// search finds it by its name.
#[tokio::test(start_paused = true)]
async fn keys_that_were_left_alive_go_once_the_admin_may_read_them() {
    let bench = without_api_keys_read();
    bench
        .gate
        .with_world(|world| world.datadog.settings.validate_v2 = false);
    bench.rotate(KIND).await.expect("undisturbed");
    let replaced = ids(&bench.current(KIND)).remove(0);
    for _ in 0..2 {
        bench.rotate(KIND).await.expect("with a key left alive");
    }
    assert!(bench.is_live(&replaced), "{}", bench.story());
    let admin = bench.current(Kind::AdminKey);
    let [key, account] =
        ["adminAppKeyId", "serviceAccountId"].map(|it| admin[it].as_str().expect("an ID"));
    bench.gate.with_world(|world| {
        world.datadog.set_permissions(account, &ADMIN_SCOPES);
        world.datadog.set_scopes(key, Some(&ADMIN_SCOPES));
    });
    bench.wait(PAUSE).await;
    bench.rotate(KIND).await.expect("undisturbed");
    assert!(!bench.is_live(&replaced), "{}", bench.story());
}
