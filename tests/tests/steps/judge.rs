//! The judge itself: that what it looks for would be found.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test says that something is wrong"
)]
#![expect(
    clippy::result_large_err,
    reason = "the answer of a function, as it gives it"
)]

use datadog_rotation::Kind;
use datadog_rotation::error::{Problem, RotationError, State};
use datadog_rotation::keys::{KeyClass, KeyId, KeyRef};
use harness::bench::{Bench, caller};
use harness::by_hand::ids;
use harness::claims::{Beginning, FALSE_CLAIM};
use harness::listen::Listening;
use harness::verdict::{false_claims, unnamed};
use http::StatusCode;
use sandbox::gate::{Call, Fate};
use sandbox::rotation::{Step, event};
use sandbox::scene::SceneOptions;

const KIND: Kind = Kind::ApiKey;

/// A key that can be neither stored nor deleted.
async fn left(bench: &Bench) {
    bench.gate.follow(|call: &Call| {
        if call.operation == "PutSecretValue" {
            Fate::Refuse(StatusCode::NOT_FOUND)
        } else if call.operation.starts_with("DELETE ") {
            Fate::Undeletable(StatusCode::FORBIDDEN)
        } else {
            Fate::Pass
        }
    });
    let job = bench.begin(KIND);
    let failed = bench.deliver(KIND, &job, Step::CreateSecret).await;
    failed.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_left_is_named_in_a_warning_or_an_error() {
    let listening = Listening::begin();
    let bench = Bench::new(SceneOptions::default());
    left(&bench).await;
    let heard = listening.heard();
    assert_eq!(unnamed(&bench, &heard), Ok(()));

    // Of a function that only announces what it creates, and of one whose error is known to tests alone.
    let quiet = |line: &&str| {
        let line = line.trim_start();
        line.starts_with("INFO ") || line.starts_with("WARN ended ")
    };
    let quiet: Vec<_> = heard.lines().filter(quiet).collect();
    assert!(quiet.iter().any(|it| it.contains("creating a key")));
    let found = unnamed(&bench, &quiet.join("\n")).unwrap_err();
    assert!(
        found.contains("no warning and no error names it"),
        "{found}"
    );
}

/// A process that is killed can say no more than the name that it was about to create.
#[tokio::test(start_paused = true)]
async fn a_process_that_is_killed_has_named_its_key_before() {
    let listening = Listening::begin();
    let bench = Bench::new(SceneOptions::default());
    bench.gate.follow(|call: &Call| {
        if call.operation == "PutSecretValue" {
            Fate::KillBefore
        } else {
            Fate::Pass
        }
    });
    let job = bench.begin(KIND);
    let event = event(&job, Step::CreateSecret);
    assert!(bench.function(KIND).deliver(&event).await.is_none());
    assert_eq!(unnamed(&bench, &listening.heard()), Ok(()));
    unnamed(&bench, "").unwrap_err();
}

fn failed(state: State) -> Result<(), RotationError> {
    Err(RotationError::new(
        None,
        Problem::PendingLabelLost,
        state,
        Vec::new(),
    ))
}

/// Each claim that is false after these steps is found to be, and the others are not.
async fn judged(steps: &[Step], step: Step, claims: &[(State, bool)]) {
    let bench = Bench::new(SceneOptions::default());
    let job = bench.begin(KIND);
    for earlier in steps {
        bench.deliver(KIND, &job, *earlier).await.unwrap();
    }
    let event = event(&job, step);
    let beginning = Beginning::of(&bench.gate, caller(KIND), &event);
    assert_eq!(
        beginning.false_claim(&Ok(())).is_some(),
        step != Step::TestSecret,
        "a success of {step} without any call"
    );
    bench.deliver(KIND, &job, step).await.unwrap();
    assert_eq!(beginning.false_claim(&Ok(())), None, "{step}");
    for (state, is_false) in claims {
        let found = beginning.false_claim(&failed(state.clone()));
        assert_eq!(found.is_some(), *is_false, "{step}: {state}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_state_that_is_not_so_is_found() {
    let abandoned = State::Abandoned { left: Vec::new() };
    let claims = |is_false: [bool; 6]| {
        let states = [
            State::Untouched,
            State::OnlyDeleted,
            State::Undone,
            State::Pending,
            State::Promoted,
            abandoned.clone(),
        ];
        states.into_iter().zip(is_false).collect::<Vec<_>>()
    };
    let created = claims([true, false, true, false, true, true]);
    judged(&[], Step::CreateSecret, &created).await;
    let tested = claims([false, false, false, false, true, true]);
    judged(&[Step::CreateSecret], Step::TestSecret, &tested).await;
    let finished = claims([true, true, true, true, false, true]);
    judged(&[Step::CreateSecret], Step::FinishSecret, &finished).await;
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_said_to_be_deleted_and_works_is_found() {
    let bench = Bench::new(SceneOptions::default());
    let job = bench.begin(KIND);
    let event = event(&job, Step::TestSecret);
    let id = ids(&bench.current(KIND)).remove(0);
    let key = KeyRef {
        class: KeyClass::Api,
        id: KeyId::parse(&id).unwrap(),
    };
    let said = |state| {
        Err(RotationError::new(
            None,
            Problem::PendingLabelLost,
            state,
            vec![key.clone()],
        ))
    };
    let beginning = Beginning::of(&bench.gate, caller(KIND), &event);
    assert!(beginning.false_claim(&said(State::OnlyDeleted)).is_some());
    let line = format!("INFO step done deleted=[\"API key {id}\"]");
    false_claims(&bench, &line).unwrap_err();
    false_claims(&bench, &format!("ERROR {FALSE_CLAIM} claim=\"x\"")).unwrap_err();

    bench.ledger.excuse(&id);
    bench.revoke(&id);
    assert_eq!(beginning.false_claim(&said(State::OnlyDeleted)), None);
    assert_eq!(false_claims(&bench, &line), Ok(()));
}
