//! Grace on demand: the tags `graceRotations` and `leakedVersion`.

#![expect(
    clippy::expect_used,
    reason = "a panic is how a test says that something is wrong"
)]

use std::time::Duration;

use datadog_rotation::Kind;
use datadog_rotation::credential::Grace;
use datadog_rotation::secrets::{GRACE_TAG, LEAKED_TAG};
use harness::bench::{Bench, DOCUMENTED_SCOPES};
use harness::by_hand::{ids, with};
use sandbox::gate::{Call, Fate};
use sandbox::rotation::Step;
use sandbox::scene::SceneOptions;
use serde_json::json;
use tokio::time::Instant;

/// Within which no wait for Datadog's edges fits.
const AT_ONCE: Duration = Duration::from_secs(5);

fn bench() -> Bench {
    Bench::new(SceneOptions::default())
}

/// Says that the keys in AWSCURRENT have leaked, and returns their IDs.
fn leak(bench: &Bench, kind: Kind) -> Vec<String> {
    let version = bench.labelled(kind, "AWSCURRENT").expect("a version");
    bench.tag(kind, LEAKED_TAG, &version);
    ids(&bench.current(kind))
}

fn are_live(bench: &Bench, ids: &[String]) -> bool {
    let live = ids.iter().filter(|it| bench.is_live(it)).count();
    assert!(live == 0 || live == ids.len(), "half of it lives: {ids:?}");
    live > 0
}

fn assert_generations(bench: &Bench, kind: Kind, generations: &[Vec<String>], most: usize) {
    bench.assert_settled();
    for (age, ids) in generations.iter().rev().enumerate() {
        let story = bench.story();
        assert_eq!(are_live(bench, ids), age < most, "{kind:?} {age}: {story}");
    }
}

#[tokio::test(start_paused = true)]
async fn keys_of_every_type_live_as_long_as_the_tag_says() {
    for kind in Kind::ALL {
        for (text, most) in [("0", 1), ("1", 2)] {
            let bench = bench();
            bench.tag(kind, GRACE_TAG, text);
            let mut generations = vec![ids(&bench.current(kind))];
            for _ in 0..3 {
                bench.rotate(kind).await.expect("undisturbed");
                generations.push(ids(&bench.current(kind)));
                assert_generations(&bench, kind, &generations, most);
            }
        }
    }
}

