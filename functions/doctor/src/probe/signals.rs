//! Being told to stop.

use std::io;
use std::sync::Arc;

use tokio::sync::Notify;

/// Notified whenever this process is told to end. From now on it does not end by itself.
///
/// # Errors
/// Those of the operating system.
pub(crate) fn listen() -> io::Result<Arc<Notify>> {
    let told = Arc::new(Notify::new());
    let heard = Arc::clone(&told);
    let mut signals = Signals::new()?;
    // Ends with the runtime.
    let _listener = tokio::spawn(async move {
        while signals.next().await.is_some() {
            heard.notify_one();
        }
    });
    Ok(told)
}

#[cfg(unix)]
struct Signals([tokio::signal::unix::Signal; 3]);

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ]))
    }

    async fn next(&mut self) -> Option<()> {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            told = interrupt.recv() => told,
            told = terminate.recv() => told,
            told = hangup.recv() => told,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Option<()> {
        tokio::signal::ctrl_c().await.ok()
    }
}
