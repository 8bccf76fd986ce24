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

/// Returns whether Datadog's last four characters are those of another key.
pub(crate) fn is_other_key(last4: Option<&str>, value: &str) -> bool {
    ends_like(last4, value) == Some(false)
}

/// Returns whether a value ends in Datadog's last four characters. `None` if these say nothing: recordings
/// have them x-ed out, a mask hides them, and a short text would match anything.
pub(crate) fn ends_like(last4: Option<&str>, value: &str) -> Option<bool> {
    let is_shown =
        |last4: &&str| last4.len() == 4 && last4.bytes().all(|it| it.is_ascii_alphanumeric());
    let end = value.get(value.len().saturating_sub(4)..).unwrap_or(value);
    let last4 = last4.filter(is_shown)?;
    Some(end.eq_ignore_ascii_case(last4))
}

#[cfg(test)]
mod tests {
    use super::ends_like;

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
            assert_eq!(ends_like(last4, "89abcdef"), is_alike, "{last4:?}");
        }
    }
}