/// What is about to be deleted needs a successor that works at every edge; what lives on does not.
#[tokio::test(start_paused = true)]
async fn only_a_rotation_that_ends_keys_waits_for_datadogs_edges() {
    for kind in Kind::ALL {
        for (text, waits) in [("0", true), ("1", false)] {
            let bench = bench();
            bench.tag(kind, GRACE_TAG, text);
            let begun = Instant::now();
            bench.rotate(kind).await.expect("undisturbed");
            assert_eq!(begun.elapsed() > AT_ONCE, waits, "{kind:?} {text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_changed_tag_leaves_nothing_behind() {
    for kind in Kind::ALL {
        for (before, after, most) in [("1", "0", 1), ("0", "1", 2)] {
            let bench = bench();
            bench.tag(kind, GRACE_TAG, before);
            let mut generations = vec![ids(&bench.current(kind))];
            for text in [before, before, after, after] {
                bench.wait(Duration::from_mins(20)).await;
                bench.tag(kind, GRACE_TAG, text);
                // What the other rule has deleted does not come back to life.
                if let Some(previous) = bench.value(kind, "AWSPREVIOUS") {
                    for id in ids(&previous).iter().filter(|it| !bench.is_live(it)) {
                        bench.ledger.excuse(id);
                    }
                }
                bench.rotate(kind).await.expect("undisturbed");
                generations.push(ids(&bench.current(kind)));
            }
            assert_generations(&bench, kind, &generations, most);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_rotation_ends_what_has_leaked_and_the_next_is_as_before() {
    for kind in Kind::ALL {
        for text in [None, Some("1")] {
            let bench = bench();
            if let Some(text) = text {
                bench.tag(kind, GRACE_TAG, text);
            }
            bench.rotate(kind).await.expect("undisturbed");
            let leaked = leak(&bench, kind);
            bench.rotate(kind).await.expect("undisturbed");
            assert!(!are_live(&bench, &leaked), "{kind:?}: {}", bench.story());
            bench.assert_settled();
            let replaced = ids(&bench.current(kind));
            bench.rotate(kind).await.expect("undisturbed");
            let has_grace = text.is_some() || kind.grace() == Grace::OneRotation;
            assert_eq!(are_live(&bench, &replaced), has_grace, "{kind:?} {text:?}");
            bench.assert_settled();
        }
    }
}

/// It was replaced before anybody knew: then it goes first of all.
#[tokio::test(start_paused = true)]
async fn what_has_leaked_under_awsprevious_goes_before_a_key_is_created() {
    for kind in [Kind::ApiKey, Kind::ServiceAccessToken] {
        let bench = bench();
        bench.rotate(kind).await.expect("undisturbed");
        let leaked = leak(&bench, kind);
        bench.tag(kind, LEAKED_TAG, "");
        bench.rotate(kind).await.expect("undisturbed");
        let version = bench.labelled(kind, "AWSPREVIOUS").expect("a version");
        assert!(are_live(&bench, &leaked));
        bench.tag(kind, LEAKED_TAG, &version);
        let job = bench.begin(kind);
        let created = bench.deliver(kind, &job, Step::CreateSecret).await;
        created.expect("undisturbed");
        assert!(!are_live(&bench, &leaked), "{kind:?}: {}", bench.story());
        bench.carry_on(kind, &job).await.expect("undisturbed");
        bench.assert_settled();
    }
}

/// The tag is set once a value is pending, and people made both keys: then it goes before the promotion.
#[tokio::test(start_paused = true)]
async fn what_has_leaked_goes_whenever_the_tag_was_set_and_whoever_made_it() {
    for kind in Kind::ALL {
        let bench = bench();
        let leaked = ids(&bench.current(kind));
        bench.store(kind, &bench.by_hand(kind));
        let job = bench.begin(kind);
        for step in [Step::CreateSecret, Step::TestSecret] {
            bench.deliver(kind, &job, step).await.expect("undisturbed");
        }
        assert!(are_live(&bench, &leaked));
        let version = bench.labelled(kind, "AWSPREVIOUS").expect("a version");
        bench.tag(kind, LEAKED_TAG, &version);
        let ended = bench.deliver(kind, &job, Step::FinishSecret).await;
        ended.expect("undisturbed");
        assert!(!are_live(&bench, &leaked), "{kind:?}: {}", bench.story());
    }
}

/// Nothing is answered between promotion and deletion: the same rotation ends it, or the next.
#[tokio::test(start_paused = true)]
async fn what_has_leaked_is_ended_by_the_next_invocation() {
    for kind in Kind::ALL {
        for again in [true, false] {
            let bench = bench();
            bench.rotate(kind).await.expect("undisturbed");
            let leaked = leak(&bench, kind);
            let job = bench.begin(kind);
            let mut is_promoted = false;
            bench.gate.follow(move |call: &Call| {
                if is_promoted {
                    return Fate::CutBefore;
                }
                is_promoted = call.operation == "UpdateSecretVersionStage";
                Fate::Pass
            });
            for step in Step::ALL {
                let _fails = bench.deliver(kind, &job, step).await;
            }
            bench.gate.follow(|_: &Call| Fate::Pass);
            assert!(are_live(&bench, &leaked), "{kind:?}: {}", bench.story());
            if again {
                let ended = bench.deliver(kind, &job, Step::FinishSecret).await;
                ended.expect("undisturbed");
            } else {
                bench.give_up(&job);
                bench.rotate(kind).await.expect("undisturbed");
            }
            assert!(!are_live(&bench, &leaked), "{kind:?}: {}", bench.story());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_can_not_be_read_stops_each_step_before_any_effect() {
    for kind in Kind::ALL {
        for (tag, text) in [
            (GRACE_TAG, "2"),
            (GRACE_TAG, "yes"),
            (LEAKED_TAG, "AWSCURRENT"),
        ] {
            let bench = bench();
            bench.rotate(kind).await.expect("undisturbed");
            bench.tag(kind, tag, text);
            let job = bench.begin(kind);
            bench.gate.forget_calls();
            for step in [Step::CreateSecret, Step::TestSecret, Step::FinishSecret] {
                let result = bench.deliver(kind, &job, step).await;
                bench.assert_failed(result, "TagMalformed", &[tag, "Nothing was changed"]);
            }
            assert!(bench.changes().is_empty(), "{}", bench.story());
        }
    }
}

/// AWSPREVIOUS need never have been a rotation's: an ID there shows nothing.
#[tokio::test(start_paused = true)]
async fn the_id_of_another_key_under_awsprevious_costs_nobody_that_key() {
    for kind in [Kind::ApplicationKey, Kind::AdminKey] {
        let bench = bench();
        bench.tag(kind, GRACE_TAG, "1");
        bench.rotate(kind).await.expect("undisturbed");
        let current = bench.current(kind);
        let (own, others) = (bench.by_hand(kind), bench.by_hand(kind));
        let field = match kind {
            Kind::AdminKey => "adminAppKeyId",
            _ => "appKeyId",
        };
        let id = others[field].as_str().expect("an ID").to_owned();
        bench.store(kind, &with(own, field, json!(id)));
        bench.store(kind, &current);
        bench.rotate(kind).await.expect("without that key");
        assert!(bench.is_live(&id), "{kind:?}: {}", bench.story());
    }
}

/// Without `api_keys_read` no name tells who made the key in AWSCURRENT. The event does: it is its version.
#[tokio::test(start_paused = true)]
async fn a_deletion_that_failed_is_made_up_for_by_the_same_step() {
    for kind in [Kind::ApiKey, Kind::ServiceAccessToken] {
        let bench = Bench::new(SceneOptions {
            admin_scopes: &DOCUMENTED_SCOPES,
            ..SceneOptions::default()
        });
        bench.tag(kind, GRACE_TAG, "0");
        bench.rotate(kind).await.expect("undisturbed");
        let replaced = ids(&bench.current(kind));
        let job = bench.begin(kind);
        for step in [Step::CreateSecret, Step::TestSecret] {
            bench.deliver(kind, &job, step).await.expect("undisturbed");
        }
        bench.gate.follow(|call: &Call| {
            if call.operation.starts_with("DELETE ") {
                Fate::CutBefore
            } else {
                Fate::Pass
            }
        });
        let failed = bench.deliver(kind, &job, Step::FinishSecret).await;
        failed.expect_err("it could not be deleted");
        bench.gate.follow(|_: &Call| Fate::Pass);
        let again = bench.deliver(kind, &job, Step::FinishSecret).await;
        again.expect("undisturbed");
        assert!(!are_live(&bench, &replaced), "{kind:?}: {}", bench.story());
    }
}

/// Without any tag: a person moved AWSPREVIOUS to a value of their own, which names another team's key.
#[tokio::test(start_paused = true)]
async fn a_moved_label_costs_nobody_the_key_whose_id_stands_there() {
    for (kind, field) in [
        (Kind::ApplicationKey, "appKeyId"),
        (Kind::AdminKey, "adminAppKeyId"),
    ] {
        let bench = bench();
        let (own, others) = (bench.by_hand(kind), bench.by_hand(kind));
        let id = others[field].as_str().expect("an ID").to_owned();
        bench.store_aside(kind, "ASIDE", &with(own, field, json!(id)));
        bench.wait(Duration::from_mins(20)).await;
        bench.rotate(kind).await.expect("undisturbed");
        bench.make_previous(kind, "ASIDE");
        bench.wait(Duration::from_mins(20)).await;
        bench.rotate(kind).await.expect("without that key");
        assert!(bench.is_live(&id), "{kind:?}: {}", bench.story());
    }
}

/// Two keys that people made, one put aside for the other: both are theirs.
#[tokio::test(start_paused = true)]
async fn a_key_that_a_person_put_aside_stays_theirs() {
    for kind in [Kind::ApplicationKey, Kind::AdminKey] {
        let bench = bench();
        bench.tag(kind, GRACE_TAG, "1");
        let aside = ids(&bench.current(kind));
        bench.store(kind, &bench.by_hand(kind));
        bench.rotate(kind).await.expect("undisturbed");
        assert!(are_live(&bench, &aside), "{kind:?}: {}", bench.story());
        bench.assert_settled();
    }
}
