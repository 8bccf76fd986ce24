//! Makes the decisions of the engine. Each is a pure function of what was read, and is tested over
//! its inputs.

mod deletable;
mod difference;
mod expiry;

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use crate::admin::KeyLookup;
use crate::datadog::OwnedKeyDetails;
use crate::key_name::KeyNames;
use crate::keys::{KeyClass, KeyRef};
use crate::secrets::{Replica, ReplicaStatus, SecretsError, SecretsProblem};

use super::context::Version;

pub(super) use difference::{
    differs_in_expiry, differs_in_name, differs_in_owner, differs_in_scopes, differs_in_settings,
};
pub(super) use expiry::{ends_too_soon, least_days_to_expiry};

pub use deletable::{Candidates, ListedKey, Verdict, YOUNGEST_ORPHAN, deletable, verdicts};

/// For how long Datadog must have accepted a key of a type without grace, without a refusal, before
/// the key that it replaces is deleted. Datadog's edges learn of a new key one after the other:
/// docs/figures/edges.md counts what this wait is worth.
pub(super) const VERIFIED_FOR: Duration = Duration::from_secs(10);

/// How many times in a row Datadog must accept such a key at least, however old it is.
pub(super) const LEAST_SUCCESSES: u32 = 2;

/// For so long after a key's creation "not found" may only mean that Datadog does not know it
/// everywhere yet.
pub(crate) const LAG_OF_NEW_KEYS: Duration = Duration::from_mins(1);

/// For how long a DELETE that answers "not found" is sent again, if the key's value worked a moment
/// ago: an edge may not know the key.
pub(crate) const LAG_OF_KNOWN_KEYS: Duration = Duration::from_secs(3);

/// Returns whether the version is so old that the invocation that stored it has ended.
pub(super) fn is_old(version: &Version, now: SystemTime) -> bool {
    version.age(now).is_some_and(|age| age >= YOUNGEST_ORPHAN)
}

/// Returns for how long a key of this age must go on being accepted until it counts as working
/// everywhere: zero for a key older than [`VERIFIED_FOR`], of which [`LEAST_SUCCESSES`] a second apart
/// are enough.
pub(super) fn verification_span(age: Option<Duration>) -> Duration {
    VERIFIED_FOR.saturating_sub(age.unwrap_or_default())
}

/// Who moved the label AWSPREVIOUS to the version that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PutAsideBy {
    /// A rotation: its keys were replaced, and are to be deleted.
    Rotation,
    /// A person, or it is not known: its keys are that person's, and stay.
    Person,
}

/// Returns who moved AWSPREVIOUS to its version, whose keys have no grace. It was a rotation only if the
/// key in AWSCURRENT bears the name of its own version, and AWSPREVIOUS's version is older and of the
/// same service account. Otherwise a person moved the labels.
///
/// `is_current_rotations`: see [`is_current_rotations`].
pub(super) fn replaced_by(
    is_current_rotations: bool,
    current: &Version,
    previous: &Version,
) -> PutAsideBy {
    let is_older = previous
        .created
        .zip(current.created)
        .is_some_and(|(previous, current)| previous < current);
    // An application key of another service account is out of this admin's reach.
    let is_of_one_account =
        previous.credential.service_account() == current.credential.service_account();
    if is_current_rotations && is_older && is_of_one_account {
        PutAsideBy::Rotation
    } else {
        PutAsideBy::Person
    }
}

/// Returns whether the key in AWSCURRENT bears the name of its own version, so that the rotation which
/// stored it created it. `name` is that of the key that [`Credential::telling_key`] returns, if it is known.
///
/// [`Credential::telling_key`]: crate::credential::Credential::telling_key
pub(super) fn is_current_rotations(
    names: &KeyNames,
    name: Option<&str>,
    current: &Version,
) -> bool {
    let key = current.credential.telling_key().zip(name);
    key.is_some_and(|(key, name)| names.bears(key.class, name, &current.id))
}

