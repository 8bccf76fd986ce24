//! The value of a secret: a JSON object, of which this suite knows some fields and keeps the rest.

mod error;
mod flaw;

use std::fmt;

use indexmap::IndexMap;
use secrecy::SecretString;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::credential::Credential;
use crate::keys::{AccessToken, ApiKey, AppKey, KeyId};
use crate::site::Site;

pub(crate) use error::Told;
pub use error::ValueError;
pub use flaw::{Flaw, Type};

/// Names under which the readers of a secret look for a key (the Lambda extension, Firehose, the
/// Agent's habits): a field of such a name that holds another key is worth a warning.
const ALIASES: [&str; 9] = [
    "api_key",
    "dd_api_key",
    "DD_API_KEY",
    "app_key",
    "dd_app_key",
    "DD_APP_KEY",
    "access_token",
    "dd_access_token",
    "DD_ACCESS_TOKEN",
];

/// A parsed value. Fields keep their order, and those that nobody here knows keep their bytes.
pub struct SecretValue {
    fields: IndexMap<String, Box<RawValue>>,
}

pub(crate) const UUID: &str = "a UUID";

/// The fields by which an admin secret has keys.
const ADMIN_KEYS: [&str; 4] = [
    "adminApiKey",
    "adminApiKeyId",
    "adminAppKey",
    "adminAppKeyId",
];

/// The fields by which an admin secret has a service access token.
const ACCESS_TOKEN: [&str; 2] = ["serviceAccessToken", "serviceAccessTokenId"];

impl SecretValue {
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        // The parser's own message quotes what it met: told apart here, then dropped.
        serde_json::from_str(text)
            .map(|fields| Self { fields })
            .map_err(|_| no_object(text))
    }

    /// Returns a top-level string field.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<String> {
        self.fields
            .get(field)
            .and_then(|raw| serde_json::from_str(raw.get()).ok())
    }

    /// Returns a top-level member that must be a string where it is.
    pub fn string(&self, field: &'static str) -> Result<Option<String>, ValueError> {
        let Some(raw) = self.fields.get(field) else {
            return Ok(None);
        };
        serde_json::from_str(raw.get())
            .map(Some)
            .map_err(|_| ValueError::NotAString {
                field,
                found: Type::of(raw.get()),
            })
    }

    /// Returns a whole number from `least` to `most`, which may be written as a string. Null is none.
    pub fn whole(
        &self,
        field: &'static str,
        (least, most): (u16, u16),
    ) -> Result<Option<u16>, ValueError> {
        let Some(raw) = self.fields.get(field).map(|it| it.get()) else {
            return Ok(None);
        };
        if raw == "null" {
            return Ok(None);
        }
        let number = serde_json::from_str(raw).ok();
        let number = number.or_else(|| self.text(field)?.parse().ok());
        let number = number.filter(|it| (least..=most).contains(it));
        number
            .map(Some)
            .ok_or(ValueError::NotInRange { field, least, most })
    }

    /// Returns the name of something else, such as `adminSecretArn`. An empty one is no name, and null is
    /// none.
    pub fn name(&self, field: &'static str) -> Result<Option<String>, ValueError> {
        match self.string(field) {
            Err(ValueError::NotAString {
                found: Type::Null, ..
            }) => Ok(None),
            name => Ok(name?.filter(|it| !it.trim().is_empty())),
        }
    }

    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    #[must_use]
    pub fn has_admin_keys(&self) -> bool {
        ADMIN_KEYS.iter().any(|field| self.has(field))
    }

    /// Returns whether an admin secret holds a service access token in place of a pair. Beside a pair,
    /// or `orgUuid`, a token is a field like any other that is kept and means nothing.
    #[must_use]
    pub fn holds_admin_token(&self) -> bool {
        let is_token = ACCESS_TOKEN.iter().any(|field| self.has(field));
        is_token && !self.has_admin_keys() && !self.has("orgUuid")
    }

    pub fn site(&self) -> Result<Site, ValueError> {
        let field = "site";
        let domain = self.string(field)?.ok_or(ValueError::Missing(field))?;
        Site::read(&domain).map_err(|defect| ValueError::UnknownSite { field, defect })
    }

    /// Returns the text of the value that follows this one: every top-level string equal to a key text
    /// or key id of `old` gets its successor from `new`, all else stays to the byte.
    #[must_use]
    pub fn successor(&self, old: &Credential, new: &Credential) -> SecretString {
        let changes: Vec<_> = texts(old).into_iter().zip(texts(new)).collect();
        let fields = self.fields.iter().map(|(name, raw)| {
            let text: Option<String> = serde_json::from_str(raw.get()).ok();
            let text = text.map(normal);
            let change = changes.iter().find(|(old, _)| text.as_deref() == Some(old));
            let value = change.map_or_else(
                || raw.get().to_owned(),
                |(_, new)| Value::from(*new).to_string(),
            );
            format!("{}:{value}", Value::from(name.as_str()))
        });
        format!("{{{}}}", fields.collect::<Vec<_>>().join(",")).into()
    }

    /// Fields named like an alias of a key that hold none of this credential's texts.
    #[must_use]
    pub fn stale_aliases(&self, credential: &Credential) -> Vec<&str> {
        let texts = texts(credential);
        self.fields
            .keys()
            .map(String::as_str)
            .filter(|name| ALIASES.contains(name))
            .filter(|name| {
                let text = self.text(name).map(normal);
                text.is_none_or(|text| !texts.contains(&text.as_str()))
            })
            .collect()
    }
}

