//! What to do where Secrets Manager does not do what it is asked.

use super::connect::connect_advice;
use crate::secrets::SecretsProblem;

const AGAIN: &str = "Rotate again.";

const ROUTE: &str =
    "In a VPC the function needs the Secrets Manager endpoint or NAT; then rotate again.";

pub(super) fn secrets_advice(problem: &SecretsProblem) -> &'static str {
    match problem {
        SecretsProblem::AccessDenied(text) => denied(text).unwrap_or(
            "Check that this function is the one meant for the secret (RotationLambdaARN in \
             describe-secret); else grant its role what the text names.",
        ),
        SecretsProblem::CredentialsRefused { code, .. } => credentials(code),
        SecretsProblem::NoCredentials => {
            "Check that the function has a role; nothing else gives it credentials."
        }
        SecretsProblem::NotFound => {
            "Check that the secret still exists. An ARN says in which account and region; a name is \
             looked up in the ones that you use."
        }
        SecretsProblem::NotSent => {
            "Check the function's region and role, the region in the ARN, and \
             AWS_ENDPOINT_URL_SECRETS_MANAGER if it is set."
        }
        SecretsProblem::NotConnected(error) => connect_advice(error, ROUTE),
        SecretsProblem::TimedOut => ROUTE,
        SecretsProblem::OutOfTime { .. } => "Raise the function's timeout; then rotate again.",
        SecretsProblem::Contradiction { reason, .. } if reason.says("replica") => {
            "Rotate the primary secret, in its own region; its replicas follow."
        }
        SecretsProblem::Contradiction { reason, .. } if reason.says("marked for deletion") => {
            "If the secret is still needed: restore-secret. Then rotate again."
        }
        SecretsProblem::Contradiction { .. } | SecretsProblem::ResourceExists => {
            "Look at its labels and DeletedDate (describe-secret); if it is deleted restore it \
             (restore-secret). Then rotate again."
        }
        SecretsProblem::Refused { code, .. } => refused(code),
        SecretsProblem::Throttled { .. }
        | SecretsProblem::Unavailable { .. }
        | SecretsProblem::Cut => AGAIN,
    }
}

/// Of a secret that the function only reads, whatever function rotates it.
pub(super) fn admin_advice(problem: &SecretsProblem) -> &'static str {
    match problem {
        SecretsProblem::AccessDenied(text) => denied(text).unwrap_or(
            "Name it in the stack (AdminSecretArn; for an admin secret AssistingAdminSecretArn), \
             or grant the function's role what the text names.",
        ),
        SecretsProblem::NotFound => "Check the ARN, and that the secret holds a value.",
        other => secrets_advice(other),
    }
}

/// Returns what no permission of the role could mend.
fn denied(text: &str) -> Option<&'static str> {
    let text = text.to_ascii_lowercase();
    if text.contains("explicit deny") {
        Some(
            "Change the policy that the text names: an explicit deny holds whatever the function's \
             role may. Then rotate again.",
        )
    } else if text.contains("endpoint policy") {
        Some(
            "Let the policy of the VPC endpoint allow the function's role what the text names. \
             Then rotate again.",
        )
    } else if text.contains("kms") {
        Some(
            "Let the function's role use the KMS key: name the key in the stack's KMS parameters, and \
             look at the key's own policy. Then rotate again.",
        )
    } else {
        None
    }
}

fn credentials(code: &str) -> &'static str {
    match code {
        "ExpiredTokenException" | "ExpiredToken" | "RequestExpired" => {
            "Lambda renews the credentials of a function by itself: rotate again. If that does not help, look \
             whether AWS_ACCESS_KEY_ID is set in the function's configuration, and take it away."
        }
        "SignatureDoesNotMatch" | "InvalidSignatureException" => {
            "Look for a proxy that changes requests, and for a clock that is wrong; if \
             AWS_SECRET_ACCESS_KEY is set in the function's configuration, take it away."
        }
        _ => {
            "Check that the function's role still exists, that the region is turned on for the \
             account, and that no AWS_ACCESS_KEY_ID is set in the function's configuration."
        }
    }
}

fn refused(code: &str) -> &'static str {
    match code {
        "DecryptionFailure" | "EncryptionFailure" => {
            "Look at the secret's KMS key: it must be enabled, and the function's role must be allowed \
             to use it. Then rotate again."
        }
        "LimitExceededException" => {
            "Look at how many versions the secret has (list-secret-version-ids): old ones go a day \
             after they have lost their labels. Then rotate again."
        }
        "no error code" => {
            "Look for a proxy or an endpoint that answers in Secrets Manager's place. Then rotate \
             again."
        }
        _ => "Look at what AWS's code and text name. Then rotate again.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::Reason;

    #[test]
    fn advice_fits_the_cause_that_aws_names() {
        let denied = |text: &str| SecretsProblem::AccessDenied(text.to_owned());
        let credentials = |code: &str| SecretsProblem::CredentialsRefused {
            code: code.to_owned(),
            reason: Reason::default(),
        };
        let state = |text: &str| SecretsProblem::Contradiction {
            code: "InvalidRequestException".to_owned(),
            reason: text.into(),
        };
        let refused = |code: &str| SecretsProblem::Refused {
            code: code.to_owned(),
            reason: Reason::default(),
        };
        for (problem, word) in [
            (
                denied(
                    "not authorized to perform: x with an explicit deny in a service control policy",
                ),
                "explicit deny holds",
            ),
            (
                denied("because no VPC endpoint policy allows the action"),
                "VPC endpoint",
            ),
            (denied("Access to KMS is not allowed"), "KMS key"),
            (
                denied("is not authorized to perform: x"),
                "RotationLambdaARN",
            ),
            (credentials("ExpiredTokenException"), "AWS_ACCESS_KEY_ID"),
            (credentials("SignatureDoesNotMatch"), "clock"),
            (
                credentials("UnrecognizedClientException"),
                "role still exists",
            ),
            (state("it was marked for deletion."), "restore-secret"),
            (
                state("Operation not permitted on a replica secret."),
                "primary",
            ),
            (state(""), "labels"),
            (refused("DecryptionFailure"), "KMS key"),
            (refused("LimitExceededException"), "versions"),
            (refused("no error code"), "proxy"),
        ] {
            let advice = secrets_advice(&problem);
            assert!(advice.contains(word), "{problem}: {advice}");
            let is_of_kms = advice.contains("KMS");
            assert_eq!(is_of_kms, word == "KMS key", "{problem}: {advice}");
        }
    }
}
