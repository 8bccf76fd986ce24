//! Tells the consumers of a promotion, by a message to the topic of `PROMOTION_TOPIC_ARN`.
//!
//! The message comes after the promotion and before anything is deleted for it. It is sent again by each
//! finishSecret that finds its version AWSCURRENT, because nobody knows whether the one before came so far:
//! so a consumer gets it at least once if finishSecret ends well and SNS takes it, and drops repeats by
//! `versionId`. What the topic does never fails a rotation: docs/reference/messages.md.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::credential::{Grace, Kind};
use crate::deadline::Deadline;
use crate::event::{RotationEvent, VersionId};
use crate::keys::KeyRef;
use crate::secrets::{Description, Schedule};
use crate::timestamp::timestamp;
use crate::topic::Message;

use crate::rotation::context::{SecretReader, StepContext, TokenVersion, Versions};
use crate::rotation::journal::{Entry, Journal};

/// For so long a message is tried, and never longer than a quarter of what the invocation has left:
/// whatever comes after it matters more.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a promotion has replaced.
struct Replaced<'a> {
    version: Option<&'a VersionId>,
    /// `None`: they could not be read.
    keys: Option<Vec<KeyRef>>,
    grace: Grace,
}

/// Sends the message of the promotion that this invocation has made.
pub(in crate::rotation) async fn announce(
    cx: &StepContext<'_>,
    promoted: &Description,
    journal: &mut Journal,
) {
    let current = &cx.secret.current;
    let replaced = Replaced {
        version: Some(&current.id),
        keys: Some(current.credential.keys()),
        grace: cx.grace_of(&current.id),
    };
    let deadline = patient(cx.reader.deadline);
    let reader = SecretReader {
        deadline: &deadline,
        ..cx.reader
    };
    send(reader, cx.event, promoted, &replaced, journal).await;
}

/// Sends it again if an earlier invocation has made the promotion: AWSPREVIOUS is what it replaced. An
/// admin secret without keys replaces nothing.
pub(in crate::rotation) async fn announce_again(
    reader: SecretReader<'_>,
    event: &RotationEvent,
    versions: &Versions,
    journal: &mut Journal,
) {
    let is_promoted = matches!(versions.token, TokenVersion::Current);
    let is_keyless = versions.current.credential.is_keyless();
    if reader.clients.topic.is_none() || !is_promoted || is_keyless {
        return;
    }
    let (deadline, description) = (patient(reader.deadline), &versions.description);
    let reader = SecretReader {
        deadline: &deadline,
        ..reader
    };
    let half = deadline.at_most(deadline.left() / 2);
    let reading = SecretReader {
        deadline: &half,
        ..reader
    };
    let previous = reading.previous_of(description).await.ok().flatten();
    let replaced = Replaced {
        version: versions.replaced(),
        keys: previous.map(|it| it.credential.keys()),
        grace: reader.grace_of_replaced(versions),
    };
    send(reader, event, description, &replaced, journal).await;
}

fn patient(deadline: &Deadline) -> Deadline {
    deadline.at_most(PATIENCE.min(deadline.left() / 4))
}

async fn send(
    reader: SecretReader<'_>,
    event: &RotationEvent,
    description: &Description,
    replaced: &Replaced<'_>,
    journal: &mut Journal,
) {
    let Some(topic) = &reader.clients.topic else {
        return;
    };
    let message = message(reader.kind, event, description, replaced, reader.now());
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    let sent = topic.publish(&message, reader.deadline).await;
    match sent {
        Ok(()) => journal.note(Entry::MessageSent),
        Err(problem) => {
            tracing::warn!(
                secret = reader.secret,
                version = event.token.as_str(),
                topic = topic.arn().as_str(),
                %problem,
                "the rotation goes on, but the topic is not known to have got its message: restart the \
                 consumers yourself, and {}",
                problem.advice()
            );
            journal.note(Entry::MessageNotSent);
        }
    }
}

/// The fields are an interface: docs/reference/messages.md.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Promotion<'a> {
    event: &'static str,
    secret_arn: &'a str,
    secret_name: &'a str,
    region: Option<&'a str>,
    secret_type: &'static str,
    version_id: &'a str,
    replaced_version_id: Option<&'a str>,
    replaced_keys: Option<Vec<Key<'a>>>,
    replaced_works_until: &'static str,
    next_rotation_date: Option<String>,
}

#[derive(Serialize)]
struct Key<'a> {
    class: &'static str,
    id: &'a str,
}

fn message(
    kind: Kind,
    event: &RotationEvent,
    description: &Description,
    replaced: &Replaced<'_>,
    now: SystemTime,
) -> Message {
    let keys = replaced.keys.as_ref().map(|keys| {
        let keys = keys.iter().map(|key| Key {
            class: key.class.word(),
            id: key.id.as_str(),
        });
        keys.collect()
    });
    let (until, date) = match replaced.grace {
        Grace::None => ("deletedByThisRotation", None),
        Grace::OneRotation => {
            let told = description.next_rotation;
            (
                "nextRotation",
                next_rotation(told, description.schedule, now),
            )
        }
    };
    let promotion = Promotion {
        event: "SecretPromoted",
        secret_arn: &description.arn,
        secret_name: &description.name,
        region: description.arn.region(),
        secret_type: kind.name(),
        version_id: event.token.as_str(),
        replaced_version_id: replaced.version.map(VersionId::as_str),
        replaced_keys: keys,
        replaced_works_until: until,
        next_rotation_date: date.map(timestamp),
    };
    Message {
        // A struct of texts always has a JSON form.
        text: serde_json::to_string(&promotion).unwrap_or_default(),
        attributes: vec![
            ("secretType", kind.name().to_owned()),
            ("secretName", description.name.clone()),
        ],
    }
}

/// Returns when the next rotation is due, if that is told. While a rotation that was scheduled is under
/// way, Secrets Manager may still tell the end of its own window.
fn next_rotation(
    told: Option<SystemTime>,
    schedule: Option<Schedule>,
    now: SystemTime,
) -> Option<SystemTime> {
    let window = schedule?.window;
    told.filter(|at| *at > now + window)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn the_end_of_this_rotations_own_window_is_not_the_next_rotation() {
        let now = SystemTime::UNIX_EPOCH + 500_000 * HOUR;
        let daily = Some(Schedule {
            interval: 24 * HOUR,
            window: 3 * HOUR,
        });
        let next = |at, schedule| next_rotation(Some(at), schedule, now);
        assert_eq!(next(now + 2 * HOUR, daily), None);
        assert_eq!(next(now - HOUR, daily), None);
        assert_eq!(next(now + 24 * HOUR, daily), Some(now + 24 * HOUR));
        assert_eq!(next(now + 24 * HOUR, None), None);
        assert_eq!(next_rotation(None, daily, now), None);
    }
}
