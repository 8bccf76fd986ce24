//! Which keys may be deleted: the one decision behind every deletion.
//!
//! It never names a key that a kept version names, or that may be the key of a value which a kept
//! version holds.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use crate::datadog::{ApiKeyDetails, OwnedKeyDetails};
use crate::event::VersionId;
use crate::key_name::{KeyNames, NameIndex};
use crate::keys::{KeyClass, KeyRef};
use crate::protected::{KnownValue, ProtectedKeys};

/// A key younger than this may belong to a rotation that is still at work. An invocation of ours
/// acts for 14 minutes at most ([`crate::deadline::LONGEST_INVOCATION`]), whatever Lambda allows; the
/// minute above that is for clocks that differ.
pub const YOUNGEST_ORPHAN: Duration = Duration::from_mins(15);

/// 2010-01-01, after 1970-01-01.
const FOUNDED: Duration = Duration::from_hours(350_640);

/// A key as Datadog lists it.
#[derive(Clone, Debug)]
pub struct ListedKey {
    pub key: KeyRef,
    pub name: String,
    /// The part of its value that Datadog shows: the last four characters, or a token's public part.
    pub shown: Option<String>,
    pub created: Option<SystemTime>,
}

impl From<ApiKeyDetails> for ListedKey {
    fn from(it: ApiKeyDetails) -> Self {
        let (class, id) = (KeyClass::Api, it.id);
        Self {
            key: KeyRef { class, id },
            name: it.name,
            shown: it.last4,
            created: it.created,
        }
    }
}

impl ListedKey {
    /// Returns an application key or a service access token, as `class` says.
    pub(crate) fn owned(class: KeyClass, it: OwnedKeyDetails) -> Self {
        Self {
            key: KeyRef { class, id: it.id },
            name: it.name,
            shown: it.shown,
            created: it.created,
        }
    }

    fn known_value(&self) -> KnownValue<'_> {
        KnownValue::End(self.shown.as_deref())
    }
}

/// Keys that there is a reason to delete.
#[derive(Clone, Copy, Debug)]
pub enum Candidates<'a> {
    /// The keys of a replaced or abandoned version, or keys created a moment ago and not stored.
    Named(&'a [KeyRef]),
    /// Those among the listed keys that bear a name of this secret's versions.
    Orphans {
        listed: &'a [ListedKey],
        names: &'a KeyNames,
        /// All versions that Secrets Manager knows; none, if what is kept is not known in full.
        versions: &'a [VersionId],
        /// The versions whose keys are in use.
        in_use: &'a [VersionId],
        /// A version that holds a value: what bears its names and is not that value can never
        /// be stored any more, however young.
        filled: Option<&'a VersionId>,
        now: SystemTime,
    },
}

impl<'a> Candidates<'a> {
    fn listed(self) -> &'a [ListedKey] {
        match self {
            Self::Named(_) => &[],
            Self::Orphans { listed, .. } => listed,
        }
    }

    /// Returns the listed keys with the ends of their values, as far as Datadog shows them.
    pub(crate) fn shown(self) -> impl Iterator<Item = (&'a KeyRef, Option<&'a str>)> {
        let listed = self.listed().iter();
        listed.map(|it| (&it.key, it.shown.as_deref()))
    }

    /// Returns whether nothing but their names speaks for deleting them.
    pub(crate) fn go_by_name(self) -> bool {
        matches!(self, Self::Orphans { .. })
    }

    /// Returns whether a name recomputes from a version whose orphaned keys are searched for.
    pub(crate) fn bear(self, class: KeyClass, name: &str) -> bool {
        match self {
            Self::Named(_) => false,
            Self::Orphans {
                names,
                versions,
                filled,
                ..
            } => {
                let index = names.index(versions.iter().chain(filled));
                index.version_of(class, name).is_some()
            }
        }
    }

    /// Returns the end of this key's value, if the key is listed and Datadog shows it.
    pub(crate) fn end_of(self, key: &KeyRef) -> Option<&'a str> {
        self.shown().find(|(it, _)| *it == key)?.1
    }
}

