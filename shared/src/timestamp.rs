//! Times as people and programs read them.

use std::time::SystemTime;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

/// `2026-11-21T08:30:00Z`, without fractions of a second.
#[must_use]
pub fn timestamp(at: SystemTime) -> String {
    let at = DateTime::from_secs(DateTime::from(at).secs());
    at.fmt(Format::DateTime).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    #[test]
    fn seconds_are_enough() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_251_000_900);
        assert_eq!(super::timestamp(at), "2026-11-21T08:50:00Z");
    }
}
