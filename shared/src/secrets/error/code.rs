//! What AWS's error codes mean, and which texts that come with them are kept.

/// What a code means to whoever gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A success whose body could not be read: it may well have had its effect.
    Unreadable,
    Denied,
    Credentials,
    NotFound,
    /// The secret or the version is in no state for it.
    State,
    Exists,
    Throttled,
    Failed,
    /// Too many of something.
    Limit,
    /// The KMS key.
    Key,
    /// The request itself, most likely.
    Other,
}

/// Of every service that checks signatures, and of Secrets Manager.
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html>
pub(super) fn meaning(code: &str, status: u16) -> Meaning {
    match code {
        _ if status < 400 => Meaning::Unreadable,
        "AccessDeniedException" | "AccessDenied" | "NotAuthorized" => Meaning::Denied,
        "ExpiredTokenException"
        | "ExpiredToken"
        | "RequestExpired"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException" => Meaning::Credentials,
        "ResourceNotFoundException" => Meaning::NotFound,
        "InvalidRequestException" => Meaning::State,
        "ResourceExistsException" => Meaning::Exists,
        _ if is_throttling(status, code) => Meaning::Throttled,
        _ if status >= 500 => Meaning::Failed,
        "LimitExceededException" => Meaning::Limit,
        "DecryptionFailure" | "EncryptionFailure" => Meaning::Key,
        _ => Meaning::Other,
    }
}

/// Returns whether it is what the SDK takes for throttling and leaves to us ([`super::super::unthrottled`]), except for
/// `LimitExceededException`, which here is about the number of versions.
fn is_throttling(status: u16, code: &str) -> bool {
    let words = [
        "Throttl",
        "TooManyRequests",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "SlowDown",
    ];
    status == 429 || words.iter().any(|it| code.contains(it))
}

/// Returns whether AWS's own text is kept, because no secret can be in it.
///
/// A refusal holds nothing that was read: a text can only repeat what was sent. Of all calls
/// `PutSecretValue` alone sends a secret value (and a rotation token). Of that call the texts are kept
/// that are not about its parameters: about who asks, about what they may do, about the state of the
/// secret, about a limit or a key of KMS. These name principals, actions, resources, policies and
/// versions. A text about a parameter may quote it, and is dropped.
pub(super) fn keeps_reason(call: &str, meaning: Meaning) -> bool {
    call != "PutSecretValue" || meaning != Meaning::Other
}

/// Returns the text without the request that was signed, which some services add to a text about a
/// signature. It has the session's token in it.
pub(super) fn harmless(text: &str) -> &str {
    let end = ["The Canonical String", "The String-to-Sign"]
        .iter()
        .filter_map(|it| text.find(it))
        .min();
    text[..end.unwrap_or(text.len())].trim()
}
