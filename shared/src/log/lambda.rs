//! Lines in JSON, as Lambda filters them.

use std::fmt;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{Json, JsonFields, Writer};
use tracing_subscriber::fmt::time::SystemTime;
use tracing_subscriber::fmt::{self as lines, FmtContext, FormatEvent};
use tracing_subscriber::registry::LookupSpan;

use super::is_due;
use crate::settings::LambdaLevel;

/// Lambda drops lines in JSON whose member `level` is below `AWS_LAMBDA_LOG_LEVEL`. A line that must not
/// be lost has the least level that passes, if its own does not.
/// <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html>
pub(super) struct Format {
    pub(super) json: lines::format::Format<Json, SystemTime>,
    pub(super) least: Option<LambdaLevel>,
}

impl<S> FormatEvent<S, JsonFields> for Format
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let own = event.metadata().level();
        match self.least.and_then(|least| least.above(*own)) {
            Some(least) if is_due(event.metadata()) => {
                let mut line = String::new();
                self.json
                    .format_event(context, Writer::new(&mut line), event)?;
                // The first member of that name is the line's own: fields come after it.
                writer.write_str(&line.replacen(&member(own.as_str()), &member(least), 1))
            }
            _ => self.json.format_event(context, writer, event),
        }
    }
}

fn member(level: &str) -> String {
    format!("\"level\":\"{level}\"")
}

impl LambdaLevel {
    /// This level in Lambda's word, if it is above that one.
    fn above(self, level: Level) -> Option<&'static str> {
        let least = match self {
            Self::Fatal => return Some("FATAL"),
            Self::Other(least) => least,
        };
        (least < level).then_some(least.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use tracing::subscriber::with_default;

    use super::super::{ALWAYS, subscriber};
    use crate::settings::{LambdaLevel, LogSettings};

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(text)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Returns the levels and messages that are printed.
    fn printed(filter: &str, least: Option<LambdaLevel>) -> Vec<(String, String)> {
        let paper = Paper::default();
        let settings = LogSettings {
            json: true,
            least,
            ..LogSettings::with_filter(filter)
        };
        let writer = paper.clone();
        with_default(subscriber(&settings, move || writer.clone()), || {
            tracing::info!(target: ALWAYS, level = "INFO", "a name");
            tracing::error!("an error");
            tracing::info!("a step");
            tracing::error!(target: "hyper", "another's");
        });
        let text = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines().map(|line| {
            let level = line.split("\"level\":\"").nth(1).unwrap();
            let level = level.split('"').next().unwrap().to_owned();
            let words = ["a name", "an error", "a step", "another's"];
            let word = words.into_iter().find(|it| line.contains(it)).unwrap();
            (level, word.to_owned())
        });
        lines.collect()
    }

    fn line(level: &str, word: &str) -> (String, String) {
        (level.to_owned(), word.to_owned())
    }

    #[test]
    fn names_of_keys_and_errors_are_printed_whatever_the_filter() {
        for filter in ["off", "hyper=off", "my_crate=info", "error,hyper=off"] {
            let due = [line("INFO", "a name"), line("ERROR", "an error")];
            assert_eq!(printed(filter, None), due, "{filter}");
        }
        assert_eq!(printed("info", None).len(), 4);
    }

    #[test]
    fn what_lambda_would_drop_has_the_level_that_passes() {
        for (least, name, error) in [
            (LambdaLevel::Other(tracing::Level::DEBUG), "INFO", "ERROR"),
            (LambdaLevel::Other(tracing::Level::INFO), "INFO", "ERROR"),
            (LambdaLevel::Other(tracing::Level::WARN), "WARN", "ERROR"),
            (LambdaLevel::Other(tracing::Level::ERROR), "ERROR", "ERROR"),
            (LambdaLevel::Fatal, "FATAL", "FATAL"),
        ] {
            let due = [line(name, "a name"), line(error, "an error")];
            assert_eq!(printed("off", Some(least)), due, "{least:?}");
        }
    }
}
