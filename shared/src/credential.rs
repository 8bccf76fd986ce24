//! The secret types: what a value of each holds.

use std::fmt;

use crate::keys::{AccessToken, ApiKey, AppKey, KeyClass, KeyId, KeyRef, ServiceAccountId};

/// The type of a rotated secret, named as the managed service names it. It has none for service access
/// tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    ApiKey,
    ApplicationKey,
    AdminKey,
    ServiceAccessToken,
}

/// For how long a replaced key goes on working.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grace {
    /// Until the next rotation replaces its successor: AWSCURRENT and AWSPREVIOUS both work.
    OneRotation,
    /// Not at all: it is deleted as soon as its successor is AWSCURRENT.
    None,
}

impl Kind {
    pub const ALL: [Self; 4] = [
        Self::ApiKey,
        Self::ApplicationKey,
        Self::AdminKey,
        Self::ServiceAccessToken,
    ];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ApiKey => "DatadogApiKey",
            Self::ApplicationKey => "DatadogApplicationKey",
            Self::AdminKey => "DatadogAdminKey",
            Self::ServiceAccessToken => "DatadogServiceAccessToken",
        }
    }

    /// Returns the type of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Returns the fields that no value of another type needs.
    #[must_use]
    pub fn telling_fields(self) -> &'static [&'static str] {
        match self {
            Self::ApiKey => &["apiKey", "apiKeyId"],
            Self::ApplicationKey => &["appKey", "appKeyId"],
            Self::AdminKey => &[
                "adminApiKey",
                "adminApiKeyId",
                "adminAppKey",
                "adminAppKeyId",
                "orgUuid",
            ],
            Self::ServiceAccessToken => &["serviceAccessToken", "serviceAccessTokenId"],
        }
    }

    #[must_use]
    pub fn grace(self) -> Grace {
        match self {
            Self::ApiKey | Self::ServiceAccessToken => Grace::OneRotation,
            Self::ApplicationKey | Self::AdminKey => Grace::None,
        }
    }

    /// Returns the classes of key that a value holds, in the order in which they are created.
    ///
    /// The application key comes first: it can always be listed again, so that a process that
    /// ends between the two creations leaves nothing behind that can't be found.
    #[must_use]
    pub fn classes(self) -> &'static [KeyClass] {
        match self {
            Self::ApiKey => &[KeyClass::Api],
            Self::ApplicationKey => &[KeyClass::Application],
            Self::AdminKey => &[KeyClass::Application, KeyClass::Api],
            Self::ServiceAccessToken => &[KeyClass::AccessToken],
        }
    }

    /// Returns the scopes that the admin application key needs for this type, as the managed service
    /// documents them. Of tokens Datadog documents them.
    #[must_use]
    pub fn required_scopes(self) -> &'static [&'static str] {
        match self {
            Self::ApiKey => &["api_keys_write", "api_keys_delete"],
            Self::ApplicationKey | Self::AdminKey => &[
                "api_keys_write",
                "api_keys_delete",
                "org_app_keys_read",
                "org_app_keys_write",
                "service_account_write",
            ],
            Self::ServiceAccessToken => &[
                "org_app_keys_read",
                "org_app_keys_write",
                "service_account_write",
            ],
        }
    }
}

/// An API key: its text and its id.
#[derive(Clone, Debug)]
pub struct ApiPart {
    pub key: ApiKey,
    pub id: KeyId,
}

/// An application key: its text, its id and the service account that owns it.
#[derive(Clone, Debug)]
pub struct AppPart {
    pub key: AppKey,
    pub id: KeyId,
    pub service_account: ServiceAccountId,
}

impl ApiPart {
    #[must_use]
    pub fn key_ref(&self) -> KeyRef {
        KeyRef {
            class: KeyClass::Api,
            id: self.id.clone(),
        }
    }
}

impl AppPart {
    #[must_use]
    pub fn key_ref(&self) -> KeyRef {
        KeyRef {
            class: KeyClass::Application,
            id: self.id.clone(),
        }
    }
}

/// A service access token: its value, its ID and the service account that owns it.
#[derive(Clone, Debug)]
pub struct TokenPart {
    pub key: AccessToken,
    pub id: KeyId,
    pub service_account: ServiceAccountId,
}

impl TokenPart {
    #[must_use]
    pub fn key_ref(&self) -> KeyRef {
        KeyRef {
            class: KeyClass::AccessToken,
            id: self.id.clone(),
        }
    }
}

/// A key that a service account owns: an application key or a service access token.
#[derive(Clone)]
pub struct OwnedKey<'a> {
    pub key: KeyRef,
    pub value: &'a str,
    pub service_account: &'a ServiceAccountId,
}

impl fmt::Debug for OwnedKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnedKey").field(&self.key).finish()
    }
}

/// What a value of one of the types holds.
#[derive(Clone, Debug)]
pub enum Credential {
    Api(ApiPart),
    Application(AppPart),
    Pair(ApiPart, AppPart),
    Token(TokenPart),
    /// An admin secret without keys: the function's own identity acts as this service account.
    Keyless(ServiceAccountId),
}

impl Credential {
    #[must_use]
    pub fn api(&self) -> Option<&ApiPart> {
        match self {
            Self::Api(api) | Self::Pair(api, _) => Some(api),
            Self::Application(_) | Self::Token(_) | Self::Keyless(_) => None,
        }
    }

    #[must_use]
    pub fn application(&self) -> Option<&AppPart> {
        match self {
            Self::Application(application) | Self::Pair(_, application) => Some(application),
            Self::Api(_) | Self::Token(_) | Self::Keyless(_) => None,
        }
    }

    #[must_use]
    pub fn token(&self) -> Option<&TokenPart> {
        match self {
            Self::Token(token) => Some(token),
            Self::Api(_) | Self::Application(_) | Self::Pair(..) | Self::Keyless(_) => None,
        }
    }

    /// Returns the key of it that a service account owns.
    #[must_use]
    pub fn owned(&self) -> Option<OwnedKey<'_>> {
        let application = self.application().map(|part| OwnedKey {
            key: part.key_ref(),
            value: part.key.expose(),
            service_account: &part.service_account,
        });
        application.or_else(|| {
            self.token().map(|part| OwnedKey {
                key: part.key_ref(),
                value: part.key.expose(),
                service_account: &part.service_account,
            })
        })
    }

    #[must_use]
    pub fn service_account(&self) -> Option<&ServiceAccountId> {
        match self {
            Self::Keyless(account) => Some(account),
            _ => self.owned().map(|it| it.service_account),
        }
    }

    /// Returns the key whose name tells who made the whole: of a pair the application key, whose name
    /// can always be read.
    #[must_use]
    pub fn telling_key(&self) -> Option<KeyRef> {
        let owned = self.owned().map(|it| it.key);
        owned.or_else(|| self.api().map(ApiPart::key_ref))
    }

    /// Returns it without the API key of a pair.
    #[must_use]
    pub fn without_api_key(&self) -> Self {
        match self {
            Self::Pair(_, application) => Self::Application(application.clone()),
            other => other.clone(),
        }
    }

    /// Returns whether it holds no key at all, so that there is nothing to rotate.
    #[must_use]
    pub fn is_keyless(&self) -> bool {
        matches!(self, Self::Keyless(_))
    }

    /// Returns the keys it names.
    #[must_use]
    pub fn keys(&self) -> Vec<KeyRef> {
        let owned = self.owned().map(|it| it.key);
        let api = self.api().map(ApiPart::key_ref);
        owned.into_iter().chain(api).collect()
    }
}
