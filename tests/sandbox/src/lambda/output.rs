//! Everything that the functions print.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::task::JoinHandle;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

#[derive(Clone, Debug)]
pub struct Line {
    /// The process, such as `datadog-api-key#1`.
    pub process: String,
    pub stream: Stream,
    pub text: String,
}

/// A shared collection of lines; clones are the same collection.
#[derive(Clone, Debug, Default)]
pub struct Output(Arc<Mutex<Vec<Line>>>);

impl Output {
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn push(&self, line: Line) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line);
    }

    /// Collects lines until the writing side is closed. A last line needs no line feed.
    pub(super) fn collect(
        &self,
        process: &str,
        stream: Stream,
        source: impl AsyncRead + Unpin + Send + 'static,
    ) -> JoinHandle<()> {
        let output = self.clone();
        let process = process.to_owned();
        tokio::spawn(async move {
            let mut lines = BufReader::new(source).split(b'\n');
            while let Ok(Some(line)) = lines.next_segment().await {
                output.push(Line {
                    process: process.clone(),
                    stream,
                    text: String::from_utf8_lossy(&line).into_owned(),
                });
            }
        })
    }
}