/// Returns whether a rotation created the application key of AWSPREVIOUS, which has no grace. Such a key is
/// deleted before the promotion, which takes the last label off its version: afterwards only its name
/// tells whose it is, and nothing once Secrets Manager has forgotten the version.
pub(super) fn is_left_by_rotation(
    names: &KeyNames,
    previous_key: Option<&OwnedKeyDetails>,
    current: &Version,
    previous: &Version,
) -> bool {
    let class = KeyClass::Application;
    previous.credential.service_account() == current.credential.service_account()
        && previous_key.is_some_and(|key| names.bears(class, &key.name, &previous.id))
}

/// Returns who moved AWSPREVIOUS to its version, whose keys have grace: a person, if both keys were made by
/// hand. A rotation's key is known by the convention of its name, which the managed service has too. A
/// key that can't be looked up counts as a rotation's.
///
/// `current` and `previous` are the names of the keys.
pub(super) fn graced_key_replaced_by(
    names: &KeyNames,
    class: KeyClass,
    current: &KeyLookup<String>,
    previous: &KeyLookup<String>,
) -> PutAsideBy {
    if is_made_by_hand(names, class, current) && is_made_by_hand(names, class, previous) {
        PutAsideBy::Person
    } else {
        PutAsideBy::Rotation
    }
}

/// Returns whether the key exists and its name does not follow the convention of rotations.
pub(super) fn is_made_by_hand(names: &KeyNames, class: KeyClass, name: &KeyLookup<String>) -> bool {
    matches!(name, KeyLookup::Found(name) if !names.follows_convention(class, name))
}

/// Returns whether to search for orphaned keys: whether the list that was read before the creation
/// has a key that is named like a rotation's and that nothing accounts for. Most rotations find
/// none, and skip the search.
pub(super) fn is_orphan_search_due(
    names: &KeyNames,
    listed: &[ListedKey],
    accounted_for: &BTreeSet<KeyRef>,
) -> bool {
    listed
        .iter()
        .filter(|it| !accounted_for.contains(&it.key))
        .any(|it| names.follows_convention(it.key.class, &it.name))
}

/// What is known after the call of a promotion failed and the version was not seen to be AWSCURRENT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailedPromotion {
    /// AWSCURRENT was certainly not moved.
    NotMoved,
    /// The call was refused. An earlier try may have moved AWSCURRENT.
    Refused,
    Unknown,
}

pub(super) fn failed_promotion(error: &SecretsError) -> FailedPromotion {
    match error.problem {
        // The second try of a promotion that took effect is refused like this.
        SecretsProblem::Contradiction { .. } => FailedPromotion::Refused,
        _ if error.is_definite() => FailedPromotion::NotMoved,
        _ => FailedPromotion::Unknown,
    }
}

/// How far the replicas of a secret are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Replication {
    InSync,
    InProgress {
        place: String,
    },
    /// With AWS's words about it.
    Failed {
        place: String,
        message: Option<String>,
    },
}

