//! What a secret's description and versions tell.

use std::time::{Duration, SystemTime};

use super::{Check, Checkup, Status};
use crate::credential::Grace;
use crate::error::Problem;
use crate::event::VersionId;
use crate::secrets::{CURRENT, Description, Labels, PENDING, PREVIOUS, Replica, ReplicaStatus};
use crate::timestamp::timestamp;

/// A schedule's window may last until the end of the day; after that a rotation is overdue.
const OVERDUE: Duration = Duration::from_hours(24);

pub(super) fn sound(description: Description) -> Result<Description, Problem> {
    let region = description.arn.region();
    match &description.primary_region {
        _ if description.is_marked_for_deletion => Err(Problem::MarkedForDeletion),
        Some(primary) if region.is_some_and(|region| region != primary) => Err(Problem::Replica {
            primary: primary.clone(),
        }),
        _ => Ok(description),
    }
}

pub(super) fn say_rotation(to: &mut Checkup, description: &Description, now: SystemTime) {
    let is_overdue = |due: SystemTime| now.duration_since(due).is_ok_and(|it| it > OVERDUE);
    let (status, text) = match (description.rotation_enabled, &description.rotation_function) {
        (false, _) => {
            let text = "off; rotate-secret turns it on, once the function is there";
            (Status::Warning, text.to_owned())
        }
        (true, None) => {
            let text = "on, by the managed service instead of a function";
            (Status::Warning, text.to_owned())
        }
        (true, Some(function)) => match description.next_rotation {
            Some(due) if is_overdue(due) => {
                let text = format!("on, by {function}, but overdue since {}", timestamp(due));
                (Status::Warning, text)
            }
            Some(due) => (
                Status::Ok,
                format!("on, by {function}, next by {}", timestamp(due)),
            ),
            None => (Status::Ok, format!("on, by {function}")),
        },
    };
    to.say(Check::Rotation, status, text);
}

/// Says what the secret's tags make of the grace period.
pub(super) fn say_grace(to: &mut Checkup, description: &Description) {
    let (tags, labels) = (&description.grace, &description.labels);
    if let Some(tag) = tags.malformed() {
        to.fail(Check::Rotation, &Problem::TagMalformed { tag });
    }
    match tags.rotations() {
        Some(Grace::OneRotation) => {
            let text = "graceRotations is 1: a replaced key works for one more rotation";
            to.say(Check::Rotation, Status::Ok, text);
        }
        Some(Grace::None) => {
            let text = "graceRotations is 0: a replaced key is deleted at once";
            to.say(Check::Rotation, Status::Ok, text);
        }
        None => {}
    }
    for label in [CURRENT, PREVIOUS] {
        if labels.holder(label).is_some_and(|it| tags.has_leaked(it)) {
            let text = match label {
                CURRENT => "leakedVersion names AWSCURRENT: the next rotation deletes its keys",
                _ => {
                    "leakedVersion names AWSPREVIOUS: its keys are gone if the last rotation ended \
                     well, else the next one deletes them"
                }
            };
            let status = if label == CURRENT {
                Status::Warning
            } else {
                Status::Ok
            };
            to.say(Check::Rotation, status, text);
        }
    }
}

/// Says so if the tag `leakedVersion` names none of the versions that have leaked keys to be deleted.
/// `labels`: all versions that Secrets Manager still knows.
pub(super) fn say_leaked(to: &mut Checkup, description: &Description, labels: &Labels) {
    let tags = &description.grace;
    let Some(leaked) = tags.leaked() else {
        return;
    };
    let is_staged = |it: &VersionId| labels.is_staged(it) || description.labels.is_staged(it);
    let mut versions = labels.versions().chain(description.labels.versions());
    match versions.find(|it| tags.has_leaked(it)) {
        Some(version) if is_staged(version) => {}
        Some(_) => {
            let text = format!(
                "the tag leakedVersion names {leaked}, a version without a label: it means nothing \
                 any more, and may be taken off"
            );
            to.say(Check::Versions, Status::Ok, text);
        }
        None => {
            let text = format!(
                "the tag leakedVersion names {leaked}, which is no version of this secret: no \
                 rotation deletes leaked keys by it"
            );
            let advice = "Run datadog-doctor leaked SECRET: it sets the tag right and deletes the leaked \
                          keys. If nothing has leaked, take the tag off.";
            to.warn(Check::Versions, "LeakedVersionUnknown", text, advice);
        }
    }
}

pub(super) fn say_versions(to: &mut Checkup, labels: &Labels) {
    let pending = labels.holder(PENDING);
    match pending.filter(|it| !labels.carries(it, CURRENT)) {
        Some(pending) => {
            let text = format!("{pending} is pending: a rotation is not over; rotating resumes it");
            to.say(Check::Versions, Status::Warning, text);
        }
        None => to.say(Check::Versions, Status::Ok, "none is pending"),
    }
}

