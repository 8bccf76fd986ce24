use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

use super::SecretsManager;
use super::error::Refusal;
use super::input::Input;
use super::secret::{Deletion, Secret};
use super::tags::read_tags;
use super::timestamp::epoch;
use super::values::read_content;

const RECOVERY_DAYS: i64 = 30;

impl SecretsManager {
    pub(super) fn create_secret(
        &mut self,
        now: OffsetDateTime,
        input: &Input,
    ) -> Result<Value, Refusal> {
        let name = input.required("Name", 1..=512)?;
        check_name(name)?;
        let token = input.client_request_token(Refusal::invalid_request)?;
        let content = read_content(input)?;
        let description = input.text("Description", 0..=2048)?;
        let kms_key_id = input.text("KmsKeyId", 0..=2048)?;
        let managed_type = input.text("Type", 1..=100)?;
        let tags = read_tags(input)?;
        if let Some(existing) = self.secrets.iter().find(|secret| secret.name == name) {
            if existing.deletion.is_some() {
                return Err(Refusal::invalid_request(
                    "You can't create this secret because a secret with this name is already \
                     scheduled for deletion.",
                ));
            }
            let stored = existing.version(token).map(|version| &version.content);
            if stored.is_some_and(|stored| *stored == content) {
                return Ok(created(existing, token));
            }
            if stored.is_some() {
                return Err(existing.token_in_use(token));
            }
            return Err(Refusal::exists(format!(
                "The operation failed because the secret {name} already exists."
            )));
        }

        let arn = self.new_arn(name);
        let mut secret = Secret::new(now, arn, name);
        secret.description = description
            .filter(|text| !text.is_empty())
            .map(str::to_owned);
        secret.kms_key_id = kms_key_id.map(str::to_owned);
        secret.managed_type = managed_type.map(str::to_owned);
        secret.tags = tags;
        if let Some(content) = content {
            secret.store(now, token, content, None)?;
        } else {
            secret.touch(now);
        }
        let answer = created(&secret, token);
        self.secrets.push(secret);
        Ok(answer)
    }

    fn new_arn(&mut self, name: &str) -> String {
        format!(
            "arn:aws:secretsmanager:{}:{}:secret:{name}-{}",
            self.region,
            self.account,
            self.ids.arn_suffix()
        )
    }

    pub(super) fn describe_secret(
        &self,
        now: OffsetDateTime,
        input: &Input,
    ) -> Result<Value, Refusal> {
        let secret = &self.secrets[self.index(input)?];
        let mut answer = secret.describe();
        secret.describe_replication(now, &mut answer);
        answer["VersionIdsToStages"] = secret.labels_by_version(now, self.label_lag);
        Ok(answer)
    }

    pub(super) fn delete_secret(
        &mut self,
        now: OffsetDateTime,
        input: &Input,
    ) -> Result<Value, Refusal> {
        let window = input.whole("RecoveryWindowInDays", i64::MIN..=i64::MAX)?;
        let force = input.flag("ForceDeleteWithoutRecovery")?.unwrap_or(false);
        if force && window.is_some() {
            return Err(Refusal::invalid_parameter(
                "You can't use ForceDeleteWithoutRecovery in conjunction with \
                 RecoveryWindowInDays.",
            ));
        }
        let window = window.unwrap_or(RECOVERY_DAYS);
        if !(7..=30).contains(&window) {
            return Err(Refusal::invalid_parameter(
                "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
            ));
        }
        let index = match self.index(input) {
            Ok(index) => index,
            Err(_) if force && check_name(input.secret_id()?).is_ok() => {
                return self.delete_nothing(now, input);
            }
            Err(refusal) => return Err(refusal),
        };
        let arn = &self.secrets[index].arn;
        self.begun.retain(|job| job.arn != *arn);
        if force {
            let secret = self.secrets.remove(index);
            return Ok(deleted(&secret.arn, &secret.name, now));
        }
        let secret = &mut self.secrets[index];
        if secret.deletion.is_some() {
            return Err(Refusal::marked_for_deletion());
        }
        let due = now + Duration::days(window);
        secret.deletion = Some(Deletion { asked: now, due });
        Ok(deleted(&secret.arn, &secret.name, due))
    }