/// Returns the state of all replicas together. One that failed goes before one in progress.
/// A status that AWS has not documented counts as in progress.
pub(crate) fn replication(replicas: &[Replica]) -> Replication {
    let first = |wanted: ReplicaStatus| replicas.iter().find(|it| it.status == wanted);
    match (
        first(ReplicaStatus::Failed),
        first(ReplicaStatus::InProgress),
    ) {
        (Some(failed), _) => Replication::Failed {
            place: failed.place.clone(),
            message: failed.message.clone(),
        },
        (None, Some(slow)) => Replication::InProgress {
            place: slow.place.clone(),
        },
        (None, None) => Replication::InSync,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::{AppPart, Credential, Kind};
    use crate::datadog::Attributes;
    use crate::event::VersionId;
    use crate::http::{ConnectCause, ConnectError};
    use crate::keys::{AppKey, KeyId, ServiceAccountId};
    use crate::secrets::Reason;
    use crate::value::SecretValue;

    const MINUTE: Duration = Duration::from_mins(1);
    const BY_HAND: &str = "somebody's";

    fn names(kind: Kind) -> KeyNames {
        let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:dd-AbCdEf";
        KeyNames::new(kind, arn, "dd")
    }

    /// Returns a version of an application key, stored at this minute.
    fn version(n: u8, account: u8, minute: Option<u32>) -> Version {
        let uuid = |n: u8| format!("{n:08}-1111-4111-8111-111111111111");
        let part = AppPart {
            key: AppKey::parse(&"0".repeat(40)).unwrap(),
            id: KeyId::parse(&uuid(n)).unwrap(),
            service_account: ServiceAccountId::parse(&uuid(account)).unwrap(),
        };
        Version {
            id: VersionId::parse(&uuid(n)).unwrap(),
            value: SecretValue::parse("{}").unwrap(),
            credential: Credential::Application(part),
            unfamiliar: None,
            created: minute.map(|it| SystemTime::UNIX_EPOCH + MINUTE * it),
        }
    }

    fn id() -> KeyId {
        KeyId::parse("11111111-1111-4111-8111-111111111111").unwrap()
    }

    /// Returns an application key that bears a name of this version.
    fn key_of(version: &Version) -> OwnedKeyDetails {
        let names = names(Kind::ApplicationKey);
        OwnedKeyDetails {
            name: names.name(KeyClass::Application, &version.id, 0, "20260101"),
            ..key_by_hand()
        }
    }

    fn key_by_hand() -> OwnedKeyDetails {
        OwnedKeyDetails {
            id: id(),
            name: BY_HAND.into(),
            shown: None,
            created: None,
            expires: None,
            ends: None,
            scopes: None,
            owner: None,
            attributes: Attributes::default(),
        }
    }

    #[test]
    fn what_a_rotation_replaced_is_older_and_beside_a_key_of_the_current_version() {
        let names = names(Kind::ApplicationKey);
        let current = version(1, 9, Some(10));
        let by = |key: Option<&OwnedKeyDetails>, previous: &Version| {
            let name = key.map(|it| it.name.as_str());
            let is_rotations = is_current_rotations(&names, name, &current);
            replaced_by(is_rotations, &current, previous)
        };
        let (own, older) = (key_of(&current), version(2, 9, Some(9)));
        assert_eq!(by(Some(&own), &older), PutAsideBy::Rotation);
        assert_eq!(by(None, &older), PutAsideBy::Person);
        assert_eq!(by(Some(&key_by_hand()), &older), PutAsideBy::Person);
        assert_eq!(by(Some(&key_of(&older)), &older), PutAsideBy::Person);
        for previous in [
            version(2, 9, Some(10)),
            version(2, 9, Some(11)),
            version(2, 9, None),
            version(2, 8, Some(9)),
        ] {
            assert_eq!(by(Some(&own), &previous), PutAsideBy::Person);
        }
    }

    #[test]
    fn what_a_rotation_left_under_awsprevious_bears_the_name_of_that_version() {
        let names = names(Kind::ApplicationKey);
        let (current, previous) = (version(1, 9, None), version(2, 9, None));
        let is_left = |key: Option<&OwnedKeyDetails>, previous: &Version| {
            is_left_by_rotation(&names, key, &current, previous)
        };
        let own = key_of(&previous);
        assert!(is_left(Some(&own), &previous));
        assert!(!is_left(None, &previous));
        assert!(!is_left(Some(&key_by_hand()), &previous));
        assert!(!is_left(Some(&key_of(&current)), &previous));
        assert!(!is_left(Some(&own), &version(2, 8, None)));
    }

    #[test]
    fn a_key_with_grace_is_a_persons_if_a_person_made_both() {
        let names = names(Kind::ApiKey);
        let found = |name: &str| KeyLookup::Found(name.to_owned());
        let made = found("aws-sm-api-key-dd-20260101-aaaaaa");
        let by_hand = found(BY_HAND);
        let class = KeyClass::Api;
        let by = |current, previous| graced_key_replaced_by(&names, class, current, previous);
        assert_eq!(by(&by_hand, &by_hand), PutAsideBy::Person);
        for unknown in [&made, &KeyLookup::NotFound, &KeyLookup::Forbidden] {
            assert_eq!(by(unknown, &by_hand), PutAsideBy::Rotation);
            assert_eq!(by(&by_hand, unknown), PutAsideBy::Rotation);
        }
    }

    /// Of a call that can't have had an effect it is known that it did not move the label. One refusal alone
    /// may be that of a second try.
    #[test]
    fn a_promotion_that_failed_is_unknown_wherever_it_may_have_had_its_effect() {
        let (code, reason) = (|| "X".to_owned(), Reason::default);
        let told = |problem| {
            failed_promotion(&SecretsError {
                call: "UpdateSecretVersionStage",
                secret: "dd".into(),
                version: "".into(),
                problem,
            })
        };
        let after = MINUTE;
        for problem in [
            SecretsProblem::Unavailable { status: 500 },
            SecretsProblem::TimedOut,
            SecretsProblem::OutOfTime { after },
            SecretsProblem::Cut,
        ] {
            assert_eq!(told(problem.clone()), FailedPromotion::Unknown, "{problem}");
        }
        for problem in [
            SecretsProblem::AccessDenied("X".into()),
            SecretsProblem::CredentialsRefused {
                code: code(),
                reason: reason(),
            },
            SecretsProblem::NotFound,
            SecretsProblem::ResourceExists,
            SecretsProblem::Refused {
                code: code(),
                reason: reason(),
            },
            SecretsProblem::Throttled { code: code() },
            SecretsProblem::NotConnected(Box::new(ConnectError {
                host: "x".into(),
                proxy: None,
                cause: ConnectCause::Silence,
            })),
            SecretsProblem::NoCredentials,
            SecretsProblem::NotSent,
        ] {
            assert_eq!(
                told(problem.clone()),
                FailedPromotion::NotMoved,
                "{problem}"
            );
        }
        let contradiction = SecretsProblem::Contradiction {
            code: code(),
            reason: reason(),
        };
        assert_eq!(told(contradiction), FailedPromotion::Refused);
    }

    #[test]
    fn orphaned_keys_are_searched_for_where_a_name_says_so() {
        let names = names(Kind::ApiKey);
        let class = KeyClass::Api;
        let key = KeyRef { class, id: id() };
        let is_due = |name: &str, known: &BTreeSet<KeyRef>| {
            let listed = ListedKey {
                key: key.clone(),
                name: name.into(),
                created: None,
                shown: None,
            };
            is_orphan_search_due(&names, &[listed], known)
        };
        let (none, known) = (BTreeSet::new(), BTreeSet::from([key.clone()]));
        assert!(is_due("aws-sm-api-key-dd-20260101-aaaaaa", &none));
        assert!(!is_due("aws-sm-api-key-dd-20260101-aaaaaa", &known));
        assert!(!is_due(BY_HAND, &none));
    }

    #[test]
    fn a_version_is_old_when_nobody_can_be_about_to_store_it() {
        let is_so = |stored, now: u32| {
            is_old(
                &version(1, 9, stored),
                SystemTime::UNIX_EPOCH + MINUTE * now,
            )
        };
        assert!(!is_so(Some(1), 15));
        assert!(is_so(Some(1), 16));
        assert!(is_so(Some(1), 17));
        assert!(!is_so(Some(1), 0));
        assert!(!is_so(None, 60));
    }

    #[test]
    fn the_older_a_key_the_less_it_is_waited_for() {
        assert_eq!(verification_span(None), VERIFIED_FOR);
        let four = Duration::from_secs(4);
        assert_eq!(verification_span(Some(four)) + four, VERIFIED_FOR);
        assert_eq!(verification_span(Some(VERIFIED_FOR * 2)), Duration::ZERO);
    }

    #[test]
    fn a_failed_replica_goes_before_a_slow_one() {
        let replica = |place: &str, status| Replica {
            place: place.to_owned(),
            is_across_accounts: false,
            status,
            message: Some("because".to_owned()),
        };
        let slow = replica("a", ReplicaStatus::InProgress);
        let failed = replica("b", ReplicaStatus::Failed);
        let there = replica("c", ReplicaStatus::InSync);
        let told = replication(&[there.clone(), slow, failed]);
        let (place, message) = ("b".into(), Some("because".into()));
        assert_eq!(told, Replication::Failed { place, message });
        assert_eq!(replication(&[there]), Replication::InSync);
        assert_eq!(replication(&[]), Replication::InSync);
    }
}
