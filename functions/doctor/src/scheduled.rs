//! As a Lambda function: a schedule reports, a person revokes.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_config::{BehaviorVersion, SdkConfig};
use datadog_rotation::budget::Budget;
use datadog_rotation::error::Problem;
use datadog_rotation::http::Http;
use datadog_rotation::metrics::emit_strays;
use datadog_rotation::rotation::strays::{Standing, Unseen};
use datadog_rotation::secrets::is_secret_arn;
use datadog_rotation::settings::{LogSettings, Settings};
use datadog_rotation::start;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::Value;

use crate::arguments::{Command, Task, once_each};
use crate::document::class;
use crate::program::Outside;
use crate::strays::{Found, Report, Summary};

/// Local emulators send deadlines that have passed already.
const UNKNOWN_DEADLINE: Duration = Duration::from_mins(1);

/// Why an invocation failed.
#[derive(Clone, Debug)]
struct Failure {
    /// A stable word, listed in the README.
    error_type: &'static str,
    text: String,
}

/// The whole of the function.
///
/// # Errors
/// The Runtime API's.
pub(crate) async fn run() -> Result<(), lambda_runtime::Error> {
    let network = match start::begin(&LogSettings::from_env()) {
        Ok(http) => Ok((configuration(&http).await, http)),
        Err(error) => Err(Failure {
            error_type: "SettingMalformed",
            text: format!("{}.", Problem::Start(error)),
        }),
    };
    let network = &network;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async move {
        let now = SystemTime::now();
        let left = event.context.deadline().duration_since(now);
        let watch = Budget::new(now, left.unwrap_or(UNKNOWN_DEADLINE));
        let summary = match network {
            Ok((config, http)) => search(&event.payload, http, config, watch).await,
            Err(failure) => Err(failure.clone()),
        };
        summary.inspect_err(|failure| {
            tracing::error!(error_type = failure.error_type, "{failure}");
        })
    }))
    .await
}

async fn configuration(http: &Http) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(http.clone())
        .load()
        .await
}

async fn search(
    event: &Value,
    http: &Http,
    config: &SdkConfig,
    watch: Budget,
) -> Result<Summary, Failure> {
    let task = task(event).map_err(|text| Failure {
        error_type: "InvalidEvent",
        text: text.to_owned(),
    })?;
    let settings = Settings::from_env();
    let metrics = settings.metrics.clone();
    let outside = Outside::new(&task, settings, http, config, watch);
    let report = outside.report(&task.secrets).await;
    let summary = report.summary();
    tell(&report, &summary);
    if let Some(metrics) = metrics {
        emit_strays(summary.strays, &metrics, watch.now());
    }
    let unseen = report.seen.iter().filter_map(|seen| {
        let unseen = seen.found.as_ref().err()?;
        Some((seen.secret.as_str(), unseen))
    });
    let unseen: Vec<_> = unseen.collect();
    match unseen[..] {
        [] => Ok(summary),
        [(_, first), ..] => Err(Failure {
            error_type: first.error_type(),
            text: unseen
                .into_iter()
                .map(sentence)
                .collect::<Vec<_>>()
                .join(" "),
        }),
    }
}

fn sentence((secret, unseen): (&str, &Unseen)) -> String {
    let (text, advice) = (unseen.text(), unseen.advice());
    let stop = if text.ends_with('.') { "" } else { "." };
    format!("{secret} was not looked at: {text}{stop} {advice}")
}

/// `{"command": "strays", "secrets": [ARN, …]}`. An empty text is a parameter of the stack that was
/// left empty. There is no member that makes it delete.
fn task(event: &Value) -> Result<Task, &'static str> {
    if event["command"] != "strays" {
        return Err("the event's `command` is not `strays`");
    }
    let secrets = event["secrets"].as_array();
    let secrets = secrets.ok_or("the event has no array `secrets`")?.iter();
    let secrets: Option<Vec<&str>> = secrets.map(Value::as_str).collect();
    let mut secrets = secrets.ok_or("the event's `secrets` are not all texts")?;
    secrets.retain(|it| !it.is_empty());
    if secrets.is_empty() {
        return Err("the event names no secret");
    }
    if !secrets.iter().all(|it| is_secret_arn(it)) {
        return Err("the event's `secrets` are not all full ARNs of secrets");
    }
    Ok(Task {
        command: Command::Strays { revoke: false },
        secrets: once_each(secrets.into_iter().map(str::to_owned).collect()),
        json: true,
        admin_secret: None,
        kind: None,
    })
}

/// A line for each stray key, and one for all.
fn tell(report: &Report, summary: &Summary) {
    for seen in &report.seen {
        if let Ok(found) = &seen.found {
            tell_found(&seen.secret, found, report);
        }
    }
    tracing::info!(
        secrets = summary.secrets,
        unseen = summary.unseen,
        unlisted = summary.unlisted,
        strays = summary.strays,
        revocable = summary.revocable,
        unknown_version = summary.unknown_version,
        undecided = summary.undecided,
        young = summary.young,
        "searched for stray keys"
    );
}

fn tell_found(secret: &str, found: &Found, report: &Report) {
    if found.search.unlisted().is_some() {
        tracing::warn!(
            secret,
            "API keys can't be listed without api_keys_read: stray ones are not seen"
        );
    }
    let keys = found.keys.iter();
    for key in keys.filter(|it| it.stray.standing != Standing::Young) {
        let listed = &key.stray.key;
        tracing::warn!(
            secret,
            class = class(listed.key.class),
            id = listed.key.id.as_str(),
            name = ?listed.name,
            age_s = key.age(report.now).map(|it| it.as_secs()),
            standing = key.word(),
            "stray key: {}",
            key.reason()
        );
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        Self {
            error_type: failure.error_type.to_owned(),
            error_message: failure.text,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:datadog/api-AbCdEf";

    #[test]
    fn a_schedule_never_revokes() {
        let event = json!({ "command": "strays", "secrets": [ARN, "", ARN], "revoke": true });
        let task = task(&event).unwrap();
        assert_eq!(task.command, Command::Strays { revoke: false });
        assert_eq!(task.secrets, [ARN]);
    }

    #[test]
    fn the_sample_event_is_accepted() {
        let event = include_str!("../../../events/doctor-strays.json");
        let task = task(&serde_json::from_str(event).unwrap()).unwrap();
        assert_eq!(task.secrets.len(), 1);
    }

    #[test]
    fn other_events_are_refused() {
        for (event, word) in [
            (json!("strays"), "command"),
            (json!({ "command": "check", "secrets": [ARN] }), "command"),
            (json!({ "command": "strays" }), "no array"),
            (json!({ "command": "strays", "secrets": [7] }), "texts"),
            (
                json!({ "command": "strays", "secrets": ["", ""] }),
                "no secret",
            ),
            (
                json!({ "command": "strays", "secrets": ["datadog/api"] }),
                "ARN",
            ),
        ] {
            let refusal = task(&event).unwrap_err();
            assert!(refusal.contains(word), "{event}: {refusal}");
        }
    }
}
