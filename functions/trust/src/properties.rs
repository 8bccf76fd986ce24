//! A resource's properties, read strictly: one that is not known is refused before any call.

use datadog_rotation::keys::ServiceAccountId;
use datadog_rotation::secrets::SecretArn;
use serde_json::{Map, Value};

/// What every resource may have: the first is `CloudFormation`'s own.
const OF_ALL: [&str; 3] = ["ServiceToken", "ServiceTimeout", "AdminSecretArn"];

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("property {name} {what}")]
pub struct PropertyError {
    name: String,
    what: String,
}

impl PropertyError {
    #[must_use]
    pub fn new(name: &str, what: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            what: what.into(),
        }
    }
}

/// What to do with a thing that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnConflict {
    Fail,
    /// Use it as it is, and never delete it.
    Adopt,
}

#[derive(Clone, Copy, Debug)]
pub struct Properties<'a>(&'a Map<String, Value>);

impl<'a> Properties<'a> {
    #[must_use]
    pub fn new(map: &'a Map<String, Value>) -> Self {
        Self(map)
    }

    /// That there are none but these and those of every resource.
    pub fn must_be_among(self, known: &[&str]) -> Result<(), PropertyError> {
        let mut names = self.0.keys().map(String::as_str);
        let stranger = names.find(|it| !known.contains(it) && !OF_ALL.contains(it));
        match stranger {
            Some(name) => {
                let name: String = name.chars().take(60).collect();
                Err(PropertyError::new(
                    &name,
                    format!(
                        "is not known; known are {}, AdminSecretArn",
                        known.join(", ")
                    ),
                ))
            }
            None => Ok(()),
        }
    }

    #[must_use]
    pub fn value(self, name: &str) -> Option<&'a Value> {
        self.0.get(name)
    }

    /// An empty text is a parameter that was left empty.
    pub fn text(self, name: &str) -> Result<Option<&'a str>, PropertyError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|it| !it.is_empty())),
            Some(_) => Err(PropertyError::new(name, "is no text")),
        }
    }

    pub fn required(self, name: &str) -> Result<&'a str, PropertyError> {
        self.text(name)?
            .ok_or_else(|| PropertyError::new(name, "is missing"))
    }

    /// `CloudFormation` makes texts of booleans.
    pub fn flag(self, name: &str) -> Result<bool, PropertyError> {
        match self.0.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::String(text)) if text == "true" => Ok(true),
            Some(Value::String(text)) if text == "false" || text.is_empty() => Ok(false),
            Some(_) => Err(PropertyError::new(name, "is neither true nor false")),
        }
    }

    pub fn on_conflict(self) -> Result<OnConflict, PropertyError> {
        match self.text("OnConflict")? {
            None | Some("fail") => Ok(OnConflict::Fail),
            Some("adopt") => Ok(OnConflict::Adopt),
            Some(_) => Err(PropertyError::new(
                "OnConflict",
                "is neither fail nor adopt",
            )),
        }
    }

    pub fn service_account(self) -> Result<ServiceAccountId, PropertyError> {
        let name = "ServiceAccountId";
        ServiceAccountId::parse(self.required(name)?)
            .ok_or_else(|| PropertyError::new(name, "is no service account's id, which is a UUID"))
    }

    pub fn admin_secret(self) -> Result<Option<SecretArn>, PropertyError> {
        let name = "AdminSecretArn";
        let parse = |text| {
            let arn = SecretArn::parse(text);
            arn.ok_or_else(|| PropertyError::new(name, "is not the full ARN of a secret"))
        };
        self.text(name)?.map(parse).transpose()
    }
}

/// Twelve digits.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|it| it.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(properties: &Value) -> Map<String, Value> {
        properties.as_object().unwrap().clone()
    }

    #[test]
    fn a_property_that_is_not_known_is_refused() {
        let map = read(&json!({ "ServiceToken": "x", "ArnPatern": "y" }));
        let error = Properties::new(&map)
            .must_be_among(&["ArnPattern"])
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "property ArnPatern is not known; known are ArnPattern, AdminSecretArn"
        );
    }

    #[test]
    fn flags_are_texts_or_booleans() {
        for (value, flag) in [
            (json!("true"), true),
            (json!(true), true),
            (json!("false"), false),
        ] {
            let map = read(&json!({ "F": value }));
            assert_eq!(Properties::new(&map).flag("F"), Ok(flag));
        }
        let map = read(&json!({ "F": "yes", "OnConflict": "replace", "ServiceAccountId": "x" }));
        assert!(Properties::new(&map).flag("F").is_err());
        assert!(Properties::new(&map).on_conflict().is_err());
        assert!(Properties::new(&map).service_account().is_err());
    }
}
