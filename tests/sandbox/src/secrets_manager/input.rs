use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::error::Refusal;

/// Members whose value the service keeps out of its error texts.
const SENSITIVE: [&str; 3] = ["SecretString", "SecretBinary", "RotationToken"];

/// The members of a request, read under the constraints of the API model (2017-10-17).
pub(super) struct Input(Map<String, Value>);

impl Input {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            _ => Err(Refusal::serialization()),
        }
    }

    fn member(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(
        &self,
        name: &str,
        length: RangeInclusive<usize>,
    ) -> Result<Option<&str>, Refusal> {
        let Some(value) = self.member(name) else {
            return Ok(None);
        };
        let text = value.as_str().ok_or_else(Refusal::serialization)?;
        check_length(name, text, &length)?;
        Ok(Some(text))
    }

    pub(super) fn required(
        &self,
        name: &str,
        length: RangeInclusive<usize>,
    ) -> Result<&str, Refusal> {
        self.text(name, length)?.ok_or_else(|| missing(name))
    }

    pub(super) fn secret_id(&self) -> Result<&str, Refusal> {
        self.required("SecretId", 1..=2048)
    }

    /// The ARN, or a text that the request names its secret with; for the access check alone.
    pub(super) fn named_secret(&self) -> Option<&str> {
        ["SecretId", "Name"]
            .iter()
            .find_map(|name| self.member(name))
            .and_then(Value::as_str)
    }

    pub(super) fn version_id(&self, name: &str) -> Result<Option<&str>, Refusal> {
        self.text(name, 32..=64)
    }

    /// SDKs fill this in; the service itself makes no version ids.
    pub(super) fn client_request_token(
        &self,
        absent: fn(String) -> Refusal,
    ) -> Result<&str, Refusal> {
        let token = self
            .text("ClientRequestToken", 0..=usize::MAX)?
            .ok_or_else(|| {
                absent(
                    "You must provide a ClientRequestToken value. We recommend a UUID-type value."
                        .to_owned(),
                )
            })?;
        if (32..=64).contains(&token.chars().count()) {
            Ok(token)
        } else {
            Err(Refusal::invalid_parameter(
                "ClientRequestToken must be 32-64 characters long.",
            ))
        }
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        self.member(name)
            .map(|value| value.as_bool().ok_or_else(Refusal::serialization))
            .transpose()
    }

    pub(super) fn whole(
        &self,
        name: &str,
        range: RangeInclusive<i64>,
    ) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.member(name) else {
            return Ok(None);
        };
        let number = value.as_i64().ok_or_else(Refusal::serialization)?;
        if number < *range.start() {
            let bound = format!(
                "Member must have value greater than or equal to {}",
                range.start()
            );
            return Err(violation(name, &number.to_string(), &bound));
        }
        if number > *range.end() {
            let bound = format!(
                "Member must have value less than or equal to {}",
                range.end()
            );
            return Err(violation(name, &number.to_string(), &bound));
        }
        Ok(Some(number))
    }

    pub(super) fn list(
        &self,
        name: &str,
        count: RangeInclusive<usize>,
    ) -> Result<Option<&[Value]>, Refusal> {
        let Some(value) = self.member(name) else {
            return Ok(None);
        };
        let items = value.as_array().ok_or_else(Refusal::serialization)?;
        if !count.contains(&items.len()) {
            let bound = format!(
                "Member must have length between {} and {}",
                count.start(),
                count.end()
            );
            return Err(violation(name, &format!("{} items", items.len()), &bound));
        }
        Ok(Some(items))
    }

    pub(super) fn texts(
        &self,
        name: &str,
        count: RangeInclusive<usize>,
        length: RangeInclusive<usize>,
    ) -> Result<Option<Vec<&str>>, Refusal> {
        let Some(items) = self.list(name, count)? else {
            return Ok(None);
        };
        items
            .iter()
            .map(|item| {
                let text = item.as_str().ok_or_else(Refusal::serialization)?;
                check_length(name, text, &length)?;
                Ok(text)
            })
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// The members of each structure in a list.
    pub(super) fn structures(
        &self,
        name: &str,
        count: RangeInclusive<usize>,
    ) -> Result<Option<Vec<Self>>, Refusal> {
        let Some(items) = self.list(name, count)? else {
            return Ok(None);
        };
        items
            .iter()
            .map(Self::of)
            .collect::<Result<_, _>>()
            .map(Some)
    }

    pub(super) fn structure(&self, name: &str) -> Result<Option<Self>, Refusal> {
        self.member(name).map(Self::of).transpose()
    }

    fn of(value: &Value) -> Result<Self, Refusal> {
        match value {
            Value::Object(members) => Ok(Self(members.clone())),
            _ => Err(Refusal::serialization()),
        }
    }
}

fn check_length(name: &str, text: &str, length: &RangeInclusive<usize>) -> Result<(), Refusal> {
    let count = text.chars().count();
    let (relation, bound) = if count < *length.start() {
        ("greater", length.start())
    } else if count > *length.end() {
        ("less", length.end())
    } else {
        return Ok(());
    };
    let bound = format!("Member must have length {relation} than or equal to {bound}");
    Err(violation(name, text, &bound))
}

pub(super) fn mismatch(name: &str, text: &str, pattern: &str) -> Refusal {
    let bound = format!("Member must satisfy regular expression pattern: {pattern}");
    violation(name, text, &bound)
}

fn missing(name: &str) -> Refusal {
    Refusal::validation(format!(
        "1 validation error detected: Value null at '{}' failed to satisfy constraint: \
         Member must not be null",
        lower_camel(name)
    ))
}

fn violation(name: &str, value: &str, constraint: &str) -> Refusal {
    let value = if SENSITIVE.contains(&name) {
        String::new()
    } else {
        format!("'{value}' ")
    };
    Refusal::validation(format!(
        "1 validation error detected: Value {value}at '{}' failed to satisfy constraint: {constraint}",
        lower_camel(name)
    ))
}

fn lower_camel(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(characters).collect()
    })
}
