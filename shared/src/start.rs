//! What every program of the suite begins with: its log, its settings, its way to the network.

use crate::http::Http;
use crate::log;
use crate::settings::{self, LogSettings, StartError};

/// Sets the log up and checks the environment. Answers the way to the network.
pub fn begin(settings: &LogSettings) -> Result<Http, StartError> {
    log::init(settings);
    network()
}

/// The same for a program that has set its log up.
pub fn network() -> Result<Http, StartError> {
    settings::check()?;
    Http::network()
}
