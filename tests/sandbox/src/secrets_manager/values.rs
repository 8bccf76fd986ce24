use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::error::Refusal;
use super::input::{Input, mismatch};
use super::labels::CURRENT;
use super::secret::Content;
use super::timestamp::{day, epoch};
use super::{Readings, SecretsManager};

const MAX_BYTES: usize = 65_536;

impl SecretsManager {
    pub(super) fn get_secret_value(
        &mut self,
        now: OffsetDateTime,
        input: &Input,
    ) -> Result<Value, Refusal> {
        let version_id = input.version_id("VersionId")?;
        let stage = input.text("VersionStage", 1..=256)?;
        self.was_fresh = self.readings_behind == Readings::EverySecond && !self.was_fresh;
        let lag = if self.was_fresh {
            time::Duration::ZERO
        } else {
            self.label_lag
        };
        let secret = self.live_mut(input)?;
        let seen = secret.labels.seen(now, lag);
        let (id, asked) = match (version_id, stage) {
            (Some(id), _) => (id, format!("VersionId: {id}")),
            (None, stage) => {
                let stage = stage.unwrap_or(CURRENT);
                let asked = format!("staging label: {stage}");
                (seen.holder(stage).unwrap_or_default(), asked)
            }
        };
        let labels = seen.of(id);
        let version = secret.versions.iter_mut().find(|version| version.id == id);
        if version.is_some()
            && let Some(stage) = stage
            && !labels.contains(&stage)
        {
            return Err(Refusal::invalid_request(
                "You provided a VersionStage that is not associated to the provided VersionId.",
            ));
        }
        let Some((version, content)) =
            version.and_then(|version| version.content.clone().map(|content| (version, content)))
        else {
            return Err(Refusal::not_found(format!(
                "Secrets Manager can't find the specified secret value for {asked}"
            )));
        };
        version.accessed = Some(day(now));
        secret.accessed = Some(day(now));
        let (text, binary) = match content {
            Content::Text(text) => (Some(text), None),
            Content::Binary(binary) => (None, Some(binary)),
        };
        Ok(json!({
            "ARN": secret.arn,
            "Name": secret.name,
            "VersionId": version.id,
            "SecretString": text,
            "SecretBinary": binary,
            "VersionStages": (!labels.is_empty()).then_some(labels),
            "CreatedDate": epoch(version.created),
        }))
    }

    pub(super) fn put_secret_value(
        &mut self,
        now: OffsetDateTime,
        input: &Input,
    ) -> Result<Value, Refusal> {
        let token = input.client_request_token(Refusal::invalid_request)?;
        let stages = input.texts("VersionStages", 1..=20, 1..=256)?;
        let proof = read_rotation_token(input)?;
        let content = read_content(input)?.ok_or_else(|| {
            Refusal::invalid_request("You must provide either SecretString or SecretBinary.")
        })?;
        let secret = self.live_mut(input)?;
        if let Some(proof) = proof
            && !secret
                .rotation
                .as_ref()
                .is_some_and(|rotation| rotation.is_proof(proof))
        {
            // No answer of the service to a false token is known; that it refuses one is.
            return Err(Refusal::invalid_request(
                "The RotationToken does not belong to a rotation of this secret.",
            ));
        }
        secret.store(now, token, content, stages.as_deref())?;
        let labels: Vec<_> = secret.labels(token).collect();
        Ok(json!({
            "ARN": secret.arn,
            "Name": secret.name,
            "VersionId": token,
            "VersionStages": (!labels.is_empty()).then_some(labels),
        }))
    }

    pub(super) fn update_secret(
        &mut self,
        now: OffsetDateTime,
        input: &Input,
    ) -> Result<Value, Refusal> {
        let token = input.client_request_token(Refusal::invalid_request)?;
        let description = input.text("Description", 0..=2048)?;
        let kms_key_id = input.text("KmsKeyId", 0..=2048)?;
        let content = read_content(input)?;
        let secret = self.live_mut(input)?;
        let version = content.is_some().then_some(token);
        if let Some(content) = content {
            secret.store(now, token, content, None)?;
        }
        if let Some(text) = description {
            secret.description = Some(text.to_owned()).filter(|text| !text.is_empty());
        }
        if let Some(id) = kms_key_id {
            secret.kms_key_id = Some(id.to_owned());
        }
        secret.changed = now;
        Ok(json!({ "ARN": secret.arn, "Name": secret.name, "VersionId": version }))
    }
}

/// The value that a request brings, if any: text or binary, not both.
pub(super) fn read_content(input: &Input) -> Result<Option<Content>, Refusal> {
    let text = input.text("SecretString", 1..=MAX_BYTES)?;
    let binary = input.text("SecretBinary", 1..=usize::MAX)?;
    match (text, binary) {
        (Some(_), Some(_)) => Err(Refusal::invalid_parameter(
            "You can't specify both a binary secret value and a string secret value in the same \
             secret.",
        )),
        (Some(text), None) if text.len() > MAX_BYTES => Err(too_long("secretString")),
        (Some(text), None) => Ok(Some(Content::Text(text.to_owned()))),
        (None, Some(binary)) => match BASE64_STANDARD.decode(binary) {
            Err(_) => Err(Refusal::serialization()),
            Ok(bytes) if bytes.len() > MAX_BYTES => Err(too_long("secretBinary")),
            Ok(_) => Ok(Some(Content::Binary(binary.to_owned()))),
        },
        (None, None) => Ok(None),
    }
}

fn too_long(member: &str) -> Refusal {
    Refusal::validation(format!(
        "1 validation error detected: Value at '{member}' failed to satisfy constraint: Member \
         must have length less than or equal to {MAX_BYTES}"
    ))
}

fn read_rotation_token(input: &Input) -> Result<Option<&str>, Refusal> {
    let token = input.text("RotationToken", 36..=256)?;
    match token {
        Some(text) if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') => {
            Err(mismatch("RotationToken", text, r"^[a-zA-Z0-9\-]+$"))
        }
        token => Ok(token),
    }
}