    /// A forced deletion of what is not there answers as if it had been.
    fn delete_nothing(&mut self, now: OffsetDateTime, input: &Input) -> Result<Value, Refusal> {
        let id = input.secret_id()?;
        let arn = if id.starts_with("arn:") {
            id.to_owned()
        } else {
            self.new_arn(id)
        };
        Ok(deleted(&arn, id, now))
    }

    pub(super) fn restore_secret(
        &mut self,
        now: OffsetDateTime,
        input: &Input,
    ) -> Result<Value, Refusal> {
        let index = self.index(input)?;
        let secret = &mut self.secrets[index];
        secret.deletion = None;
        secret.changed = now;
        Ok(json!({ "ARN": secret.arn, "Name": secret.name }))
    }

    pub(super) fn remove_deleted(&mut self, now: OffsetDateTime) {
        self.secrets
            .retain(|secret| secret.deletion.is_none_or(|deletion| deletion.due > now));
    }

    pub(super) fn forget_versions(&mut self, now: OffsetDateTime) {
        for Secret {
            versions, labels, ..
        } in &mut self.secrets
        {
            versions.retain(|it| labels.is_labelled(&it.id) || it.created > now - Duration::DAY);
        }
    }
}

impl Secret {
    /// By name, by ARN, or by the ARN without its six random characters.
    ///
    /// An ARN that ends like a complete one is taken for complete: a secret whose own name ends
    /// in a hyphen and six characters is not found by its partial ARN.
    pub(super) fn answers_to(&self, id: &str) -> bool {
        if self.name == id || self.arn == id {
            return true;
        }
        let partial = &self.arn[..self.arn.len() - "-xxxxxx".len()];
        id == partial && !has_random_ending(id)
    }

    /// What `DescribeSecret` and `ListSecrets` say alike.
    pub(super) fn describe(&self) -> Value {
        let mut answer = json!({
            "ARN": self.arn,
            "Name": self.name,
            "Type": self.managed_type,
            "Description": self.description,
            "KmsKeyId": self.kms_key_id,
            "LastChangedDate": epoch(self.changed),
            "LastAccessedDate": self.accessed.map(epoch),
            "DeletedDate": self.deletion.map(|deletion| epoch(deletion.asked)),
            "Tags": self.tags_as_json(),
            "CreatedDate": epoch(self.created),
        });
        if let Some(rotation) = &self.rotation {
            rotation.describe(&mut answer);
        }
        answer
    }

    /// Labelled versions only; nothing at all where there is none.
    pub(super) fn labels_by_version(&self, now: OffsetDateTime, lag: Duration) -> Value {
        let seen = self.labels.seen(now, lag);
        let by_version: BTreeMap<_, _> = seen
            .labelled()
            .into_iter()
            .map(|version| (version, seen.of(version)))
            .collect();
        if by_version.is_empty() {
            return Value::Null;
        }
        let members: Map<_, _> = by_version
            .into_iter()
            .map(|(version, labels)| (version.to_owned(), json!(labels)))
            .collect();
        Value::Object(members)
    }
}

fn has_random_ending(arn: &str) -> bool {
    arn.rsplit_once('-').is_some_and(|(_, ending)| {
        ending.len() == 6 && ending.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

pub(super) fn check_name(name: &str) -> Result<(), Refusal> {
    let name = name.strip_prefix("arn:").map_or(name, |arn| {
        arn.rsplit_once(':').map_or(arn, |(_, name)| name)
    });
    let is_valid = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "-/_+=.@!".contains(c));
    if is_valid {
        return Ok(());
    }
    Err(Refusal::validation(
        "Invalid name. Must be a valid name containing alphanumeric characters, or any of the \
         following: -/_+=.@!",
    ))
}

fn created(secret: &Secret, token: &str) -> Value {
    let version = secret.version(token).map(|version| &version.id);
    json!({ "ARN": secret.arn, "Name": secret.name, "VersionId": version })
}

fn deleted(arn: &str, name: &str, due: OffsetDateTime) -> Value {
    json!({ "ARN": arn, "Name": name, "DeletionDate": epoch(due) })
}
