//! Creates keys at Datadog. This is not idempotent, so each key's name is logged first.
//!
//! The answer is compared with what was asked for. A difference is undone by the key's ID at once.

use std::time::{Duration, SystemTime};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use tokio::time::timeout;

use super::delete::undo_creation;
use super::store::TIME_TO_UNDO;
use crate::credential::{ApiPart, AppPart, Credential, TokenPart};
use crate::datadog::api_keys::ENROLL;
use crate::datadog::{ApiKeyDetails, Created, DatadogError, DatadogProblem};
use crate::error::{Problem, Role};
use crate::key_name::SERIES;
use crate::keys::{AccessToken, ApiKey, AppKey, KeyClass, KeyId, KeyRef};
use crate::rotation::context::StepContext;
use crate::rotation::decide::{
    differs_in_expiry, differs_in_name, differs_in_owner, differs_in_scopes, differs_in_settings,
};
use crate::rotation::journal::{Entry, Journal};
use crate::rotation::observe::{CurrentKeys, is_other_key};

const DAY: Duration = Duration::from_hours(24);

/// Creates a successor for each key of AWSCURRENT, which may do what that one may.
pub(in crate::rotation) async fn create_keys(
    cx: &StepContext<'_>,
    current: &CurrentKeys,
    journal: &mut Journal,
) -> Result<Credential, Problem> {
    match &cx.secret.current.credential {
        Credential::Keyless(account) => Ok(Credential::Keyless(account.clone())),
        Credential::Api(_) => Ok(Credential::Api(create_api_key(cx, current, journal).await?)),
        Credential::Application(part) => {
            let part = create_application_key(cx, part, current, journal).await?;
            Ok(Credential::Application(part))
        }
        Credential::Token(part) => {
            let part = create_access_token(cx, part, current, journal).await?;
            Ok(Credential::Token(part))
        }
        Credential::Pair(_, part) => {
            let application = create_application_key(cx, part, current, journal).await?;
            match create_api_key(cx, current, journal).await {
                Ok(api) => Ok(Credential::Pair(api, application)),
                // Half a pair can't be stored: it goes, whatever became of the other half.
                Err(problem) => {
                    let half = [application.key_ref()];
                    Err(undo_creation(cx, &half, None, problem, journal).await)
                }
            }
        }
    }
}

async fn create_application_key(
    cx: &StepContext<'_>,
    part: &AppPart,
    current: &CurrentKeys,
    journal: &mut Journal,
) -> Result<AppPart, Problem> {
    let unknown = || Problem::ScopesUnknown {
        key: part.key_ref(),
    };
    let like = current.application.as_ref().ok_or_else(unknown)?;
    let scopes = like.scopes.as_ref().ok_or_else(unknown)?;
    let owner = &part.service_account;
    for n in 0..SERIES {
        let name = announce(cx, KeyClass::Application, n);
        #[expect(clippy::disallowed_methods, reason = "this is the one place")]
        let answer = cx.secret.admin.create_app_key(owner, &name, scopes);
        let Some(created) = accept(&name, answer.await, journal)? else {
            continue;
        };
        let shown = (KeyClass::Application, created.details.name.as_str());
        let value = created.key.as_ref().map(AppKey::expose);
        let is_own = is_own(created.details.shown.as_deref(), value);
        let key = created_key(cx, &name, shown, (&created.id, is_own), journal)?;
        let difference = differs_in_name(&name, &created.details.name)
            .or_else(|| differs_in_owner(owner, &created.details))
            .or_else(|| differs_in_scopes(scopes, &created.details));
        let unknown = like.attributes.lost_in(&created.details.attributes);
        warn_of_lost_attributes(cx, &key, &unknown);
        let made = created.key.map(|key| AppPart {
            key,
            id: created.id,
            service_account: owner.clone(),
        });
        return keep_or_undo(cx, key, made, difference, journal).await;
    }
    Err(Problem::NamesTaken {
        class: KeyClass::Application,
    })
}

