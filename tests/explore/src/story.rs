//! How a state was reached, in lines.

use std::rc::Rc;

/// A screen.
const LONGEST: usize = 30;

/// The lines so far; branches share what they have in common.
#[derive(Clone, Debug, Default)]
pub struct Story(Option<Rc<Line>>);

#[derive(Debug)]
struct Line {
    text: String,
    /// A call that only reads, undisturbed.
    is_quiet: bool,
    before: Story,
}

impl Story {
    #[must_use]
    pub fn and(&self, text: String, is_quiet: bool) -> Self {
        let before = self.clone();
        Self(Some(Rc::new(Line {
            text,
            is_quiet,
            before,
        })))
    }

    /// Returns what led here, the quiet lines left out: at most a screen.
    #[must_use]
    pub fn tell(&self) -> String {
        let mut lines = Vec::new();
        let mut line = &self.0;
        while let Some(it) = line {
            if !it.is_quiet {
                lines.push(it.text.as_str());
            }
            line = &it.before.0;
        }
        lines.reverse();
        let left_out = lines.len().saturating_sub(LONGEST);
        if left_out > 0 {
            lines.drain(LONGEST / 2..LONGEST / 2 + left_out);
        }
        let mut text = lines.join("\n");
        if left_out > 0 {
            text.push_str("\n(some lines in the middle are left out)");
        }
        text
    }
}

/// A broken promise, and how it came to that.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) what: String,
    pub(crate) story: Story,
}

/// A long path is dropped line by line, not by recursion.
impl Drop for Line {
    fn drop(&mut self) {
        let mut before = self.before.0.take();
        while let Some(line) = before {
            match Rc::try_unwrap(line) {
                Ok(mut line) => before = line.before.0.take(),
                Err(_) => return,
            }
        }
    }
}
