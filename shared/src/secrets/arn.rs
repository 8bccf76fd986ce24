//! How secrets are named.

/// Whether this is a secret's full ARN: a name would be looked up in the function's own account and
/// region. The region becomes part of a host name.
#[must_use]
pub fn is_secret_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let ["arn", _, "secretsmanager", region, account, "secret", name] = parts[..] else {
        return false;
    };
    let is_label = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-';
    !region.is_empty()
        && region.bytes().all(is_label)
        && account.len() == 12
        && account.bytes().all(|it| it.is_ascii_digit())
        && !name.is_empty()
        && text.bytes().all(|it| it.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::is_secret_arn;

    #[test]
    fn full_arns_alone_are_taken() {
        for arn in [
            "arn:aws:secretsmanager:eu-central-1:123456789012:secret:datadog/admin-AbCdEf",
            "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:x",
        ] {
            assert!(is_secret_arn(arn), "{arn}");
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
            assert!(!is_secret_arn(arn), "{arn}");
        }
    }
}
