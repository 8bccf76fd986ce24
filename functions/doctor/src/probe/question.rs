//! What a probe asks, and what came of it.

use std::time::Duration;

/// In the order in which they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    PairAccepted,
    AccessTokenAccepted,
    IdentityMapped,
    TokenLife,
    ServiceAccount,
    ApiKeyCreated,
    ApiKeyValid,
    ApiKeyListed,
    ApiKeyDeleted,
    ApiKeyRefused,
    ApiKeyDeletedAgain,
    ApplicationKeyCreated,
    ApplicationKeyScopes,
    ApplicationKeyAccepted,
    ApplicationKeyDeleted,
    ApplicationKeyRefused,
    ApplicationKeyDeletedAgain,
    ServiceAccessTokenCreated,
    ServiceAccessTokenRights,
    ServiceAccessTokenAccepted,
    ServiceAccessTokenDeleted,
    ServiceAccessTokenRefused,
    ServiceAccessTokenDeletedAgain,
    IdentityMappingCreated,
    IdentityMappingFound,
    IdentityMappingListed,
    IdentityMappingCreatedAgain,
    IntakeMappingCreated,
    MappingDeleted,
    MappingDeletedAgain,
}

/// Which questions a probe has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope {
    pub(crate) keyless: bool,
    pub(crate) access_token: bool,
    pub(crate) mappings: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Yes,
    No,
    Unknown,
    /// So long after what the question names.
    After(Duration),
}

/// What was found out. Holds no key and no token.
#[derive(Clone, Debug)]
pub struct Finding {
    pub question: Question,
    pub answer: Answer,
    /// Statuses, and why there is no better answer.
    pub seen: String,
    /// Of a `no`: what to do.
    pub follows: Option<String>,
}

impl Question {
    pub const ALL: [Self; 30] = [
        Self::PairAccepted,
        Self::AccessTokenAccepted,
        Self::IdentityMapped,
        Self::TokenLife,
        Self::ServiceAccount,
        Self::ApiKeyCreated,
        Self::ApiKeyValid,
        Self::ApiKeyListed,
        Self::ApiKeyDeleted,
        Self::ApiKeyRefused,
        Self::ApiKeyDeletedAgain,
        Self::ApplicationKeyCreated,
        Self::ApplicationKeyScopes,
        Self::ApplicationKeyAccepted,
        Self::ApplicationKeyDeleted,
        Self::ApplicationKeyRefused,
        Self::ApplicationKeyDeletedAgain,
        Self::ServiceAccessTokenCreated,
        Self::ServiceAccessTokenRights,
        Self::ServiceAccessTokenAccepted,
        Self::ServiceAccessTokenDeleted,
        Self::ServiceAccessTokenRefused,
        Self::ServiceAccessTokenDeletedAgain,
        Self::IdentityMappingCreated,
        Self::IdentityMappingFound,
        Self::IdentityMappingListed,
        Self::IdentityMappingCreatedAgain,
        Self::IntakeMappingCreated,
        Self::MappingDeleted,
        Self::MappingDeletedAgain,
    ];

    /// Returns a stable word, listed in the documentation.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::PairAccepted => "pair_accepted",
            Self::AccessTokenAccepted => "access_token_accepted",
            Self::IdentityMapped => "identity_mapped",
            Self::TokenLife => "token_life",
            Self::ServiceAccount => "service_account",
            Self::ApiKeyCreated => "api_key_created",
            Self::ApiKeyValid => "api_key_valid",
            Self::ApiKeyListed => "api_key_listed",
            Self::ApiKeyDeleted => "api_key_deleted",
            Self::ApiKeyRefused => "api_key_refused",
            Self::ApiKeyDeletedAgain => "api_key_deleted_again",
            Self::ApplicationKeyCreated => "application_key_created",
            Self::ApplicationKeyScopes => "application_key_scopes",
            Self::ApplicationKeyAccepted => "application_key_accepted",
            Self::ApplicationKeyDeleted => "application_key_deleted",
            Self::ApplicationKeyRefused => "application_key_refused",
            Self::ApplicationKeyDeletedAgain => "application_key_deleted_again",
            Self::ServiceAccessTokenCreated => "service_access_token_created",
            Self::ServiceAccessTokenRights => "service_access_token_rights",
            Self::ServiceAccessTokenAccepted => "service_access_token_accepted",
            Self::ServiceAccessTokenDeleted => "service_access_token_deleted",
            Self::ServiceAccessTokenRefused => "service_access_token_refused",
            Self::ServiceAccessTokenDeletedAgain => "service_access_token_deleted_again",
            Self::IdentityMappingCreated => "identity_mapping_created",
            Self::IdentityMappingFound => "identity_mapping_found",
            Self::IdentityMappingListed => "identity_mapping_listed",
            Self::IdentityMappingCreatedAgain => "identity_mapping_created_again",
            Self::IntakeMappingCreated => "intake_mapping_created",
            Self::MappingDeleted => "mapping_deleted",
            Self::MappingDeletedAgain => "mapping_deleted_again",
        }
    }

    pub(crate) fn is_of(self, scope: Scope) -> bool {
        match self {
            Self::PairAccepted => !scope.keyless && !scope.access_token,
            Self::AccessTokenAccepted => scope.access_token,
            Self::IdentityMapped | Self::TokenLife | Self::ServiceAccount => scope.keyless,
            _ => !self.is_of_mappings() || scope.mappings,
        }
    }

    fn is_of_mappings(self) -> bool {
        self >= Self::IdentityMappingCreated
    }

    /// Returns whether rotations fail where the answer is no. A second deletion they make only after an
    /// answer that was lost; and whoever rotates no service access token needs none.
    #[must_use]
    pub fn is_needed(self) -> bool {
        let again = [Self::ApiKeyDeletedAgain, Self::ApplicationKeyDeletedAgain];
        self < Self::ServiceAccessTokenCreated && !again.contains(&self)
    }
}

impl Answer {
    /// Returns a stable word, listed in the documentation.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Yes | Self::After(_) => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }

    /// In milliseconds.
    #[must_use]
    pub fn ms(self) -> Option<u64> {
        match self {
            Self::After(time) => Some(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
            Self::Yes | Self::No | Self::Unknown => None,
        }
    }
}
