//! The endpoints, and the permissions that Datadog's API description asks for.

use http::Method;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MappingKind {
    Identity,
    Intake,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint<'a> {
    ApiKeys(Act<'a>),
    ApplicationKeys(Surface<'a>, Act<'a>),
    /// Of the first version of the API, which names keys by their texts.
    ApiKeysV1(Act<'a>),
    ApplicationKeysV1(Act<'a>),
    /// Those of the service account with this id.
    AccessTokens(&'a str, Act<'a>),
    Users(Act<'a>),
    ServiceAccounts,
    Roles(Act<'a>),
    CurrentUser,
    Validate,
    ValidateV2,
    ValidateKeys,
    DelegatedToken,
    Mappings(MappingKind, Act<'a>),
    AwsAccounts(Act<'a>),
    NewExternalId,
    Namespaces,
}

/// What is done to a collection, or to the one of its members that has this id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act<'a> {
    Create,
    List,
    Get(&'a str),
    Edit(&'a str),
    Delete(&'a str),
}

/// The ways to the same application keys, which differ in permission and in what they show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Surface<'a> {
    /// The keys of the service account with this id.
    ServiceAccount(&'a str),
    /// The keys of the caller.
    CurrentUser,
    /// All keys; none can be made here.
    Organisation,
}

impl<'a> Endpoint<'a> {
    pub(super) fn of(method: &Method, path: &'a str) -> Option<Self> {
        let segments: Vec<&str> = path.strip_prefix("/api/")?.split('/').collect();
        let endpoint = match segments[..] {
            ["v1", "validate"] if method == Method::GET => Self::Validate,
            ["v1", "api_key", ref text @ ..] => Self::ApiKeysV1(Act::v1(method, text)?),
            ["v1", "application_key", ref text @ ..] => {
                Self::ApplicationKeysV1(Act::v1(method, text)?)
            }
            ["v2", "validate"] if method == Method::GET => Self::ValidateV2,
            ["v2", "validate_keys"] if method == Method::GET => Self::ValidateKeys,
            ["v2", "delegated-token"] if method == Method::POST => Self::DelegatedToken,
            ["v2", "current_user"] if method == Method::GET => Self::CurrentUser,
            ["v2", "service_accounts"] if method == Method::POST => Self::ServiceAccounts,
            ["v2", "api_keys", ref id @ ..] => Self::ApiKeys(Act::of(method, id)?),
            [
                "v2",
                "service_accounts",
                account,
                "application_keys",
                ref id @ ..,
            ] => Self::ApplicationKeys(Surface::ServiceAccount(account), Act::of(method, id)?),
            [
                "v2",
                "service_accounts",
                account,
                "access_tokens",
                ref id @ ..,
            ] => Self::AccessTokens(account, Act::of(method, id)?),
            ["v2", "current_user", "application_keys", ref id @ ..] => {
                Self::ApplicationKeys(Surface::CurrentUser, Act::of(method, id)?)
            }
            ["v2", "application_keys", ref id @ ..] => {
                Self::ApplicationKeys(Surface::Organisation, Act::of(method, id)?)
            }
            ["v2", "cloud_auth", "aws", "persona_mapping", ref id @ ..] => {
                Self::Mappings(MappingKind::Identity, Act::of(method, id)?)
            }
            ["v2", "cloud_auth", "aws", "intake_mapping", ref id @ ..] => {
                Self::Mappings(MappingKind::Intake, Act::of(method, id)?)
            }
            ["v2", "integration", "aws", "accounts", ref id @ ..] => {
                Self::AwsAccounts(Act::of(method, id)?)
            }
            ["v2", "integration", "aws", "generate_new_external_id"] if method == Method::POST => {
                Self::NewExternalId
            }
            ["v2", "integration", "aws", "available_namespaces"] if method == Method::GET => {
                Self::Namespaces
            }
            ["v2", "users", ref id @ ..] => Self::Users(Act::of(method, id)?),
            ["v2", "roles", ref id @ ..] => Self::Roles(Act::of(method, id)?),
            _ => return None,
        };
        endpoint.is_served().then_some(endpoint)
    }

    fn is_served(self) -> bool {
        !matches!(
            self,
            Self::ApplicationKeys(Surface::Organisation, Act::Create)
                | Self::Users(Act::List)
                | Self::Mappings(_, Act::Edit(_))
                | Self::Roles(Act::List | Act::Get(_) | Act::Edit(_))
        )
    }

    /// Any one of these suffices; none is needed where the list is empty.
    pub(super) fn permissions(self) -> &'static [&'static str] {
        match self {
            Self::ApiKeys(Act::List | Act::Get(_)) | Self::ApiKeysV1(Act::List | Act::Get(_)) => {
                &["api_keys_read"]
            }
            Self::ApiKeys(Act::Create | Act::Edit(_))
            | Self::ApiKeysV1(Act::Create | Act::Edit(_)) => &["api_keys_write"],
            Self::ApiKeys(Act::Delete(_)) | Self::ApiKeysV1(Act::Delete(_)) => &["api_keys_delete"],
            Self::ApplicationKeys(Surface::ServiceAccount(_), _)
            | Self::AccessTokens(..)
            | Self::ServiceAccounts => &["service_account_write"],
            Self::ApplicationKeys(Surface::CurrentUser, _) | Self::ApplicationKeysV1(_) => {
                &["user_app_keys"]
            }
            Self::ApplicationKeys(Surface::Organisation, Act::List | Act::Get(_)) => {
                &["org_app_keys_read"]
            }
            Self::ApplicationKeys(Surface::Organisation, _) => &["org_app_keys_write"],
            Self::Users(Act::List | Act::Get(_)) => &["user_access_read"],
            Self::Users(Act::Create) => &["user_access_invite"],
            Self::Users(Act::Edit(_) | Act::Delete(_)) => {
                &["user_access_manage", "service_account_write"]
            }
            Self::Roles(_) => &["user_access_manage"],
            // The recorded names; the preview had others, and documents have yet others.
            Self::Mappings(_, Act::List | Act::Get(_)) => &[
                "workload_identity_federation_read",
                "cloud_auth_config_read",
            ],
            Self::Mappings(..) => &[
                "workload_identity_federation_write",
                "cloud_auth_config_write",
            ],
            Self::AwsAccounts(Act::List | Act::Get(_)) | Self::Namespaces => {
                &["aws_configuration_read"]
            }
            Self::AwsAccounts(Act::Create | Act::Delete(_)) => &["aws_configurations_manage"],
            Self::AwsAccounts(Act::Edit(_)) | Self::NewExternalId => &["aws_configuration_edit"],
            Self::CurrentUser
            | Self::Validate
            | Self::ValidateV2
            | Self::ValidateKeys
            | Self::DelegatedToken => &[],
        }
    }

    /// What shares a rate limit (synthetic).
    pub(super) fn family(self) -> &'static str {
        match self {
            Self::ApiKeys(_) | Self::ApiKeysV1(_) => "api_keys",
            Self::ApplicationKeys(..) | Self::ApplicationKeysV1(_) => "application_keys",
            Self::AccessTokens(..) => "access_tokens",
            Self::Users(_) | Self::ServiceAccounts | Self::Roles(_) | Self::CurrentUser => "users",
            Self::Validate | Self::ValidateV2 | Self::ValidateKeys => "validate",
            Self::DelegatedToken => "delegated_token",
            Self::Mappings(..) => "mappings",
            Self::AwsAccounts(_) | Self::NewExternalId | Self::Namespaces => "aws_accounts",
        }
    }
}

impl<'a> Act<'a> {
    fn of(method: &Method, id: &[&'a str]) -> Option<Self> {
        match (method.as_str(), id) {
            ("POST", []) => Some(Self::Create),
            ("GET", []) => Some(Self::List),
            ("GET", &[id]) => Some(Self::Get(id)),
            ("PATCH", &[id]) => Some(Self::Edit(id)),
            ("DELETE", &[id]) => Some(Self::Delete(id)),
            _ => None,
        }
    }

    /// The first version edits by PUT.
    fn v1(method: &Method, text: &[&'a str]) -> Option<Self> {
        match *method {
            Method::PUT => Self::of(&Method::PATCH, text),
            Method::PATCH => None,
            _ => Self::of(method, text),
        }
    }
}
