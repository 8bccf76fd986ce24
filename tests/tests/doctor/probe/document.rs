//! The document that a probe prints, and the page that describes it.

use std::collections::BTreeSet;

use datadog_doctor::probe::Question;
use harness::probe::world;
use sandbox::datadog::RateLimit;
use sandbox::scene::Admin;
use serde_json::Value;

use crate::documents::{rows_after, shape};

const PAGE: &str = include_str!("../../../../docs/reference/doctor.md");

#[test]
fn the_page_lists_every_word() {
    let questions = Question::ALL.map(Question::word);
    assert_eq!(rows_after("## probe"), BTreeSet::from(questions));
    let states = ["deleted", "left", "perhaps_left"];
    assert_eq!(
        rows_after("A throwaway thing is in one of three"),
        BTreeSet::from(states)
    );
    let ends = ["done", "barred", "out_of_time", "interrupted"];
    assert_eq!(
        rows_after("A probe ends in one of four"),
        BTreeSet::from(ends)
    );
}

#[tokio::test(start_paused = true)]
async fn the_pages_document_is_of_the_shape_that_is_printed() {
    let (_, shown) = PAGE.split_once("## probe").unwrap();
    let shown = shown.split("```json\n").nth(1).unwrap();
    let shown: Value = serde_json::from_str(shown.split("```").next().unwrap()).unwrap();
    let bench = world(Admin::Identity);
    bench.gate.with_world(|world| {
        world.datadog.settings.rate_limit = Some(RateLimit {
            requests: 1000,
            period_seconds: 60,
        });
    });
    let printed = bench.probe().await.json();
    assert_eq!(shape(&shown), shape(&printed));
}

#[test]
fn questions_are_told_once_and_in_order() {
    assert!(Question::ALL.is_sorted_by(|one, next| one < next));
}
