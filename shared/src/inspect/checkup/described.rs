//! What a secret's description and versions tell.

use std::time::{Duration, SystemTime};

use super::{Check, Checkup, Status};
use crate::error::Problem;
use crate::secrets::{CURRENT, Description, Labels, PENDING};
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::SecretArn;

    fn description() -> Description {
        Description {
            arn: SecretArn::trusted(
                "arn:aws:secretsmanager:us-east-1:123456789012:secret:dd-AbCdEf",
            ),
            name: "dd".into(),
            rotation_enabled: true,
            rotation_function: None,
            next_rotation: None,
            managed_type: None,
            is_marked_for_deletion: false,
            primary_region: None,
            labels: Labels::default(),
            admin_secret_arn: None,
            may_lose: None,
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
    fn the_managed_service_is_told_from_a_function() {
        let mut checkup = Checkup::of("dd");
        say_rotation(&mut checkup, &description(), SystemTime::UNIX_EPOCH);
        let finding = &checkup.findings[0];
        assert_eq!(finding.status, Status::Warning);
        assert!(finding.text.contains("managed service"), "{}", finding.text);
    }
}
