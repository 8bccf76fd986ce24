use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, Time};

use super::error::Refusal;
use super::input::{Input, mismatch};

/// `RotationRules`.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    after_days: Option<i64>,
    expression: Option<String>,
    duration: Option<String>,
}

impl Rules {
    pub(super) fn read(input: &Input) -> Result<Self, Refusal> {
        let after_days = input.whole("AutomaticallyAfterDays", 1..=1000)?;
        let expression = input.text("ScheduleExpression", 1..=256)?;
        let duration = input.text("Duration", 2..=3)?;
        if after_days.is_some() && expression.is_some() {
            return Err(Refusal::invalid_parameter(
                "You can specify AutomaticallyAfterDays or ScheduleExpression, but not both.",
            ));
        }
        if let Some(text) = duration
            && !is_hours(text)
        {
            return Err(mismatch("Duration", text, "[0-9]+h"));
        }
        Ok(Self {
            after_days,
            expression: expression.map(str::to_owned),
            duration: duration.map(str::to_owned),
        })
    }

    pub(super) fn as_json(&self) -> Value {
        json!({
            "AutomaticallyAfterDays": self.after_days,
            "ScheduleExpression": self.expression,
            "Duration": self.duration,
        })
    }

    /// The end of the window of the rotation after `now`; `None` for `cron()` schedules, which
    /// nothing here follows.
    pub(super) fn next(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let days = |count| (now + Duration::days(count)).replace_time(LAST_SECOND);
        if let Some(count) = self.after_days {
            return Some(days(count));
        }
        let rate = self.expression.as_deref()?.strip_prefix("rate(")?;
        let (count, unit) = rate.strip_suffix(')')?.split_once(' ')?;
        let count = count.parse().ok()?;
        match unit {
            "day" | "days" => Some(days(count)),
            "hour" | "hours" => Some(now + Duration::hours(count)),
            _ => None,
        }
    }
}

/// A daily window reaches to the end of the UTC day.
const LAST_SECOND: Time = match Time::from_hms(23, 59, 59) {
    Ok(time) => time,
    Err(_) => unreachable!(),
};

fn is_hours(text: &str) -> bool {
    text.strip_suffix('h').is_some_and(|digits| {
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}