async fn create_access_token(
    cx: &StepContext<'_>,
    part: &TokenPart,
    current: &CurrentKeys,
    journal: &mut Journal,
) -> Result<TokenPart, Problem> {
    let class = KeyClass::AccessToken;
    let unknown = || Problem::ScopesUnknown {
        key: part.key_ref(),
    };
    let like = current.token.as_ref().ok_or_else(unknown)?;
    let scopes = like.scopes.as_ref().ok_or_else(unknown)?;
    let owner = &part.service_account;
    let expires = expiry(cx)?;
    if expires.is_none() && like.expires.is_some() {
        tracing::warn!(
            secret = cx.reader.secret,
            key = %part.key_ref(),
            "the current token ends by itself, and the new one does not: the secret has no daysToExpiry"
        );
    }
    for n in 0..SERIES {
        let name = announce(cx, class, n);
        let admin = &cx.secret.admin;
        #[expect(clippy::disallowed_methods, reason = "this is the one place")]
        let answer = admin.create_access_token(owner, &name, scopes, expires);
        let Some(created) = accept(&name, answer.await, journal)? else {
            continue;
        };
        let shown = (class, created.details.name.as_str());
        let value = created.key.as_ref().map(AccessToken::expose);
        let is_own = is_own(created.details.shown.as_deref(), value);
        let key = created_key(cx, &name, shown, (&created.id, is_own), journal)?;
        let difference = differs_in_name(&name, &created.details.name)
            .or_else(|| differs_in_owner(owner, &created.details))
            .or_else(|| differs_in_scopes(scopes, &created.details))
            .or_else(|| differs_in_expiry(expires, &created.details));
        let lost = like.attributes.lost_in(&created.details.attributes);
        warn_of_lost_attributes(cx, &key, &lost);
        let made = created.key.map(|key| TokenPart {
            key,
            id: created.id,
            service_account: owner.clone(),
        });
        return keep_or_undo(cx, key, made, difference, journal).await;
    }
    Err(Problem::NamesTaken { class })
}

/// Returns when the token that is about to be created is to end by itself, if the secret says so.
fn expiry(cx: &StepContext<'_>) -> Result<Option<SystemTime>, Problem> {
    let role = Role::Current;
    let days = cx.secret.current.value.days_to_expiry();
    let days = days.map_err(|source| Problem::Malformed { role, source })?;
    Ok(days.map(|days| cx.reader.now() + DAY * u32::from(days)))
}

async fn create_api_key(
    cx: &StepContext<'_>,
    current: &CurrentKeys,
    journal: &mut Journal,
) -> Result<ApiPart, Problem> {
    let like = current.api.as_ref();
    let enrolls =
        like.is_some_and(|it| it.attributes.is_true(ENROLL)) && !cx.secret.may_lose(ENROLL);
    for n in 0..SERIES {
        let name = announce(cx, KeyClass::Api, n);
        #[expect(clippy::disallowed_methods, reason = "this is the one place")]
        let answer = cx.secret.admin.create_api_key(&name, like, enrolls);
        let Some(created) = accept(&name, answer.await, journal)? else {
            continue;
        };
        let shown = (KeyClass::Api, created.details.name.as_str());
        let value = created.key.as_ref().map(ApiKey::expose);
        let is_own = is_own(created.details.last4.as_deref(), value);
        let key = created_key(cx, &name, shown, (&created.id, is_own), journal)?;
        let mut difference = differs_in_name(&name, &created.details.name);
        if let Some(like) = like {
            difference = difference.or_else(|| differs_in_settings(like, &created.details));
            if enrolls && !created.details.attributes.is_true(ENROLL) {
                difference = difference.or(Some(ENROLL));
            }
            if difference.is_none() {
                difference = left_out(cx, like, &created.details).await;
            }
            let lost = like.attributes.lost_in(&created.details.attributes);
            warn_of_lost_attributes(cx, &key, &lost);
        }
        let made = created.key.map(|key| ApiPart {
            key,
            id: created.id,
        });
        return keep_or_undo(cx, key, made, difference, journal).await;
    }
    Err(Problem::NamesTaken {
        class: KeyClass::Api,
    })
}

/// Returns what the new key lacks of the attribute [`ENROLL`], where the current key's answer left that out.
/// Where the creation's did too, perhaps this Datadog has no such attribute: then only a current key that shows
/// it counts. Time is kept to undo the creation.
async fn left_out(
    cx: &StepContext<'_>,
    like: &ApiKeyDetails,
    created: &ApiKeyDetails,
) -> Option<&'static str> {
    let told = |it: &ApiKeyDetails| it.attributes.told(ENROLL);
    let is_open = told(like).is_none() && told(created) != Some(true);
    if !is_open || cx.secret.may_lose(ENROLL) {
        return None;
    }
    let room = cx.reader.deadline.reserving(TIME_TO_UNDO).left();
    match timeout(room, cx.reader.enrolls(&cx.secret, &like.id)).await {
        Ok(Some(true)) => Some(ENROLL),
        Ok(Some(false)) => None,
        Ok(None) | Err(_) if told(created).is_none() => None,
        Ok(None) | Err(_) => Some(
            "it may not enrol action runners, and whether the current key may could not be told",
        ),
    }
}

