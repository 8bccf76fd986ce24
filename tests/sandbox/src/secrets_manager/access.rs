use super::SecretsManager;
use super::error::Refusal;
use super::input::Input;

impl SecretsManager {
    /// Refuses an action, such as `GetSecretValue`, on one secret from now on.
    pub fn deny(&mut self, action: &str, arn: &str) {
        self.denied.insert((action.to_owned(), arn.to_owned()));
    }

    /// Takes back [`Self::deny`].
    pub fn allow(&mut self, action: &str, arn: &str) {
        self.denied.remove(&(action.to_owned(), arn.to_owned()));
    }

    pub(super) fn check_access(&self, action: &str, input: &Input) -> Result<(), Refusal> {
        let Some(secret) = input.named_secret().and_then(|id| self.secret(id)) else {
            return Ok(());
        };
        if !self
            .denied
            .contains(&(action.to_owned(), secret.arn.clone()))
        {
            return Ok(());
        }
        Err(Refusal::access_denied(format!(
            "User: arn:aws:sts::{}:assumed-role/datadog-rotation/datadog-rotation is not \
             authorized to perform: secretsmanager:{action} on resource: {} because no \
             identity-based policy allows the secretsmanager:{action} action",
            self.account, secret.arn
        )))
    }
}
