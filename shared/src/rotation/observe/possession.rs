//! Whether the secret held the API key or service access token that a version of it names.
//!
//! Everybody in the organisation sees a key's ID, and its last four characters or its public part. A value that a person made up,
//! or stored beside another key's ID, must not have that key deleted.

use crate::admin::{Admin, KeyLookup};
use crate::credential::{ApiPart, Credential, TokenPart};
use crate::datadog::{DatadogError, DatadogProblem, Status, Validated};
use crate::error::Problem;
use crate::keys::KeyClass;

use super::keys::{looks_like, patience};
use crate::rotation::context::StepContext;

/// What is known of the API key or token that a version names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Possession {
    /// The secret held it, and it works.
    Works,
    /// The secret held it, or it is gone.
    Held,
    /// The value is another key's, or no key's.
    NotHeld,
    /// The value works, and Datadog does not tell which key it is.
    Untold,
}

/// Returns whether the secret held the API key that a version names. It did if Datadog says that the
/// value is that key's, if the value works and ends like the key, or if a rotation named the key for
/// a version of this secret.
///
/// # Errors
/// [`Problem::PossessionUnknown`] if Datadog has trouble: the next invocation may be told.
pub(crate) async fn possession(
    cx: &StepContext<'_>,
    admin: &Admin,
    api: &ApiPart,
) -> Result<Possession, Problem> {
    let mut told = admin.validated(&api.key).await;
    if let Some(possession) = by_id(&told, api) {
        return Ok(possession);
    }
    let ends_alike = match admin.api_key(&api.id).await? {
        KeyLookup::NotFound => return Ok(Possession::Held),
        KeyLookup::Found(it) if it.status == Status::Revoked => return Ok(Possession::Held),
        KeyLookup::Found(it) if cx.is_named_by_rotation(KeyClass::Api, &it.name) => {
            return Ok(Possession::Held);
        }
        KeyLookup::Found(it) => looks_like(it.last4.as_deref(), api.key.expose()),
        KeyLookup::Forbidden => None,
    };
    if ends_alike == Some(false) {
        return Ok(Possession::NotHeld);
    }
    let (mut backoff, mut works) = (patience(), false);
    loop {
        works = works || admin.validate_api_key(&api.key).await?;
        if works && ends_alike == Some(true) {
            return Ok(Possession::Works);
        }
        if !backoff.pause(admin.budget()).await {
            break;
        }
        if works {
            told = admin.validated(&api.key).await;
        }
        if let Some(possession) = by_id(&told, api) {
            return Ok(possession);
        }
    }
    let is_settled = if works {
        backoff.is_spent() && is_untold(&told)
    } else {
        // An edge that refuses every key proves nothing about this one.
        admin.control_works().await?
    };
    match (is_settled, works) {
        (true, true) => Ok(Possession::Untold),
        (true, false) => Ok(Possession::NotHeld),
        (false, _) => Err(Problem::PossessionUnknown { key: api.key_ref() }),
    }
}

/// The same of a service access token.
pub(crate) async fn token_possession(
    cx: &StepContext<'_>,
    admin: &Admin,
    token: &TokenPart,
) -> Result<Possession, Problem> {
    let account = &token.service_account;
    let Some(found) = admin.access_token(account, &token.id).await? else {
        return Ok(Possession::Held);
    };
    let by_rotation = cx.is_named_by_rotation(KeyClass::AccessToken, &found.name);
    if by_rotation || found.is_over(cx.reader.now()) {
        return Ok(Possession::Held);
    }
    let looks_alike = looks_like(found.shown.as_deref(), token.key.expose());
    if looks_alike == Some(false) {
        return Ok(Possession::NotHeld);
    }
    let (mut backoff, value) = (patience(), Credential::Token(token.clone()));
    while !admin.validate(&value).await? {
        if backoff.pause(admin.budget()).await {
            continue;
        }
        // An edge that refuses everybody proves nothing of this token.
        return if admin.validate(&cx.secret.current.credential).await? {
            Ok(Possession::NotHeld)
        } else {
            let key = token.key_ref();
            Err(Problem::PossessionUnknown { key })
        };
    }
    Ok(match looks_alike {
        Some(_) => Possession::Works,
        None => Possession::Untold,
    })
}

fn by_id(told: &Result<Option<Validated>, DatadogError>, api: &ApiPart) -> Option<Possession> {
    let told = told.as_ref().ok()?.as_ref()?;
    Some(if told.id == api.id {
        Possession::Works
    } else {
        Possession::NotHeld
    })
}

/// Returns whether Datadog answered, and will answer the same tomorrow: the preview does not exist any
/// more, or has another form.
fn is_untold(told: &Result<Option<Validated>, DatadogError>) -> bool {
    let Err(error) = told else { return true };
    matches!(
        error.problem,
        DatadogProblem::NotFound
            | DatadogProblem::Rejected { .. }
            | DatadogProblem::NameTaken { .. }
            | DatadogProblem::Unexpected { .. }
    )
}
