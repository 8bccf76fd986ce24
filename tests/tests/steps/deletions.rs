//! What the answer to a deletion is worth: gone is what is known to be gone, and nothing else.

#![expect(
    clippy::expect_used,
    reason = "a panic is how a test says that something is wrong"
)]

use std::time::Duration;

use datadog_rotation::Kind;
use datadog_rotation::keys::KeyClass;
use harness::bench::{Bench, DOCUMENTED_SCOPES};
use harness::by_hand::ids;
use http::StatusCode;
use sandbox::gate::{Call, Fate};
use sandbox::rotation::{Step, event};
use sandbox::scene::{ADMIN_SCOPES, SceneOptions};
use sandbox::secrets_manager::RotationJob;
use serde_json::json;

const KIND: Kind = Kind::ApiKey;
const DELETE: &str = "DELETE /api/v2/api_keys/{id}";
const DELETE_APPLICATION_KEY: &str = "DELETE /api/v2/service_accounts/{id}/application_keys/{id}";
const MINT: &str = "POST /api/v2/service_accounts/{id}/application_keys";
const VALIDATE_WITH_ID: &str = "GET /api/v2/validate";

/// A rotation whose finishSecret has to delete a key; and that key's id.
async fn due(kind: Kind, admin_scopes: &[&str]) -> (Bench, RotationJob, String) {
    let bench = Bench::new(SceneOptions {
        admin_scopes,
        ..SceneOptions::default()
    });
    let mut doomed = bench.current(kind);
    if kind == KIND {
        bench.rotate(kind).await.expect("undisturbed");
        doomed = bench.current(kind);
        bench.rotate(kind).await.expect("undisturbed");
    }
    let job = bench.begin(kind);
    for step in [Step::CreateSecret, Step::SetSecret, Step::TestSecret] {
        bench.deliver(kind, &job, step).await.expect("undisturbed");
    }
    let doomed = ids(&doomed).remove(0);
    (bench, job, doomed)
}

fn refuse(bench: &Bench, operation: &'static str, status: StatusCode) {
    bench.gate.follow(move |call: &Call| {
        if call.operation == operation {
            Fate::Refuse(status)
        } else {
            Fate::Pass
        }
    });
}

