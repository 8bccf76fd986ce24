//! Times as the service tells them.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, Time, UtcOffset};

/// Seconds since 1970 with milliseconds, the protocol's form of a timestamp.
pub(super) fn epoch(at: OffsetDateTime) -> Value {
    let milliseconds = (at - OffsetDateTime::UNIX_EPOCH).whole_milliseconds();
    let milliseconds = i64::try_from(milliseconds).unwrap_or(i64::MAX);
    json!(Duration::milliseconds(milliseconds).as_seconds_f64())
}

/// The service remembers the day of an access and no more.
pub(super) fn day(at: OffsetDateTime) -> OffsetDateTime {
    at.to_offset(UtcOffset::UTC).replace_time(Time::MIDNIGHT)
}
