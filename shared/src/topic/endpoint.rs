//! The hosts of SNS: <https://docs.aws.amazon.com/general/latest/gr/sns.html>.

use aws_config::SdkConfig;

use crate::settings::{Partition, TopicArn};

/// Returns the address at which a topic's region is served, without a slash at its end.
pub(super) fn url(arn: &TopicArn, config: &SdkConfig) -> String {
    let is_fips = config.use_fips().unwrap_or_default();
    let is_dual_stack = config.use_dual_stack().unwrap_or_default();
    url_of(arn, is_fips, is_dual_stack)
}

fn url_of(arn: &TopicArn, is_fips: bool, is_dual_stack: bool) -> String {
    let (plain, dual_stack) = match arn.partition() {
        Partition::Aws | Partition::GovCloud => ("amazonaws.com", "api.aws"),
        Partition::China => ("amazonaws.com.cn", "api.amazonwebservices.com.cn"),
        Partition::EuropeanSovereign => ("amazonaws.eu", "api.amazonwebservices.eu"),
    };
    // In GovCloud the plain hosts are those of FIPS.
    let is_plain = arn.partition() == Partition::GovCloud && !is_dual_stack;
    let service = if is_fips && !is_plain {
        "sns-fips"
    } else {
        "sns"
    };
    let suffix = if is_dual_stack { dual_stack } else { plain };
    format!("https://{service}.{}.{suffix}", arn.region())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the rules of SNS's SDK say.
    #[test]
    fn hosts_are_those_of_the_partition() {
        let arn = |partition: &str, region: &str| {
            TopicArn::parse(&format!("arn:{partition}:sns:{region}:123456789012:x")).unwrap()
        };
        let (aws, gov) = (arn("aws", "us-east-1"), arn("aws-us-gov", "us-gov-east-1"));
        let china = arn("aws-cn", "cn-north-1");
        for (arn, is_fips, is_dual_stack, host) in [
            (&aws, false, false, "sns.us-east-1.amazonaws.com"),
            (&aws, true, false, "sns-fips.us-east-1.amazonaws.com"),
            (&aws, false, true, "sns.us-east-1.api.aws"),
            (&aws, true, true, "sns-fips.us-east-1.api.aws"),
            (&gov, false, false, "sns.us-gov-east-1.amazonaws.com"),
            (&gov, true, false, "sns.us-gov-east-1.amazonaws.com"),
            (&gov, true, true, "sns-fips.us-gov-east-1.api.aws"),
            (&china, false, false, "sns.cn-north-1.amazonaws.com.cn"),
            (
                &china,
                false,
                true,
                "sns.cn-north-1.api.amazonwebservices.com.cn",
            ),
        ] {
            let url = url_of(arn, is_fips, is_dual_stack);
            assert_eq!(url, format!("https://{host}"));
        }
    }
}
