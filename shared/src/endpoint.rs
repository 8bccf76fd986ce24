//! The hosts of the AWS services that no SDK of ours calls:
//! <https://docs.aws.amazon.com/general/latest/gr/sns.html>,
//! <https://docs.aws.amazon.com/general/latest/gr/lambda-service.html>.

use aws_config::SdkConfig;

use crate::regional_arn::Partition;

/// A service, as its host begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Sns,
    Lambda,
}

impl Service {
    /// As hosts and signatures name it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Sns => "sns",
            Self::Lambda => "lambda",
        }
    }

    /// Returns the address at which it serves a region, without a slash at its end.
    pub(crate) fn url(self, partition: Partition, region: &str, config: &SdkConfig) -> String {
        let is_fips = config.use_fips().unwrap_or_default();
        let is_dual_stack = config.use_dual_stack().unwrap_or_default();
        self.url_of(partition, region, is_fips, is_dual_stack)
    }

    fn url_of(
        self,
        partition: Partition,
        region: &str,
        is_fips: bool,
        is_dual_stack: bool,
    ) -> String {
        let (plain, dual_stack) = match partition {
            Partition::Aws | Partition::GovCloud => ("amazonaws.com", "api.aws"),
            Partition::China => ("amazonaws.com.cn", "api.amazonwebservices.com.cn"),
            Partition::EuropeanSovereign => ("amazonaws.eu", "api.amazonwebservices.eu"),
        };
        // SNS's plain hosts in GovCloud are those of FIPS.
        let is_plain = self == Self::Sns && partition == Partition::GovCloud && !is_dual_stack;
        let fips = if is_fips && !is_plain { "-fips" } else { "" };
        let suffix = if is_dual_stack { dual_stack } else { plain };
        format!("https://{}{fips}.{region}.{suffix}", self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the rules of the services' SDKs say.
    #[test]
    fn hosts_are_those_of_the_partition() {
        use Partition::{Aws, China, GovCloud};
        use Service::{Lambda, Sns};
        let (east, gov, north) = ("us-east-1", "us-gov-east-1", "cn-north-1");
        for (service, partition, region, is_fips, is_dual_stack, host) in [
            (Sns, Aws, east, false, false, "sns.us-east-1.amazonaws.com"),
            (
                Sns,
                Aws,
                east,
                true,
                false,
                "sns-fips.us-east-1.amazonaws.com",
            ),
            (Sns, Aws, east, false, true, "sns.us-east-1.api.aws"),
            (Sns, Aws, east, true, true, "sns-fips.us-east-1.api.aws"),
            (
                Sns,
                GovCloud,
                gov,
                false,
                false,
                "sns.us-gov-east-1.amazonaws.com",
            ),
            (
                Sns,
                GovCloud,
                gov,
                true,
                false,
                "sns.us-gov-east-1.amazonaws.com",
            ),
            (
                Sns,
                GovCloud,
                gov,
                true,
                true,
                "sns-fips.us-gov-east-1.api.aws",
            ),
            (
                Sns,
                China,
                north,
                false,
                false,
                "sns.cn-north-1.amazonaws.com.cn",
            ),
            (
                Sns,
                China,
                north,
                false,
                true,
                "sns.cn-north-1.api.amazonwebservices.com.cn",
            ),
            (
                Lambda,
                Aws,
                east,
                false,
                false,
                "lambda.us-east-1.amazonaws.com",
            ),
            (
                Lambda,
                Aws,
                east,
                true,
                true,
                "lambda-fips.us-east-1.api.aws",
            ),
            (
                Lambda,
                GovCloud,
                gov,
                true,
                false,
                "lambda-fips.us-gov-east-1.amazonaws.com",
            ),
            (
                Lambda,
                China,
                north,
                false,
                false,
                "lambda.cn-north-1.amazonaws.com.cn",
            ),
        ] {
            let url = service.url_of(partition, region, is_fips, is_dual_stack);
            assert_eq!(url, format!("https://{host}"));
        }
    }
}
