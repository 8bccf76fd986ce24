//! The function's own AWS identity, proven to Datadog without a secret that anybody keeps.
//!
//! How it goes, Datadog's Workload Identity Federation being on the other side:
//!
//! 1. [`Proof`]: a request to AWS STS that asks "who am I?", signed with the credentials of the
//!    function's role, and never sent by us. It names the organisation that it is meant for in a
//!    header that the signature covers.
//! 2. Exchange ([`Call::exchange`]): Datadog has STS answer the request, looks for an identity
//!    mapping that fits the role, and answers a token ([`Token`]) of the user mapped to.
//! 3. Use: every call carries that token and no other credential ([`Authority`]). Before its first
//!    use Datadog is asked whose it is ([`Call::current_user`]): a mapping to somebody else than the
//!    configured service account must not act in its place. [`admin`](crate::admin) keeps the token
//!    as long as the invocation runs.
//!
//! A proof is a credential for as long as AWS honours the signature, about five minutes. Every
//! attempt therefore signs one of its own, which goes to the host of a listed site, follows no
//! redirect and is never printed. STS needs no permission and, as we never call it, no way through
//! a VPC.
//!
//! [`Authority`]: crate::datadog::Authority
//! [`Call::current_user`]: crate::datadog::Call::current_user
//! [`Call::exchange`]: crate::datadog::Call::exchange
//! [`Token`]: crate::datadog::Token

mod proof;

use std::fmt;
use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};

use crate::keys::OrganisationId;

pub use aws_credential_types::Credentials;
pub use proof::{Proof, Signing};

/// Not signed. Datadog's own clients send theirs.
const USER_AGENT: &str = concat!("datadog-rotation/", env!("CARGO_PKG_VERSION"));

/// Why no proof could be made. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    #[error("the function has no AWS credentials to sign with")]
    NoCredentials,
    /// Datadog knows roles of the partition `aws` alone.
    #[error("Datadog knows no roles of {region}'s partition of AWS")]
    Partition { region: String },
    #[error("the request to STS could not be signed")]
    Unsigned,
}

/// The credentials that the AWS SDK finds, and the region whose STS is to vouch for them.
#[derive(Clone)]
pub struct Identity {
    provider: Option<SharedCredentialsProvider>,
    region: Option<String>,
}

impl Identity {
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            provider: config.credentials_provider(),
            region: config.region().map(ToString::to_string),
        }
    }

    /// Of credentials at hand.
    #[must_use]
    pub fn of(credentials: Credentials, region: Option<&str>) -> Self {
        Self {
            provider: Some(SharedCredentialsProvider::new(credentials)),
            region: region.map(str::to_owned),
        }
    }

    /// Returns a proof for one organisation, good for some minutes from `now`.
    pub async fn proof(
        &self,
        organisation: &OrganisationId,
        now: SystemTime,
    ) -> Result<Proof, IdentityError> {
        let provider = self.provider.as_ref().ok_or(IdentityError::NoCredentials)?;
        // The provider's own error may quote its configuration.
        let credentials = provider
            .provide_credentials()
            .await
            .map_err(|_| IdentityError::NoCredentials)?;
        Proof::sign(&Signing {
            credentials,
            region: self.region.as_deref(),
            organisation,
            user_agent: Some(USER_AGENT),
            time: now,
        })
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}
