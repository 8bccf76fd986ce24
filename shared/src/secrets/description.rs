//! What there is to know of a secret beside its values.

use std::time::{Duration, SystemTime};

use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_sdk_secretsmanager::types::{ReplicationStatusType, RotationRulesType, StatusType};
use aws_smithy_types::DateTime;
use tokio::time::Instant;

use crate::words::told;

use super::{ADMIN_TAG, GRACE_TAG, GraceTags, LEAKED_TAG, Labels, MAY_LOSE_TAG, SecretArn};

/// What `DescribeSecret` tells.
#[derive(Clone, Debug)]
pub struct Description {
    /// When it was asked for: it may be older than its arrival.
    pub asked_at: Instant,
    pub arn: SecretArn,
    pub name: String,
    pub rotation_enabled: bool,
    /// The ARN of the function that rotates it.
    pub rotation_function: Option<String>,
    pub next_rotation: Option<SystemTime>,
    /// How often it is rotated, if that is known.
    pub schedule: Option<Schedule>,
    /// The type of a managed external secret, such as `DatadogApiKey`.
    pub managed_type: Option<String>,
    pub is_marked_for_deletion: bool,
    /// Where a replica's primary is; of a primary, its own region or none.
    pub primary_region: Option<String>,
    pub labels: Labels,
    /// The tag `adminSecretArn`.
    pub admin_secret_arn: Option<String>,
    /// The tag `mayLoseAttributes`: what a new API key may lack.
    pub may_lose: Option<String>,
    pub grace: GraceTags,
    pub replicas: Vec<Replica>,
}

/// The schedule of a secret's rotations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The time between two rotations.
    pub interval: Duration,
    /// The time within which a rotation begins.
    pub window: Duration,
}

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

impl Schedule {
    /// Of a `cron()` expression Secrets Manager tells the days that it comes to:
    /// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotationRulesType.html>.
    fn of(rules: &RotationRulesType) -> Option<Self> {
        let count = |text: &str| text.parse::<u32>().ok().filter(|it| *it > 0);
        let days = rules.automatically_after_days();
        let days = days.and_then(|it| count(&it.to_string()));
        let rate = rules.schedule_expression().and_then(|it| {
            let (number, unit) = it
                .strip_prefix("rate(")?
                .strip_suffix(')')?
                .split_once(' ')?;
            let unit = if unit.starts_with("hour") { HOUR } else { DAY };
            Some(unit * count(number)?)
        });
        // Without one of its own, the window ends with the day; of a schedule in hours, after an hour.
        let window = rules.duration().and_then(|it| count(it.strip_suffix('h')?));
        Some(Self {
            interval: rate.or(days.map(|it| DAY * it))?,
            window: window.map_or(window_of(rate), |hours| HOUR * hours),
        })
    }
}

/// Returns the window of a schedule that names none:
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotationRulesType.html>.
fn window_of(rate: Option<Duration>) -> Duration {
    if rate.is_some_and(|it| it < DAY) {
        HOUR
    } else {
        DAY
    }
}

/// A copy of the secret in another region or another account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// A region, or `account` with its number.
    pub place: String,
    pub is_across_accounts: bool,
    pub status: ReplicaStatus,
    /// AWS's own words about the status, fit for a log.
    pub message: Option<String>,
}

/// The longest of AWS's words about a replica that is kept.
const LONGEST_MESSAGE: usize = 300;

