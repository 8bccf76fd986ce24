//! Metrics in the embedded metric format of `CloudWatch`: one line of JSON a step, a scheduled check or
//! a search for orphaned keys, among the logs.
//!
//! Dimensions are few by construction: functions, steps and error types. No metric holds a name,
//! an id or a value of a secret.

use std::io::Write;
use std::time::{Duration, SystemTime};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde_json::{Map, Value, json};

use crate::event::Step;
use crate::settings::MetricSettings;

pub const NAMESPACE: &str = "DatadogKeyRotation";

/// What one invocation of a step comes to.
#[derive(Clone, Copy, Debug)]
pub struct StepMetrics {
    /// `None`: the event did not say.
    pub step: Option<Step>,
    /// `None`: it succeeded.
    pub error_type: Option<&'static str>,
    pub duration: Duration,
    /// Keys deleted at Datadog, for whatever reason.
    pub deleted: usize,
    /// Keys among them that no version held: the process that created them has died.
    pub orphans: usize,
    /// Messages of promotions that the topic is not known to have got. `None`: none was due.
    pub messages_not_sent: Option<usize>,
}

impl StepMetrics {
    pub fn emit(&self, settings: &MetricSettings, now: SystemTime) {
        print(&self.document(settings, now));
    }

    /// Duration by function and step; successes and failures by function, by step and, failures,
    /// by error type; finished rotations and keys by function.
    #[must_use]
    pub fn document(&self, settings: &MetricSettings, now: SystemTime) -> Value {
        let is_finished = self.step == Some(Step::FinishSecret) && self.error_type.is_none();
        let mut counts = vec![
            ("StepSucceeded", usize::from(self.error_type.is_none())),
            ("StepFailed", usize::from(self.error_type.is_some())),
            ("RotationFinished", usize::from(is_finished)),
            ("KeysDeleted", self.deleted),
            ("OrphanedKeysFound", self.orphans),
        ];
        // Without a topic it would be one more metric to pay for.
        counts.extend(self.messages_not_sent.map(|it| ("MessagesNotSent", it)));
        let names: Vec<_> = counts.iter().map(|(name, _)| *name).collect();
        let mut directives = vec![directive(&["Function"], &names)];
        let counts = counts.into_iter();
        let mut line: Map<_, _> = counts
            .map(|(name, count)| (name.to_owned(), json!(count)))
            .collect();
        if let Some(step) = self.step {
            let by_step = ["StepDuration", "StepSucceeded", "StepFailed"];
            directives.push(directive(&["Function", "Step"], &by_step));
            line.insert("Step".into(), json!(step.as_str()));
            let milliseconds = u64::try_from(self.duration.as_millis()).unwrap_or(u64::MAX);
            line.insert("StepDuration".into(), json!(milliseconds));
        }
        if let Some(error_type) = self.error_type {
            directives.push(directive(&["Function", "ErrorType"], &["StepFailed"]));
            line.insert("ErrorType".into(), json!(error_type));
        }
        completed(line, &directives, settings, now)
    }
}

/// Prints how many orphaned keys a search has found: keys that are there and that no version holds.
pub fn emit_orphans(found: usize, settings: &MetricSettings, now: SystemTime) {
    print(&orphans(found, settings, now));
}

fn orphans(found: usize, settings: &MetricSettings, now: SystemTime) -> Value {
    let line = Map::from_iter([("OrphanedKeysFound".to_owned(), json!(found))]);
    let directives = [directive(&["Function"], &["OrphanedKeysFound"])];
    completed(line, &directives, settings, now)
}

/// Prints how many rotations a check has found overdue, and on how many points rotations would fail.
pub fn emit_checks(overdue: usize, failed: usize, settings: &MetricSettings, now: SystemTime) {
    print(&checks(overdue, failed, settings, now));
}

fn checks(overdue: usize, failed: usize, settings: &MetricSettings, now: SystemTime) -> Value {
    let counts = [("RotationOverdue", overdue), ("ChecksFailed", failed)];
    let line = Map::from_iter(counts.map(|(name, count)| (name.to_owned(), json!(count))));
    let directives = [directive(&["Function"], &counts.map(|(name, _)| name))];
    completed(line, &directives, settings, now)
}

/// Where standard output is closed nobody reads metrics.
fn print(line: &Value) {
    let line = format!("{line}\n");
    let _ = std::io::stdout().lock().write_all(line.as_bytes());
}

/// Returns the line with what every line of metrics has.
fn completed(
    mut line: Map<String, Value>,
    directives: &[Value],
    settings: &MetricSettings,
    now: SystemTime,
) -> Value {
    line.insert("Function".into(), json!(settings.function));
    let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH);
    let timestamp = since_epoch.unwrap_or_default().as_millis();
    let timestamp = u64::try_from(timestamp).unwrap_or(u64::MAX);
    line.insert(
        "_aws".into(),
        json!({ "Timestamp": timestamp, "CloudWatchMetrics": directives }),
    );
    // Lambda drops lines below its log level, and takes one without a level for INFO.
    line.insert("level".into(), json!(settings.level));
    let time = DateTime::from(now).fmt(Format::DateTime);
    line.insert("timestamp".into(), json!(time.unwrap_or_default()));
    Value::Object(line)
}

