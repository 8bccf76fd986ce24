//! As a Lambda function: a schedule reports, a person deletes.

mod checks;
mod event;

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use datadog_rotation::deadline::Deadline;
use datadog_rotation::error::Problem;
use datadog_rotation::http::Http;
use datadog_rotation::inspect::orphans::{OrphanState, Unseen};
use datadog_rotation::metrics::{emit_checks, emit_orphans};
use datadog_rotation::settings::{LogSettings, MetricSettings, Settings};
use datadog_rotation::start;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::{Value, json};

use crate::arguments::{Command, Task};
use crate::orphans::{Found, Report, Summary};
use crate::outside::Outside;
use crate::progress::Progress;
use event::{Job, Order};

/// Local emulators send deadlines that have passed already.
const UNKNOWN_DEADLINE: Duration = Duration::from_mins(1);

/// Why an invocation failed.
#[derive(Clone, Debug)]
struct Failure {
    /// A stable word, listed in `docs/reference/errors.md`.
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
        let watch = Deadline::new(now, left.unwrap_or(UNKNOWN_DEADLINE));
        let summary = match network {
            Ok((config, http)) => obey(&event.payload, http, config, watch).await,
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
        // Else a malformed AWS_MAX_ATTEMPTS or AWS_RETRY_MODE is a panic.
        .retry_config(RetryConfig::standard())
        .http_client(http.clone())
        .load()
        .await
}

async fn obey(
    event: &Value,
    http: &Http,
    config: &SdkConfig,
    watch: Deadline,
) -> Result<Value, Failure> {
    let Order {
        job,
        secrets,
        admin_secrets,
    } = Order::of(event).map_err(|text| Failure {
        error_type: "InvalidEvent",
        text: text.to_owned(),
    })?;
    let settings = Settings::from_env();
    let metrics = settings.metrics.clone();
    let task = Task {
        command: match job {
            Job::Check => Command::Check,
            Job::Orphans => Command::Orphans { delete: false },
        },
        secrets,
        json: true,
        admin_secret: None,
        kind: None,
    };
    let outside = Outside::new(&task, settings, http, config, watch);
    let outside = outside.with_admin_secrets(admin_secrets);
    let summary = match job {
        Job::Check => json!(check(&outside, &task, metrics.as_ref()).await?),
        Job::Orphans => json!(search(&outside, &task, metrics.as_ref()).await?),
    };
    Ok(summary)
}

async fn check(
    outside: &Outside,
    task: &Task,
    metrics: Option<&MetricSettings>,
) -> Result<checks::Summary, Failure> {
    let checkups = outside
        .checkups(&task.secrets, &mut Progress::silent())
        .await;
    let summary = checks::Summary::of(&checkups);
    checks::tell(&checkups, summary);
    if let Some(metrics) = metrics {
        emit_checks(
            summary.overdue,
            summary.failed,
            metrics,
            outside.watch.now(),
        );
    }
    match checks::unreached(&checkups) {
        None => Ok(summary),
        Some((error_type, text)) => Err(Failure { error_type, text }),
    }
}

async fn search(
    outside: &Outside,
    task: &Task,
    metrics: Option<&MetricSettings>,
) -> Result<Summary, Failure> {
    let report = Report::of(outside, &task.secrets, &mut Progress::silent()).await;
    let summary = report.summary();
    tell(&report, &summary);
    if let Some(metrics) = metrics {
        emit_orphans(summary.orphans, metrics, outside.watch.now());
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

/// A line for each orphaned key, and one for all.
fn tell(report: &Report, summary: &Summary) {
    for seen in &report.seen {
        if let Ok(found) = &seen.found {
            tell_found(&seen.secret, found, report);
        }
    }
    tracing::info!(
        secrets = summary.secrets,
        not_searched = summary.not_searched,
        unlisted = summary.unlisted,
        cut = summary.cut,
        orphans = summary.orphans,
        deletable = summary.deletable,
        unknown_version = summary.unknown_version,
        undecided = summary.undecided,
        young = summary.young,
        "searched for orphaned keys"
    );
}

fn tell_found(secret: &str, found: &Found, report: &Report) {
    if found.search.unlisted().is_some() {
        tracing::warn!(
            secret,
            "API keys can't be listed without api_keys_read: orphaned ones are not seen"
        );
    }
    for class in found.search.cut() {
        tracing::warn!(
            secret,
            class = class.word(),
            "Datadog lists more keys than could be read: orphaned ones among the rest are not seen"
        );
    }
    let keys = found.keys.iter();
    for key in keys.filter(|it| it.orphan.state != OrphanState::Young) {
        let listed = &key.orphan.key;
        tracing::warn!(
            secret,
            class = listed.key.class.word(),
            id = listed.key.id.as_str(),
            name = ?listed.name,
            age_s = key.age(report.now).map(|it| it.as_secs()),
            state = key.word(),
            "orphaned key: {}",
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
