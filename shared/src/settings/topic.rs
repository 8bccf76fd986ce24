//! The topic to which a message goes after each promotion.

use std::fmt;

use super::{SettingError, text, variable};

const PROMOTION_TOPIC_ARN: &str = "PROMOTION_TOPIC_ARN";

/// A name may be as long as this (documented).
const LONGEST_NAME: usize = 256;

/// Where messages of promotions go.
#[derive(Clone, Debug)]
pub struct TopicSettings {
    /// `PROMOTION_TOPIC_ARN`
    pub arn: TopicArn,
    /// `AWS_ENDPOINT_URL_SNS`, else `AWS_ENDPOINT_URL`: replaces the ARN's own host, without a slash at its
    /// end.
    pub url: Option<String>,
}

impl TopicSettings {
    pub(super) fn from_env() -> Option<Self> {
        let arn = TopicArn::parse(&variable(PROMOTION_TOPIC_ARN)?)?;
        let url = variable("AWS_ENDPOINT_URL_SNS").or_else(|| variable("AWS_ENDPOINT_URL"));
        let url = url.map(|it| it.trim_end_matches('/').to_owned());
        Some(Self { arn, url })
    }
}

/// Refuses an ARN that no message could be sent to.
pub(super) fn check() -> Result<(), SettingError> {
    match text(PROMOTION_TOPIC_ARN)? {
        Some(arn) if TopicArn::parse(&arn).is_none() => Err(SettingError::new(
            PROMOTION_TOPIC_ARN,
            "is not the ARN of a standard SNS topic, such as arn:aws:sns:REGION:ACCOUNT:NAME",
        )),
        _ => Ok(()),
    }
}

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
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "aws" => Some(Self::Aws),
            "aws-us-gov" => Some(Self::GovCloud),
            "aws-cn" => Some(Self::China),
            "aws-eusc" => Some(Self::EuropeanSovereign),
            _ => None,
        }
    }
}

/// The ARN of a standard topic. A FIFO topic would want a group and an ID for each message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicArn {
    text: String,
    region: String,
    partition: Partition,
}

impl TopicArn {
    /// Returns `None` for anything else. The region becomes part of a host name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        let ["arn", partition, "sns", region, account, name] = parts[..] else {
            return None;
        };
        let is_label = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-';
        let is_name = |it: u8| it.is_ascii_alphanumeric() || it == b'-' || it == b'_';
        let is_arn = !region.is_empty()
            && region.bytes().all(is_label)
            && account.len() == 12
            && account.bytes().all(|it| it.is_ascii_digit())
            && (1..=LONGEST_NAME).contains(&name.len())
            && name.bytes().all(is_name);
        let partition = Partition::parse(partition)?;
        is_arn.then(|| Self {
            text: text.to_owned(),
            region: region.to_owned(),
            partition,
        })
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

impl fmt::Display for TopicArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_of_standard_topics_alone_are_taken() {
        for (arn, region, partition) in [
            (
                "arn:aws:sns:eu-central-1:123456789012:Promotions_1-a",
                "eu-central-1",
                Partition::Aws,
            ),
            (
                "arn:aws-us-gov:sns:us-gov-west-1:123456789012:x",
                "us-gov-west-1",
                Partition::GovCloud,
            ),
            (
                "arn:aws-cn:sns:cn-north-1:123456789012:x",
                "cn-north-1",
                Partition::China,
            ),
        ] {
            let parsed = TopicArn::parse(arn).unwrap();
            assert_eq!((parsed.region(), parsed.partition()), (region, partition));
            assert_eq!(parsed.to_string(), arn);
        }
        let long = format!("arn:aws:sns:us-east-1:123456789012:{}", "x".repeat(257));
        for arn in [
            "promotions",
            "arn:aws:sqs:us-east-1:123456789012:promotions",
            "arn:aws:sns:us-east-1:123456789012:promotions.fifo",
            "arn:aws:sns:us-east-1:123456789012:",
            "arn:aws:sns::123456789012:promotions",
            "arn:aws:sns:attacker.example/:123456789012:promotions",
            "arn:aws:sns:us-east-1:12345678901:promotions",
            "arn:aws:sns:us-east-1:12345678901x:promotions",
            "arn:aws-iso:sns:us-iso-east-1:123456789012:promotions",
            "arn:aws:sns:us-east-1:123456789012:promotions:0a1b",
            &long,
        ] {
            assert!(TopicArn::parse(arn).is_none(), "{arn}");
        }
    }
}
