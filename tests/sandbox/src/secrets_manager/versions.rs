use serde_json::{Value, json};
use time::OffsetDateTime;

use super::SecretsManager;
use super::error::Refusal;
use super::input::Input;
use super::labels::CURRENT;
use super::listing::Page;
use super::secret::Secret;
use super::timestamp::epoch;

const MAX_LABELS: usize = 20;

impl SecretsManager {
    pub(super) fn update_secret_version_stage(
        &mut self,
        now: OffsetDateTime,
        input: &Input,
    ) -> Result<Value, Refusal> {
        let stage = input.required("VersionStage", 1..=256)?;
        let from = input.version_id("RemoveFromVersionId")?;
        let to = input.version_id("MoveToVersionId")?;
        let secret = self.live_mut(input)?;
        for id in [from, to].into_iter().flatten() {
            if secret.version(id).is_none() {
                return Err(Refusal::invalid_parameter(format!(
                    "The secret has no version {id}."
                )));
            }
        }
        match (from, to) {
            (None, None) => {
                return Err(Refusal::invalid_parameter(
                    "You must specify RemoveFromVersionId, MoveToVersionId, or both.",
                ));
            }
            (from, Some(to)) => move_label(secret, stage, from, to)?,
            (Some(from), None) => remove_label(secret, stage, from)?,
        }
        secret.touch(now);
        Ok(json!({ "ARN": secret.arn, "Name": secret.name }))
    }

    pub(super) fn list_secret_version_ids(
        &self,
        now: OffsetDateTime,
        input: &Input,
    ) -> Result<Value, Refusal> {
        let deprecated = input.flag("IncludeDeprecated")?.unwrap_or(false);
        let page = Page::read(input)?;
        let secret = &self.secrets[self.index(input)?];
        let seen = secret.labels.seen(now, self.label_lag);
        let versions: Vec<_> = secret
            .versions
            .iter()
            .map(|version| (version, seen.of(&version.id)))
            .filter(|(_, labels)| deprecated || !labels.is_empty())
            .map(|(version, labels)| {
                json!({
                    "VersionId": version.id,
                    "VersionStages": (!labels.is_empty()).then_some(labels),
                    "LastAccessedDate": version.accessed.map(epoch),
                    "CreatedDate": epoch(version.created),
                    "KmsKeyIds": version.content.is_some().then(|| [secret.key_name()]),
                })
            })
            .collect();
        let (versions, next_token) = page.cut(versions);
        Ok(json!({
            "Versions": versions,
            "NextToken": next_token,
            "ARN": secret.arn,
            "Name": secret.name,
        }))
    }
}

/// Puts a label on version `to`. Where it sits on another, `from` must name that one: a caller
/// who did not know the holder is refused rather than obeyed.
fn move_label(
    secret: &mut Secret,
    stage: &str,
    from: Option<&str>,
    to: &str,
) -> Result<(), Refusal> {
    let holder = secret.labels.holder(stage);
    match (holder, from) {
        (Some(holder), None) if holder != to => {
            return Err(Refusal::invalid_parameter(format!(
                "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is \
                 currently attached to version {holder}, so you must explicitly reference that \
                 version in RemoveFromVersionId."
            )));
        }
        (holder, Some(from)) if holder != Some(from) => return Err(not_attached(stage, from)),
        _ => {}
    }
    if holder != Some(to) && secret.labels.of(to).count() >= MAX_LABELS {
        return Err(Refusal::limit_exceeded(format!(
            "A version can have at most {MAX_LABELS} staging labels."
        )));
    }
    if stage == CURRENT {
        secret.labels.make_current(to);
    } else {
        secret.labels.place(stage, to);
    }
    Ok(())
}

fn remove_label(secret: &mut Secret, stage: &str, from: &str) -> Result<(), Refusal> {
    if secret.labels.holder(stage) != Some(from) {
        return Err(not_attached(stage, from));
    }
    if stage == CURRENT {
        return Err(Refusal::invalid_parameter(
            "You can only move staging label AWSCURRENT to a different secret version. It can\u{2019}t \
             be completely removed.",
        ));
    }
    secret.labels.take_off(stage);
    Ok(())
}

fn not_attached(stage: &str, version: &str) -> Refusal {
    Refusal::invalid_parameter(format!(
        "Staging label {stage} is not currently attached to version {version}."
    ))
}