/// Returns why a text is no JSON object.
fn no_object(text: &str) -> ValueError {
    let is_key = |text: &str| {
        ApiKey::parse(text).is_some()
            || AppKey::parse(text).is_some()
            || AccessToken::parse(text).is_some()
    };
    let bare = text.trim_matches(|it: char| it.is_whitespace() || it == '"');
    if text.starts_with('\u{feff}') {
        return ValueError::ByteOrderMark;
    }
    if is_key(bare) {
        return ValueError::BareKey;
    }
    match serde_json::from_str::<&RawValue>(text) {
        Ok(json) if json.get().starts_with('{') => ValueError::NotJson, // a name that is no Unicode
        Ok(json) => match serde_json::from_str::<String>(json.get()) {
            Ok(inner) if inner.trim_start().starts_with('{') => ValueError::QuotedObject,
            _ => ValueError::NotAnObject,
        },
        Err(_) => ValueError::NotJson,
    }
}

/// Ids compare whoever typed them; a key's text is only ever itself.
fn normal(text: String) -> String {
    KeyId::parse(&text).map_or(text, |id| id.to_string())
}

fn texts(credential: &Credential) -> Vec<&str> {
    let api = credential
        .api()
        .map(|part| [part.key.expose(), part.id.as_str()]);
    let application = credential
        .application()
        .map(|part| [part.key.expose(), part.id.as_str()]);
    let token = credential
        .token()
        .map(|part| [part.key.expose(), part.id.as_str()]);
    [api, application, token]
        .into_iter()
        .flatten()
        .flatten()
        .collect()
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretValue").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::{SecretValue, ValueError};
    use crate::credential::Kind;

    const OLD: &str = "0123456789abcdef0123456789abcdef";
    const NEW: &str = "fedcba9876543210fedcba9876543210";
    const OLD_ID: &str = "11111111-1111-4111-8111-111111111111";
    const NEW_ID: &str = "22222222-2222-4222-8222-222222222222";

    fn value(key: &str, id: &str, rest: &str) -> SecretValue {
        let text = format!(r#"{{"apiKey":"{key}","apiKeyId":"{id}"{rest}}}"#);
        SecretValue::parse(&text).unwrap()
    }

    #[test]
    fn unknown_fields_survive_to_the_byte_and_copies_of_the_key_follow() {
        let rest = format!(
            r#","big":123456789012345678901234567890,"n":1.0,"o":{{"k":"{OLD}"}},"dd_api_key":"{OLD}","id":"{OLD_ID}""#
        );
        let old = value(OLD, OLD_ID, &rest);
        let new = value(NEW, NEW_ID, "").credential(Kind::ApiKey).unwrap();
        let successor = old.successor(&old.credential(Kind::ApiKey).unwrap(), &new);
        assert_eq!(
            successor.expose_secret(),
            format!(
                r#"{{"apiKey":"{NEW}","apiKeyId":"{NEW_ID}","big":123456789012345678901234567890,"n":1.0,"o":{{"k":"{OLD}"}},"dd_api_key":"{NEW}","id":"{NEW_ID}"}}"#
            )
        );
    }

    #[test]
    fn an_alias_that_holds_another_key_is_named() {
        let rest = format!(r#","api_key":"{NEW}","dd_api_key":"{OLD}""#);
        let value = value(OLD, OLD_ID, &rest);
        let credential = value.credential(Kind::ApiKey).unwrap();
        assert_eq!(value.stale_aliases(&credential), ["api_key"]);
    }

    #[test]
    fn fields_tell_the_type_if_they_can() {
        let kind = |text: &str| SecretValue::parse(text).unwrap().kind();
        assert_eq!(kind(r#"{"apiKey":"x"}"#), Some(Kind::ApiKey));
        assert_eq!(kind(r#"{"appKeyId":7}"#), Some(Kind::ApplicationKey));
        assert_eq!(
            kind(r#"{"adminAppKey":"","site":""}"#),
            Some(Kind::AdminKey)
        );
        assert_eq!(kind(r#"{"serviceAccountId":"x","api_key":"y"}"#), None);
        assert_eq!(kind(r#"{"apiKey":"x","appKey":"y"}"#), None);
        let rest = r#","appKey":"","adminApiKey":"""#;
        assert_eq!(value(OLD, OLD_ID, rest).kind(), Some(Kind::ApiKey));
    }

    #[test]
    fn what_is_no_object_is_told() {
        let error = |text: &str| SecretValue::parse(text).unwrap_err();
        assert_eq!(error("no JSON"), ValueError::NotJson);
        assert_eq!(error(r#"{"\ud800":1}"#), ValueError::NotJson);
        assert_eq!(error("[1]"), ValueError::NotAnObject);
        assert_eq!(error(r#""text""#), ValueError::NotAnObject);
        assert_eq!(error("\u{feff}{}"), ValueError::ByteOrderMark);
        assert_eq!(error(r#""{\"apiKey\":1}""#), ValueError::QuotedObject);
        for bare in [OLD.to_owned(), format!("{OLD}\n"), format!("\"{OLD}\"")] {
            assert_eq!(error(&bare), ValueError::BareKey);
        }
        assert_eq!(error(&"1".repeat(32)), ValueError::BareKey);
    }

    #[test]
    fn defects_are_named_and_not_quoted() {
        let told = |field: &str| {
            let text = format!(r#"{{"apiKey":{field},"apiKeyId":"{OLD_ID}"}}"#);
            let error = SecretValue::parse(&text).unwrap().credential(Kind::ApiKey);
            let told = error.unwrap_err().to_string();
            assert!(!told.contains(&OLD[..8]), "{told}");
            told
        };
        for (field, words) in [
            (
                format!("\"{OLD}\\n\""),
                "`apiKey` that is not an API key of 32 hexadecimal digits: it has a line break in it",
            ),
            (format!("\" {OLD}\""), "it has blanks in it"),
            (
                format!("\"\\\"{OLD}\\\"\""),
                "it has quotation marks around it",
            ),
            (
                format!("\"\\ufeff{OLD}\""),
                "it has a byte order mark in it",
            ),
            (format!("\"{OLD}x\""), "it has 33 characters"),
            (
                format!("\"ddapp_{OLD}ab\""),
                "it looks like an application key",
            ),
            ("\"\"".to_owned(), "it is empty"),
            (
                "null".to_owned(),
                "`apiKey` that is null, and must be a string",
            ),
            (
                "7".to_owned(),
                "`apiKey` that is a number, and must be a string",
            ),
            (
                format!("[\"{OLD}\"]"),
                "`apiKey` that is an array, and must be a string",
            ),
        ] {
            let told = told(&field);
            assert!(told.ends_with(words), "{told}");
        }
        let missing = SecretValue::parse("{}").unwrap().credential(Kind::ApiKey);
        assert_eq!(missing.unwrap_err(), ValueError::Missing("apiKey"));
    }

    #[test]
    fn an_admin_secret_holds_a_token_or_something_else() {
        let holds = |fields: &str| {
            let value = SecretValue::parse(&format!("{{{fields}}}")).unwrap();
            value.holds_admin_token()
        };
        assert!(!holds(r#""site":"datadoghq.com""#));
        assert!(!holds(r#""adminApiKey":"""#));
        for token in ["serviceAccessToken", "serviceAccessTokenId"] {
            assert!(holds(&format!(r#""{token}":"""#)));
            for beside in ["orgUuid", "adminApiKey", "adminAppKeyId"] {
                let both = holds(&format!(r#""{token}":"","{beside}":"""#));
                assert!(!both, "{token} {beside}");
            }
        }
    }

    #[test]
    fn an_empty_name_is_no_name() {
        let name = |text: &str| {
            let value = SecretValue::parse(&format!(r#"{{"n":{text}}}"#)).unwrap();
            value.name("n")
        };
        for none in ["null", "\"\"", "\" \""] {
            assert_eq!(name(none), Ok(None), "{none}");
        }
        assert_eq!(name("\"x\""), Ok(Some("x".to_owned())));
        assert!(matches!(name("7"), Err(ValueError::NotAString { .. })));
        assert_eq!(SecretValue::parse("{}").unwrap().name("n"), Ok(None));
    }
}
