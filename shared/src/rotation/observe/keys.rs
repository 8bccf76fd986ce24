//! Pauses between readings, and what a listed or looked-up key tells.

use std::time::Duration;

use crate::datadog::OwnedKeyDetails;
use crate::deadline::Backoff;
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

/// For so long "not found" is asked again.
pub(crate) fn lag_backoff(lag: Duration) -> Backoff {
    let second = Duration::from_secs(1);
    Backoff::new(second, 4 * second, lag)
}

/// Returns a key of a list that tells all of it that a look-up would: what the list leaves out is not
/// known by it.
pub(crate) fn listed_whole(listed: &[OwnedKeyDetails], id: &KeyId) -> Option<OwnedKeyDetails> {
    let found = listed.iter().find(|it| it.id == *id && it.is_whole());
    found.cloned()
}

/// Returns whether Datadog shows a part of a key that is this value's.
pub(crate) fn shows_end_of(key: &OwnedKeyDetails, value: &str) -> bool {
    looks_like(key.shown.as_deref(), value) == Some(true)
}

/// Returns whether the part of a value that Datadog shows is that of another key.
pub(crate) fn is_other_key(shown: Option<&str>, value: &str) -> bool {
    looks_like(shown, value) == Some(false)
}

/// Returns whether a value has the part that Datadog shows of a key: its last four characters, or the
/// public part of a service access token. `None` if that part says nothing: recordings have it x-ed
/// out, a mask hides it, and a short text would match anything.
pub(crate) fn looks_like(shown: Option<&str>, value: &str) -> Option<bool> {
    let shown = shown?;
    let (readable, own) = match shown.strip_prefix("ddsat_") {
        Some(public) => (public, value.get(..shown.len())),
        None if shown.len() == 4 => (shown, value.get(value.len().saturating_sub(4)..)),
        None => return None,
    };
    let is_masked = readable.len() > 4 && readable.bytes().all(|it| it == b'x');
    let tells = readable.len() >= 4 && readable.bytes().all(|it| it.is_ascii_alphanumeric());
    (tells && !is_masked).then(|| own.is_some_and(|own| own.eq_ignore_ascii_case(shown)))
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

    #[test]
    fn a_public_part_shows_whose_token_it_is_whatever_the_rest_is_like() {
        for (shown, is_alike) in [
            ("ddsat_4567abcd", Some(true)),
            ("ddsat_4567abce", Some(false)),
            ("ddsat_xxxxxxxx", None),
            ("ddsat_", None),
            ("ddsat_********", None),
        ] {
            for value in ["ddsat_4567abcd_0123456789", "ddsat_4567abcd0123456789"] {
                assert_eq!(looks_like(Some(shown), value), is_alike, "{shown}");
            }
        }
    }
}
