//! Refusals that recordings and reports show, told apart by their texts. The texts themselves are
//! never shown.

use http::StatusCode;

/// Why a call about trust was refused, as far as it is known. None of these has had an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustRefusal {
    /// 400, also for a moment after the account was registered (recorded).
    #[error("the AWS account of the pattern is not integrated with the organisation (400)")]
    NotIntegrated,
    /// 409: of an account recorded, of a mapping documented.
    #[error("there is one already (409)")]
    Exists,
    /// 400 (recorded).
    #[error("Datadog does not change between access keys and a role in place (400)")]
    KeysAndRole,
    /// Of whatever status (reported).
    #[error("another change of the organisation's AWS integrations was under way ({status})")]
    Conflicting { status: u16 },
    /// 400 (recorded).
    #[error("Datadog knows no such partition of AWS (400)")]
    Partition,
    /// 400 (reported): not issued by Datadog, or more than 48 hours ago.
    #[error("Datadog does not accept the external ID (400)")]
    ExternalId,
}

impl TrustRefusal {
    pub(super) fn of(status: StatusCode, body: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(body).to_ascii_lowercase();
        match status.as_u16() {
            status @ 400..500 if text.contains("conflicting updates") => {
                Some(Self::Conflicting { status })
            }
            409 => Some(Self::Exists),
            400 if text.contains("aws account id is not integrated") => Some(Self::NotIntegrated),
            400 if text.contains("cannot switch between role and key based auth") => {
                Some(Self::KeysAndRole)
            }
            400 if text.contains("invalid partition") => Some(Self::Partition),
            400 if text.contains("invalid external id") => Some(Self::ExternalId),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_texts_are_known_and_no_other() {
        let refusal = |status: u16, body: &str| {
            TrustRefusal::of(StatusCode::from_u16(status).unwrap(), body.as_bytes())
        };
        let not_integrated = r#"{"errors":[{"title":"Generic Error","detail":"AWS Account Id is not integrated with this Datadog account"}]}"#;
        assert_eq!(
            refusal(400, not_integrated),
            Some(TrustRefusal::NotIntegrated)
        );
        assert_eq!(refusal(403, not_integrated), None);
        let switch = r#"{"errors":[{"title":"Generic Error","detail":"cannot switch between role and key based auth"}]}"#;
        assert_eq!(refusal(400, switch), Some(TrustRefusal::KeysAndRole));
        for partition in [
            r#"{"errors":[{"title":"Generic Error","detail":"invalid partition: aws-invalid"}]}"#,
            r#"{"errors":[{"status":"400","title":"Bad Request","detail":"invalid value","meta":{"aws_partition":"invalid partition: aws-invalid"}}]}"#,
        ] {
            assert_eq!(refusal(400, partition), Some(TrustRefusal::Partition));
        }
        let external_id =
            r#"{"errors":[{"status":"400","title":"Bad Request","detail":"invalid External ID"}]}"#;
        assert_eq!(refusal(400, external_id), Some(TrustRefusal::ExternalId));
        let conflicting = "Could not update AWS Integration due to conflicting updates";
        for status in [400, 409] {
            let found = refusal(status, conflicting);
            assert_eq!(found, Some(TrustRefusal::Conflicting { status }));
        }
        assert_eq!(refusal(409, ""), Some(TrustRefusal::Exists));
        assert_eq!(refusal(400, r#"{"errors":["Bad Request"]}"#), None);
        assert_eq!(refusal(500, conflicting), None);
    }
}
