//! Pauses between readings, and what a listed or looked-up key tells.

use std::time::Duration;

use crate::budget::Backoff;
use crate::datadog::AppKeyDetails;
use crate::keys::KeyId;

/// Secrets Manager's labels and values may be inconsistent for some seconds.
pub(crate) fn consistency_backoff() -> Backoff {
    Backoff::new(
        Duration::from_millis(250),
        Duration::from_secs(1),
        Duration::from_secs(4),
    )
}

/// A new key may answer 401 or 403 for some seconds; 30 s is the most that is waited for it.
pub(crate) fn propagation_backoff() -> Backoff {
    Backoff::new(
        Duration::from_millis(500),
        Duration::from_secs(8),
        Duration::from_secs(30),
    )
}

/// For a key that should work already: one refusal may be a hiccup.
pub(crate) fn patience() -> Backoff {
    Backoff::new(
        Duration::from_millis(500),
        Duration::from_secs(2),
        Duration::from_secs(5),
    )
}

/// Returns an application key of a list that tells all of it that a look-up would: what the list leaves
/// out is not known by it.
pub(crate) fn listed_whole(listed: &[AppKeyDetails], id: &KeyId) -> Option<AppKeyDetails> {
    let found = listed.iter().find(|it| it.id == *id && it.is_whole());
    found.cloned()
}

/// Returns whether Datadog's last four characters are those of another key. Recordings have them
/// x-ed out, a mask says nothing, and a short text would match anything.
pub(crate) fn is_other_key(last4: Option<&str>, value: &str) -> bool {
    let is_shown =
        |last4: &str| last4.len() == 4 && last4.bytes().all(|it| it.is_ascii_alphanumeric());
    let end = || value.get(value.len().saturating_sub(4)..).unwrap_or(value);
    last4.is_some_and(|last4| is_shown(last4) && !end().eq_ignore_ascii_case(last4))
}

#[cfg(test)]
mod tests {
    use super::is_other_key;

    #[test]
    fn only_four_readable_characters_show_another_key() {
        for (last4, is_other) in [
            (None, false),
            (Some("cdef"), false),
            (Some("CDEF"), false),
            (Some("0000"), true),
            (Some("****"), false),
            (Some("000"), false),
            (Some("00000"), false),
        ] {
            assert_eq!(is_other_key(last4, "89abcdef"), is_other, "{last4:?}");
        }
    }
}
