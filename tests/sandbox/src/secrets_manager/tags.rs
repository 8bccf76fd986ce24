use serde_json::{Value, json};

use super::SecretsManager;
use super::error::Refusal;
use super::input::Input;

impl SecretsManager {
    pub(super) fn tag_resource(&mut self, input: &Input) -> Result<Value, Refusal> {
        let new = read_tags(input)?.ok_or_else(|| {
            Refusal::validation(
                "1 validation error detected: Value null at 'tags' failed to satisfy constraint: \
                 Member must not be null",
            )
        })?;
        let tags = self.live_mut(input)?.tags.get_or_insert_default();
        for (key, value) in new {
            match tags.iter_mut().find(|(present, _)| *present == key) {
                Some((_, present)) => *present = value,
                None => tags.push((key, value)),
            }
        }
        Ok(json!({}))
    }

    pub(super) fn untag_resource(&mut self, input: &Input) -> Result<Value, Refusal> {
        let keys = input
            .texts("TagKeys", 0..=usize::MAX, 1..=128)?
            .unwrap_or_default();
        if let Some(tags) = &mut self.live_mut(input)?.tags {
            tags.retain(|(key, _)| !keys.contains(&key.as_str()));
        }
        Ok(json!({}))
    }
}

pub(super) fn read_tags(input: &Input) -> Result<Option<Vec<(String, String)>>, Refusal> {
    let Some(tags) = input.structures("Tags", 0..=usize::MAX)? else {
        return Ok(None);
    };
    tags.iter()
        .map(|tag| {
            let key = tag.required("Key", 1..=128)?.to_owned();
            let value = tag.text("Value", 0..=256)?.unwrap_or_default().to_owned();
            Ok((key, value))
        })
        .collect::<Result<_, _>>()
        .map(Some)
}
