//! How secrets are named.

use std::fmt;
use std::ops::Deref;

/// The full ARN of a secret. A name, or a part of an ARN, would be looked up in the function's own account
/// and region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretArn(String);

impl SecretArn {
    /// Returns `None` for anything but a full ARN: the region becomes part of a host name, so that a
    /// text from an edited secret must not be able to send a request elsewhere.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        let ["arn", _, "secretsmanager", region, account, "secret", name] = parts[..] else {
            return None;
        };
        let is_label = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-';
        let is_arn = !region.is_empty()
            && region.bytes().all(is_label)
            && account.len() == 12
            && account.bytes().all(|it| it.is_ascii_digit())
            && !name.is_empty()
            && text.bytes().all(|it| it.is_ascii_graphic());
        is_arn.then(|| Self(text.to_owned()))
    }

    /// Takes an ARN that Secrets Manager answered, or that was parsed before. It is not checked.
    #[must_use]
    pub fn trusted(text: &str) -> Self {
        Self(text.to_owned())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether a secret of this ARN may be the one that was asked for: by a name, or by an ARN that may
    /// lack its last six characters.
    #[must_use]
    pub fn may_be(&self, asked: &str) -> bool {
        !asked.starts_with("arn:") || self.0.starts_with(asked)
    }

    /// Returns the region, if the ARN names one.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        region_of(&self.0)
    }

    /// Returns the account, if the ARN names one.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        self.0.split(':').nth(ACCOUNT)
    }

    /// Returns whether two ARNs that Secrets Manager *answered* name one secret. A replica has its
    /// primary's ARN but for the region.
    #[must_use]
    pub fn is_same_secret(&self, other: &Self) -> bool {
        let parts = |arn: &Self| -> Vec<String> {
            let parts = arn.splitn(7, ':').enumerate();
            let parts = parts.filter(|(at, _)| *at != REGION);
            parts.map(|(_, part)| part.to_owned()).collect()
        };
        parts(self) == parts(other)
    }
}

/// The place of the account among an ARN's parts.
const ACCOUNT: usize = 4;

/// The place of the region among an ARN's parts.
const REGION: usize = 3;

/// Returns the region of a text that is an ARN.
#[must_use]
pub fn region_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(REGION)
}

/// An ARN is read wherever a text is.
impl Deref for SecretArn {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::SecretArn;

    const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:dd/admin-AbCdEf";

    #[test]
    fn full_arns_alone_are_taken() {
        for arn in [
            "arn:aws:secretsmanager:eu-central-1:123456789012:secret:datadog/admin-AbCdEf",
            "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:x",
        ] {
            assert!(SecretArn::parse(arn).is_some(), "{arn}");
        }
        for arn in [
            "datadog/admin",
            "arn:aws:secretsmanager:eu-central-1:123456789012:secret:",
            "arn:aws:secretsmanager:eu-central-1:12345678901:secret:x",
            "arn:aws:secretsmanager:eu-central-1:12345678901x:secret:x",
            "arn:aws:secretsmanager::123456789012:secret:x",
            "arn:aws:secretsmanager:attacker.example/:123456789012:secret:x",
            "arn:aws:secretsmanager:attacker.example:123456789012:secret:x",
            "arn:aws:secretsmanager:eu-central-1:123456789012:secret:a\nb",
            "arn:aws:secretsmanager:eu-central-1:123456789012:secret:x:y",
            "arn:aws:ssm:eu-central-1:123456789012:secret:x",
        ] {
            assert!(SecretArn::parse(arn).is_none(), "{arn}");
        }
    }

    #[test]
    fn a_replica_is_the_secret_itself_and_another_account_is_not() {
        let is_same =
            |other: &str| SecretArn::trusted(ARN).is_same_secret(&SecretArn::trusted(other));
        assert!(is_same(ARN));
        assert!(is_same(&ARN.replace("us-east-1", "eu-west-1")));
        assert!(!is_same(&ARN.replace("123456789012", "210987654321")));
        assert!(!is_same(&ARN.replace("AbCdEf", "ZzZzZz")));
        let region = SecretArn::trusted(ARN);
        assert_eq!(region.region(), Some("us-east-1"));
    }
}