impl Replica {
    /// Returns AWS's words as they are kept. An empty text says nothing.
    pub(super) fn message_of(text: Option<&str>) -> Option<String> {
        let message = told(text?, LONGEST_MESSAGE);
        let message = message.trim().trim_end_matches('.');
        (!message.is_empty()).then(|| message.to_owned())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplicaStatus {
    InSync,
    /// Not there yet, or of a status that nobody has documented.
    InProgress,
    Failed,
}

impl Description {
    /// Returns `None` of an answer that lacks the secret's ARN or name, which every secret has.
    /// `across_accounts`: the replicas that the SDK does not read.
    pub(super) fn of(
        asked_at: Instant,
        answer: &DescribeSecretOutput,
        across_accounts: Vec<Replica>,
    ) -> Option<Self> {
        let mut replicas = across_accounts;
        replicas.extend(answer.replication_status().iter().map(in_region));
        Some(Self {
            asked_at,
            arn: SecretArn::trusted(answer.arn()?),
            name: answer.name()?.to_owned(),
            rotation_enabled: answer.rotation_enabled().unwrap_or_default(),
            rotation_function: answer.rotation_lambda_arn().map(str::to_owned),
            next_rotation: answer.next_rotation_date().and_then(time),
            schedule: answer.rotation_rules().and_then(Schedule::of),
            managed_type: answer.r#type().map(str::to_owned),
            is_marked_for_deletion: answer.deleted_date().is_some(),
            primary_region: answer.primary_region().map(str::to_owned),
            labels: answer
                .version_ids_to_stages()
                .into_iter()
                .flatten()
                .map(|(version, labels)| (version.as_str(), labels.as_slice()))
                .collect(),
            admin_secret_arn: tag(answer, ADMIN_TAG),
            may_lose: tag(answer, MAY_LOSE_TAG),
            grace: GraceTags::parse(
                tag(answer, GRACE_TAG).as_deref(),
                tag(answer, LEAKED_TAG).as_deref(),
            ),
            replicas,
        })
    }
}

/// Returns a tag's value. An empty one says nothing.
fn tag(answer: &DescribeSecretOutput, key: &str) -> Option<String> {
    let tag = answer.tags().iter().find(|tag| tag.key() == Some(key))?;
    let value = tag.value().filter(|value| !value.trim().is_empty())?;
    Some(value.to_owned())
}

impl ReplicaStatus {
    /// Reads a word of the API. `Detached`: the replica's account has stopped its replication, and its
    /// readers keep what it had.
    pub(super) fn of(word: Option<&str>) -> Self {
        match word {
            Some("InSync") => Self::InSync,
            Some("Failed" | "Detached") => Self::Failed,
            _ => Self::InProgress,
        }
    }
}

fn in_region(shown: &ReplicationStatusType) -> Replica {
    Replica {
        place: shown.region().unwrap_or("an unnamed region").to_owned(),
        is_across_accounts: false,
        status: ReplicaStatus::of(shown.status().map(StatusType::as_str)),
        message: Replica::message_of(shown.status_message()),
    }
}

pub(super) fn time(date: &DateTime) -> Option<SystemTime> {
    SystemTime::try_from(*date).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_read_in_each_of_its_forms() {
        let schedule = |days: Option<i64>, expression: Option<&str>, window: Option<&str>| {
            let rules = RotationRulesType::builder()
                .set_automatically_after_days(days)
                .set_schedule_expression(expression.map(str::to_owned))
                .set_duration(window.map(str::to_owned));
            Schedule::of(&rules.build()).map(|it| (it.interval, it.window))
        };
        assert_eq!(schedule(Some(30), None, None), Some((DAY * 30, DAY)));
        let hourly = schedule(None, Some("rate(4 hours)"), Some("1h"));
        assert_eq!(hourly, Some((HOUR * 4, HOUR)));
        let daily = schedule(None, Some("rate(1 day)"), Some("3h"));
        assert_eq!(daily, Some((DAY, HOUR * 3)));
        let cron = Some("cron(0 8 1 * ? *)");
        assert_eq!(schedule(Some(31), cron, None), Some((DAY * 31, DAY)));
        assert_eq!(schedule(None, cron, None), None);
    }

    #[test]
    fn words_about_a_replica_are_kept_without_what_could_be_a_key() {
        let kept = |text: &str| Replica::message_of(Some(text));
        let words = "Replication failed: Access to KMS is not allowed";
        assert_eq!(kept(words).as_deref(), Some(words));
        assert_eq!(kept(&format!("{words}.\n")).as_deref(), Some(words));
        assert_eq!(kept(" "), None);
        let hush = "0123456789abcdef0123456789abcdef";
        assert_eq!(kept(hush).as_deref(), Some("…"));
        assert_eq!(
            kept(&"x ".repeat(400)).map(|it| it.len() <= 300),
            Some(true)
        );
    }

    #[test]
    fn a_schedule_of_nothing_is_none() {
        let rules = RotationRulesType::builder().automatically_after_days(0);
        assert_eq!(Schedule::of(&rules.build()), None);
    }

    #[test]
    fn a_window_ends_with_the_day_unless_the_schedule_is_in_hours() {
        assert_eq!(window_of(None), DAY);
        assert_eq!(window_of(Some(DAY)), DAY);
        assert_eq!(window_of(Some(HOUR * 23)), HOUR);
    }
}
