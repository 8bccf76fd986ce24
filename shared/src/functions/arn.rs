//! How functions are named.

use std::fmt;

use crate::settings::Partition;

/// The ARN of a function, or of a version or an alias of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionArn {
    text: String,
    region: String,
    partition: Partition,
}

impl FunctionArn {
    /// Returns `None` for anything else. The region becomes part of a host name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        let ([
            "arn",
            partition,
            "lambda",
            region,
            account,
            "function",
            name,
        ]
        | [
            "arn",
            partition,
            "lambda",
            region,
            account,
            "function",
            name,
            _,
        ]) = parts[..]
        else {
            return None;
        };
        let is_label = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-';
        let is_name = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_' | b'$');
        let qualifier = parts.get(7).copied();
        let is_arn = !region.is_empty()
            && region.bytes().all(is_label)
            && account.len() == 12
            && account.bytes().all(|it| it.is_ascii_digit())
            && [Some(name), qualifier]
                .into_iter()
                .flatten()
                .all(|it| !it.is_empty() && it.bytes().all(is_name));
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

impl fmt::Display for FunctionArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
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
