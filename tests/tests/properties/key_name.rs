//! Key names: made for one version, and recognised as of no other.

use datadog_rotation::Kind;
use datadog_rotation::event::VersionId;
use datadog_rotation::key_name::KeyNames;
use datadog_rotation::keys::KeyClass;
use proptest::prelude::*;

use crate::config;

/// As documented: to change it would be to forget the names of keys that are there already.
const SERIES: u8 = 8;

/// Everything that goes into a name.
#[derive(Clone, Debug, PartialEq)]
struct Parts {
    kind: Kind,
    arn: String,
    secret_name: String,
    class: KeyClass,
    version: VersionId,
    n: u8,
    day: String,
}

impl Parts {
    fn names(&self) -> KeyNames {
        KeyNames::new(self.kind, &self.arn, &self.secret_name)
    }

    fn name(&self) -> String {
        self.names()
            .name(self.class, &self.version, self.n, &self.day)
    }

    fn bears(&self, name: &str) -> bool {
        self.names().bears(self.class, name, &self.version)
    }
}

fn secret_name() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[-/_+=.@!A-Za-z0-9]{1,80}",
        1 => "[-/_+=.@!A-Za-z0-9]{500,512}",
        1 => "[-0-9]{1,20}", // looks like the end of a name
        1 => "\\PC{50,70}", // none that Secrets Manager allows, cut all the same
    ]
}

pub(crate) fn version() -> impl Strategy<Value = VersionId> {
    let uuid = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}";
    prop_oneof![4 => uuid, 1 => "[!-~]{1,64}"].prop_map(|it| VersionId::parse(&it).unwrap())
}

fn parts() -> impl Strategy<Value = Parts> {
    let kind = prop::sample::select(Kind::ALL.to_vec());
    let class = prop::sample::select(vec![
        KeyClass::Api,
        KeyClass::Application,
        KeyClass::AccessToken,
    ]);
    let arn = "arn:aws:secretsmanager:(us|eu)-(east|west)-[1-3]:[0-9]{12}:secret:[-/a-z]{1,30}-[A-Za-z0-9]{6}";
    let name = (secret_name(), "20[0-9]{2}[01][0-9][0-3][0-9]");
    (kind, arn, name, class, version(), 0..SERIES).prop_map(
        |(kind, arn, (secret_name, day), class, version, n)| Parts {
            kind,
            arn,
            secret_name,
            class,
            version,
            n,
            day,
        },
    )
}

/// The first so many characters: what of a secret's name gets into a key's.
fn head(name: &str) -> String {
    name.chars().take(60).collect()
}

/// The same parts with one of them replaced.
fn one_other() -> impl Strategy<Value = (Parts, Parts)> {
    (parts(), parts(), 0..5).prop_map(|(parts, new, which)| {
        let mut other = parts.clone();
        match which {
            0 => other.arn = new.arn,
            1 => other.version = new.version,
            2 if parts.class == KeyClass::Api => other.class = KeyClass::Application,
            2 => other.class = KeyClass::Api,
            3 => other.secret_name = new.secret_name,
            // Only one type has tokens.
            _ if parts.class == KeyClass::AccessToken => other.arn.push('x'),
            // The other types name the keys of a class alike, and share none.
            _ if parts.kind == Kind::AdminKey => other.kind = Kind::ApiKey,
            _ => other.kind = Kind::AdminKey,
        }
        (parts, other)
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_name_is_of_its_version_on_whatever_day(parts in parts(), day in "[0-9]{8}") {
        for n in 0..SERIES {
            let name = Parts { n, day: day.clone(), ..parts.clone() }.name();
            let names = parts.names();
            prop_assert!(parts.bears(&name), "{}", name);
            prop_assert!(names.follows_convention(parts.class, &name));
            let index = names.index([&parts.version]);
            prop_assert_eq!(index.version_of(parts.class, &name), Some(&parts.version));
        }
    }

    #[test]
    fn names_of_a_series_are_distinct_and_end_with_it(parts in parts()) {
        let name = |n| Parts { n, ..parts.clone() }.name();
        let series: std::collections::BTreeSet<_> = (0..SERIES).map(name).collect();
        prop_assert_eq!(series.len(), usize::from(SERIES));
        prop_assert!((SERIES..=u8::MAX).all(|n| !parts.bears(&name(n))));
    }

    #[test]
    fn a_name_is_of_nothing_else((parts, other) in one_other()) {
        let (one, two) = (&parts, &other);
        let is_cut_alike = head(&one.secret_name) == head(&two.secret_name);
        prop_assume!(one.secret_name == two.secret_name || !is_cut_alike);
        prop_assume!(one != two);
        let name = two.name();
        prop_assert!(!one.bears(&name), "{}", name);
        let names = one.names();
        prop_assert_eq!(names.index([&one.version]).version_of(one.class, &name), None);
    }

    #[test]
    fn a_name_with_one_character_changed_is_no_name(
        parts in parts(),
        at in any::<prop::sample::Index>(),
        new in "[-a-zA-Z0-9/é]",
    ) {
        let name = parts.name();
        let mut characters: Vec<char> = name.chars().collect();
        let at = at.index(characters.len());
        let is_of_the_stem = at < characters.len() - 15;
        let is_of_the_day = (characters.len() - 15..characters.len() - 7).contains(&at);
        characters[at] = new.chars().next().unwrap();
        let changed: String = characters.into_iter().collect();
        // Names are compared without case.
        prop_assume!(changed.to_lowercase() != name.to_lowercase());
        let is_day = is_of_the_day && new.bytes().all(|it| it.is_ascii_digit());
        prop_assert_eq!(parts.bears(&changed), is_day, "{}", changed);
        let follows_convention = parts.names().follows_convention(parts.class, &changed);
        prop_assert!(!(is_of_the_stem && follows_convention), "{}", changed);
        let longer = format!("{name}{new}");
        prop_assert!(!parts.names().follows_convention(parts.class, &longer), "{}", longer);
    }

    #[test]
    fn a_name_is_short_and_readable(parts in parts()) {
        let (name, stem) = (parts.name(), parts.names().stem(parts.class));
        let kind = match (parts.kind, parts.class) {
            (Kind::AdminKey, KeyClass::Api) => "admin-api-key",
            (Kind::AdminKey, KeyClass::Application) => "admin-app-key",
            (_, KeyClass::Api) => "api-key",
            (_, KeyClass::Application) => "app-key",
            (_, KeyClass::AccessToken) => "service-token",
        };
        prop_assert_eq!(&stem, &format!("aws-sm-{kind}-{}-", head(&parts.secret_name)));
        let end = name.strip_prefix(&stem).and_then(|it| it.strip_prefix(&parts.day));
        let digest = end.and_then(|it| it.strip_prefix('-')).unwrap();
        prop_assert_eq!(digest.len(), 6);
        prop_assert!(digest.bytes().all(|it| matches!(it, b'a'..=b'z' | b'2'..=b'7')));
    }
}
