//! The attribute of an API key that Datadog's clients only read: it is carried over, or the secret's owner
//! has said that it may go.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test says that something is wrong"
)]

use datadog_rotation::Kind;
use datadog_rotation::secrets::MAY_LOSE_TAG;
use harness::bench::Bench;
use harness::by_hand::with;
use harness::case::ENROLL;
use sandbox::datadog::{Class, ReadOnly};
use sandbox::gate::{Call, Fate, Lie};
use sandbox::rotation::Step;
use sandbox::scene::SceneOptions;
use serde_json::json;

const KIND: Kind = Kind::ApiKey;

/// An organisation with the attribute, and a key that has it.
fn organisation(asked_for: ReadOnly) -> Bench {
    let bench = Bench::new(SceneOptions::default());
    let id = bench.current(KIND)["apiKeyId"].clone();
    bench.gate.with_world(|world| {
        let settings = &mut world.datadog.settings;
        settings.read_only_attributes = [(ENROLL.to_owned(), false)].into();
        settings.asked_for_read_only = asked_for;
        world.datadog.switch(id.as_str().unwrap(), ENROLL, true);
    });
    bench
}

fn enrols(bench: &Bench) -> bool {
    let id = bench.current(KIND)["apiKeyId"].clone();
    let class = bench.gate.with_world(|world| {
        let key = world.datadog.key(id.as_str().unwrap());
        key.map(|it| it.class.clone())
    });
    match class {
        Some(Class::Api { read_only, .. }) => read_only[ENROLL],
        _ => panic!("{id} is no API key"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_attribute_is_asked_for_and_its_loss_is_refused() {
    let bench = organisation(ReadOnly::Taken);
    bench.rotate(KIND).await.unwrap();
    assert!(enrols(&bench));

    let bench = organisation(ReadOnly::Ignored);
    let current = bench.current(KIND);
    let job = bench.begin(KIND);
    let refused = bench.deliver(KIND, &job, Step::CreateSecret).await;
    bench.assert_failed(refused, "AttributeLost", &[ENROLL, "were deleted again"]);
    assert_eq!(bench.current(KIND), current);

    let bench = organisation(ReadOnly::Refused);
    let job = bench.begin(KIND);
    let refused = bench.deliver(KIND, &job, Step::CreateSecret).await;
    bench.assert_failed(refused, "DatadogRejected", &[ENROLL, MAY_LOSE_TAG]);
}

/// A tag has no commas, by the rules of AWS.
#[tokio::test(start_paused = true)]
async fn an_attribute_may_go_where_field_or_tag_says_so() {
    let more = |text: &str| text.replace('*', ENROLL);
    for (field, tag) in [
        (Some("*"), None),
        (Some("other,*"), None),
        (Some("other, *"), None),
        (Some("* other"), None),
        (None, Some("*")),
        (None, Some("other *")),
        (Some("other"), Some("*")),
        (Some("*"), Some("other")),
    ] {
        for asked_for in [ReadOnly::Ignored, ReadOnly::Refused] {
            let bench = organisation(asked_for);
            if let Some(field) = field {
                let value = with(bench.current(KIND), MAY_LOSE_TAG, json!(more(field)));
                bench.store(KIND, &value);
            }
            if let Some(tag) = tag {
                bench.tag(KIND, MAY_LOSE_TAG, &more(tag));
            }
            bench.rotate(KIND).await.unwrap();
            assert!(!enrols(&bench), "{field:?} {tag:?}");
        }
    }
    for other in ["other", "private_action_runner", "*x", "x*"] {
        let bench = organisation(ReadOnly::Ignored);
        bench.tag(KIND, MAY_LOSE_TAG, &more(other));
        let job = bench.begin(KIND);
        let refused = bench.deliver(KIND, &job, Step::CreateSecret).await;
        bench.assert_failed(refused, "AttributeLost", &[ENROLL]);
    }
}

/// createSecret refuses to lose the attribute. The next rotation, undisturbed, keeps it.
async fn is_refused_and_heals(bench: &Bench) {
    let job = bench.begin(KIND);
    let refused = bench.deliver(KIND, &job, Step::CreateSecret).await;
    bench.assert_failed(refused, "AttributeLost", &[ENROLL, "were deleted again"]);
    bench.give_up(&job);
    bench.rotate(KIND).await.unwrap();
    assert!(enrols(bench));
}

/// The new key's answer shows that the organisation has the attribute: the current key is asked about once
/// more.
#[tokio::test(start_paused = true)]
async fn an_attribute_that_one_answer_left_out_is_not_lost() {
    let bench = organisation(ReadOnly::Taken);
    let mut answers = 0;
    bench.gate.follow(move |call: &Call| {
        answers += i32::from(call.operation == "GET /api/v2/api_keys/{id}");
        if answers == 1 && call.operation == "GET /api/v2/api_keys/{id}" {
            Fate::Lie(Lie::Without(ENROLL))
        } else {
            Fate::Pass
        }
    });
    is_refused_and_heals(&bench).await;
}

/// Neither shows that the organisation has the attribute.
#[tokio::test(start_paused = true)]
async fn an_attribute_that_two_answers_left_out_is_not_lost() {
    let bench = organisation(ReadOnly::Taken);
    let mut answers = 0;
    bench.gate.follow(move |call: &Call| {
        let tells = ["GET /api/v2/api_keys/{id}", "POST /api/v2/api_keys"];
        answers += i32::from(tells.contains(&call.operation.as_str()));
        if answers <= 2 && tells.contains(&call.operation.as_str()) {
            Fate::Lie(Lie::Without(ENROLL))
        } else {
            Fate::Pass
        }
    });
    is_refused_and_heals(&bench).await;
}

/// The list and the look-up after the creation: that the new key's answer tells it shows that there is such an
/// attribute.
#[tokio::test(start_paused = true)]
async fn an_attribute_that_the_new_key_tells_is_not_taken_for_absent_of_the_current_one() {
    let bench = organisation(ReadOnly::Taken);
    let before = bench.live();
    bench.gate.follow(|call: &Call| {
        if call.operation.starts_with("GET /api/v2/api_keys") {
            Fate::Lie(Lie::Retyped(ENROLL))
        } else {
            Fate::Pass
        }
    });
    let job = bench.begin(KIND);
    let refused = bench.deliver(KIND, &job, Step::CreateSecret).await;
    let words = ["could not be told", "were deleted again"];
    bench.assert_failed(refused, "NewKeyDiffers", &words);
    assert_eq!(bench.live(), before, "{}", bench.story());
}

/// The new key is named before the question is asked, and time is kept to undo it.
#[tokio::test(start_paused = true)]
async fn a_new_key_is_undone_if_the_attribute_of_the_current_one_can_not_be_told() {
    for status in [
        http::StatusCode::SERVICE_UNAVAILABLE,
        http::StatusCode::FORBIDDEN,
    ] {
        let bench = organisation(ReadOnly::Taken);
        let before = bench.live();
        let mut answers = 0;
        bench.gate.follow(move |call: &Call| {
            answers += i32::from(call.operation == "GET /api/v2/api_keys/{id}");
            match (call.operation.as_str(), answers) {
                ("GET /api/v2/api_keys/{id}", 1) => Fate::Lie(Lie::Without(ENROLL)),
                ("GET /api/v2/api_keys/{id}", _) => Fate::Refuse(status),
                _ => Fate::Pass,
            }
        });
        let job = bench.begin(KIND);
        let refused = bench.deliver(KIND, &job, Step::CreateSecret).await;
        let words = ["could not be told", "were deleted again"];
        bench.assert_failed(refused, "NewKeyDiffers", &words);
        assert_eq!(bench.live(), before, "{}", bench.story());
    }
}
