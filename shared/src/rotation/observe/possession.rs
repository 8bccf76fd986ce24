//! Whether the secret held the key that a version of it names.
//!
//! Everybody in the organisation sees a key's ID, and its last four characters or its public part. A
//! value that a person made up, or stored beside another key's ID, must not have that key deleted.

use std::time::Duration;

use crate::admin::{Admin, KeyLookup};
use crate::credential::{ApiPart, Credential};
use crate::datadog::{DatadogError, DatadogProblem, OwnedKeyDetails, Status, Validated};
use crate::error::Problem;
use crate::keys::KeyClass;

use super::keys::{lag_backoff, looks_like, patience};
use crate::rotation::context::StepContext;

/// What is known of the key that a version names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Possession {
    /// The secret held it, and it works.
    Works,
    /// A rotation named it for a version of this secret.
    Held,
    /// Its ID is not found or revoked, and the value does not work. Nothing shows that the secret held
    /// it: if the answer is a mistake, a rotation's key is found by its name later.
    Gone,
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
    let found = admin.api_key(&api.id).await?;
    let is_gone = match &found {
        KeyLookup::NotFound => true,
        KeyLookup::Found(it) => it.status == Status::Revoked,
        KeyLookup::Forbidden => false,
    };
    if is_gone && !admin.validate_api_key(&api.key).await? {
        return Ok(Possession::Gone);
    }
    let ends_alike = match found {
        KeyLookup::Found(it) if cx.is_named_by_rotation(KeyClass::Api, &it.name) => {
            return Ok(Possession::Held);
        }
        KeyLookup::Found(it) => looks_like(it.last4.as_deref(), api.key.expose()),
        KeyLookup::NotFound | KeyLookup::Forbidden => None,
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
        if !backoff.pause(admin.deadline()).await {
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

/// Returns whether the secret held the application key or service access token that `old` names. For
/// so long as `lag`, "not found" proves nothing.
///
/// # Errors
/// [`Problem::PossessionUnknown`] if Datadog has trouble: the next invocation may be told.
pub(crate) async fn owned_possession(
    cx: &StepContext<'_>,
    admin: &Admin,
    old: &Credential,
    lag: Duration,
) -> Result<Possession, Problem> {
    let Some(owned) = old.owned() else {
        return Ok(Possession::NotHeld);
    };
    let (key, value) = (&owned.key, old.without_api_key());
    let mut backoff = lag_backoff(lag);
    let found = loop {
        let found = admin.owned_key(owned.service_account, key).await?;
        if found.is_some() || !backoff.pause(admin.deadline()).await {
            break found;
        }
    };
    if let Some(found) = &found
        && cx.is_named_by_rotation(key.class, &found.name)
    {
        return Ok(Possession::Held);
    }
    // Most often an earlier rotation has deleted it. Trying its value would prove nothing of the ID.
    if found.is_none() && key.class == KeyClass::Application {
        return Ok(Possession::Gone);
    }
    let is_over = |it: &OwnedKeyDetails| it.is_over(cx.reader.now());
    if found.as_ref().is_none_or(is_over) && !admin.validate(&value).await? {
        return Ok(Possession::Gone);
    }
    let looks_alike = found.and_then(|it| looks_like(it.shown.as_deref(), owned.value));
    if looks_alike == Some(false) {
        return Ok(Possession::NotHeld);
    }
    let mut backoff = patience();
    while !admin.validate(&value).await? {
        if backoff.pause(admin.deadline()).await {
            continue;
        }
        // An edge that refuses everybody proves nothing of this key.
        return if admin.validate(&cx.secret.current.credential).await? {
            Ok(Possession::NotHeld)
        } else {
            let key = key.clone();
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
