//! What may be deleted: the decision over all its inputs.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use datadog_rotation::Kind;
use datadog_rotation::event::VersionId;
use datadog_rotation::key_name::{KeyNames, SERIES};
use datadog_rotation::keys::{KeyClass, KeyId, KeyRef};
use datadog_rotation::protected::ProtectedKeys;
use datadog_rotation::rotation::decide::{Candidates, ListedKey, Verdict, deletable, verdicts};
use proptest::prelude::*;

use crate::config;

const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:datadog/key-AbCdEf";
const QUARTER: Duration = Duration::from_mins(15);
const NOW: Duration = Duration::from_hours(500_000); // in 2027

/// Of so few keys and versions that lists, labels and values often name the same.
fn key() -> impl Strategy<Value = KeyRef> {
    (class(), 0..6_u8).prop_map(|(class, n)| {
        let id = KeyId::parse(&format!("{n:08}-1111-4111-8111-111111111111")).unwrap();
        KeyRef { class, id }
    })
}

fn class() -> impl Strategy<Value = KeyClass> {
    prop::sample::select(vec![
        KeyClass::Api,
        KeyClass::Application,
        KeyClass::AccessToken,
    ])
}

fn version() -> impl Strategy<Value = VersionId> {
    (0..5_u8).prop_map(|n| VersionId::parse(&format!("token-{n}")).unwrap())
}

fn kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(Kind::ALL.to_vec())
}

fn names(kind: Kind) -> KeyNames {
    KeyNames::new(kind, ARN, "datadog/key")
}

/// Whose name a key bears.
#[derive(Clone, Debug)]
enum Origin {
    /// Created for this version of the secret, in a rotation of its type.
    Ours(VersionId),
    /// Whatever follows the convention, or nearly does, and is of another secret.
    Others,
}

/// A key with a name, and whose it is.
fn named(kind: Kind) -> impl Strategy<Value = (ListedKey, Origin)> {
    let created_for = (version(), 0..SERIES, 0..8_u8);
    (key(), created_for, created(), "[a-z2-7]{6}").prop_map(
        move |(key, (version, n, twist), created, digest)| {
            let made = |names: KeyNames| names.name(key.class, &version, n, "20261121");
            let elsewhere = KeyNames::new(kind, &ARN.replace("us-east", "eu-west"), "datadog/key");
            let stem = names(kind).stem(key.class);
            let (name, origin) = match twist {
                0 => (format!("{stem}20261121-{digest}"), Origin::Others),
                1 => (made(elsewhere), Origin::Others),
                2 => (format!("{} ", made(names(kind))), Origin::Others),
                // Names may come back in another case.
                3 => (made(names(kind)).to_uppercase(), Origin::Ours(version)),
                _ => (made(names(kind)), Origin::Ours(version)),
            };
            (
                ListedKey {
                    key,
                    name,
                    shown: None,
                    created,
                },
                origin,
            )
        },
    )
}

/// Ages around the floor, none, and times that have not come.
fn created() -> impl Strategy<Value = Option<SystemTime>> {
    let seconds = prop_oneof![
        0..3600_u64,
        895..905_u64,
        Just(900_u64),
        Just(NOW.as_secs())
    ];
    let past = seconds.prop_map(|it| Some(now() - Duration::from_secs(it)));
    let future = (1..3600_u64).prop_map(|it| Some(now() + Duration::from_secs(it)));
    prop_oneof![6 => past, 1 => future, 1 => Just(None)]
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + NOW
}

/// What a search may find.
#[derive(Clone, Debug)]
struct Find {
    kind: Kind,
    listed: Vec<(ListedKey, Origin)>,
    versions: Vec<VersionId>,
    in_use: Vec<VersionId>,
    filled: Option<VersionId>,
    kept: BTreeSet<KeyRef>,
}

fn find() -> impl Strategy<Value = Find> {
    kind().prop_flat_map(|kind| {
        let listed = prop::collection::vec(named(kind), 0..8);
        let versions = prop::collection::vec(version(), 0..4);
        let in_use = prop::collection::vec(version(), 0..2);
        let filled = prop::option::of(version());
        let kept = prop::collection::btree_set(key(), 0..4);
        let found = (listed, versions, in_use, filled, kept);
        found.prop_map(move |(listed, versions, in_use, filled, kept)| Find {
            kind,
            listed,
            versions,
            in_use,
            filled,
            kept,
        })
    })
}

impl Find {
    fn protected(&self) -> ProtectedKeys {
        self.kept.iter().cloned().collect()
    }

    fn deletable(&self) -> Vec<KeyRef> {
        let listed: Vec<_> = self.listed.iter().map(|(it, _)| it.clone()).collect();
        let candidates = Candidates::Orphans {
            listed: &listed,
            names: &names(self.kind),
            versions: &self.versions,
            in_use: &self.in_use,
            filled: self.filled.as_ref(),
            now: now(),
        };
        deletable(candidates, &self.protected())
    }

