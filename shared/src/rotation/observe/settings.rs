//! The settings of a current API key: one answer that lacks a setting does not prove that the key has none.

use crate::admin::KeyLookup;
use crate::datadog::ApiKeyDetails;
use crate::datadog::api_keys::ENROLL;
use crate::error::Problem;
use crate::keys::{KeyClass, KeyId, KeyRef};

use crate::rotation::context::{LoadedSecret, SecretReader};

impl SecretReader<'_> {
    /// Adds to what a look-up tells what the list tells, and else looks the key up once more. A setting that
    /// no answer tells is named in a warning: the new key is created without it.
    pub(super) async fn confirm_settings(
        &self,
        secret: &LoadedSecret,
        mut details: ApiKeyDetails,
        listed: Option<&ApiKeyDetails>,
    ) -> Result<ApiKeyDetails, Problem> {
        if let Some(listed) = listed {
            details.complete(listed);
        }
        if details.untold().is_empty() {
            return Ok(details);
        }
        if let KeyLookup::Found(again) = secret.admin.api_key(&details.id).await? {
            details.complete(&again);
        }
        let untold = details.untold();
        if !untold.is_empty() {
            let (class, id) = (KeyClass::Api, details.id.clone());
            tracing::warn!(
                secret = self.secret,
                key = %KeyRef { class, id },
                settings = ?untold,
                "Datadog does not tell these settings of the current key: the new key is created without \
                 them"
            );
        }
        Ok(details)
    }

    /// Looks the current API key up once more, and returns whether it may enrol action runners; `None` if that
    /// can't be told, or the answer leaves it out, as in an organisation that has no such attribute.
    pub(in crate::rotation) async fn enrolls(
        &self,
        secret: &LoadedSecret,
        current: &KeyId,
    ) -> Option<bool> {
        match secret.admin.api_key(current).await {
            Ok(KeyLookup::Found(details)) => details.attributes.told(ENROLL),
            Ok(KeyLookup::NotFound | KeyLookup::Forbidden) | Err(_) => None,
        }
    }
}
