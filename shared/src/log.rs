//! What is printed, and what never is.

mod lambda;

use std::panic::PanicHookInfo;

use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterFn, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::settings::{LogSettings, OURS};

/// The target of lines that are printed whatever the filter asks for: without them nobody could mend
/// what they tell of. The name of a key that is about to be made is one.
pub const ALWAYS: &str = "datadog_rotation::always";

/// The target of lines that are shown where DEBUG is asked for. They are at INFO: lines below it are
/// not compiled into what ships, thousands of the SDK's among them that would never pass.
pub const DETAIL: &str = "datadog_rotation::detail";

/// The Lambda runtime prints a failed handler's error a second time, in its `Debug` form.
const REPETITION: &str = "lambda_runtime::layers::panic";

/// Prints to standard output, which Lambda takes to its logs. Settings that can't be used are told.
pub fn init(settings: &LogSettings) {
    init_on(settings, std::io::stdout);
}

pub fn init_on<W>(settings: &LogSettings, writer: W)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // A second set-up (in tests) keeps the first.
    let _ = subscriber(settings, writer).try_init();
    std::panic::set_hook(Box::new(panicked));
    for defect in &settings.defects {
        tracing::warn!(target: ALWAYS, "{defect}");
    }
}

/// Logs where, and never what: the message of a panic may quote a value.
pub fn panicked(panic: &PanicHookInfo<'_>) {
    let place = panic
        .location()
        .map(ToString::to_string)
        .unwrap_or_default();
    tracing::error!(place, error_type = "Panic", "the function panicked");
}

/// Returns the lines that pass, as they are printed.
///
/// Lines of ours hold no key at any level. The SDK, the HTTP stack and the Lambda runtime print requests, bodies and events at `debug`
/// and `trace`: of theirs nothing below `warn` passes, whatever the filter asks for. Of ours errors
/// and the lines of [`ALWAYS`] pass, whatever it does not ask for.
pub fn subscriber<W>(settings: &LogSettings, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let asked: Targets = settings
        .filter
        .parse()
        .unwrap_or_else(|_| Targets::new().with_default(Level::INFO));
    let allowed = FilterFn::new(move |line: &Metadata<'_>| {
        let is_detail = line.target() == DETAIL;
        let level = if is_detail {
            &Level::DEBUG
        } else {
            line.level()
        };
        let is_harmless = line.target().starts_with(OURS) || *line.level() <= Level::WARN;
        let is_asked = asked.would_enable(line.target(), level);
        (is_due(line) || is_asked) && is_harmless && line.target() != REPETITION
    });
    let lines = fmt::layer()
        .with_writer(writer)
        .with_ansi(false)
        .with_target(false);
    let lines = if settings.json {
        let lines = lines.json();
        lines
            .map_event_format(|format| lambda::Format {
                json: format
                    .flatten_event(true)
                    .with_current_span(false)
                    .with_span_list(false),
                least: settings.least,
            })
            .boxed()
    } else {
        lines.without_time().boxed() // CloudWatch stamps every line
    };
    tracing_subscriber::registry().with(lines.with_filter(allowed))
}

/// Returns whether a line is printed whatever the filter asks for.
fn is_due(line: &Metadata<'_>) -> bool {
    line.target().starts_with(OURS) && (line.target() == ALWAYS || *line.level() == Level::ERROR)
}
