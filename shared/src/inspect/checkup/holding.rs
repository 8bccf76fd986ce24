//! A key, and where it is held.

use crate::keys::KeyRef;
use crate::secrets::CURRENT;

#[derive(Clone, Debug)]
pub(super) struct Holding {
    pub(super) key: KeyRef,
    pub(super) label: &'static str,
    /// The ARN of the secret that holds it.
    pub(super) secret: String,
}

impl Holding {
    /// Returns whether consumers of its secret use the key now.
    pub(super) fn is_current(&self) -> bool {
        self.label == CURRENT
    }
}
