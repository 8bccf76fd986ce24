//! What Lambda and its users say about logging.

use tracing::Level;

use super::{SettingError, text};

const RUST_LOG: &str = "RUST_LOG";
const LAMBDA_LEVEL: &str = "AWS_LAMBDA_LOG_LEVEL";
const LAMBDA_FORMAT: &str = "AWS_LAMBDA_LOG_FORMAT";

/// How the targets of this crate's lines begin, and of the functions' above it.
pub(crate) const OURS: &str = "datadog_";

/// The levels of `tracing`, and what Lambda calls its highest.
const LEVELS: [&str; 7] = ["off", "error", "warn", "info", "debug", "trace", "fatal"];

#[derive(Clone, Debug, Default)]
pub struct LogSettings {
    pub json: bool,
    /// A `tracing` directive list: `RUST_LOG`, else Lambda's level, else `info`.
    pub filter: String,
    /// What Lambda lets pass of lines in JSON.
    pub least: Option<LambdaLevel>,
    /// Of these variables those that could not be used, or not as they are meant.
    pub defects: Vec<SettingError>,
}

/// A level as Lambda knows it: one more than `tracing` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LambdaLevel {
    Fatal,
    Other(Level),
}

impl LambdaLevel {
    fn read(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("fatal") {
            return Some(Self::Fatal);
        }
        text.parse().ok().map(Self::Other)
    }
}

impl LogSettings {
    #[must_use]
    pub fn from_env() -> Self {
        let mut settings = Self::with_filter("info");
        let least = text(LAMBDA_LEVEL).ok().flatten();
        settings.least = least.as_deref().and_then(LambdaLevel::read);
        // In this order, so that `RUST_LOG` prevails.
        for variable in [LAMBDA_LEVEL, RUST_LOG] {
            settings.hear_filter(variable, text(variable));
        }
        match text(LAMBDA_FORMAT) {
            Ok(Some(format)) => {
                settings.json = format.eq_ignore_ascii_case("json");
                if !settings.json && !format.eq_ignore_ascii_case("text") {
                    let defect = "is neither JSON nor Text: lines are printed as text";
                    settings.complain(SettingError::new(LAMBDA_FORMAT, defect));
                }
            }
            Ok(None) => {}
            Err(error) => settings.complain(error),
        }
        settings
    }

    /// For a program at a terminal, which says itself what it found: `RUST_LOG`, else `error`.
    #[must_use]
    pub fn of_program() -> Self {
        let mut settings = Self::with_filter("error");
        settings.hear_filter(RUST_LOG, text(RUST_LOG));
        settings
    }

    /// Lines as text, by this directive list.
    #[must_use]
    pub fn with_filter(filter: &str) -> Self {
        Self {
            filter: filter.to_owned(),
            ..Self::default()
        }
    }

    fn hear_filter(&mut self, variable: &'static str, text: Result<Option<String>, SettingError>) {
        match text.map(|text| text.as_deref().map(directives)) {
            Ok(None) => {}
            Ok(Some(Ok(filter))) => {
                if !filter.split(',').any(is_of_ours) {
                    let defect = "sets no level for the lines of this program: of those, errors and \
                                  the names of new keys alone are printed";
                    self.complain(SettingError::new(variable, defect));
                }
                self.filter = filter;
            }
            Ok(Some(Err(defect))) => self.complain(SettingError::new(variable, defect)),
            Err(error) => self.complain(error),
        }
    }

    fn complain(&mut self, defect: SettingError) {
        self.defects.push(defect);
    }
}

/// Returns whether a directive is about lines of this suite.
fn is_of_ours(directive: &str) -> bool {
    !directive.contains('=') || directive.starts_with(OURS)
}

/// Returns the directives of a list, as `tracing` takes them. It takes a word that is no level for the
/// name of a module, all of whose lines are then printed, and no other line.
fn directives(text: &str) -> Result<String, &'static str> {
    let directives = text.split(',').map(str::trim).filter(|it| !it.is_empty());
    let directives: Result<Vec<_>, _> = directives.map(directive).collect();
    match directives? {
        none if none.is_empty() => Err("names no level, and is not used"),
        some => Ok(some.join(",")),
    }
}

fn directive(text: &str) -> Result<String, &'static str> {
    let (module, level) = match text.split_once('=') {
        Some((module, level)) => (Some(module.trim()), level.trim()),
        None => (None, text),
    };
    let level = level.to_ascii_lowercase();
    let is_module = |it: &str| {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'-');
        !it.is_empty() && it.bytes().all(is_part)
    };
    if !LEVELS.contains(&level.as_str()) || !module.is_none_or(is_module) {
        return Err(
            "is not used: it must be one of error, warn, info, debug, trace, or a list of such as \
             MODULE=LEVEL, with commas between",
        );
    }
    let level = if level == "fatal" { "error" } else { &level };
    Ok(module.map_or_else(|| level.to_owned(), |module| format!("{module}={level}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(text: &str) -> LogSettings {
        let mut settings = LogSettings::with_filter("info");
        settings.hear_filter(RUST_LOG, Ok(Some(text.to_owned())));
        settings
    }

    #[test]
    fn levels_are_taken_however_they_are_written() {
        for (text, filter) in [
            ("INFO ", "info"),
            ("Warn", "warn"),
            ("FATAL", "error"),
            ("debug, hyper=OFF", "debug,hyper=off"),
            ("datadog_rotation=debug", "datadog_rotation=debug"),
        ] {
            let settings = heard(text);
            assert_eq!(settings.filter, filter, "{text:?}");
            assert!(settings.defects.is_empty(), "{text:?}");
        }
    }

    #[test]
    fn a_filter_that_would_silence_everything_is_told_and_not_used() {
        for text in [
            "warning",
            "info;debug",
            ",",
            "my_crate",
            "=info",
            "a b=info",
        ] {
            let settings = heard(text);
            assert_eq!(settings.filter, "info", "{text:?}");
            let told = settings.defects[0].to_string();
            assert!(told.starts_with("the variable RUST_LOG "), "{told}");
            assert!(told.contains("not used"), "{told}");
        }
    }

    #[test]
    fn a_filter_of_other_modules_alone_is_told_and_used() {
        for text in ["hyper=off", "my_crate=info"] {
            let settings = heard(text);
            assert_eq!(settings.filter, text);
            let told = settings.defects[0].to_string();
            assert!(told.contains("errors and the names of new keys"), "{told}");
        }
    }
}