/// A person revokes the key between the look at it and its DELETE, which Datadog may answer as it likes.
#[tokio::test(start_paused = true)]
async fn a_look_up_settles_what_a_refused_deletion_leaves_open() {
    for admin_scopes in [&ADMIN_SCOPES[..], &DOCUMENTED_SCOPES] {
        for status in [400, 403, 405, 409, 500] {
            let (bench, job, doomed) = due(KIND, admin_scopes).await;
            let status = StatusCode::from_u16(status).unwrap();
            bench
                .gate
                .with_world(|world| world.datadog.settings.deleting_revoked_api_key = status);
            let step = bench.deliver(KIND, &job, Step::FinishSecret);
            let finished = bench
                .meanwhile(DELETE, step, || bench.revoke(&doomed))
                .await;
            finished.unwrap_or_else(|error| panic!("{status}: {error}"));
            let deletions = bench.gate.calls().into_iter();
            let deletions = deletions.filter(|it| it.call.operation == DELETE).count();
            assert!(deletions > 0, "none was refused");
            assert_eq!(bench.labelled(KIND, "AWSCURRENT"), Some(job.token.clone()));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_deletion_of_a_living_api_key_is_an_error() {
    for admin_scopes in [&ADMIN_SCOPES[..], &DOCUMENTED_SCOPES] {
        let (bench, job, doomed) = due(KIND, admin_scopes).await;
        let current = bench.current(KIND);
        refuse(&bench, DELETE, StatusCode::BAD_REQUEST);
        let finished = bench.deliver(KIND, &job, Step::FinishSecret).await;
        bench.assert_failed(
            finished,
            "DatadogRejected",
            &[&doomed, "AWSCURRENT is unchanged"],
        );
        assert!(bench.is_live(&doomed));
        assert_eq!(bench.current(KIND), current);
        bench.gate.follow(|_: &Call| Fate::Pass);
        let finished = bench.deliver(KIND, &job, Step::FinishSecret).await;
        finished.expect("delivered again");
        bench.assert_settled();
    }
}

#[tokio::test(start_paused = true)]
async fn what_forbids_a_deletion_says_nothing_of_the_key() {
    let (bench, job, doomed) = due(KIND, &ADMIN_SCOPES).await;
    refuse(&bench, DELETE, StatusCode::FORBIDDEN);
    let finished = bench.deliver(KIND, &job, Step::FinishSecret).await;
    bench.assert_failed(finished, "DatadogForbidden", &[&doomed, "api_keys_delete"]);
    assert!(bench.is_live(&doomed));
}

/// Without `api_keys_read` a key is known to be dead by its refusal, while others are not refused.
#[tokio::test(start_paused = true)]
async fn an_edge_that_refuses_everybody_proves_nothing() {
    let (bench, job, doomed) = due(KIND, &DOCUMENTED_SCOPES).await;
    bench.revoke(&doomed);
    let mut is_closed = false;
    bench.gate.follow(move |call: &Call| {
        is_closed |= call.operation == VALIDATE_WITH_ID;
        if is_closed && call.operation.contains("/validate") {
            Fate::Refuse(StatusCode::FORBIDDEN)
        } else {
            Fate::Pass
        }
    });
    let finished = bench.deliver(KIND, &job, Step::FinishSecret).await;
    bench.assert_failed(finished, "PossessionUnknown", &[&doomed]);
    // Where others are not refused, the refusal is the key's own: there is nothing to delete.
    bench.gate.follow(|_: &Call| Fate::Pass);
    let finished = bench.deliver(KIND, &job, Step::FinishSecret).await;
    finished.expect("delivered again");
    bench.assert_settled();
}

/// A value under AWSPREVIOUS that names somebody else's key.
#[tokio::test(start_paused = true)]
async fn an_id_and_four_characters_cost_nobody_their_key() {
    for admin_scopes in [&ADMIN_SCOPES[..], &DOCUMENTED_SCOPES] {
        let bench = Bench::new(SceneOptions {
            admin_scopes,
            ..SceneOptions::default()
        });
        bench.rotate(KIND).await.expect("undisturbed");
        let current = bench.current(KIND);
        let others = bench.gate.with_world(|world| {
            let now = world.now();
            world.datadog.create_api_key(now, "of another team")
        });
        let (id, last4) = (others.id, &others.value[28..]);
        let claim = json!({ "apiKey": format!("{}{last4}", "0".repeat(28)), "apiKeyId": id });
        bench.store(KIND, &claim);
        bench.store(KIND, &current);
        bench.rotate(KIND).await.expect("without that key");
        assert!(bench.is_live(&id), "{}", bench.story());
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_deletion_of_an_application_key_is_an_error() {
    let kind = Kind::ApplicationKey;
    let (bench, job, doomed) = due(kind, &ADMIN_SCOPES).await;
    refuse(&bench, DELETE_APPLICATION_KEY, StatusCode::BAD_REQUEST);
    let asked = bench.gate.calls().len();
    let finished = bench.deliver(kind, &job, Step::FinishSecret).await;
    bench.assert_failed(
        finished,
        "DatadogRejected",
        &[&doomed, "is AWSCURRENT and works"],
    );
    assert!(bench.is_live(&doomed));
    let calls = bench.gate.calls();
    let looks = calls.iter().skip(asked);
    assert!(
        looks
            .clone()
            .all(|it| !it.call.operation.contains("api_keys"))
    );
    bench.gate.follow(|_: &Call| Fate::Pass);
    let finished = bench.deliver(kind, &job, Step::FinishSecret).await;
    finished.expect("delivered again");
    bench.assert_settled();
}

/// The text of an error says what was deleted before it.
#[tokio::test(start_paused = true)]
async fn keys_that_were_settled_before_a_failure_are_not_called_nothing() {
    let kind = Kind::ApplicationKey;
    let (bench, job, displaced) = due(kind, &ADMIN_SCOPES).await;
    refuse(&bench, DELETE_APPLICATION_KEY, StatusCode::BAD_REQUEST);
    let finished = bench.deliver(kind, &job, Step::FinishSecret).await;
    bench.assert_failed(finished, "DatadogRejected", &[&displaced]);
    bench.give_up(&job);
    assert!(bench.is_live(&displaced));
    refuse(&bench, MINT, StatusCode::BAD_REQUEST);
    let created = bench.create(kind).await;
    let text = bench.assert_failed(created, "DatadogRejected", &["AWSCURRENT is unchanged."]);
    assert!(!text.contains("Nothing was changed"), "{text}");
    assert!(!bench.is_live(&displaced));
}

/// A key that no version holds goes in createSecret, and the grace key with it by no means.
#[tokio::test(start_paused = true)]
async fn an_orphaned_key_goes_and_the_key_of_the_grace_period_stays() {
    let bench = Bench::new(SceneOptions::default());
    bench.rotate(KIND).await.expect("undisturbed");
    bench.rotate(KIND).await.expect("undisturbed");
    bench.wait(Duration::from_mins(20)).await;
    let previous = ids(&bench.value(KIND, "AWSPREVIOUS").expect("a value")).remove(0);
    let job = bench.begin(KIND);
    let version = bench.labelled(KIND, "AWSPREVIOUS").expect("a version");
    let age = Duration::from_hours(1);
    let orphan = bench.plant(KIND, KeyClass::Api, &version, age);
    let created = bench.deliver(KIND, &job, Step::CreateSecret).await;
    created.expect("undisturbed");
    assert!(!bench.is_live(&orphan), "{}", bench.story());
    assert!(bench.is_live(&previous), "{}", bench.story());
}

/// A pair goes by the name of its application key, and may have to be known by it once more.
#[tokio::test(start_paused = true)]
async fn of_a_pair_that_a_person_displaced_the_application_key_goes_last() {
    let kind = Kind::AdminKey;
    for killed in [true, false] {
        let bench = Bench::new(SceneOptions::default());
        bench.rotate(kind).await.expect("undisturbed");
        let displaced = ids(&bench.current(kind));
        bench.store(kind, &bench.by_hand(kind));
        let job = bench.begin(kind);
        for step in [Step::CreateSecret, Step::TestSecret] {
            bench.deliver(kind, &job, step).await.expect("undisturbed");
        }
        let mut deletions = 0;
        bench.gate.follow(move |call: &Call| {
            deletions += usize::from(call.operation.starts_with("DELETE "));
            if killed && deletions == 1 {
                Fate::KillAfter
            } else {
                Fate::Pass
            }
        });
        let finish = event(&job, Step::FinishSecret);
        let finished = bench.function(kind).deliver(&finish).await;
        assert_eq!(finished.is_none(), killed);
        bench.gate.follow(|_: &Call| Fate::Pass);
        let finished = bench.deliver(kind, &job, Step::FinishSecret).await;
        finished.expect("delivered again");
        let deleted = bench.changes().into_iter();
        let deleted = deleted.filter(|it| it.call.operation.starts_with("DELETE "));
        let deleted = deleted.filter_map(|it| it.call.subject);
        let mut deleted: Vec<_> = deleted.filter(|it| displaced.contains(it)).collect();
        deleted.dedup();
        assert_eq!(deleted, displaced, "the API key first\n{}", bench.story());
        bench.assert_settled();
    }
}

#[tokio::test(start_paused = true)]
async fn a_finish_secret_that_died_after_the_promotion_is_finished_by_the_next_delivery() {
    for kind in [Kind::ApplicationKey, Kind::AdminKey] {
        let bench = Bench::new(SceneOptions::default());
        bench.rotate(kind).await.expect("undisturbed");
        let displaced = ids(&bench.current(kind));
        bench.wait(Duration::from_mins(20)).await;
        let job = bench.begin(kind);
        for step in [Step::CreateSecret, Step::TestSecret] {
            bench.deliver(kind, &job, step).await.expect("undisturbed");
        }
        bench.gate.follow(|call: &Call| {
            if call.operation == "UpdateSecretVersionStage" {
                Fate::KillAfter
            } else {
                Fate::Pass
            }
        });
        let finish = event(&job, Step::FinishSecret);
        assert!(bench.function(kind).deliver(&finish).await.is_none());
        assert!(displaced.iter().all(|it| bench.is_live(it)));
        bench.gate.follow(|_: &Call| Fate::Pass);
        let finished = bench.deliver(kind, &job, Step::FinishSecret).await;
        finished.expect("delivered again");
        bench.assert_settled();
    }
}
