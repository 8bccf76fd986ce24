//! The names of throwaway things, by which the next probe knows them again.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, SystemTime};

/// What every name begins with.
pub(crate) const PREFIX: &str = "datadog-doctor-probe-";

/// A younger thing may be that of another probe, which is at work.
const LONGEST_PROBE: Duration = Duration::from_mins(5);

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

const PATTERN: (&str, &str, &str) = ("arn:aws:sts::", ":assumed-role/", "/*");

/// `datadog-doctor-probe-SECONDS-XXXXXX`: when it was made, since 1970, and chance. A mapping has
/// no date of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    text: String,
    made: SystemTime,
}

impl Name {
    pub(crate) fn new(now: SystemTime) -> Self {
        let made = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        // The standard library's only source of chance: names need to differ, not to be secret.
        let mut chance = RandomState::new().hash_one(made);
        let mut letters = String::new();
        for _ in 0..6 {
            letters.push(char::from(ALPHABET[(chance % 32) as usize]));
            chance /= 32;
        }
        Self {
            text: format!("{PREFIX}{made:010}-{letters}"),
            made: SystemTime::UNIX_EPOCH + Duration::from_secs(made),
        }
    }

    /// `None`: no probe has given this name.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (made, letters) = text.strip_prefix(PREFIX)?.split_once('-')?;
        let is_number = made.len() == 10 && made.bytes().all(|it| it.is_ascii_digit());
        let is_chance = letters.len() == 6 && letters.bytes().all(|it| ALPHABET.contains(&it));
        if !(is_number && is_chance) {
            return None;
        }
        Some(Self {
            text: text.to_owned(),
            made: SystemTime::UNIX_EPOCH + Duration::from_secs(made.parse().ok()?),
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns all sessions of a role of this name.
    pub(crate) fn pattern(&self, account: &str) -> String {
        let (before, between, after) = PATTERN;
        format!("{before}{account}{between}{}{after}", self.text)
    }

    /// `None`: no probe has made a mapping of this pattern.
    pub(crate) fn of_pattern(pattern: &str) -> Option<Self> {
        let (before, between, after) = PATTERN;
        let (account, rest) = pattern.strip_prefix(before)?.split_once(between)?;
        let is_account = account.len() == 12 && account.bytes().all(|it| it.is_ascii_digit());
        Self::parse(rest.strip_suffix(after)?).filter(|_| is_account)
    }

    /// Returns whether the probe that gave it has certainly ended. `created` is what Datadog tells.
    pub(crate) fn is_over(&self, created: Option<SystemTime>, now: SystemTime) -> bool {
        let born = created.map_or(self.made, |it| it.max(self.made));
        now.duration_since(born)
            .is_ok_and(|age| age >= LONGEST_PROBE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "123456789012";

    #[test]
    fn a_name_is_known_again_and_no_other_is() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_284_144);
        let name = Name::new(now);
        assert_eq!(name.made, now);
        assert_eq!(Name::parse(name.as_str()), Some(name.clone()));
        let pattern = name.pattern(ACCOUNT);
        assert_eq!(Name::of_pattern(&pattern), Some(name));
        assert_ne!(Name::new(now), Name::new(now));
        for other in [
            "datadog-doctor-probe-",
            "datadog-doctor-probe-1795284144",
            "datadog-doctor-probe-1795284144-abcde",
            "datadog-doctor-probe-1795284144-abcde1",
            "datadog-doctor-probe-1795284144-abcdefg",
            "datadog-doctor-probe-179528414-abcdef",
            "datadog-doctor-probe-17952841440-abcdef",
            "datadog-doctor-probe-+795284144-abcdef",
            "a-datadog-doctor-probe-1795284144-abcdef",
        ] {
            assert_eq!(Name::parse(other), None, "{other}");
            let pattern = format!("arn:aws:sts::{ACCOUNT}:assumed-role/{other}/*");
            assert_eq!(Name::of_pattern(&pattern), None, "{other}");
        }
        let short = pattern.replace(ACCOUNT, "12345678901");
        let session = pattern.replace("/*", "/session");
        for other in [short, session, pattern.replace("sts", "iam")] {
            assert_eq!(Name::of_pattern(&other), None, "{other}");
        }
    }

    #[test]
    fn the_younger_date_counts() {
        let made = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_284_144);
        let (name, minute) = (Name::new(made), Duration::from_mins(1));
        assert!(!name.is_over(None, made + 4 * minute));
        assert!(name.is_over(None, made + 5 * minute));
        assert!(!name.is_over(Some(made + minute), made + 5 * minute));
        assert!(name.is_over(Some(made - minute), made + 5 * minute));
        assert!(!name.is_over(None, made - minute));
    }
}
