//! AWS STS, as far as Datadog asks it: whose credentials have signed this request?
//!
//! The signature is computed anew from the secret, by code that shares nothing with the functions'.
//! Statuses and texts of STS's refusals are of no matter here: only Datadog hears them.

pub(crate) mod signature;

use std::path::PathBuf;
use std::{fmt, fs};

use serde::Deserialize;
use time::{Duration, OffsetDateTime};

pub use signature::{Refused, SignedRequest};

/// How far a request's date may be off the clock. For how long STS itself honours one is AWS's
/// rule of five minutes.
const SKEW: Duration = Duration::minutes(5);

/// The credentials of a role's session.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Session {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: String,
    /// `arn:aws:sts::<account>:assumed-role/<role>/<session>`: STS drops a role's path.
    pub arn: String,
}

/// The sessions that were ever begun.
#[derive(Clone, Debug)]
pub struct Sts {
    sessions: Vec<Session>,
    random: fastrand::Rng,
    /// Where another emulator of AWS writes the sessions that it begins, a JSON object a line.
    followed: Option<PathBuf>,
}

impl Default for Sts {
    fn default() -> Self {
        Self {
            sessions: Vec::new(),
            random: fastrand::Rng::with_seed(0x0575),
            followed: None,
        }
    }
}

impl Sts {
    /// The credentials of this role's session of this name, the same each time.
    pub fn assume_role(&mut self, account: &str, role: &str, session: &str) -> Session {
        let arn = format!("arn:aws:sts::{account}:assumed-role/{role}/{session}");
        if let Some(known) = self.sessions.iter().find(|it| it.arn == arn) {
            return known.clone();
        }
        let mut random = |length| -> String {
            std::iter::repeat_with(|| self.random.alphanumeric())
                .take(length)
                .collect()
        };
        let session = Session {
            access_key_id: format!("ASIA{}", random(16).to_uppercase()),
            secret_access_key: random(40),
            session_token: random(120),
            arn,
        };
        self.sessions.push(session.clone());
        session
    }

    /// Credentials from elsewhere, such as a published example's.
    pub fn admit(&mut self, session: Session) {
        self.sessions.push(session);
    }

    /// Knows the sessions of this file too, which may still grow.
    pub fn follow(&mut self, file: PathBuf) {
        self.followed = Some(file);
    }

    /// Takes what the followed file has by now. A line that is not whole yet is taken later.
    pub(crate) fn catch_up(&mut self) {
        let Some(file) = &self.followed else {
            return;
        };
        let text = fs::read_to_string(file).unwrap_or_default();
        for session in text.lines().filter_map(|it| serde_json::from_str(it).ok()) {
            if !self.sessions.contains(&session) {
                self.sessions.push(session);
            }
        }
    }

    /// `GetCallerIdentity`: the ARN of whoever has signed the request.
    pub fn caller_identity(
        &self,
        now: OffsetDateTime,
        request: &SignedRequest,
    ) -> Result<&str, Refused> {
        self.signer(now, request, "sts", request.region())
    }

    /// The ARN of whoever has signed a request for this service in this region.
    pub(crate) fn signer(
        &self,
        now: OffsetDateTime,
        request: &SignedRequest,
        service: &str,
        region: &str,
    ) -> Result<&str, Refused> {
        let claim = request.claim()?;
        if (claim.service, claim.region) != (service, region) {
            return Err(Refused("the scope is of another service or region"));
        }
        let mut sessions = self.sessions.iter();
        let session = sessions
            .find(|it| it.access_key_id == claim.access_key_id)
            .ok_or(Refused("no such access key"))?;
        if request.header("x-amz-security-token") != Some(&session.session_token) {
            return Err(Refused("the session token is not the access key's"));
        }
        if (now - claim.date).abs() > SKEW {
            return Err(Refused("the date is too far off"));
        }
        claim.verify(request, &session.secret_access_key)?;
        Ok(&session.arn)
    }

    /// Checks a request as [`Self::signer`] does, unless its access key is of no session here.
    pub(crate) fn known_signer(
        &self,
        now: OffsetDateTime,
        request: &SignedRequest,
        service: &str,
        region: &str,
    ) -> Result<(), Refused> {
        let claim = request.claim()?;
        let mut sessions = self.sessions.iter();
        if sessions.any(|it| it.access_key_id == claim.access_key_id) {
            self.signer(now, request, service, region).map(drop)
        } else {
            Ok(())
        }
    }

    /// Every secret key and session token that ever existed, to be searched for in all output.
    pub fn every_value(&self) -> impl Iterator<Item = &str> {
        self.sessions
            .iter()
            .flat_map(|it| [it.secret_access_key.as_str(), it.session_token.as_str()])
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("arn", &self.arn)
            .finish_non_exhaustive()
    }
}
