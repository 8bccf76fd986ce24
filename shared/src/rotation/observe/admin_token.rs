//! The service access token that an admin acts by.

use super::keys::{is_other_key, patience};
use crate::admin::{Admin, Reach};
use crate::datadog::Scopes;
use crate::error::Problem;
use crate::rotation::context::SecretReader;

impl SecretReader<'_> {
    /// Verifies that an admin's token never ends and has the `scopes` of the token that it is to create,
    /// if it is to create one. Any other admin has nothing to verify.
    ///
    /// Returns [`Reach::Unknown`] if Datadog does not tell. Fails too if the ID in the admin secret is
    /// another token's: then nothing is known of this one.
    pub(crate) async fn verify_admin_token(
        &self,
        admin: &Admin,
        scopes: Option<&Scopes>,
    ) -> Result<Reach, Problem> {
        let Some(bearer) = admin.bearer() else {
            return Ok(Reach::Enough);
        };
        let mut backoff = patience();
        let details = loop {
            match bearer.itself().await {
                Ok(details) => break details,
                Err(problem) if problem.is_forbidden() => return Ok(Reach::Unknown),
                // It may just have been stored by a rotation of its own.
                Err(problem) if problem.is_not_found() => {
                    if !backoff.pause(self.deadline).await {
                        return Err(bearer.is_not_its_id());
                    }
                }
                Err(problem) => return Err(problem),
            }
        };
        if is_other_key(details.shown.as_deref(), bearer.value()) {
            return Err(bearer.is_not_its_id());
        }
        bearer.must_hand_on(&details, scopes)
    }
}
