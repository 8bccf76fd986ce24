use serde_json::{Value, json};
use time::OffsetDateTime;

use super::SecretsManager;
use super::error::Refusal;
use super::input::{Input, mismatch};
use super::secret::Secret;

const FILTER_KEYS: [&str; 7] = [
    "description",
    "name",
    "tag-key",
    "tag-value",
    "primary-region",
    "owning-service",
    "all",
];

impl SecretsManager {
    pub(super) fn list_secrets(
        &self,
        now: OffsetDateTime,
        input: &Input,
    ) -> Result<Value, Refusal> {
        let planned = input.flag("IncludePlannedDeletion")?.unwrap_or(false);
        let page = Page::read(input)?;
        let filters = input
            .structures("Filters", 0..=10)?
            .unwrap_or_default()
            .iter()
            .map(Filter::read)
            .collect::<Result<Vec<_>, _>>()?;
        let descending = input.text("SortOrder", 3..=4)? == Some("desc");
        let mut secrets: Vec<_> = self
            .secrets
            .iter()
            .filter(|secret| planned || secret.deletion.is_none())
            .filter(|secret| filters.iter().all(|filter| filter.admits(secret)))
            .collect();
        match input.text("SortBy", 1..=32)? {
            Some("name") => secrets.sort_by(|a, b| a.name.cmp(&b.name)),
            Some("last-changed-date") => secrets.sort_by_key(|secret| secret.changed),
            Some("last-accessed-date") => secrets.sort_by_key(|secret| secret.accessed),
            _ => {}
        }
        if descending {
            secrets.reverse();
        }
        let entries = secrets
            .into_iter()
            .map(|secret| {
                let mut entry = secret.describe();
                entry["SecretVersionsToStages"] = secret.labels_by_version(now, self.label_lag);
                entry
            })
            .collect();
        let (entries, next_token) = page.cut(entries);
        Ok(json!({ "SecretList": entries, "NextToken": next_token }))
    }
}

/// The part of a list that a request asks for. Our tokens are plain offsets.
#[derive(Debug)]
pub(super) struct Page {
    offset: usize,
    size: usize,
}

impl Page {
    pub(super) fn read(input: &Input) -> Result<Self, Refusal> {
        let size = input.whole("MaxResults", 1..=100)?.unwrap_or(100);
        let offset = input
            .text("NextToken", 1..=4096)?
            .map(|token| token.parse().map_err(|_| Refusal::invalid_next_token()))
            .transpose()?
            .unwrap_or(0);
        Ok(Self {
            offset,
            size: usize::try_from(size).unwrap_or(100),
        })
    }

    pub(super) fn cut(&self, items: Vec<Value>) -> (Vec<Value>, Option<String>) {
        let end = self.offset.saturating_add(self.size);
        let next = (end < items.len()).then(|| end.to_string());
        let items = items
            .into_iter()
            .skip(self.offset)
            .take(self.size)
            .collect();
        (items, next)
    }
}

/// One of `Filters`: any of its values must match; a leading `!` turns a value round.
struct Filter {
    key: &'static str,
    values: Vec<String>,
}

impl Filter {
    fn read(input: &Input) -> Result<Self, Refusal> {
        let asked = input.text("Key", 1..=32)?.unwrap_or("all");
        let key = FILTER_KEYS
            .into_iter()
            .find(|key| *key == asked)
            .ok_or_else(|| mismatch("Key", asked, &FILTER_KEYS.join("|")))?;
        let values = input.texts("Values", 1..=10, 0..=512)?.unwrap_or_default();
        Ok(Self {
            key,
            values: values.into_iter().map(str::to_owned).collect(),
        })
    }

    fn admits(&self, secret: &Secret) -> bool {
        self.values
            .iter()
            .any(|value| match value.strip_prefix('!') {
                Some(value) => !self.matches(secret, value),
                None => self.matches(secret, value),
            })
    }

    fn matches(&self, secret: &Secret, value: &str) -> bool {
        let description = secret.description.as_deref().unwrap_or_default();
        match self.key {
            "name" => secret.name.starts_with(value),
            "description" => has_words(description, value),
            "tag-key" => secret.is_tagged(|(key, _)| key.starts_with(value)),
            "tag-value" => secret.is_tagged(|(_, tag)| tag.starts_with(value)),
            // No secret here is a replica or another service's.
            "primary-region" | "owning-service" => false,
            _ => {
                has_parts(&secret.name, value)
                    || has_parts(description, value)
                    || secret.is_tagged(|(key, tag)| has_parts(key, value) || has_parts(tag, value))
            }
        }
    }
}

/// Each word of `wanted` begins some word of `text`.
fn has_words(text: &str, wanted: &str) -> bool {
    let text = text.to_lowercase();
    wanted
        .to_lowercase()
        .split_whitespace()
        .all(|wanted| text.split_whitespace().any(|word| word.starts_with(wanted)))
}

/// Each part of `wanted` begins some part of `text`, whatever the case. `all` splits both at blanks
/// and at the characters of names.
fn has_parts(text: &str, wanted: &str) -> bool {
    let split = |text: &str| -> Vec<String> {
        let text = text.to_lowercase();
        let parts = text.split(|c: char| c.is_whitespace() || "/_+=.@-".contains(c));
        parts
            .filter(|it| !it.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let parts = split(text);
    let mut wanted = split(wanted).into_iter();
    wanted.all(|wanted| parts.iter().any(|part| part.starts_with(&wanted)))
}