    /// Why a key may go: it bears the name of the version that is filled, or it bears a known version's name and is
    /// old. If that version is in use, a key that is kept must bear its name, too.
    fn speaks_for_deleting(&self, listed: &ListedKey, origin: &Origin) -> bool {
        let Origin::Ours(version) = origin else {
            return false;
        };
        let age = listed.created.and_then(|it| now().duration_since(it).ok());
        // A date in 1970 is what some servers write for none.
        let is_old = age.is_some_and(|it| it >= QUARTER && it < NOW);
        self.filled.as_ref() == Some(version)
            || (self.versions.contains(version) && is_old && self.is_sure_of(version))
    }

    fn is_sure_of(&self, version: &VersionId) -> bool {
        let is_known = self.versions.contains(version) || self.filled.as_ref() == Some(version);
        let is_kept = |(it, origin): &(ListedKey, Origin)| {
            matches!(origin, Origin::Ours(of) if of == version) && self.kept.contains(&it.key)
        };
        !self.in_use.contains(version) || (is_known && self.listed.iter().any(is_kept))
    }
}

fn is_in_order(keys: &[KeyRef]) -> bool {
    let order = [KeyClass::Application, KeyClass::Api, KeyClass::AccessToken];
    let place = |key: &KeyRef| {
        let class = order.iter().position(|it| *it == key.class);
        (class, key.id.clone())
    };
    keys.windows(2).all(|it| place(&it[0]) < place(&it[1]))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_deleted_has_a_reason_and_is_not_kept(find in find()) {
        for key in find.deletable() {
            prop_assert!(!find.kept.contains(&key), "kept: {}", key);
            let mut reasons = find.listed.iter().filter(|(it, _)| it.key == key);
            let has_reason = reasons.any(|(it, origin)| find.speaks_for_deleting(it, origin));
            prop_assert!(has_reason, "no reason: {}", key);
        }
    }

    #[test]
    fn what_has_a_reason_and_is_not_kept_is_deleted(find in find()) {
        let retired = find.deletable();
        for (listed, origin) in &find.listed {
            let is_due = find.speaks_for_deleting(listed, origin) && !find.kept.contains(&listed.key);
            prop_assert!(!is_due || retired.contains(&listed.key), "left: {}", listed.key);
        }
    }

    #[test]
    fn application_keys_go_first_and_each_key_once(find in find(), named in prop::collection::vec(key(), 0..9)) {
        prop_assert!(is_in_order(&find.deletable()));
        prop_assert!(is_in_order(&deletable(Candidates::Named(&named), &find.protected())));
    }

    #[test]
    fn keeping_one_more_only_spares_that_one(mut find in find(), more in key()) {
        find.in_use.clear();
        let mut spared = find.deletable();
        spared.retain(|it| *it != more);
        let mut keeping = find.clone();
        keeping.kept.insert(more);
        prop_assert_eq!(keeping.deletable(), spared);
    }

    #[test]
    fn knowing_fewer_versions_deletes_no_more(find in find()) {
        let all: BTreeSet<_> = find.deletable().into_iter().collect();
        let mut fewer = find.clone();
        fewer.versions.pop();
        prop_assert!(fewer.deletable().iter().all(|it| all.contains(it)));
    }

    #[test]
    fn what_is_reported_is_what_is_decided(find in find()) {
        let mut unfilled = find.clone();
        unfilled.filled = None;
        let retired: BTreeSet<_> = unfilled.deletable().into_iter().collect();
        let listed: Vec<_> = find.listed.iter().map(|(it, _)| it.clone()).collect();
        let verdicts = verdicts(&listed, &names(find.kind), &find.versions, &find.in_use, now(), &find.protected());
        let reported = verdicts.iter().filter(|(_, it)| *it == Verdict::Deletable);
        let reported: BTreeSet<_> = reported.map(|(it, _)| it.key.clone()).collect();
        prop_assert_eq!(&reported, &retired);
        prop_assert!(verdicts.iter().all(|(it, _)| !find.kept.contains(&it.key)));
        let step: BTreeSet<_> = find.deletable().into_iter().collect();
        prop_assert!(retired.is_subset(&step));
    }

    #[test]
    fn of_keys_that_are_named_all_but_the_kept_go(find in find(), named in prop::collection::vec(key(), 0..9)) {
        let retired: BTreeSet<_> = deletable(Candidates::Named(&named), &find.protected()).into_iter().collect();
        let named: BTreeSet<_> = named.into_iter().collect();
        prop_assert_eq!(&retired, &(&named - &find.kept));
    }
}
