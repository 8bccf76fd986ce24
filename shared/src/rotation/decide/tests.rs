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
