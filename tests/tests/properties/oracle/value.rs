//! What holds of every text that may be stored as a secret's value.

use std::fmt;

use datadog_rotation::Kind;
use datadog_rotation::credential::Credential;
use datadog_rotation::keys::{AccessToken, ApiKey, AppKey, ServiceAccountId};
use datadog_rotation::value::{SecretValue, ValueError};
use secrecy::ExposeSecret;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

pub(crate) const UUID: &str = "a UUID";

pub(crate) const ALIASES: [&str; 9] = [
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

/// The fields that a value of this type must have, each with the words for its shape.
#[must_use]
pub(crate) fn fields(kind: Kind) -> &'static [(&'static str, &'static str)] {
    match kind {
        Kind::ApiKey => &[("apiKey", ApiKey::SHAPE), ("apiKeyId", UUID)],
        Kind::ApplicationKey => &[
            ("appKey", AppKey::SHAPE),
            ("appKeyId", UUID),
            ("serviceAccountId", UUID),
        ],
        Kind::AdminKey => &[
            ("adminApiKey", ApiKey::SHAPE),
            ("adminApiKeyId", UUID),
            ("adminAppKey", AppKey::SHAPE),
            ("adminAppKeyId", UUID),
            ("serviceAccountId", UUID),
        ],
        Kind::ServiceAccessToken => &[
            ("serviceAccessToken", AccessToken::SHAPE),
            ("serviceAccessTokenId", UUID),
            ("serviceAccountId", UUID),
        ],
    }
}

pub(crate) fn check(text: &str) {
    let value = match SecretValue::parse(text) {
        Ok(value) => value,
        Err(error) => return assert_told_apart(text, &error),
    };
    if let Err(error) = value.site() {
        let is_of_site = match &error {
            ValueError::Missing(field)
            | ValueError::NotAString { field, .. }
            | ValueError::UnknownSite { field, .. } => *field == "site",
            _ => false,
        };
        assert!(is_of_site, "{error}");
    }
    for kind in Kind::ALL {
        match value.credential(kind) {
            Ok(credential) if ids_are_distinct(&credential) => {
                check_succession(text, &value, kind, &credential);
            }
            // Preflight lets no such value pass: one of its ids is of no key of that class.
            Ok(_) => {}
            Err(error) => assert_names_a_field(kind, &error),
        }
    }
}

fn assert_told_apart(text: &str, error: &ValueError) {
    let is_json = serde_json::from_str::<&RawValue>(text).is_ok();
    let is_object = is_json && text.trim_start().starts_with('{');
    let holds_object =
        serde_json::from_str::<String>(text).is_ok_and(|inner| inner.trim_start().starts_with('{'));
    let expected = match error {
        // Told by the text alone, be it JSON or not.
        ValueError::BareKey => {
            let runs = text.split(|it: char| !it.is_ascii_alphanumeric() && it != '_');
            let lengths: Vec<_> = runs.map(str::len).filter(|it| *it > 0).collect();
            let is_token = text.contains("ddsat_") && lengths.len() == 1;
            assert!(
                is_token || [&[32][..], &[40]].contains(&&lengths[..]),
                "{text:?}"
            );
            return;
        }
        _ if text.starts_with('\u{feff}') => ValueError::ByteOrderMark,
        _ if holds_object => ValueError::QuotedObject,
        _ if is_json && !is_object => ValueError::NotAnObject,
        _ => ValueError::NotJson,
    };
    assert_eq!(*error, expected);
}

/// Errors hold nothing but words of the code's own: these.
fn assert_names_a_field(kind: Kind, error: &ValueError) {
    let is_of_the_kind = fields(kind).iter().any(|&(own, own_shape)| match error {
        ValueError::Missing(field) | ValueError::NotAString { field, .. } => *field == own,
        ValueError::IllFormed { field, shape, .. } => (*field, *shape) == (own, own_shape),
        ValueError::NotInRange { field, .. } => {
            kind == Kind::ServiceAccessToken && *field == "daysToExpiry"
        }
        _ => false,
    });
    assert!(is_of_the_kind, "{error}");
}

fn ids_are_distinct(credential: &Credential) -> bool {
    let [_, api, _, application] = texts(credential);
    let account = credential.service_account().map(ServiceAccountId::as_str);
    let pairs = [(api, application), (api, account), (application, account)];
    pairs
        .iter()
        .all(|(one, other)| one.is_none() || one != other)
}

