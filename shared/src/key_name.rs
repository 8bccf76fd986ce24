//! The names of created keys: they record the intent before the effect, so that a key whose value
//! was lost can still be traced to the version that it was created for.
//!
//! Datadog may answer a name in another case, so that names are compared without it.

use std::collections::HashMap;

use data_encoding::BASE32;
use sha2::{Digest, Sha256};

use crate::credential::Kind;
use crate::event::VersionId;
use crate::keys::KeyClass;

/// How many names one version has: a name that is taken is followed by the next of the series.
pub const SERIES: u8 = 8;

/// Secret names may have 512 characters; a key's name must stay readable.
const LONGEST_SECRET_NAME: usize = 60;

/// What every name begins with.
const PREFIX: &str = "aws-sm-";

/// What stands between [`PREFIX`] and the name of the secret.
const KINDS: [&str; 5] = [
    "admin-api-key-",
    "admin-app-key-",
    "service-token-",
    "api-key-",
    "app-key-",
];

/// Makes and recognises the names of the keys that one secret's rotations create.
#[derive(Clone, Debug)]
pub struct KeyNames {
    kind: Kind,
    arn: String,
    secret_name: String,
}

impl KeyNames {
    /// `arn` and `secret_name` as `DescribeSecret` tells them.
    #[must_use]
    pub fn new(kind: Kind, arn: &str, secret_name: &str) -> Self {
        let secret_name = secret_name.chars().take(LONGEST_SECRET_NAME).collect();
        Self {
            kind,
            arn: arn.to_owned(),
            secret_name,
        }
    }

    /// `aws-sm-<kind>-<secret name>-<YYYYMMDD>-<XXXXXX>`, `day` being the UTC day of the creation.
    #[must_use]
    pub fn name(&self, class: KeyClass, version: &VersionId, n: u8, day: &str) -> String {
        format!("{}{day}-{}", self.stem(class), self.digest(version, n))
    }

    /// Returns what every name of this class begins with. It does not make a key ours: another region's
    /// secret of the same name has the same stem.
    #[must_use]
    pub fn stem(&self, class: KeyClass) -> String {
        format!("{}{}-", self.type_prefix(class), self.secret_name)
    }

    /// Returns what every name of this class begins with, whatever the secret's name.
    #[must_use]
    pub fn type_prefix(&self, class: KeyClass) -> String {
        let kind = match (self.kind, class) {
            (_, KeyClass::AccessToken) => "service-token",
            (Kind::AdminKey, KeyClass::Api) => "admin-api-key",
            (Kind::AdminKey, KeyClass::Application) => "admin-app-key",
            (_, KeyClass::Api) => "api-key",
            (_, KeyClass::Application) => "app-key",
        };
        format!("aws-sm-{kind}-")
    }

    /// Returns what a list is to be filtered by: the stem. Some part of the name is looked for as it is
    /// written, so that of a stem that may come back in another case only the type is taken.
    #[must_use]
    pub fn filter(&self, class: KeyClass) -> String {
        if self.secret_name.chars().any(char::is_uppercase) {
            self.type_prefix(class)
        } else {
            self.stem(class)
        }
    }

    /// Returns whether a name follows the convention for this secret, whoever created the key: this
    /// suite, the managed service, or the same secret in another region.
    #[must_use]
    pub fn follows_convention(&self, class: KeyClass, name: &str) -> bool {
        self.digest_in(class, name).is_some()
    }

    /// Returns whether the name recomputes from this version. The date is not compared, for a rotation
    /// may run past midnight.
    #[must_use]
    pub fn bears(&self, class: KeyClass, name: &str, version: &VersionId) -> bool {
        self.digest_in(class, name)
            .is_some_and(|digest| (0..SERIES).any(|n| self.digest(version, n) == digest))
    }

