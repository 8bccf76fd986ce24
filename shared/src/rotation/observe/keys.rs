//! Pauses between readings, and what a listed or looked-up key tells.

use std::time::Duration;

use crate::budget::Backoff;
use crate::datadog::OwnedKeyDetails;
use crate::keys::{KeyId, shown_of};

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

/// Returns a key of a list that tells all of it that a look-up would: what the list leaves out is not
/// known by it.
pub(crate) fn listed_whole(listed: &[OwnedKeyDetails], id: &KeyId) -> Option<OwnedKeyDetails> {
    let found = listed.iter().find(|it| it.id == *id && it.is_whole());
    found.cloned()
}

/// Returns whether the part of a value that Datadog shows is that of another key.
pub(crate) fn is_other_key(shown: Option<&str>, value: &str) -> bool {
    looks_like(shown, value) == Some(false)
}

/// Returns whether a value has the part that Datadog shows of a key: its last four characters, or the
/// public part of a service access token. `None` if that part says nothing: recordings have it x-ed
/// out, a mask hides it, and a short text would match anything.
pub(crate) fn looks_like(shown: Option<&str>, value: &str) -> Option<bool> {
    let own = shown_of(value);
    let is_readable = |shown: &&str| {
        let digits = shown.strip_prefix("ddsat_").unwrap_or(shown);
        let is_mask = digits.bytes().all(|it| it == b'x') && digits.len() > 4;
        shown.len() == own.len() && digits.bytes().all(|it| it.is_ascii_alphanumeric()) && !is_mask
    };
    Some(own.eq_ignore_ascii_case(shown.filter(is_readable)?))
}

#[cfg(test)]
mod tests {
    use super::looks_like;

    #[test]
    fn only_four_readable_characters_show_whose_key_it_is() {
        for (last4, is_alike) in [
            (None, None),
            (Some("cdef"), Some(true)),
            (Some("CDEF"), Some(true)),
            (Some("0000"), Some(false)),
            (Some("****"), None),
            (Some("000"), None),
            (Some("00000"), None),
        ] {
            assert_eq!(looks_like(last4, "89abcdef"), is_alike, "{last4:?}");
        }
    }
}