/// Logs the name under which a key is about to be created. Without `api_keys_read` this line is all
/// that is left of an API key whose value was lost.
fn announce(cx: &StepContext<'_>, class: KeyClass, n: u8) -> String {
    let today = DateTime::from(cx.reader.now())
        .fmt(Format::DateTime)
        .unwrap_or_default();
    let day: String = today
        .chars()
        .take(10)
        .filter(char::is_ascii_digit)
        .collect();
    let (token, secret) = (&cx.event.token, cx.reader.secret);
    let name = cx.secret.names.name(class, token, n, &day);
    tracing::info!(
        target: crate::log::ALWAYS,
        secret,
        version = token.as_str(),
        class = %class,
        name,
        "creating a key"
    );
    name
}

/// Reads the answer to a creation. `None`: the name is taken, and the next of the series is to be
/// tried.
fn accept<K, D>(
    name: &str,
    answer: Result<Created<K, D>, Problem>,
    journal: &mut Journal,
) -> Result<Option<Created<K, D>>, Problem> {
    match answer {
        Ok(created) => Ok(Some(created)),
        Err(Problem::Datadog(DatadogError {
            problem: DatadogProblem::NameTaken { .. },
            ..
        })) => {
            tracing::warn!(name, "the name is taken: the next of the series is tried");
            Ok(None)
        }
        Err(problem) => {
            if matches!(&problem, Problem::Datadog(error) if !error.problem.is_definite()) {
                tracing::warn!(name, "no usable answer: a key of this name may exist");
                let name = name.to_owned();
                journal.note(Entry::CreationUnknown { name });
            }
            Err(problem)
        }
    }
}

/// Returns whether a created key's value has the part that the same answer shows of it.
fn is_own(shown: Option<&str>, value: Option<&str>) -> bool {
    !value.is_some_and(|value| is_other_key(shown, value))
}

/// Notes the key that a creation's answer shows. Refuses one that can't be the new key: it was there before,
/// its name has nothing of the one that was asked for, or its value is another key's (`is_own`). Whatever
/// became of the new key, this one must not be undone.
fn created_key(
    cx: &StepContext<'_>,
    name: &str,
    (class, shown): (KeyClass, &str),
    (id, is_own): (&KeyId, bool),
    journal: &mut Journal,
) -> Result<KeyRef, Problem> {
    let prefix = cx.secret.names.type_prefix(class);
    let is_alike = shown.is_empty() || shown.to_lowercase().starts_with(&prefix);
    if is_alike && is_own && !cx.was_there_before(id) {
        let id = id.clone();
        let key = KeyRef { class, id };
        journal.note(Entry::Created(key.clone()));
        return Ok(key);
    }
    tracing::warn!(
        name,
        "the answer shows another key: a key of this name may exist"
    );
    let (name, id) = (name.to_owned(), id.clone());
    journal.note(Entry::CreationUnknown { name });
    Err(Problem::CreatedKeyIsAnother { id })
}

/// Keeps a key that is what was asked for, and deletes any other one by its ID.
async fn keep_or_undo<P>(
    cx: &StepContext<'_>,
    key: KeyRef,
    made: Option<P>,
    difference: Option<&'static str>,
    journal: &mut Journal,
) -> Result<P, Problem> {
    let keys = [key.clone()];
    let problem = match (made, difference) {
        (Some(made), None) => return Ok(made),
        (None, _) => Problem::CreatedKeyUnreadable { key },
        (_, Some(ENROLL)) => Problem::AttributeLost {
            key,
            attribute: ENROLL,
        },
        (_, Some(difference)) => Problem::CreatedKeyDiffers { key, difference },
    };
    Err(undo_creation(cx, &keys, None, problem, journal).await)
}

fn warn_of_lost_attributes(cx: &StepContext<'_>, key: &KeyRef, lost: &[String]) {
    if !lost.is_empty() {
        tracing::warn!(
            secret = cx.reader.secret,
            %key,
            attributes = ?lost,
            "the new key lacks attributes of the current one, or has them otherwise"
        );
    }
}
