//! ARNs of secrets.

/// Whether this is a full ARN: a name would be looked up in the function's own account and region.
#[must_use]
pub fn is_full_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    matches!(parts[..], ["arn", _, "secretsmanager", region, account, "secret", name]
        if !region.is_empty() && !account.is_empty() && !name.is_empty())
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}
