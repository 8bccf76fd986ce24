//! The calls that begin, cancel and end rotations.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::SecretsManager;
use super::error::Refusal;
use super::input::Input;
use super::labels::{CURRENT, PENDING};
use super::rotation::RotationJob;
use super::schedule::Rules;
use super::secret::{Secret, Version};

impl SecretsManager {
    pub(super) fn rotate_secret(
        &mut self,
        now: OffsetDateTime,
        input: &Input,
    ) -> Result<Value, Refusal> {
        let token = input
            .client_request_token(Refusal::invalid_parameter)?
            .to_owned();
        let function_arn = input.text("RotationLambdaARN", 0..=2048)?;
        let rules = input
            .structure("RotationRules")?
            .map(|rules| Rules::read(&rules))
            .transpose()?;
        let test_only = !input.flag("RotateImmediately")?.unwrap_or(true);
        let index = self.live_index(input)?;
        let function_arn = self.rotation_function(index, function_arn)?;
        let tests_a_copy = test_only && self.tests_a_copy;
        let secret = &mut self.secrets[index];
        let answer = json!({ "ARN": secret.arn, "Name": secret.name, "VersionId": token });
        if is_under_way(secret, &token) {
            return Ok(answer);
        }
        if let Some(pending) = unfinished(secret) {
            if !is_under_way(secret, &pending) {
                self.begin(index, &pending, function_arn, false);
            }
            return Err(Refusal::invalid_request(
                "A previous rotation isn't complete. That rotation will be reattempted.",
            ));
        }
        if secret.version(&token).is_some() {
            return Err(secret.token_in_use(&token));
        }

        let current = secret.labelled(CURRENT).filter(|_| tests_a_copy);
        let content = current.and_then(|version| version.content.clone());
        secret.versions.push(Version::new(now, &token, content));
        secret.labels.place(PENDING, &token);
        secret.touch(now);
        let rotation = secret.rotation.get_or_insert_default();
        if let Some(rules) = rules {
            rotation.rules = rules;
        }
        rotation.schedule(now);
        self.begin(index, &token, function_arn, test_only);
        Ok(answer)
    }

    /// The function that a rotation is to invoke, if the service may.
    fn rotation_function(&self, index: usize, asked: Option<&str>) -> Result<String, Refusal> {
        let function_arn = asked
            .or_else(|| {
                let rotation = self.secrets[index].rotation.as_ref();
                rotation.map(|rotation| rotation.function_arn.as_str())
            })
            .ok_or_else(|| {
                Refusal::invalid_request(
                    "No Lambda rotation function ARN is associated with this secret.",
                )
            })?;
        if self.invocable.contains(function_arn) {
            Ok(function_arn.to_owned())
        } else {
            Err(Refusal::access_denied(
                "Secrets Manager cannot invoke the specified Lambda function. Ensure that the \
                 function policy grants access to the principal secretsmanager.amazonaws.com.",
            ))
        }
    }

    /// Begins a rotation, or the old one again under its old token. That the latter turns a
    /// cancelled rotation on again is not documented; without it the function would refuse.
    fn begin(&mut self, index: usize, token: &str, function_arn: String, test_only: bool) {
        let secret = &mut self.secrets[index];
        let job = RotationJob {
            arn: secret.arn.clone(),
            token: token.to_owned(),
            function_arn,
            rotation_token: self.ids.uuid(),
            test_only,
        };
        secret.rotation.get_or_insert_default().begin(job.clone());
        self.begun.push(job);
    }

    pub(super) fn cancel_rotate_secret(&mut self, input: &Input) -> Result<Value, Refusal> {
        let secret = self.live_mut(input)?;
        let Some(rotation) = &mut secret.rotation else {
            return Err(Refusal::invalid_request(
                "You can't cancel rotation on a secret that isn't configured for rotation.",
            ));
        };
        rotation.enabled = false;
        let cancelled = rotation.under_way.take().map(|job| job.token);
        let (arn, name) = (secret.arn.clone(), secret.name.clone());
        self.begun.retain(|job| job.arn != arn);
        Ok(json!({ "ARN": arn, "Name": name, "VersionId": cancelled }))
    }

    /// Lets the service invoke a function. `RotateSecret` refuses all others.
    pub fn permit_invocation(&mut self, function_arn: &str) {
        self.invocable.insert(function_arn.to_owned());
    }

    /// The rotations that have begun since the last call, oldest first. Each ends with
    /// [`Self::rotation_ended`].
    pub fn take_rotations(&mut self) -> Vec<RotationJob> {
        std::mem::take(&mut self.begun)
    }

    /// Whether a rotation is still wanted: not once it was cancelled, its secret deleted, or a
    /// value written by hand took AWSPENDING off its version.
    #[must_use]
    pub fn is_wanted(&self, job: &RotationJob) -> bool {
        self.secret(&job.arn).is_some_and(|secret| {
            secret.deletion.is_none()
                && under_way(secret) == Some(job)
                && [CURRENT, PENDING]
                    .iter()
                    .any(|label| secret.labels.holder(label) == Some(&job.token))
        })
    }

    /// Ends a rotation: all steps have succeeded, or the last attempt has failed.
    ///
    /// Success takes AWSPENDING off the version that is current now. Failure leaves the labels as
    /// they are, for the next `RotateSecret` to find. The version made for a test goes either way.
    /// A rotation that was cancelled or replaced meanwhile changes nothing.
    pub fn rotation_ended(&mut self, now: OffsetDateTime, job: &RotationJob, succeeded: bool) {
        let Some(secret) = self
            .secrets
            .iter_mut()
            .find(|secret| under_way(secret) == Some(job))
        else {
            return;
        };
        let holds = |secret: &Secret, label| secret.labels.holder(label) == Some(&job.token);
        let has_rotated = succeeded && !job.test_only && holds(secret, CURRENT);
        if (has_rotated || job.test_only) && holds(secret, PENDING) {
            secret.labels.take_off(PENDING);
        }
        if job.test_only && !secret.labels.is_labelled(&job.token) {
            secret.versions.retain(|version| version.id != job.token);
        }
        if let Some(rotation) = &mut secret.rotation {
            rotation.under_way = None;
            if has_rotated {
                rotation.last = Some(now);
                rotation.schedule(now);
            }
        }
        secret.touch(now);
    }
}

fn under_way(secret: &Secret) -> Option<&RotationJob> {
    secret.rotation.as_ref()?.under_way.as_ref()
}

fn is_under_way(secret: &Secret, token: &str) -> bool {
    under_way(secret).is_some_and(|job| job.token == token)
}

/// The version that an earlier rotation has left pending.
fn unfinished(secret: &Secret) -> Option<String> {
    let pending = secret.labels.holder(PENDING)?;
    (secret.labels.holder(CURRENT) != Some(pending)).then(|| pending.to_owned())
}
