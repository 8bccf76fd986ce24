//! The sample events are what Secrets Manager sends: one a step and type, and one that no function may accept. The
//! schedule's is tried beside the code that reads it (`functions/doctor/src/scheduled/event.rs`).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use datadog_rotation::event::{EventError, RotationEvent};

const TYPES: [&str; 4] = [
    "api-key",
    "application-key",
    "admin-key",
    "service-access-token",
];
const STEPS: [(&str, &str); 4] = [
    ("create-secret", "createSecret"),
    ("set-secret", "setSecret"),
    ("test-secret", "testSecret"),
    ("finish-secret", "finishSecret"),
];
const BAD: &str = "unknown-step.json";
const SCHEDULED: [&str; 2] = ["doctor-check.json", "doctor-orphans.json"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../events")
}

fn parse(name: &str) -> Result<RotationEvent, EventError> {
    let text =
        fs::read_to_string(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let event = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    RotationEvent::parse(&event)
}

/// File, type and step of each event that a function must accept.
fn good() -> impl Iterator<Item = (String, &'static str, &'static str)> {
    TYPES
        .into_iter()
        .flat_map(|kind| STEPS.map(|(file, step)| (format!("{kind}-{file}.json"), kind, step)))
}

#[test]
fn every_step_of_every_type_has_an_event_and_each_parses() {
    for (name, kind, step) in good() {
        let event = parse(&name).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(event.step.as_str(), step, "{name}");
        let arn = format!("arn:aws:secretsmanager:us-east-1:123456789012:secret:datadog/{kind}-");
        let suffix = event.secret.as_str().strip_prefix(&arn);
        assert_eq!(
            suffix.map(str::len),
            Some(6),
            "{name}: AWS adds 6 characters"
        );
        assert_eq!(event.token.as_str().len(), 36, "{name}: a UUID");
    }
}

#[test]
fn the_steps_of_one_rotation_share_one_token() {
    let of_a_type = good().map(|(name, kind, _)| (kind, parse(&name).unwrap().token));
    assert_eq!(of_a_type.collect::<BTreeSet<_>>().len(), TYPES.len());
}

#[test]
fn events_come_with_a_rotation_token_and_without() {
    let with = good().map(|(name, ..)| parse(&name).unwrap().rotation_token.is_some());
    assert_eq!(with.collect::<BTreeSet<_>>(), BTreeSet::from([false, true]));
}

#[test]
fn the_bad_event_is_refused_for_its_step() {
    assert_eq!(parse(BAD).unwrap_err(), EventError::UnknownStep);
}

#[test]
fn no_event_lies_there_untested() {
    let there: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let tested: BTreeSet<String> = good()
        .map(|(name, ..)| name)
        .chain([BAD, SCHEDULED[0], SCHEDULED[1]].map(str::to_owned))
        .collect();
    assert_eq!(there, tested);
}