/// Returns the candidates that may be deleted, application keys first.
///
/// `kept` are the keys of the versions to be kept.
#[must_use]
pub fn deletable(candidates: Candidates<'_>, kept: &ProtectedKeys) -> Vec<KeyRef> {
    let chosen: BTreeSet<KeyRef> = match candidates {
        Candidates::Named(keys) => keys.iter().cloned().collect(),
        Candidates::Orphans {
            listed,
            names,
            versions,
            in_use,
            filled,
            now,
        } => {
            let index = names.index(versions.iter().chain(filled));
            let unconfirmed = unconfirmed(kept, listed);
            let doubted = doubted(&index, listed, in_use, kept);
            listed
                .iter()
                .filter(|it| verdict(&index, it, &doubted, filled, now) == Verdict::Deletable)
                .filter(|it| !unconfirmed.protects(&it.key, it.known_value()))
                .map(|it| it.key.clone())
                .collect()
        }
    };
    chosen.difference(kept.keys()).cloned().collect()
}

/// What there is to say of a listed key that no kept version names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It bears the name of a version, and may be deleted.
    Deletable,
    /// It bears the name of a version, but a rotation may be about to store it.
    Young,
    /// It bears the name of none of the versions.
    Unknown,
    /// It ends like a value that is held beside another ID, and may be that value's key.
    MayBeHeld,
    /// It bears the name of a version in use whose value names none of the keys that are listed for that version, and
    /// may be the one in use.
    MayBeInUse,
}

fn verdict(
    index: &NameIndex<'_, '_>,
    key: &ListedKey,
    doubted: &BTreeSet<&VersionId>,
    filled: Option<&VersionId>,
    now: SystemTime,
) -> Verdict {
    match index.version_of(key.key.class, &key.name) {
        None => Verdict::Unknown,
        version if version == filled => Verdict::Deletable,
        Some(version) if doubted.contains(version) => Verdict::MayBeInUse,
        Some(_) if is_old(key.created, now) => Verdict::Deletable,
        Some(_) => Verdict::Young,
    }
}

/// Returns the versions in use whose values name none of the keys that are listed for them. What was read may
/// be another secret's value, and the listed key the one in use.
fn doubted<'v>(
    index: &NameIndex<'_, '_>,
    listed: &[ListedKey],
    in_use: &'v [VersionId],
    kept: &ProtectedKeys,
) -> BTreeSet<&'v VersionId> {
    let named = listed.iter().filter(|it| kept.contains(&it.key));
    let confirmed: BTreeSet<_> = named
        .filter_map(|it| index.version_of(it.key.class, &it.name))
        .collect();
    in_use.iter().filter(|it| !confirmed.contains(it)).collect()
}

/// For a report: what [`deletable`] makes of each listed key whose name follows the secret's
/// convention and that is not kept.
#[must_use]
pub fn verdicts<'k>(
    listed: &'k [ListedKey],
    names: &KeyNames,
    versions: &[VersionId],
    in_use: &[VersionId],
    now: SystemTime,
    kept: &ProtectedKeys,
) -> Vec<(&'k ListedKey, Verdict)> {
    let index = names.index(versions);
    let doubted = doubted(&index, listed, in_use, kept);
    let is_ours = |it: &&ListedKey| names.follows_convention(it.key.class, &it.name);
    let orphans = listed
        .iter()
        .filter(is_ours)
        .filter(|it| !kept.contains(&it.key));
    let unconfirmed = unconfirmed(kept, listed);
    let judged = orphans.map(|it| {
        let is_held = unconfirmed.protects(&it.key, it.known_value());
        match verdict(&index, it, &doubted, None, now) {
            _ if is_held => (it, Verdict::MayBeHeld),
            verdict => (it, verdict),
        }
    });
    judged.collect()
}

/// Returns what is kept without the values whose own IDs the list confirms.
fn unconfirmed(kept: &ProtectedKeys, listed: &[ListedKey]) -> ProtectedKeys {
    let mut unconfirmed = kept.clone();
    unconfirmed.confirm(listed.iter().map(|it| (&it.key, it.shown.as_deref())));
    unconfirmed
}