fn check_succession(text: &str, value: &SecretValue, kind: Kind, old: &Credential) {
    let new = minted(kind, old);
    let stored = value.successor(old, &new);
    let stored = stored.expose_secret();
    let next = SecretValue::parse(stored).expect("what is stored is a value");
    let found = next
        .credential(kind)
        .expect("what is stored is of the type");
    assert_eq!(texts(&found), texts(&new));
    assert_eq!(found.service_account(), old.service_account());
    check_that_reading_and_writing_settles(value, old);

    let (before, after) = (members(text), members(stored));
    let expected: Vec<_> = before
        .iter()
        .map(|(name, raw)| (name.clone(), followed(raw, old, &new)))
        .collect();
    assert_eq!(after, expected);

    let (stale, stale_after) = (value.stale_aliases(old), next.stale_aliases(&new));
    for (name, raw) in &before {
        let is_stale = ALIASES.contains(&name.as_str()) && place(raw, old).is_none();
        assert_eq!(stale.contains(&name.as_str()), is_stale, "{name}");
    }
    assert!(stale_after.iter().all(|name| stale.contains(name)));

    assert_eq!(format!("{value:?}"), "SecretValue { .. }");
    let shown = format!("{old:?}");
    for key in [texts(old)[0], texts(old)[2]].into_iter().flatten() {
        assert!(!shown.contains(key), "{shown}");
    }
}

/// The first writing may change the case of an id, the next nothing.
fn check_that_reading_and_writing_settles(value: &SecretValue, credential: &Credential) {
    let once = value.successor(credential, credential);
    let read = SecretValue::parse(once.expose_secret()).expect("a value");
    let twice = read.successor(credential, credential);
    assert_eq!(once.expose_secret(), twice.expose_secret());
}

/// Text and id of the API key, text and id of the application key or token.
fn texts(credential: &Credential) -> [Option<&str>; 4] {
    let (api, application) = (credential.api(), credential.application());
    let token = credential.token();
    [
        api.map(|it| it.key.expose()),
        api.map(|it| it.id.as_str()),
        application
            .map(|it| it.key.expose())
            .or_else(|| token.map(|it| it.key.expose())),
        application
            .map(|it| it.id.as_str())
            .or_else(|| token.map(|it| it.id.as_str())),
    ]
}

/// Which of the credential's texts a member repeats. Ids do so in whatever case.
fn place(raw: &str, credential: &Credential) -> Option<usize> {
    let text: String = serde_json::from_str(raw).ok()?;
    let [api, api_id, application, application_id] = texts(credential);
    let is_id = |id: Option<&str>| id.is_some_and(|id| id.eq_ignore_ascii_case(&text));
    [
        api == Some(&text),
        is_id(api_id),
        application == Some(&text),
        is_id(application_id),
    ]
    .iter()
    .position(|&is_it| is_it)
}

fn followed(raw: &str, old: &Credential, new: &Credential) -> String {
    match place(raw, old).and_then(|place| texts(new)[place]) {
        Some(text) => format!("\"{text}\""),
        None => raw.to_owned(),
    }
}

fn minted(kind: Kind, old: &Credential) -> Credential {
    let account = old.service_account().map_or("", ServiceAccountId::as_str);
    let (api, api_id) = ("a1".repeat(16), "aaaaaaaa-1111-4111-8111-111111111111");
    let (application, application_id) = ("b2".repeat(17), "bbbbbbbb-2222-4222-8222-222222222222");
    let text = format!(
        r#"{{"apiKey":"{api}","apiKeyId":"{api_id}","adminApiKey":"{api}","adminApiKeyId":"{api_id}",
            "appKey":"ddapp_{application}","appKeyId":"{application_id}",
            "adminAppKey":"ddapp_{application}","adminAppKeyId":"{application_id}",
            "serviceAccessToken":"ddsat_{application}_{api}","serviceAccessTokenId":"{application_id}",
            "serviceAccountId":"{account}"}}"#
    );
    let value = SecretValue::parse(&text).expect("a JSON object");
    value.credential(kind).expect("the fields of every type")
}

/// The members of a JSON object to the byte; of a name that comes twice the last, as every reader
/// of such a value has it, at the place of the first.
fn members(text: &str) -> Vec<(String, String)> {
    let Members(all) = serde_json::from_str(text).expect("a JSON object");
    let mut members: Vec<(String, String)> = Vec::new();
    for (name, raw) in all {
        match members.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = raw,
            None => members.push((name, raw)),
        }
    }
    members
}

struct Members(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some((name, raw)) = map.next_entry::<String, Box<RawValue>>()? {
            members.push((name, raw.get().to_owned()));
        }
        Ok(Members(members))
    }
}
