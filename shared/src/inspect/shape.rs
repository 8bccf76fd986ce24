//! What a value that is no value of the secret's type may be instead, by the names of its fields.

use secrecy::ExposeSecret;

use crate::credential::Kind;
use crate::keys::{AccessToken, ApiKey, AppKey};
use crate::secrets::StoredValue;
use crate::value::SecretValue;

/// Fields by which people and other tools store an API key.
const API_KEY_BY_HAND: [&str; 6] = [
    "api_key",
    "apikey",
    "dd_api_key",
    "DD_API_KEY",
    "datadog_api_key",
    "DATADOG_API_KEY",
];

/// And an application key.
const APP_KEY_BY_HAND: [&str; 8] = [
    "app_key",
    "appkey",
    "application_key",
    "dd_app_key",
    "DD_APP_KEY",
    "datadog_app_key",
    "DATADOG_APP_KEY",
    "applicationKey",
];

/// Returns the fields that a value of this type must have.
fn fields_of(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::ApiKey => &["apiKey", "apiKeyId"],
        Kind::ApplicationKey => &["appKey", "appKeyId", "serviceAccountId"],
        Kind::AdminKey => &[
            "adminApiKey",
            "adminApiKeyId",
            "adminAppKey",
            "adminAppKeyId",
            "serviceAccountId",
            "site",
        ],
        Kind::ServiceAccessToken => &[
            "serviceAccessToken",
            "serviceAccessTokenId",
            "serviceAccountId",
        ],
    }
}

/// Returns a sentence about the value, which is none of type `wanted`. Quotes names of fields that
/// this suite knows, and nothing else.
pub(super) fn hint(stored: &StoredValue, wanted: Option<Kind>) -> Option<String> {
    let text = stored.text.as_ref()?.expose_secret();
    let Ok(value) = SecretValue::parse(text) else {
        return of_plain_key(text.trim_matches(|it: char| it.is_whitespace() || it == '"'));
    };
    let told = value.kind();
    match (told, wanted) {
        (Some(told), Some(wanted)) if told != wanted => Some(format!(
            "Its fields are those of a {}, and a {} is expected",
            told.name(),
            wanted.name()
        )),
        (Some(kind), _) => lacking(&value, kind),
        (None, _) => by_hand(&value).or_else(|| of_several(&value)),
    }
}

fn of_plain_key(text: &str) -> Option<String> {
    let kind = if ApiKey::parse(text).is_some() {
        Kind::ApiKey
    } else if AppKey::parse(text).is_some() {
        Kind::ApplicationKey
    } else if AccessToken::parse(text).is_some() {
        Kind::ServiceAccessToken
    } else {
        return None;
    };
    let fields = fields_of(kind).join("`, `");
    Some(format!(
        "It looks like the key of a {}, whose fields are `{fields}`",
        kind.name()
    ))
}

fn lacking(value: &SecretValue, kind: Kind) -> Option<String> {
    let fields = fields_of(kind).iter().filter(|it| !value.has(it));
    let missing: Vec<_> = fields.map(|it| format!("`{it}`")).collect();
    let name = kind.name();
    (missing.len() > 1).then(|| format!("As a {name} it lacks {}", missing.join(", ")))
}

fn by_hand(value: &SecretValue) -> Option<String> {
    let of = |names: &'static [&'static str]| names.iter().find(|it| value.has(it));
    let (api, app) = (of(&API_KEY_BY_HAND), of(&APP_KEY_BY_HAND));
    let sentence = |field: &str, kind: Kind| {
        let fields = fields_of(kind).join("`, `");
        let name = kind.name();
        format!(
            "It seems to be stored by hand, as `{field}`: the fields of a {name} are `{fields}`"
        )
    };
    match (api, app) {
        (Some(_), Some(app)) => Some(sentence(app, Kind::AdminKey)),
        (Some(api), None) => Some(sentence(api, Kind::ApiKey)),
        (None, Some(app)) => Some(sentence(app, Kind::ApplicationKey)),
        (None, None) => None,
    }
}

fn of_several(value: &SecretValue) -> Option<String> {
    let has_field = |kind: &Kind| kind.telling_fields().iter().any(|it| value.has(it));
    let kinds: Vec<_> = Kind::ALL.into_iter().filter(has_field).collect();
    let names: Vec<_> = kinds.iter().map(|it| it.name()).collect();
    (kinds.len() > 1).then(|| format!("It has fields of {}", names.join(" and ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint_of(text: &str, wanted: Option<Kind>) -> Option<String> {
        let stored = StoredValue {
            arn: None,
            version: None,
            text: Some(text.to_owned().into()),
            is_binary: false,
            created: None,
        };
        hint(&stored, wanted)
    }

    #[test]
    fn each_other_value_is_told_apart() {
        let key = "0123456789abcdef0123456789abcdef";
        for (text, wanted, words) in [
            (key.to_owned(), None, "the key of a DatadogApiKey"),
            (format!("\"{key}\"\n"), None, "`apiKey`, `apiKeyId`"),
            (
                format!("{{\"DD_API_KEY\":\"{key}\"}}"),
                None,
                "as `DD_API_KEY`",
            ),
            (
                "{\"api_key\":\"\",\"app_key\":\"\"}".into(),
                None,
                "a DatadogAdminKey are `adminApiKey`",
            ),
            (
                "{\"appKey\":\"\"}".into(),
                None,
                "it lacks `appKeyId`, `serviceAccountId`",
            ),
            (
                "{\"appKey\":\"\"}".into(),
                Some(Kind::ApiKey),
                "those of a DatadogApplicationKey, and",
            ),
            (
                "{\"appKey\":\"\",\"apiKey\":\"\"}".into(),
                None,
                "DatadogApiKey and DatadogApplicationKey",
            ),
        ] {
            let told = hint_of(&text, wanted).unwrap_or_default();
            assert!(told.contains(words), "{words}: {told}");
            assert!(!told.contains(key), "{told}");
        }
        assert_eq!(hint_of("{\"password\":\"x\"}", None), None);
        assert_eq!(hint_of("no key", None), None);
    }
}
