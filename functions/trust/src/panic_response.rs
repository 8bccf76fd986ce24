//! The answer of a function that panics: `CloudFormation` would wait for an hour.
//!
//! The release build aborts when the panic hook returns. So the hook itself answers, from a thread
//! and a runtime of its own: the function's may be in the middle of anything.

use std::panic::PanicHookInfo;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use datadog_rotation::deadline::Deadline;
use datadog_rotation::http::Http;
use datadog_rotation::settings::LogPlace;
use serde_json::Map;

use crate::answer::Answer;
use crate::event::Envelope;

/// As long as the time that an invocation keeps back for its answer.
const TIME: Duration = Duration::from_secs(15);

/// What is to be said if the function dies now.
#[derive(Clone, Debug)]
struct Words {
    envelope: Envelope,
    place: LogPlace,
    physical_id: String,
}

static WORDS: Mutex<Option<Words>> = Mutex::new(None);

/// While it lives, a panic is answered.
#[derive(Debug)]
pub(crate) struct Ready;

impl Ready {
    pub(crate) fn begin(envelope: &Envelope, place: &LogPlace, physical_id: String) -> Self {
        let words = Words {
            envelope: envelope.clone(),
            place: place.clone(),
            physical_id,
        };
        *WORDS.lock().unwrap_or_else(PoisonError::into_inner) = Some(words);
        Self
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        *WORDS.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Answers panics from now on, after whatever listens to them already.
pub fn listen() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic: &PanicHookInfo<'_>| {
        before(panic);
        // Whoever panics while it holds the lock has said nothing yet, or all.
        let words = WORDS.try_lock().ok().and_then(|mut words| words.take());
        if let Some(words) = words {
            // Neither a thread that can't be had nor one that panics changes what comes.
            let said = std::thread::Builder::new().spawn(move || say(&words));
            let _dead = said.map(std::thread::JoinHandle::join);
        }
    }));
}

fn say(words: &Words) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let (Ok(runtime), Ok(http)) = (runtime, Http::network()) else {
        return;
    };
    let answer = Answer {
        is_success: false,
        reason: Some(
            "the function panicked, which is a defect: please report it with the place that the \
             log names."
                .to_owned(),
        ),
        physical_id: words.physical_id.clone(),
        attributes: Map::new(),
    };
    runtime.block_on(async {
        let deadline = Deadline::new(SystemTime::now(), TIME);
        let put = answer
            .put(&words.envelope, &words.place, &http, &deadline)
            .await;
        if put.is_err() {
            tracing::error!("CloudFormation does not know of the panic");
        }
    });
}