/// Who replicates a value is who stores it. That a person could says nothing of the function, and whether it
/// may only a rotation shows.
const NEEDED_ACROSS_ACCOUNTS: &str = "Not seen from here: unless a replication role does it, the function's \
     role needs kms:Encrypt on the replica's KMS key in the other account, by its own policy \
     (ReplicaKmsKeyArn of the stack) and by the key's";

/// A rotation waits for every replica before it deletes the replaced key.
pub(super) fn say_replicas(to: &mut Checkup, replicas: &[Replica]) {
    let of = |status| {
        let places = replicas.iter().filter(|it| it.status == status);
        places.map(|it| it.place.as_str()).collect::<Vec<_>>()
    };
    let (failed, behind) = (of(ReplicaStatus::Failed), of(ReplicaStatus::InProgress));
    if !failed.is_empty() {
        let place = failed.join(", ");
        let failed = replicas
            .iter()
            .filter(|it| it.status == ReplicaStatus::Failed);
        let mut messages: Vec<_> = failed.filter_map(|it| it.message.as_deref()).collect();
        messages.dedup();
        let message = (!messages.is_empty()).then(|| messages.join("; "));
        to.fail(Check::Replicas, &Problem::ReplicaFailed { place, message });
    } else if !behind.is_empty() {
        let text = format!(
            "not in sync yet: {}; a rotation waits for it",
            behind.join(", ")
        );
        to.say(Check::Replicas, Status::Warning, text);
    } else if replicas.is_empty() {
        to.say(Check::Replicas, Status::Ok, "none");
    } else {
        let text = format!("in sync: {}", of(ReplicaStatus::InSync).join(", "));
        to.say(Check::Replicas, Status::Ok, text);
    }
    if replicas.iter().any(|it| it.is_across_accounts) {
        to.add(Some(NEEDED_ACROSS_ACCOUNTS.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::secrets::{GraceTags, SecretArn};

    fn description() -> Description {
        Description {
            asked_at: Instant::now(),
            arn: SecretArn::trusted(
                "arn:aws:secretsmanager:us-east-1:123456789012:secret:dd-AbCdEf",
            ),
            name: "dd".into(),
            rotation_enabled: true,
            rotation_function: None,
            schedule: None,
            next_rotation: None,
            managed_type: None,
            is_marked_for_deletion: false,
            primary_region: None,
            labels: Labels::default(),
            admin_secret_arn: None,
            may_lose: None,
            grace: GraceTags::default(),
            replicas: Vec::new(),
        }
    }

    #[test]
    fn a_primary_is_rotated_and_a_replica_is_not() {
        let of = |region: Option<&str>| Description {
            primary_region: region.map(str::to_owned),
            ..description()
        };
        assert!(sound(of(None)).is_ok());
        assert!(sound(of(Some("us-east-1"))).is_ok());
        let replica = sound(of(Some("eu-west-1"))).unwrap_err();
        assert!(replica.to_string().contains("eu-west-1"), "{replica}");
    }

    #[test]
    fn a_replica_that_failed_goes_before_one_that_is_behind() {
        let replica = |place: &str, status| Replica {
            place: place.to_owned(),
            is_across_accounts: false,
            status,
            message: None,
        };
        let (ok, behind, failed) = (
            replica("eu-west-1", ReplicaStatus::InSync),
            replica("eu-west-2", ReplicaStatus::InProgress),
            replica("eu-west-3", ReplicaStatus::Failed),
        );
        for (replicas, status, word) in [
            (vec![], Status::Ok, "none"),
            (vec![ok.clone()], Status::Ok, "eu-west-1"),
            (
                vec![ok.clone(), behind.clone()],
                Status::Warning,
                "eu-west-2",
            ),
            (vec![ok, behind, failed], Status::Failed, "eu-west-3"),
        ] {
            let mut checkup = Checkup::of("dd");
            say_replicas(&mut checkup, &replicas);
            let finding = &checkup.findings[0];
            assert_eq!(finding.status, status, "{finding:?}");
            assert!(finding.text.contains(word), "{finding:?}");
        }
    }

    #[test]
    fn the_managed_service_is_told_from_a_function() {
        let mut checkup = Checkup::of("dd");
        say_rotation(&mut checkup, &description(), SystemTime::UNIX_EPOCH);
        let finding = &checkup.findings[0];
        assert_eq!(finding.status, Status::Warning);
        assert!(finding.text.contains("managed service"), "{}", finding.text);
    }
}
