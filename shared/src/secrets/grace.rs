//! What the owner of a secret says about the grace period of its keys.
//!
//! By tags, and not by fields of the value: a tag is changed without a new version, which would move
//! AWSCURRENT, and `DescribeSecret` tells it to every step.

use crate::credential::Grace;
use crate::event::VersionId;

/// The tag that says for how many rotations a replaced key goes on working: `0` or `1`.
pub const GRACE_TAG: &str = "graceRotations";

/// The tag that names the version whose keys have leaked, by its ID. It means nothing any more once
/// that version is replaced, so that nobody has to take it off.
pub const LEAKED_TAG: &str = "leakedVersion";

/// The tags `graceRotations` and `leakedVersion` of a secret.
#[derive(Clone, Debug, Default)]
pub struct GraceTags {
    rotations: Option<Grace>,
    leaked: Option<VersionId>,
    malformed: Option<&'static str>,
}

impl GraceTags {
    /// Reads the values of the two tags.
    pub(super) fn parse(rotations: Option<&str>, leaked: Option<&str>) -> Self {
        let mut tags = Self::default();
        match rotations.map(str::trim) {
            None => {}
            Some("0") => tags.rotations = Some(Grace::None),
            Some("1") => tags.rotations = Some(Grace::OneRotation),
            Some(_) => tags.malformed = Some(GRACE_TAG),
        }
        if let Some(leaked) = leaked {
            // A label or a short form would name no version, and the leaked key would live on.
            let is_id = |it: &VersionId| (32..=64).contains(&it.as_str().len());
            tags.leaked = VersionId::parse(leaked.trim()).filter(is_id);
            if tags.leaked.is_none() {
                tags.malformed = Some(LEAKED_TAG);
            }
        }
        tags
    }

    /// Returns the grace period of a version's keys, from when they are replaced. `default` is that of
    /// the secret type.
    #[must_use]
    pub fn of_version(&self, version: &VersionId, default: Grace) -> Grace {
        if self.has_leaked(version) {
            Grace::None
        } else {
            self.rotations.unwrap_or(default)
        }
    }

    /// Returns whether the secret's owner says that the keys of this version have leaked.
    #[must_use]
    pub fn has_leaked(&self, version: &VersionId) -> bool {
        let leaked = self.leaked.as_ref();
        leaked.is_some_and(|it| it.as_str().eq_ignore_ascii_case(version.as_str()))
    }

    /// Returns the version that the tag `leakedVersion` names, whether there is such a version or not.
    #[must_use]
    pub fn leaked(&self) -> Option<&VersionId> {
        self.leaked.as_ref()
    }

    /// Returns what the tag `graceRotations` says.
    #[must_use]
    pub fn rotations(&self) -> Option<Grace> {
        self.rotations
    }

    /// Returns the name of a tag that can't be read.
    #[must_use]
    pub fn malformed(&self) -> Option<&'static str> {
        self.malformed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(n: u8) -> VersionId {
        VersionId::parse(&format!("{n:08}-1111-4111-8111-111111111111")).unwrap()
    }

    #[test]
    fn the_type_decides_unless_the_tag_says_otherwise() {
        for default in [Grace::None, Grace::OneRotation] {
            let of = |rotations| GraceTags::parse(rotations, None).of_version(&version(1), default);
            assert_eq!(of(None), default);
            assert_eq!(of(Some("0")), Grace::None);
            assert_eq!(of(Some(" 1 ")), Grace::OneRotation);
        }
    }

    #[test]
    fn a_leaked_version_has_no_grace_and_no_other_loses_it() {
        let leaked = version(1);
        let tags = GraceTags::parse(Some("1"), Some(leaked.as_str()));
        assert_eq!(tags.of_version(&leaked, Grace::OneRotation), Grace::None);
        let other = tags.of_version(&version(2), Grace::None);
        assert_eq!(other, Grace::OneRotation);
    }

    #[test]
    fn a_version_may_be_named_in_either_case() {
        let leaked = VersionId::parse("abcdef00-1111-4111-8111-111111111111").unwrap();
        let tags = GraceTags::parse(None, Some(&leaked.as_str().to_uppercase()));
        assert!(tags.has_leaked(&leaked) && !tags.has_leaked(&version(1)));
    }

    #[test]
    fn what_can_not_be_read_is_named() {
        for text in ["2", "-1", "one", "true", "0.5", "1 1"] {
            let tags = GraceTags::parse(Some(text), None);
            assert_eq!(tags.malformed(), Some(GRACE_TAG), "{text}");
        }
        let tags = GraceTags::parse(None, Some("AWSCURRENT"));
        assert_eq!(tags.malformed(), Some(LEAKED_TAG));
        assert_eq!(GraceTags::parse(Some("0"), None).malformed(), None);
    }
}
