//! One line on the standard error that says what is being looked at, while somebody watches.

use std::io::Write;

use crate::harmless::harmless;

const CLEAR: &str = "\r\x1b[K";

/// The line. It is gone when this is dropped.
pub(crate) struct Progress<'a> {
    out: Option<&'a mut dyn Write>,
    total: usize,
    done: usize,
}

impl<'a> Progress<'a> {
    /// Says nothing unless `is_shown`.
    pub(crate) fn new(out: &'a mut dyn Write, is_shown: bool, total: usize) -> Self {
        Self {
            out: is_shown.then_some(out),
            total,
            done: 0,
        }
    }

    /// For nobody.
    pub(crate) fn silent() -> Self {
        Self {
            out: None,
            total: 0,
            done: 0,
        }
    }

    /// Says which secret is next.
    pub(crate) fn next(&mut self, secret: &str) {
        self.done += 1;
        let (done, total) = (self.done, self.total);
        // The end of an ARN tells secrets apart.
        let name = secret.rsplit(':').next().unwrap_or(secret);
        let name: String = harmless(name).chars().take(50).collect();
        self.write(&format!("{CLEAR}{done}/{total} {name} "));
    }

    fn write(&mut self, text: &str) {
        if let Some(out) = &mut self.out {
            // Nobody is to be told that nobody can be told.
            let _written = write!(out, "{text}").and_then(|()| out.flush());
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.write(CLEAR);
    }
}
