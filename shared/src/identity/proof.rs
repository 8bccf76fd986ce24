//! The signed request to STS that proves who we are.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use data_encoding::BASE64;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use super::IdentityError;
use crate::keys::OrganisationId;
use crate::signature::{Added, Signer, Unsigned};

const BODY: &str = "Action=GetCallerIdentity&Version=2011-06-15";
const CONTENT_TYPE: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// Without a region of ours the one STS that speaks for all of them, which signs as this one.
const GLOBAL_REGION: &str = "us-east-1";

/// Partitions other than `aws`, by how their regions begin.
const OTHER_PARTITIONS: [&str; 5] = ["cn-", "us-gov-", "us-iso", "eu-iso", "eusc-"];

/// What goes into a proof.
#[derive(Clone, Debug)]
pub struct Signing<'a> {
    pub credentials: Credentials,
    /// `None`: the global STS.
    pub region: Option<&'a str>,
    pub organisation: &'a OrganisationId,
    pub user_agent: Option<&'a str>,
    pub time: SystemTime,
}

/// A signed request in the form in which Datadog takes it: body, headers, method and URL.
///
/// Whoever holds it can get a token of the organisation that it names.
#[derive(Clone, Debug)]
pub struct Proof(SecretString);

impl Proof {
    pub fn sign(signing: &Signing<'_>) -> Result<Self, IdentityError> {
        let host = host(signing.region)?;
        let url = format!("https://{host}");
        let length = BODY.len().to_string();
        let organisation = signing.organisation.as_str();
        // All of these are signed. A signer that took only `host` and `x-amz-*` would leave out
        // the organisation, and the proof would be good for any.
        let covered = [
            ("content-length", length.as_str()),
            ("content-type", CONTENT_TYPE),
            ("host", host.as_str()),
            ("x-ddog-org-id", organisation),
        ];
        let signer = Signer {
            credentials: signing.credentials.clone(),
            region: signing.region.unwrap_or(GLOBAL_REGION),
            service: "sts",
            time: signing.time,
        };
        let added = signer.sign_post(&url, &covered, BODY.as_bytes())?;

        // The body's length is not among them: Datadog counts it itself.
        let mut headers = Map::new();
        let mut carry = |name: &str, value: &str| {
            headers.insert(name.to_owned(), json!([value]));
        };
        carry("Authorization", needed(&added, "authorization")?);
        carry("Content-Type", CONTENT_TYPE);
        carry("Host", &host);
        if let Some(user_agent) = signing.user_agent {
            carry("User-Agent", user_agent);
        }
        carry("X-Amz-Date", needed(&added, "x-amz-date")?);
        if let Some(token) = added.header("x-amz-security-token") {
            carry("X-Amz-Security-Token", token);
        }
        carry("X-Ddog-Org-Id", organisation);
        Ok(Self(assembled(&url, headers).into()))
    }

    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

fn host(region: Option<&str>) -> Result<String, IdentityError> {
    match region {
        None => Ok("sts.amazonaws.com".to_owned()),
        Some(region) if OTHER_PARTITIONS.iter().any(|it| region.starts_with(it)) => {
            Err(IdentityError::Partition {
                region: region.to_owned(),
            })
        }
        Some(region) => Ok(format!("sts.{region}.amazonaws.com")),
    }
}

impl From<Unsigned> for IdentityError {
    fn from(_: Unsigned) -> Self {
        Self::Unsigned
    }
}

fn needed<'a>(added: &'a Added, name: &str) -> Result<&'a str, IdentityError> {
    added.header(name).ok_or(IdentityError::Unsigned)
}

fn assembled(url: &str, headers: Map<String, Value>) -> String {
    let encode = |text: &str| BASE64.encode(text.as_bytes());
    format!(
        "{}|{}|POST|{}",
        encode(BODY),
        encode(&Value::Object(headers).to_string()),
        encode(url)
    )
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn signing<'a>(organisation: &'a OrganisationId, region: Option<&'a str>) -> Signing<'a> {
        Signing {
            credentials: Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "test"),
            region,
            organisation,
            user_agent: None,
            time: UNIX_EPOCH + Duration::from_hours(500_000),
        }
    }

    fn organisation() -> OrganisationId {
        OrganisationId::parse("11111111-2222-3333-4444-555555555555").unwrap()
    }

    fn headers(proof: &Proof) -> Value {
        let encoded = proof.expose().split('|').nth(1).unwrap();
        serde_json::from_slice(&BASE64.decode(encoded.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn the_organisation_is_signed() {
        let organisation = organisation();
        let proof = Proof::sign(&signing(&organisation, Some("eu-west-1"))).unwrap();
        let authorization = headers(&proof)["Authorization"][0].clone();
        let authorization = authorization.as_str().unwrap();
        let (_, signed) = authorization.split_once("SignedHeaders=").unwrap();
        let (signed, _) = signed.split_once(',').unwrap();
        assert!(
            signed.split(';').any(|it| it == "x-ddog-org-id"),
            "{signed}"
        );
    }

    #[test]
    fn credentials_without_a_session_have_no_token_to_carry() {
        let organisation = organisation();
        let proof = Proof::sign(&signing(&organisation, None)).unwrap();
        assert_eq!(headers(&proof).get("X-Amz-Security-Token"), None);
        assert_eq!(headers(&proof)["Host"][0], "sts.amazonaws.com");
    }

    #[test]
    fn other_partitions_are_refused_before_anything_is_signed() {
        let organisation = organisation();
        for region in [
            "cn-north-1",
            "us-gov-west-1",
            "us-iso-east-1",
            "eusc-de-east-1",
        ] {
            let refused = Proof::sign(&signing(&organisation, Some(region))).unwrap_err();
            assert!(refused.to_string().contains(region), "{refused}");
        }
        assert!(Proof::sign(&signing(&organisation, Some("us-east-2"))).is_ok());
    }

    #[test]
    fn debug_shows_no_proof() {
        let organisation = organisation();
        let proof = Proof::sign(&signing(&organisation, None)).unwrap();
        let shown = format!("{proof:?}");
        assert!(
            proof.expose().split('|').all(|it| !shown.contains(it)),
            "{shown}"
        );
    }
}
