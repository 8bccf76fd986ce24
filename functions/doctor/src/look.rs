//! How the output looks: as wide as the terminal, with colour and signs where it can show them.

use std::io::{self, IsTerminal};

use anstyle::{AnsiColor, Style};
use datadog_rotation::inspect::checkup::Status;
use datadog_rotation::settings::TerminalSettings;

/// Where no terminal tells its width: a pipe, a file.
const COLUMNS: usize = 100;

/// Narrower than this, a text beside its words would be a column of single words.
const LEAST: usize = 60;

/// Wider than this, lines are hard to follow.
const MOST: usize = 140;

/// What the standard output can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    pub columns: usize,
    pub has_colour: bool,
    /// Signs instead of words for the status.
    pub has_signs: bool,
    /// Whether somebody watches the standard error.
    pub shows_progress: bool,
}

impl Look {
    /// For a file, a pipe, or a function's log.
    pub const PLAIN: Self = Self {
        columns: COLUMNS,
        has_colour: false,
        has_signs: false,
        shows_progress: false,
    };

    /// Returns what this process's streams and environment say.
    #[must_use]
    pub fn of_streams(settings: TerminalSettings) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let size = console::Term::stdout().size_checked();
        let columns = size
            .filter(|_| is_terminal)
            .map(|(_, columns)| usize::from(columns));
        Self {
            columns: columns.map_or(COLUMNS, |it| it.clamp(LEAST, MOST)),
            has_colour: is_terminal && !settings.is_dumb && !settings.no_colour,
            has_signs: is_terminal && settings.is_utf8,
            shows_progress: io::stderr().is_terminal() && !settings.is_dumb,
        }
    }

    /// Returns the sign or word of a status.
    #[must_use]
    pub fn mark(self, status: Status) -> &'static str {
        match status {
            _ if !self.has_signs => status.word(),
            Status::Ok => "✔",
            Status::Warning => "▲",
            Status::Failed => "✖",
            Status::Unknown => "?",
        }
    }

    /// Returns the text in the colour of a status.
    #[must_use]
    pub fn coloured(self, status: Status, text: &str) -> String {
        let style = match status {
            Status::Ok => AnsiColor::Green.on_default(),
            Status::Warning => AnsiColor::Yellow.on_default(),
            Status::Failed => AnsiColor::Red.on_default().bold(),
            Status::Unknown => Style::new().dimmed(),
        };
        self.styled(style, text)
    }

    #[must_use]
    pub fn bold(self, text: &str) -> String {
        self.styled(Style::new().bold(), text)
    }

    #[must_use]
    pub fn dim(self, text: &str) -> String {
        self.styled(Style::new().dimmed(), text)
    }

    fn styled(self, style: Style, text: &str) -> String {
        if self.has_colour {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}
