//! Preflight: nothing is changed before the current value has been found sound.

use std::time::Duration;

use super::inspection::Inspection;
use super::scene::Scene;
use crate::admin::Lookup;
use crate::budget::Backoff;
use crate::credential::{ApiPart, AppPart};
use crate::datadog::{ApiKeyDetails, AppKeyDetails, Status};
use crate::error::Problem;
use crate::keys::{KeyClass, KeyRef};
use crate::retire::ListedKey;

/// What is known of the current keys, to make their successors like them, and what else bears names
/// like theirs.
#[derive(Debug)]
pub(super) struct Found {
    /// `None` for a type without an API key, or without `api_keys_read`.
    pub api: Option<ApiKeyDetails>,
    pub application: Option<AppKeyDetails>,
    /// API keys only with `api_keys_read`.
    pub listed: Vec<ListedKey>,
}

/// How far text, id and organisation of a current API key are known to belong together.
#[derive(Debug)]
pub(super) enum Known {
    /// The admin found it by its id, and the text ends as it should.
    Found(ApiKeyDetails),
    /// Datadog told id and organisation of the text.
    Told,
    /// It works, and that is all that can be seen.
    Works,
}

impl Known {
    fn details(self) -> Option<ApiKeyDetails> {
        match self {
            Self::Found(details) => Some(details),
            Self::Told | Self::Works => None,
        }
    }
}

impl Inspection<'_> {
    /// Each current key exists, is live, belongs to the service account, and is the one that its
    /// id says.
    pub(super) async fn preflight(&self, scene: &Scene) -> Result<Found, Problem> {
        let credential = &scene.current.credential;
        let application = async {
            match credential.application() {
                Some(part) => self.preflight_application(scene, part).await.map(Some),
                None => Ok(None),
            }
        };
        let api = async {
            match credential.api() {
                Some(part) => self.preflight_listed_api(scene, part).await,
                None => Ok((None, Vec::new())),
            }
        };
        let others = async {
            match credential.application() {
                Some(_) => self.list_app_keys(scene).await,
                None => Ok(Vec::new()),
            }
        };
        let (application, api, others) =
            tokio::join!(Box::pin(application), Box::pin(api), Box::pin(others));
        let (application, (api, mut listed)) = (application?, api?);
        listed.extend(others?);
        Ok(Found {
            api,
            application,
            listed,
        })
    }

    /// A key that a rotation made is among those that bear names like it: the list that the sweep
    /// goes by tells all that a look-up would.
    async fn preflight_listed_api(
        &self,
        scene: &Scene,
        part: &ApiPart,
    ) -> Result<(Option<ApiKeyDetails>, Vec<ListedKey>), Problem> {
        let listed = scene
            .admin
            .api_keys(&scene.names.stem(KeyClass::Api))
            .await?;
        let listed = listed.unwrap_or_default();
        let found = listed.iter().find(|it| it.id == part.id && it.is_whole());
        let known = match found {
            Some(details) => sound(details.clone(), part)?,
            None => self.preflight_api(scene, part).await?,
        };
        let listed = listed.into_iter().map(ListedKey::from).collect();
        Ok((known.details(), listed))
    }

    pub(super) async fn preflight_application(
        &self,
        scene: &Scene,
        part: &AppPart,
    ) -> Result<AppKeyDetails, Problem> {
        let key = KeyRef {
            class: KeyClass::Application,
            id: part.id.clone(),
        };
        // A pair that acts for itself is tried by every call.
        let tried = async {
            if scene.rotates_itself {
                Ok(true)
            } else {
                scene.admin.validate(&scene.current.credential).await
            }
        };
        let looked = scene.admin.app_key(&part.service_account, &part.id);
        let (details, works) = tokio::join!(looked, tried);
        let Some(details) = details? else {
            return Err(match scene.admin.owner_of(&part.id).await {
                Some(_) => Problem::CurrentKeyNotOwned {
                    key,
                    expected: part.service_account.clone(),
                },
                None => Problem::CurrentKeyDead { key },
            });
        };
        if is_other_key(details.last4.as_deref(), part.key.expose()) {
            return Err(Problem::CurrentKeyMismatch { key });
        }
        if !works? {
            self.try_current_again(scene, key).await?;
        }
        Ok(details)
    }

    /// The text itself: four characters and an id may be known to somebody who has not the key.
    async fn try_current_again(&self, scene: &Scene, key: KeyRef) -> Result<(), Problem> {
        let mut backoff = patience();
        while backoff.pause(self.budget).await {
            if scene.admin.validate(&scene.current.credential).await? {
                return Ok(());
            }
        }
        // A pair is tried as one: a dead API key is not to be laid to the other half.
        if let Some(part) = scene.current.credential.api() {
            self.preflight_api(scene, part).await?;
        }
        Err(Problem::CurrentKeyMismatch { key })
    }

    pub(super) async fn preflight_api(
        &self,
        scene: &Scene,
        part: &ApiPart,
    ) -> Result<Known, Problem> {
        let key = KeyRef {
            class: KeyClass::Api,
            id: part.id.clone(),
        };
        match scene.admin.api_key(&part.id).await? {
            Lookup::Gone => Err(Problem::CurrentKeyDead { key }),
            Lookup::Found(details) => sound(details, part),
            Lookup::Unreadable => self.validate_current(scene, part, key).await,
        }
    }

    /// Without `api_keys_read`: by the key itself.
    async fn validate_current(
        &self,
        scene: &Scene,
        part: &ApiPart,
        key: KeyRef,
    ) -> Result<Known, Problem> {
        match scene.admin.validated(&part.key).await {
            Ok(Some(told)) if told.id != part.id => {
                return Err(Problem::CurrentKeyMismatch { key });
            }
            Ok(Some(told)) => {
                if let Some(own) = scene.admin.organisation().await {
                    let is_foreign = !told.organisation.eq_ignore_ascii_case(&own);
                    return if is_foreign {
                        Err(Problem::OrganisationMismatch { key })
                    } else {
                        Ok(Known::Told)
                    };
                }
            }
            // The preview may fail or go away: then the key itself can be tried, and no more.
            Ok(None) | Err(_) => {}
        }
        let mut backoff = patience();
        while !scene.admin.validate_api_key(&part.key).await? {
            if !backoff.pause(self.budget).await {
                return Err(Problem::CurrentKeyDead { key });
            }
        }
        tracing::warn!(
            secret = self.secret,
            key = %key,
            "not known whether text, id and admin belong together: no api_keys_read, no \
             /api/v2/validate"
        );
        Ok(Known::Works)
    }
}

/// A current API key by what the admin is told of it.
fn sound(details: ApiKeyDetails, part: &ApiPart) -> Result<Known, Problem> {
    let key = part.key_ref();
    if details.status == Status::Unknown {
        Err(Problem::CurrentKeyStatusUnknown { key })
    } else if details.status != Status::Active {
        Err(Problem::CurrentKeyDead { key })
    } else if is_other_key(details.last4.as_deref(), part.key.expose()) {
        Err(Problem::CurrentKeyMismatch { key })
    } else {
        Ok(Known::Found(details))
    }
}

/// For a key that should work already: one refusal may be a hiccup.
fn patience() -> Backoff {
    Backoff::new(
        Duration::from_millis(500),
        Duration::from_secs(2),
        Duration::from_secs(5),
    )
}

/// Upstream recordings have x-ed out digits, and a short text would match anything.
pub(super) fn is_other_key(last4: Option<&str>, text: &str) -> bool {
    last4.is_some_and(|last4| last4.len() == 4 && !text.ends_with(last4))
}
