//! How functions are named.

use std::fmt;
use std::ops::Deref;

use crate::regional_arn::RegionalArn;

/// The ARN of a function, or of a version or an alias of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionArn(RegionalArn);

impl FunctionArn {
    /// Returns `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (arn, resource) = RegionalArn::parse(text, "lambda")?;
        let names: Vec<&str> = resource.strip_prefix("function:")?.split(':').collect();
        let is_name = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_' | b'$');
        let are_names = names
            .iter()
            .all(|it| !it.is_empty() && it.bytes().all(is_name));
        (are_names && names.len() <= 2).then_some(Self(arn))
    }
}

impl Deref for FunctionArn {
    type Target = RegionalArn;

    fn deref(&self) -> &RegionalArn {
        &self.0
    }
}

impl fmt::Display for FunctionArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_of_functions_alone_are_taken() {
        for arn in [
            "arn:aws:lambda:eu-central-1:123456789012:function:datadog-rotation-api-key",
            "arn:aws-cn:lambda:cn-north-1:123456789012:function:x_1:live",
            "arn:aws:lambda:eu-central-1:123456789012:function:x:$LATEST",
        ] {
            let parsed = FunctionArn::parse(arn).unwrap();
            assert_eq!(parsed.to_string(), arn);
            assert!(arn.contains(parsed.region()));
        }
        for arn in [
            "datadog-rotation-api-key",
            "arn:aws:lambda:eu-central-1:123456789012:function:",
            "arn:aws:lambda:eu-central-1:123456789012:function:x:",
            "arn:aws:lambda:eu-central-1:123456789012:function:x:y:z",
            "arn:aws:lambda:eu-central-1:123456789012:layer:x",
            "arn:aws:lambda:eu-central-1:12345678901:function:x",
            "arn:aws:lambda:attacker.example/:123456789012:function:x",
            "arn:aws:lambda::123456789012:function:x",
            "arn:aws:lambda:eu-central-1:123456789012:function:a/b",
            "arn:aws:sns:eu-central-1:123456789012:function:x",
        ] {
            assert!(FunctionArn::parse(arn).is_none(), "{arn}");
        }
    }
}
