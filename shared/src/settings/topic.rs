//! The topic to which a message goes after each promotion.

use std::fmt;
use std::ops::Deref;

use super::{SettingError, text, variable};
use crate::regional_arn::RegionalArn;

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

/// The ARN of a standard topic. A FIFO topic would want a group and an ID for each message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicArn(RegionalArn);

impl TopicArn {
    /// Returns `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (arn, name) = RegionalArn::parse(text, "sns")?;
        let is_of_name = |it: u8| it.is_ascii_alphanumeric() || it == b'-' || it == b'_';
        let is_name = (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(is_of_name);
        is_name.then_some(Self(arn))
    }
}

impl Deref for TopicArn {
    type Target = RegionalArn;

    fn deref(&self) -> &RegionalArn {
        &self.0
    }
}

impl fmt::Display for TopicArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regional_arn::Partition;

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
