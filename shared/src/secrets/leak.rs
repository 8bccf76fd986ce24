//! What somebody who found a leaked key does to its secret. No rotation function does either.

use super::{LEAKED_TAG, Secrets, SecretsError, SecretsProblem, within};
use crate::deadline::Deadline;
use crate::event::VersionId;
use aws_sdk_secretsmanager::types::Tag;

/// What came of the request to rotate a secret.
#[derive(Debug)]
pub enum Begun {
    /// A rotation has begun.
    Anew,
    /// An earlier one was not over. Secrets Manager goes on with it, and says so by an error:
    /// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotateSecret.html>.
    Resumed(SecretsError),
}

impl Secrets {
    /// Names a version by the tag `leakedVersion`. May be sent again.
    pub async fn name_leaked(
        &self,
        secret: &str,
        version: &VersionId,
        deadline: &Deadline,
    ) -> Result<(), SecretsError> {
        let tag = Tag::builder().key(LEAKED_TAG).value(version.as_str());
        let call = self.client.tag_resource().secret_id(secret);
        let call = call.tags(tag.build());
        let send = || call.clone().send();
        within(deadline, "TagResource", secret, send)
            .await
            .map(drop)
    }

    /// Has the secret rotated now. May be sent again: one rotation is under way at a time.
    pub async fn rotate(&self, secret: &str, deadline: &Deadline) -> Result<Begun, SecretsError> {
        let call = self.client.rotate_secret().secret_id(secret);
        let send = || call.clone().send();
        match within(deadline, "RotateSecret", secret, send).await {
            Ok(_) => Ok(Begun::Anew),
            Err(error) if matches!(error.problem, SecretsProblem::Contradiction { .. }) => {
                Ok(Begun::Resumed(error))
            }
            Err(error) => Err(error),
        }
    }
}
