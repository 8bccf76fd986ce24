//! Delegated tokens: what Datadog hands out for a proof of the function's identity.

use std::time::{Duration, SystemTime};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use http::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::call::{Effect, Endpoint};
use super::limits::Family;
use super::resource::{Defect, parse};
use super::{Authority, Call, Datadog, DatadogError};
use crate::deadline::Deadline;
use crate::identity::Identity;
use crate::keys::OrganisationId;

/// Not in Datadog's reference: released clients speak it, and take 200 alone.
/// <https://docs.datadoghq.com/account_management/cloud_provider_authentication/>
pub static EXCHANGE: Endpoint = Endpoint {
    method: Method::POST,
    success: &[StatusCode::OK],
    permissions: &[],
    effect: Effect::Repeatable,
    family: Family::named("exchange"),
};

/// What Datadog's own clients assume of a token that does not tell when it ends.
const USUAL_LIFE: Duration = Duration::from_mins(15);

/// A token that ends within this is not begun with any more.
const MARGIN: Duration = Duration::from_mins(1);

/// A bearer token of one user. Opaque: what is in it is Datadog's affair.
#[derive(Clone, Debug)]
pub struct Token {
    text: SecretString,
    expiry: Expiry,
}

/// When a token ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    pub at: SystemTime,
    pub form: ExpiryForm,
}

/// How Datadog told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpiryForm {
    /// A string of seconds since 1970.
    Text,
    /// A number of seconds since 1970.
    Number,
    /// RFC 3339.
    Date,
    /// Not at all, or not so that it can be read: a quarter of an hour is assumed.
    Untold,
}

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    attributes: Attributes,
}

#[derive(Deserialize)]
struct Attributes {
    access_token: String,
    #[serde(default)]
    expires: Value,
}

impl Call {
    /// Returns the exchange of a proof of the function's identity for a token.
    #[must_use]
    pub fn exchange() -> Self {
        let name = "exchange of the function's identity for a token".into();
        Self::new(&EXCHANGE, "/api/v2/delegated-token".into(), name)
    }
}

impl Datadog {
    /// Returns a token of the user to whom this organisation has mapped the function's role.
    pub async fn exchange(
        &self,
        identity: &Identity,
        organisation: &OrganisationId,
        deadline: &Deadline,
    ) -> Result<Token, DatadogError> {
        let authority = Authority::Identity(identity.clone(), organisation.clone());
        let read = |body: &[u8]| Token::read(body, deadline.now());
        self.ask(&authority, Call::exchange(), deadline, read).await
    }
}

impl Token {
    /// Reads the answer to an exchange at `now`.
    fn read(body: &[u8], now: SystemTime) -> Result<Self, Defect> {
        let attributes = parse::<Answer>(body)?.data.attributes;
        let text = attributes.access_token;
        // It becomes a header, and an empty one would be a request without credentials.
        if text.is_empty() || !text.bytes().all(is_of_tokens) {
            return Err("holds no token");
        }
        Ok(Self {
            text: text.into(),
            expiry: expiry(&attributes.expires).unwrap_or(Expiry {
                at: now + USUAL_LIFE,
                form: ExpiryForm::Untold,
            }),
        })
    }

    #[must_use]
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    #[must_use]
    pub fn expiry(&self) -> Expiry {
        self.expiry
    }

    /// Returns whether it has ended, or ends within a minute.
    #[must_use]
    pub fn is_stale(&self, now: SystemTime) -> bool {
        now + MARGIN >= self.expiry.at
    }
}

/// Returns whether a bearer token may have this byte (RFC 6750).
fn is_of_tokens(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
}

/// Seconds since 1970, in a string (Datadog's clients) or as a number, or RFC 3339 (a draft of the
/// API's description).
fn expiry(told: &Value) -> Option<Expiry> {
    let (form, seconds) = match told {
        Value::Number(number) => (ExpiryForm::Number, number.as_u64()?),
        Value::String(text) => match text.parse() {
            Ok(seconds) => (ExpiryForm::Text, seconds),
            Err(_) => return date(text),
        },
        _ => return None,
    };
    let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?;
    Some(Expiry { at, form })
}

fn date(text: &str) -> Option<Expiry> {
    let date = DateTime::from_str(text, Format::DateTimeWithOffset).ok()?;
    let (at, form) = (SystemTime::try_from(date).ok()?, ExpiryForm::Date);
    Some(Expiry { at, form })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUED: u64 = 1_767_225_600; // 2026-01-01T00:00:00Z

    fn at(second: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(second)
    }

    fn token(expires: &str) -> Result<Token, Defect> {
        let body = format!(
            r#"{{"data":{{"attributes":{{"access_token":"a.b.c","expires":{expires}}}}}}}"#
        );
        Token::read(body.as_bytes(), at(ISSUED))
    }

    #[test]
    fn every_known_form_of_expiry_is_read() {
        for (expires, form) in [
            (r#""1767226200""#, ExpiryForm::Text),
            ("1767226200", ExpiryForm::Number),
            (r#""2026-01-01T00:10:00Z""#, ExpiryForm::Date),
            (r#""2026-01-01T01:10:00.000+01:00""#, ExpiryForm::Date),
        ] {
            let token = token(expires).unwrap();
            assert_eq!(token.expiry().form, form, "{expires}");
            assert!(!token.is_stale(at(ISSUED + 539)), "{expires}");
            assert!(token.is_stale(at(ISSUED + 540)), "{expires}");
        }
    }

    #[test]
    fn an_expiry_that_can_not_be_read_is_a_quarter_of_an_hour() {
        for expires in [
            "null",
            r#""soon""#,
            r#""""#,
            "-1",
            "1e300",
            "18446744073709551615",
        ] {
            let token = token(expires).unwrap();
            assert_eq!(token.expiry().form, ExpiryForm::Untold, "{expires}");
            assert!(!token.is_stale(at(ISSUED + 839)), "{expires}");
            assert!(token.is_stale(at(ISSUED + 840)), "{expires}");
        }
    }

    #[test]
    fn an_answer_without_a_token_is_none() {
        for body in [
            r#"{"data":{"attributes":{"access_token":""}}}"#,
            r#"{"data":{"attributes":{"access_token":"a\nb"}}}"#,
            r#"{"data":{"attributes":{"access_token":"a b"}}}"#,
            r#"{"data":{"attributes":{}}}"#,
            r#"{"data":{"attributes":{"access_token":"secret"#,
        ] {
            let defect = Token::read(body.as_bytes(), at(ISSUED)).unwrap_err();
            assert!(!defect.contains("secret"), "{defect}");
        }
    }

    #[test]
    fn debug_shows_no_token() {
        assert!(!format!("{:?}", token("null").unwrap()).contains("a.b.c"));
    }
}
