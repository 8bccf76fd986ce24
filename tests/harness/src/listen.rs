//! Everything that the functions print, at the most talkative level, as a user would see it.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use datadog_rotation::log::subscriber;
use datadog_rotation::settings::LogSettings;
use memchr::memmem;
use sandbox::gate::Gate;
use tracing::Dispatch;
use tracing::dispatcher::{DefaultGuard, set_default};
use tracing::subscriber::NoSubscriber;
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Debug, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl io::Write for Paper {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.lock().extend(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Paper {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// While there is one subscriber only, a log statement is wanted or not by what the first thread
/// says that comes to it, be it one that does not listen. So there are two.
static DEAF: OnceLock<Dispatch> = OnceLock::new();

thread_local! {
    /// Setting a subscriber up makes every log statement of every crate ask anew whether it is
    /// wanted, so a thread does it once.
    static EAR: (Dispatch, Paper) = {
        let paper = Paper::default();
        let settings = LogSettings::with_filter("trace");
        DEAF.get_or_init(|| Dispatch::new(NoSubscriber::new()));
        (Dispatch::new(subscriber(&settings, paper.clone())), paper)
    };
}

/// How many invocations print their Debug form once. It is longer than all that an invocation logs, mostly
/// the same each time, and was a sixth of a sweep's time.
const DEBUG_EVERY: u32 = 16;

thread_local! {
    static INVOCATIONS: Cell<u32> = const { Cell::new(0) };
}

/// Prints the Debug form of `function` where a test hears it, after one invocation in sixteen of this
/// thread, and `result` after each.
pub(crate) fn print_debug(function: &impl fmt::Debug, result: &impl fmt::Debug) {
    let count = INVOCATIONS.get();
    INVOCATIONS.set(count.wrapping_add(1));
    if count.is_multiple_of(DEBUG_EVERY) {
        tracing::warn!(?function, "ended");
    }
    tracing::warn!(?result, "ended");
}

/// Listens to this thread for as long as it lives.
#[derive(Debug)]
pub struct Listening {
    paper: Paper,
    _guard: DefaultGuard,
}

impl Listening {
    #[must_use]
    pub fn begin() -> Self {
        EAR.with(|(dispatch, paper)| {
            paper.lock().clear();
            Self {
                paper: paper.clone(),
                _guard: set_default(dispatch),
            }
        })
    }

    #[must_use]
    pub fn heard(&self) -> String {
        String::from_utf8_lossy(&self.paper.lock()).into_owned()
    }
}

/// What this thread has printed while `building` ran, for [`repeat`].
pub(crate) async fn overheard<T>(building: impl Future<Output = T>) -> (T, Vec<u8>) {
    let before = EAR.with(|(_, paper)| paper.lock().len());
    let built = building.await;
    let printed = EAR.with(|(_, paper)| paper.lock().get(before..).map(<[u8]>::to_vec));
    (built, printed.unwrap_or_default())
}

/// Prints once more what was printed before.
pub(crate) fn repeat(printed: &[u8]) {
    EAR.with(|(_, paper)| paper.lock().extend(printed));
}

/// What of this must never be said (P4), if it was: a key's text, a secret's value, a rotation
/// token, or what a body said that was no success.
#[must_use]
pub fn indiscretion(gate: &Gate, output: &str) -> Option<String> {
    let complaints = gate.complaints();
    gate.with_world(|world| {
        let secrets = world.secrets_manager.every_value();
        let mut said = world
            .datadog
            .every_value()
            .chain(secrets)
            .chain(complaints.iter().map(String::as_str));
        said.find(|it| memmem::find(output.as_bytes(), it.as_bytes()).is_some())
            .map(|it| format!("{it:?} was printed"))
    })
}