    /// Returns which of these versions each name recomputes from.
    #[must_use]
    pub fn index<'v>(
        &self,
        versions: impl IntoIterator<Item = &'v VersionId>,
    ) -> NameIndex<'_, 'v> {
        let digests = versions
            .into_iter()
            .flat_map(|version| (0..SERIES).map(move |n| (self.digest(version, n), version)))
            .collect();
        NameIndex {
            names: self,
            digests,
        }
    }

    /// Returns the name of the other secret that a name tells, if it follows the convention for one.
    #[must_use]
    pub fn other_secret<'n>(&self, name: &'n str) -> Option<&'n str> {
        let rest = without_prefix(name, PREFIX)?;
        let rest = KINDS.iter().find_map(|kind| without_prefix(rest, kind))?;
        let mut parts = rest.rsplitn(3, '-');
        let (digest, day, other) = (parts.next()?, parts.next()?, parts.next()?);
        let is_day = day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit());
        let is_other = other.to_lowercase() != self.secret_name.to_lowercase();
        (is_day && digest.len() == 6 && is_other).then_some(other)
    }

    /// Returns the part of the name that recomputes, in lower case.
    fn digest_in(&self, class: KeyClass, name: &str) -> Option<String> {
        let (name, stem) = (name.to_lowercase(), self.stem(class).to_lowercase());
        let (day, digest) = name.strip_prefix(&stem)?.split_once('-')?;
        let is_day = day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit());
        (is_day && digest.len() == 6).then(|| digest.to_owned())
    }

    fn digest(&self, version: &VersionId, n: u8) -> String {
        let mut hash = Sha256::new();
        hash.update(&self.arn);
        hash.update([0]);
        hash.update(version.as_str());
        hash.update([0]);
        hash.update([n]);
        let mut text = BASE32.encode(&hash.finalize()).to_ascii_lowercase();
        text.truncate(6);
        text
    }
}

/// Returns what follows a prefix in either case.
fn without_prefix<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// The versions of a secret by the names of their keys.
#[derive(Debug)]
pub struct NameIndex<'n, 'v> {
    names: &'n KeyNames,
    digests: HashMap<String, &'v VersionId>,
}

impl<'v> NameIndex<'_, 'v> {
    #[must_use]
    pub fn version_of(&self, class: KeyClass, name: &str) -> Option<&'v VersionId> {
        self.names
            .digest_in(class, name)
            .and_then(|digest| self.digests.get(&digest).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::KeyNames;
    use crate::credential::Kind;
    use crate::event::VersionId;
    use crate::keys::KeyClass;

    const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:datadog/app-AbCdEf";

    #[test]
    fn a_name_recomputes_from_secret_and_version_alone() {
        let names = KeyNames::new(Kind::ApplicationKey, ARN, "datadog/app");
        let version = VersionId::parse("11111111-2222-4333-8444-555555555555").unwrap();
        let other = VersionId::parse("99999999-2222-4333-8444-555555555555").unwrap();
        let class = KeyClass::Application;
        let name = names.name(class, &version, 7, "20261121");
        // As python3 has it: base64.b32encode(hashlib.sha256(ARN + b"\0" + version + b"\0\7").digest())
        assert_eq!(name, "aws-sm-app-key-datadog/app-20261121-aqylqh");
        assert!(names.bears(class, &name.replace("20261121", "20261122"), &version));
        assert!(!names.bears(class, &name, &other));
        assert!(!names.bears(KeyClass::Api, &name, &version));
        let elsewhere = KeyNames::new(
            Kind::ApplicationKey,
            &ARN.replace("us-east-1", "eu-west-1"),
            "datadog/app",
        );
        assert!(!elsewhere.bears(class, &name, &version));
        assert!(elsewhere.follows_convention(class, &name));
        assert_eq!(
            names.index([&other, &version]).version_of(class, &name),
            Some(&version)
        );
    }

    #[test]
    fn a_name_is_known_again_in_another_case() {
        let names = KeyNames::new(Kind::ApiKey, ARN, "Datadog/App");
        let version = VersionId::parse("11111111-2222-4333-8444-555555555555").unwrap();
        let name = names.name(KeyClass::Api, &version, 0, "20261121");
        assert!(names.bears(KeyClass::Api, &name.to_lowercase(), &version));
        assert!(names.bears(KeyClass::Api, &name.to_uppercase(), &version));
        // What a list is filtered by is in the name whichever case that comes back in.
        assert_eq!(names.filter(KeyClass::Api), "aws-sm-api-key-");
        let lower = KeyNames::new(Kind::ApiKey, ARN, "datadog/app");
        assert_eq!(lower.filter(KeyClass::Api), lower.stem(KeyClass::Api));
    }

    #[test]
    fn long_secret_names_are_cut() {
        let names = KeyNames::new(Kind::AdminKey, ARN, &"x".repeat(512));
        assert_eq!(
            names.stem(KeyClass::Api).len(),
            "aws-sm-admin-api-key-".len() + 61
        );
    }
}