/// A key of unknown age counts as young. A date from before there was a Datadog is none: some servers
/// write the year 1 or 1970 for a time that they do not know.
fn is_old(created: Option<SystemTime>, now: SystemTime) -> bool {
    let founded = SystemTime::UNIX_EPOCH + FOUNDED;
    created
        .filter(|created| *created >= founded)
        .and_then(|created| now.duration_since(created).ok())
        .is_some_and(|age| age >= YOUNGEST_ORPHAN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::Kind;
    use crate::keys::KeyId;

    const MINUTE: Duration = Duration::from_mins(1);

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + FOUNDED + 100 * MINUTE
    }

    fn version(n: u8) -> VersionId {
        VersionId::parse(&format!("{n:08}-0000-4000-8000-000000000000")).unwrap()
    }

    fn key(n: u8) -> KeyRef {
        let id = KeyId::parse(&format!("{n:08}-1111-4111-8111-111111111111")).unwrap();
        KeyRef {
            class: KeyClass::Api,
            id,
        }
    }

    fn names(region: &str) -> KeyNames {
        let arn = format!("arn:aws:secretsmanager:{region}:123456789012:secret:dd-AbCdEf");
        KeyNames::new(Kind::ApiKey, &arn, "dd")
    }

    fn orphans(
        listed: &[ListedKey],
        versions: &[VersionId],
        filled: Option<&VersionId>,
    ) -> Vec<KeyRef> {
        let (names, now) = (names("us-east-1"), now());
        let candidates = Candidates::Orphans {
            listed,
            names: &names,
            versions,
            in_use: &[version(5)],
            filled,
            now,
        };
        deletable(candidates, &ProtectedKeys::from_iter([key(9)]))
    }

    fn listed(n: u8, name: String, age: Option<Duration>) -> ListedKey {
        let created = age.map(|age| now() - age);
        ListedKey {
            key: key(n),
            name,
            shown: None,
            created,
        }
    }

    fn named(n: u8, version: &VersionId, age: Option<Duration>) -> ListedKey {
        listed(
            n,
            names("us-east-1").name(KeyClass::Api, version, 3, "20260101"),
            age,
        )
    }

    #[test]
    fn orphans_of_other_versions_wait_for_their_age() {
        let (old, versions) = (version(1), [version(1), version(2)]);
        let keys = [
            named(1, &old, Some(15 * MINUTE)),
            named(2, &old, Some(14 * MINUTE)),
            named(3, &old, None),
            named(9, &old, Some(60 * MINUTE)),
        ];
        assert_eq!(orphans(&keys, &versions, None), [key(1)]);
    }

    #[test]
    fn orphans_of_a_filled_version_do_not() {
        let filled = version(2);
        let keys = [
            named(1, &filled, Some(Duration::ZERO)),
            named(9, &filled, Some(60 * MINUTE)),
        ];
        assert_eq!(orphans(&keys, &[], Some(&filled)), [key(1)]);
    }

    #[test]
    fn of_a_version_in_use_a_key_goes_only_beside_the_one_that_the_value_names() {
        let (in_use, hour) = (version(5), Some(60 * MINUTE));
        let versions = [version(1), in_use.clone()];
        let mut keys = vec![named(1, &in_use, hour), named(2, &version(1), hour)];
        assert_eq!(orphans(&keys, &versions, None), [key(2)]);
        keys.push(named(9, &version(1), hour));
        assert_eq!(orphans(&keys, &versions, None), [key(2)]);
        keys.push(named(9, &in_use, hour));
        assert_eq!(orphans(&keys, &versions, None), [key(1), key(2)]);
    }

    #[test]
    fn a_prefix_alone_never_suffices() {
        let known = version(1);
        let hour = Some(60 * MINUTE);
        let keys = [
            listed(1, "aws-sm-api-key-dd-20260101-aaaaaa".into(), hour),
            listed(
                2,
                names("eu-west-1").name(KeyClass::Api, &known, 0, "20260101"),
                hour,
            ),
            named(3, &version(7), hour),
            listed(4, "somebody's".into(), hour),
        ];
        assert_eq!(orphans(&keys, &[known], None), []);
    }

    #[test]
    fn a_kept_key_is_never_deleted() {
        let kept = ProtectedKeys::from_iter([key(1)]);
        assert_eq!(
            deletable(Candidates::Named(&[key(1), key(2)]), &kept),
            [key(2)]
        );
    }
}
