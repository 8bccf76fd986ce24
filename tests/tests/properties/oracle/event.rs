//! What holds of every JSON text that a function may be invoked with.

use datadog_rotation::event::{EventError, RotationEvent};
use serde_json::{Value, json};

/// The members that an event must have.
pub(crate) const MEMBERS: [&str; 3] = ["Step", "SecretId", "ClientRequestToken"];

pub(crate) fn check(event: &Value) {
    match RotationEvent::parse(event) {
        Ok(parsed) => check_parsed(event, &parsed),
        Err(error) => assert_names_the_defect(event, &error),
    }
    check_that_the_rotation_token_is_no_matter(event);
}

fn check_parsed(event: &Value, parsed: &RotationEvent) {
    assert_eq!(event["Step"], parsed.step.as_str());
    assert_eq!(event["SecretId"], parsed.secret.as_str());
    assert_eq!(event["ClientRequestToken"], parsed.token.as_str());
    assert_eq!(
        event["RotationToken"].is_string(),
        parsed.rotation_token.is_some()
    );
    for (id, longest) in [(parsed.secret.as_str(), 2048), (parsed.token.as_str(), 64)] {
        assert!((1..=longest).contains(&id.len()));
        assert!(id.bytes().all(|byte| byte.is_ascii_graphic()));
    }
}

/// Errors hold nothing but words of the code's own: these.
fn assert_names_the_defect(event: &Value, error: &EventError) {
    let is_defect = match error {
        EventError::NotAnObject => !event.is_object(),
        EventError::Missing(name) => MEMBERS.contains(name) && !event[name].is_string(),
        EventError::IllFormed(name) => MEMBERS[1..].contains(name) && event[name].is_string(),
        EventError::UnknownStep => event["Step"].is_string(),
    };
    assert!(is_defect, "{error}");
}

fn check_that_the_rotation_token_is_no_matter(event: &Value) {
    if event["RotationToken"].is_string() {
        let mut other = event.clone();
        other["RotationToken"] = json!("another");
        let shown = |event| format!("{:?}", RotationEvent::parse(event));
        assert_eq!(shown(event), shown(&other));
    }
}