fn directive(dimensions: &[&str], names: &[&str]) -> Value {
    let metrics: Vec<_> = names
        .iter()
        .map(|&name| {
            let unit = if name == "StepDuration" {
                "Milliseconds"
            } else {
                "Count"
            };
            json!({ "Name": name, "Unit": unit })
        })
        .collect();
    json!({ "Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": metrics })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> MetricSettings {
        MetricSettings {
            function: "rotation".into(),
            level: "WARN".into(),
        }
    }

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_225_600_123)
    }

    fn document(metrics: StepMetrics) -> Value {
        metrics.document(&settings(), now())
    }

    const DONE: StepMetrics = StepMetrics {
        step: Some(Step::FinishSecret),
        error_type: None,
        duration: Duration::from_micros(41_900),
        deleted: 2,
        orphans: 1,
        messages_not_sent: None,
    };

    #[test]
    fn a_message_is_counted_where_one_was_due() {
        let metric = json!({ "Name": "MessagesNotSent", "Unit": "Count" });
        for due in [Some(0), Some(1), None] {
            let line = document(StepMetrics {
                messages_not_sent: due,
                ..DONE
            });
            assert_eq!(
                line.get("MessagesNotSent"),
                due.map(|it| json!(it)).as_ref()
            );
            let by_function = &line["_aws"]["CloudWatchMetrics"][0]["Metrics"];
            let by_function = by_function.as_array().unwrap();
            assert_eq!(by_function.contains(&metric), due.is_some());
        }
    }

    #[test]
    fn a_finished_rotation() {
        let by_function = [
            "StepSucceeded",
            "StepFailed",
            "RotationFinished",
            "KeysDeleted",
            "OrphanedKeysFound",
        ];
        let counts = by_function.map(|name| json!({ "Name": name, "Unit": "Count" }));
        assert_eq!(
            document(DONE),
            json!({
                "_aws": {
                    "Timestamp": 1_767_225_600_123_u64,
                    "CloudWatchMetrics": [
                        {
                            "Namespace": "DatadogKeyRotation",
                            "Dimensions": [["Function"]],
                            "Metrics": counts,
                        },
                        {
                            "Namespace": "DatadogKeyRotation",
                            "Dimensions": [["Function", "Step"]],
                            "Metrics": [
                                { "Name": "StepDuration", "Unit": "Milliseconds" },
                                { "Name": "StepSucceeded", "Unit": "Count" },
                                { "Name": "StepFailed", "Unit": "Count" },
                            ],
                        },
                    ],
                },
                "level": "WARN", "timestamp": "2026-01-01T00:00:00.123Z",
                "Function": "rotation", "Step": "finishSecret", "StepDuration": 41,
                "StepSucceeded": 1, "StepFailed": 0, "RotationFinished": 1,
                "KeysDeleted": 2, "OrphanedKeysFound": 1,
            })
        );
    }

    #[test]
    fn a_failed_step_is_told_by_its_error_type() {
        let failed = document(StepMetrics {
            error_type: Some("AccessDenied"),
            ..DONE
        });
        let directives = &failed["_aws"]["CloudWatchMetrics"];
        assert_eq!(
            directives[2]["Dimensions"],
            json!([["Function", "ErrorType"]])
        );
        assert_eq!(failed["ErrorType"], "AccessDenied");
        assert_eq!(failed["StepFailed"], 1);
        assert_eq!(failed["RotationFinished"], 0);
    }

    #[test]
    fn a_search_counts_what_it_found() {
        assert_eq!(
            orphans(3, &settings(), now()),
            json!({
                "_aws": {
                    "Timestamp": 1_767_225_600_123_u64,
                    "CloudWatchMetrics": [{
                        "Namespace": "DatadogKeyRotation",
                        "Dimensions": [["Function"]],
                        "Metrics": [{ "Name": "OrphanedKeysFound", "Unit": "Count" }],
                    }],
                },
                "level": "WARN", "timestamp": "2026-01-01T00:00:00.123Z",
                "Function": "rotation", "OrphanedKeysFound": 3,
            })
        );
    }

    #[test]
    fn a_check_counts_what_is_overdue_and_what_would_fail() {
        let line = checks(1, 2, &settings(), now());
        let metrics = ["RotationOverdue", "ChecksFailed"];
        let metrics = metrics.map(|name| json!({ "Name": name, "Unit": "Count" }));
        assert_eq!(
            line["_aws"]["CloudWatchMetrics"],
            json!([{
                "Namespace": "DatadogKeyRotation",
                "Dimensions": [["Function"]],
                "Metrics": metrics,
            }])
        );
        assert_eq!(
            json!([
                line["Function"],
                line["RotationOverdue"],
                line["ChecksFailed"]
            ]),
            json!(["rotation", 1, 2])
        );
    }

    #[test]
    fn an_event_that_can_not_be_read_has_no_step() {
        let failed = document(StepMetrics {
            step: None,
            error_type: Some("InvalidEvent"),
            ..DONE
        });
        assert_eq!(failed.get("Step"), None);
        assert_eq!(failed.get("StepDuration"), None);
        assert_eq!(
            failed["_aws"]["CloudWatchMetrics"].as_array().map(Vec::len),
            Some(2)
        );
    }
}
