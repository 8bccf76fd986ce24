//! The door: from Lambda's event to the step engine, and back to Lambda's error.

use std::time::{Duration, SystemTime};

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

use crate::aws;
use crate::clients::Clients;
use crate::clock_skew::ClockSkew;
use crate::credential::Kind;
use crate::datadog::Limits;
use crate::deadline::Deadline;
use crate::error::{Problem, RotationError, State};
use crate::event::RotationEvent;
use crate::http::Http;
use crate::identity::Identity;
use crate::log::ALWAYS;
use crate::metrics::StepMetrics;
use crate::rotation::{self, StepCounts};
use crate::secrets::Secrets;
use crate::settings::{LogSettings, MetricSettings, Settings, StartError};
use crate::start;
use crate::topic::Topic;

/// Local emulators send a deadline of 0, or of some moments after it: none, that is.
const NO_DEADLINE: Duration = Duration::from_hours(24);

/// What an invocation is given whose deadline is not known.
const UNKNOWN_DEADLINE: Duration = Duration::from_mins(1);

/// Rotates secrets of one type.
#[derive(Clone, Debug)]
pub struct Rotator {
    kind: Kind,
    metrics: Option<MetricSettings>,
    /// Or why no step can be run.
    clients: Result<Clients, StartError>,
}

impl Rotator {
    #[must_use]
    pub fn new(kind: Kind, settings: Settings, http: Http, config: &aws_config::SdkConfig) -> Self {
        let secrets = Secrets::new(config, &http);
        let identity = Identity::new(config);
        let topic = settings.promotion_topic.as_ref();
        let topic = topic.map(|it| Topic::new(it, &http, config));
        Self {
            kind,
            metrics: settings.metrics.clone(),
            clients: Ok(Clients {
                secrets,
                http,
                skew: ClockSkew::default(),
                limits: Limits::default(),
                settings,
                identity,
                topic,
            }),
        }
    }

    /// Answers every event with this error. The Runtime API is told of it in that way, and the log and
    /// the metrics as of every other failure: a process that ended at its start would leave an exit
    /// code.
    #[must_use]
    pub fn refusing(kind: Kind, settings: Settings, error: StartError) -> Self {
        Self {
            kind,
            metrics: settings.metrics,
            clients: Err(error),
        }
    }

    /// Runs the step that the event names. A failure is logged here, once, and both ends are
    /// counted.
    pub async fn rotate(&self, event: &Value, deadline: &Deadline) -> Result<(), RotationError> {
        let event = RotationEvent::parse(event);
        let (result, counts) = match (&event, &self.clients) {
            (Ok(event), Ok(clients)) => {
                let deadline = deadline.of(event.token.as_str());
                let clients = clients.listening(deadline);
                rotation::run(self.kind, &clients, event, &deadline).await
            }
            (Err(error), _) => refusal(None, error.clone().into()),
            (Ok(event), Err(error)) => refusal(Some(event), error.clone().into()),
        };
        if let Some(settings) = &self.metrics {
            let metrics = StepMetrics {
                step: event.as_ref().ok().map(|it| it.step),
                error_type: result.as_ref().err().map(RotationError::error_type),
                duration: deadline.spent(),
                deleted: counts.keys.len(),
                orphans: counts.orphans,
                messages_not_sent: counts.messages_not_sent,
            };
            metrics.emit(settings, deadline.now());
        }
        result.inspect_err(|error| {
            let event = event.as_ref().ok();
            tracing::error!(
                step = event.map(|it| it.step.as_str()),
                r#type = self.kind.name(),
                secret = event.map(|it| it.secret.as_str()),
                version = event.map(|it| it.token.as_str()),
                error_type = error.error_type(),
                duration_ms = deadline.spent().as_millis(),
                "{error}"
            );
        })
    }
}

fn refusal(
    event: Option<&RotationEvent>,
    problem: Problem,
) -> (Result<(), RotationError>, StepCounts) {
    let error = RotationError::new(event, problem, State::Untouched, Vec::new());
    (Err(error), StepCounts::default())
}

/// Returns the time until a deadline: none, if it has passed.
fn time_left(deadline: SystemTime, now: SystemTime) -> Duration {
    if deadline < SystemTime::UNIX_EPOCH + NO_DEADLINE {
        tracing::warn!(
            "the invocation has a deadline near 1970, which counts as none: the step takes it to be a minute \
             from now"
        );
        UNKNOWN_DEADLINE
    } else {
        deadline.duration_since(now).unwrap_or_default()
    }
}

/// The whole of a function: set-up, then one event after the other for as long as it lives.
///
/// # Errors
/// The Runtime API's.
pub async fn run(kind: Kind) -> Result<(), lambda_runtime::Error> {
    let http = start::begin(&LogSettings::from_env());
    let settings = Settings::from_env();
    if settings.datadog_api_url.is_some() {
        tracing::warn!(
            target: ALWAYS,
            "DATADOG_API_URL is set: keys go there, and not to Datadog's own host"
        );
    }
    if settings.admin_secret_arn.is_some() && !settings.delegation.is_silent() {
        tracing::warn!("ADMIN_SECRET_ARN is not used: the function's own identity acts instead");
    }
    let rotator = match http {
        Ok(http) => {
            let config = aws::config(&http).await;
            Rotator::new(kind, settings, http, &config)
        }
        Err(error) => Rotator::refusing(kind, settings, error),
    };
    let rotator = &rotator;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async move {
        let now = SystemTime::now();
        let left = time_left(event.context.deadline(), now);
        rotator
            .rotate(&event.payload, &Deadline::new(now, left))
            .await
    }))
    .await
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::log::subscriber;

    /// What is logged.
    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Paper {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(text);
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// One test: beside another that warns without a subscriber, `tracing` may take the warning for one that nobody
    /// listens to.
    #[test]
    fn only_a_deadline_near_1970_is_none_and_is_told() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
        let second = Duration::from_secs(1);
        for (deadline, left, is_told) in [
            (SystemTime::UNIX_EPOCH, UNKNOWN_DEADLINE, true),
            (SystemTime::UNIX_EPOCH + second, UNKNOWN_DEADLINE, true),
            (now - second, Duration::ZERO, false),
            (now + second, second, false),
        ] {
            let paper = Paper::default();
            let writer = paper.clone();
            let settings = LogSettings::with_filter("warn");
            let subscriber = subscriber(&settings, move || writer.clone());
            let told = tracing::subscriber::with_default(subscriber, || time_left(deadline, now));
            assert_eq!(told, left);
            let text = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
            let says = text.contains("WARN") && text.contains("near 1970");
            assert_eq!((says, text.is_empty()), (is_told, !is_told), "{text}");
        }
    }
}
