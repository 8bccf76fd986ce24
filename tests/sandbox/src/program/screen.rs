//! Where the story is told: live on a terminal, as plain lines into a pipe, or not at all.

use std::time::{Duration, Instant};

use console::{Term, style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::look;

#[derive(Clone, Debug)]
pub(crate) struct Screen {
    term: Option<Term>,
    is_live: bool,
}

/// One thing that takes a while.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    screen: Screen,
    text: String,
    begun: Instant,
    bar: ProgressBar,
}

impl Screen {
    pub(crate) fn on(term: Term) -> Self {
        Self {
            is_live: term.is_term(),
            term: Some(term),
        }
    }

    /// For `--json`: nothing but the document.
    pub(crate) fn quiet() -> Self {
        Self {
            term: None,
            is_live: false,
        }
    }

    /// Whether lines may be drawn over.
    pub(crate) fn is_live(&self) -> bool {
        self.is_live
    }

    pub(crate) fn line(&self, text: &str) {
        if let Some(term) = &self.term {
            // A reader that has left, as `head` does, wants no more lines.
            let _read = term.write_line(text.trim_end());
        }
    }

    /// Shows a spinner until the task ends.
    pub(crate) fn begin(&self, text: &str) -> Task {
        let bar = match &self.term {
            Some(term) if self.is_live => {
                let target = ProgressDrawTarget::term(term.clone(), 15);
                let bar = ProgressBar::with_draw_target(None, target);
                bar.set_style(spinner());
                bar.enable_steady_tick(Duration::from_millis(80));
                bar
            }
            _ => ProgressBar::hidden(),
        };
        bar.set_message(text.to_owned());
        Task {
            screen: self.clone(),
            text: text.to_owned(),
            begun: Instant::now(),
            bar,
        }
    }

    pub(crate) fn complain(text: &str) {
        let mark = style("error:").for_stderr().red().bold();
        let _read = Term::stderr().write_line(&format!("{mark} {text}"));
    }
}

impl Task {
    /// What the task is at, beside its own text.
    pub(crate) fn detail(&self, detail: &str) {
        let detail = style(detail).dim();
        self.bar.set_message(format!("{}  {detail}", self.text));
    }

    /// Replaces the task's text.
    pub(crate) fn show(&self, text: String) {
        self.bar.set_message(text);
    }

    /// Leaves one line behind, with the time that it took.
    pub(crate) fn end(&self, text: &str) {
        let took = look::duration(self.begun.elapsed());
        let took = style(took).dim();
        self.clear();
        self.screen
            .line(&format!("  {} {text}  {took}", look::yes_or_no(true)));
    }

    /// Leaves nothing behind.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

fn spinner() -> ProgressStyle {
    ProgressStyle::with_template("  {spinner:.cyan} {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .tick_chars(look::glyphs().spinner)
}
