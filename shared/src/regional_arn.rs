//! ARNs of what is reached at a host of its region.

use std::fmt;

/// A part of AWS with host names of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partition {
    Aws,
    GovCloud,
    China,
    EuropeanSovereign,
}

impl Partition {
    /// Datadog can't be reached from the other partitions.
    fn parse(text: &str) -> Option<Self> {
        match text {
            "aws" => Some(Self::Aws),
            "aws-us-gov" => Some(Self::GovCloud),
            "aws-cn" => Some(Self::China),
            "aws-eusc" => Some(Self::EuropeanSovereign),
            _ => None,
        }
    }
}

/// The ARN of a resource in one account and one region, whose name can become part of a host's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionalArn {
    text: String,
    region: String,
    partition: Partition,
}

impl RegionalArn {
    /// Returns the ARN of a service's resource, and what it has after the account. `None` for anything
    /// else.
    pub(crate) fn parse<'a>(text: &'a str, service: &str) -> Option<(Self, &'a str)> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, named, region, account, resource] = parts[..] else {
            return None;
        };
        let is_label = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-';
        let is_arn = named == service
            && !region.is_empty()
            && region.bytes().all(is_label)
            && account.len() == 12
            && account.bytes().all(|it| it.is_ascii_digit());
        let arn = Self {
            text: text.to_owned(),
            region: region.to_owned(),
            partition: Partition::parse(partition)?,
        };
        is_arn.then_some((arn, resource))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    #[must_use]
    pub fn partition(&self) -> Partition {
        self.partition
    }
}

impl fmt::Display for RegionalArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
