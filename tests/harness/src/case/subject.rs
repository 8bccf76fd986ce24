//! What is rotated, and by whom.

use std::fmt;

use datadog_rotation::Kind;
use sandbox::scene::Admin;

use super::fault::Fault;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    ApiKey,
    ApplicationKey,
    AdminKey,
    ServiceAccessToken,
    /// An admin pair that another admin rotates.
    AssistedAdminKey,
    /// An application key whose secret asks for a grace period.
    GracedApplicationKey,
    /// Likewise an admin pair.
    GracedAdminKey,
    /// An API key whose secret asks for no grace period.
    UngracedApiKey,
    /// A service access token that has leaked: it is to go as soon as it is replaced.
    LeakedAccessToken,
    /// Rotated by the function's own identity, which its variables describe.
    KeylessApiKey,
    /// Likewise, by a keyless admin secret.
    KeylessApplicationKey,
    /// Likewise.
    KeylessServiceAccessToken,
    /// An admin pair that a keyless admin rotates.
    KeylessAssistedAdminKey,
    /// An admin secret without keys, which rotates into itself.
    KeylessAdmin,
    /// Rotated by an admin secret that holds a service access token.
    ApiKeyByToken,
    /// Likewise.
    AccessTokenByToken,
}

impl Subject {
    pub const ALL: [Self; 5] = [
        Self::ApiKey,
        Self::ApplicationKey,
        Self::AdminKey,
        Self::ServiceAccessToken,
        Self::AssistedAdminKey,
    ];

    /// Those whose secrets say what is to become of replaced keys.
    pub const ON_DEMAND: [Self; 4] = [
        Self::GracedApplicationKey,
        Self::GracedAdminKey,
        Self::UngracedApiKey,
        Self::LeakedAccessToken,
    ];

    pub const KEYLESS: [Self; 5] = [
        Self::KeylessApiKey,
        Self::KeylessApplicationKey,
        Self::KeylessServiceAccessToken,
        Self::KeylessAssistedAdminKey,
        Self::KeylessAdmin,
    ];

    pub const BY_TOKEN: [Self; 2] = [Self::ApiKeyByToken, Self::AccessTokenByToken];

    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::ApiKey | Self::KeylessApiKey | Self::UngracedApiKey | Self::ApiKeyByToken => {
                Kind::ApiKey
            }
            Self::ApplicationKey | Self::KeylessApplicationKey | Self::GracedApplicationKey => {
                Kind::ApplicationKey
            }
            Self::ServiceAccessToken
            | Self::KeylessServiceAccessToken
            | Self::AccessTokenByToken
            | Self::LeakedAccessToken => Kind::ServiceAccessToken,
            Self::AdminKey
            | Self::GracedAdminKey
            | Self::AssistedAdminKey
            | Self::KeylessAssistedAdminKey
            | Self::KeylessAdmin => Kind::AdminKey,
        }
    }

    /// In whose name the functions act.
    #[must_use]
    pub fn admin(self) -> Admin {
        match self {
            Self::KeylessApiKey => Admin::IdentityOfVariables,
            Self::KeylessApplicationKey | Self::KeylessServiceAccessToken | Self::KeylessAdmin => {
                Admin::Identity
            }
            Self::ApiKeyByToken | Self::AccessTokenByToken => Admin::AccessToken,
            _ => Admin::Pair,
        }
    }

    /// Returns the page of its figures, if they are not on the page `usual`.
    #[must_use]
    pub fn page(self, usual: &'static str) -> &'static str {
        if Self::ON_DEMAND.contains(&self) {
            "figures/grace"
        } else {
            usual
        }
    }

    /// The faults that its calls can meet.
    #[must_use]
    pub fn faults(self) -> Vec<Fault> {
        let of_tokens: &[_] = if Self::KEYLESS.contains(&self) {
            &Fault::OF_TOKENS
        } else {
            &[]
        };
        [&Fault::ALL, of_tokens].concat()
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ApiKey => "API key",
            Self::ApplicationKey => "application key",
            Self::AdminKey => "admin pair",
            Self::ServiceAccessToken => "service access token",
            Self::AssistedAdminKey => "admin pair, assisted",
            Self::GracedApplicationKey => "application key, grace on demand",
            Self::GracedAdminKey => "admin pair, grace on demand",
            Self::UngracedApiKey => "API key, no grace on demand",
            Self::LeakedAccessToken => "service access token, leaked",
            Self::KeylessApiKey => "API key, keyless",
            Self::KeylessApplicationKey => "application key, keyless",
            Self::KeylessServiceAccessToken => "service access token, keyless",
            Self::KeylessAssistedAdminKey => "admin pair, assisted, keyless",
            Self::KeylessAdmin => "admin without keys",
            Self::ApiKeyByToken => "API key, by a token",
            Self::AccessTokenByToken => "service access token, by a token",
        })
    }
}
