//! Whether keys work: by use, which needs no permission.
//! <https://docs.datadoghq.com/api/latest/authentication/>

use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::call::{Effect, Endpoint, OK_OR_CREATED};
use super::limits::Family;
use super::resource::{Defect, One, id, parse};
use super::{Authority, Call, Datadog, DatadogError};
use crate::deadline::Deadline;
use crate::keys::{ApiKey, KeyId};

const FAMILY: Family = Family::named("validation");

/// Whether an API key works:
/// <https://docs.datadoghq.com/api/latest/authentication/#validate-api-key>
static API_KEY: Endpoint = validation();

/// Whether an API key works, and its ID: a preview that may go away.
static API_KEY_WITH_ID: Endpoint = validation();

/// Whether an API key and an application key work together:
/// <https://docs.datadoghq.com/account_management/api-app-keys/>, "Key propagation delay and eventual
/// consistency".
static PAIR: Endpoint = validation();

const fn validation() -> Endpoint {
    Endpoint {
        method: Method::GET,
        success: OK_OR_CREATED,
        permissions: &[],
        effect: Effect::Repeatable,
        family: FAMILY,
    }
}

/// What `/api/v2/validate` tells of the API key that asks.
#[derive(Clone, Debug)]
pub struct Validated {
    pub id: KeyId,
    /// The UUID of the organisation that the key belongs to.
    pub organisation: String,
}

#[derive(Deserialize)]
struct Validity {
    valid: bool,
}

impl Call {
    #[must_use]
    pub fn validate() -> Self {
        let name = "validation of an API key".into();
        Self::new(&API_KEY, "/api/v1/validate".into(), name)
    }

    #[must_use]
    pub fn validate_with_id() -> Self {
        let name = "validation of an API key".into();
        Self::new(&API_KEY_WITH_ID, "/api/v2/validate".into(), name)
    }

    #[must_use]
    pub fn validate_pair() -> Self {
        let name = "validation of an API key with an application key".into();
        Self::new(&PAIR, "/api/v2/validate_keys".into(), name)
    }
}

impl Datadog {
    /// Returns whether the API key works; a refusal is the answer "no".
    pub async fn validate(&self, key: &ApiKey, deadline: &Deadline) -> Result<bool, DatadogError> {
        let authority = Authority::ApiKey(key.clone());
        let answer = self.ask(&authority, Call::validate(), deadline, validity);
        answered(answer.await)
    }

    /// Returns ID and organisation of an API key that works, or `None` if it does not.
    pub async fn validated(
        &self,
        key: &ApiKey,
        deadline: &Deadline,
    ) -> Result<Option<Validated>, DatadogError> {
        let (authority, call) = (Authority::ApiKey(key.clone()), Call::validate_with_id());
        match self.ask(&authority, call, deadline, validated).await {
            Ok(told) => Ok(Some(told)),
            Err(error) if error.problem.is_refusal() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns whether the two keys work together; a refusal is the answer "no".
    pub async fn validate_pair(
        &self,
        pair: &Authority,
        deadline: &Deadline,
    ) -> Result<bool, DatadogError> {
        let answer = self.ask(pair, Call::validate_pair(), deadline, pair_validity);
        answered(answer.await)
    }
}

fn answered(answer: Result<bool, DatadogError>) -> Result<bool, DatadogError> {
    match answer {
        Err(error) if error.problem.is_refusal() => Ok(false),
        answer => answer,
    }
}

/// `{"valid":true}` (recorded).
fn validity(body: &[u8]) -> Result<bool, Defect> {
    Ok(parse::<Validity>(body)?.valid)
}

fn validated(body: &[u8]) -> Result<Validated, Defect> {
    let told = parse::<One>(body)?.data;
    let key = told.text("api_key_id");
    Ok(Validated {
        id: id(key.ok_or("lacks a member that it should have")?)?,
        organisation: told.id,
    })
}

/// `{"status":"ok"}` by the specification, and by that word alone. A 200 may carry an error too.
fn pair_validity(body: &[u8]) -> Result<bool, Defect> {
    let told: Map<String, Value> = parse(body)?;
    match told.get("status").and_then(Value::as_str) {
        Some("ok") => Ok(true),
        _ => Err("does not say that the keys work"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_work_together_by_the_word_alone() {
        assert_eq!(pair_validity(br#"{"status":"ok"}"#), Ok(true));
        for body in [
            r#"{"status":"error","errors":["x"]}"#,
            "{}",
            r#"{"status":true}"#,
        ] {
            assert!(pair_validity(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn a_key_works_by_the_word_true() {
        assert_eq!(validity(br#"{"valid":true}"#), Ok(true));
        assert_eq!(validity(br#"{"valid":false}"#), Ok(false));
        assert!(validity(b"{}").is_err());
    }
}
