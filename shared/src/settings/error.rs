//! Why a program can't begin its work.

use std::borrow::Cow;

/// A variable that can't be used as it is. The text of the variable is not quoted: the address of a
/// proxy may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the variable {variable} {defect}")]
pub struct SettingError {
    pub variable: &'static str,
    pub defect: Cow<'static, str>,
}

impl SettingError {
    pub(crate) fn new(variable: &'static str, defect: impl Into<Cow<'static, str>>) -> Self {
        let defect = defect.into();
        Self { variable, defect }
    }
}

/// Why a program can't begin its work. A function goes on to run and answers every invocation with
/// this: a process that ended would leave nothing but its exit code to whoever looks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error("the TLS library refuses its own defaults")]
    Protocols,
    #[error("the HTTP client can't be built")]
    Client,
}
