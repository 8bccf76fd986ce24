//! A Datadog organisation: its keys, its service accounts, and the HTTP API that rotation speaks.
//!
//! [`Datadog::call`] answers one request at a given time and never looks at a clock, a socket or
//! the system's randomness, so equal calls give equal answers. What real exchanges show is marked
//! "recorded" and held to them by `tests/recorded_datadog`; "documented" comes from Datadog's
//! documentation or API description, "reported" from threads about it; "synthetic" is our reading
//! where none of them says anything.

mod access;
mod access_tokens;
mod api_keys;
mod application_keys;
mod aws_accounts;
mod body;
mod delegation;
mod edge;
mod edges;
mod endpoint;
mod generator;
mod key;
mod keys_v1;
mod mappings;
mod page;
mod permission;
mod rate_limit;
mod reply;
mod scene;
mod scopes;
mod settings;
#[cfg(test)]
mod tests;
mod user;
mod users;
mod validation;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use time::OffsetDateTime;

pub use aws_accounts::AwsAccount;
pub use delegation::Token;
pub use edge::{Edge, EdgeChoice};
pub use endpoint::MappingKind;
pub use key::{Class, Key, Minted};
pub use mappings::Mapping;
pub use settings::{Expires, KeptFromTokens, RateLimit, ReadOnly, Settings, TokenHeader};

use crate::sts::Sts;
use access::Credential;
use edges::Edges;
use endpoint::Endpoint;
use generator::Generator;
use rate_limit::Windows;
use reply::{Refusal, Reply};
use user::{Role, User};

/// One organisation. Its first user is the person who makes keys by hand.
#[derive(Clone, Debug)]
pub struct Datadog {
    pub settings: Settings,
    /// Whom the organisation asks who somebody of AWS is.
    pub sts: Sts,
    organisation: String,
    users: Vec<User>,
    roles: Vec<Role>,
    /// Ended keys stay, so that no text of a key is ever forgotten.
    keys: Vec<Key>,
    mappings: Vec<Mapping>,
    accounts: Vec<AwsAccount>,
    external_ids: Vec<aws_accounts::ExternalId>,
    /// How many changes of them will be refused for others that are under way.
    conflicting_updates: u32,
    /// Like keys, none is ever forgotten.
    tokens: Vec<Token>,
    /// All proofs that were ever shown.
    proofs: BTreeSet<String>,
    windows: Windows,
    /// Which edge answers the request at hand.
    edges: Edges,
    /// Keys that can't be deleted, and what each try is answered.
    undeletable: BTreeMap<String, StatusCode>,
    generator: Generator,
}

impl Default for Datadog {
    fn default() -> Self {
        Self::new()
    }
}

impl Datadog {
    /// The organisation's id.
    #[must_use]
    pub fn organisation(&self) -> &str {
        &self.organisation
    }

    /// An organisation with its managed administrator role, one administrator and no key.
    #[must_use]
    pub fn new() -> Self {
        let mut generator = Generator::new();
        let administrators = Role::managed(generator.id(), "Datadog Admin Role");
        let mut founder = User::human(generator.id(), "admin@example.com", user::FOUNDED);
        founder.accept_invitation(&administrators.id);
        Self {
            settings: Settings::default(),
            sts: Sts::default(),
            organisation: generator.id(),
            users: vec![founder],
            roles: vec![administrators],
            keys: Vec::new(),
            mappings: Vec::new(),
            accounts: Vec::new(),
            external_ids: Vec::new(),
            conflicting_updates: 0,
            tokens: Vec::new(),
            proofs: BTreeSet::new(),
            windows: Windows::default(),
            edges: Edges::default(),
            undeletable: BTreeMap::new(),
            generator,
        }
    }

    /// Answers `request` as the organisation stands at `now`. The request's authority is ignored,
    /// header names are case-insensitive.
    pub fn call(&mut self, now: OffsetDateTime, request: &Request<Bytes>) -> Response<Bytes> {
        self.answer(now, request)
            .unwrap_or_else(Reply::from)
            .into_response()
    }

    fn answer(&mut self, now: OffsetDateTime, request: &Request<Bytes>) -> Result<Reply, Refusal> {
        let endpoint = Endpoint::of(request.method(), request.uri().path())
            .ok_or_else(Refusal::no_such_path)?;
        self.end_tokens(now);
        let settings = &self.settings;
        self.edges.choose(&settings.edges, settings.edge_choice);
        let credential = match endpoint {
            Endpoint::DelegatedToken => Credential::Proof,
            _ => self.credential_of(now, request.headers())?,
        };
        let quota = self
            .settings
            .rate_limit
            .map(|limit| self.windows.count(now, endpoint.family(), limit));
        let reply = match quota {
            Some(ref quota) if quota.exceeded => Err(Refusal::too_many_requests()),
            _ => self.dispatch(now, endpoint, request, credential),
        };
        let reply = match reply {
            Err(_) if self.settings.errors_with_200 && endpoint == Endpoint::ValidateKeys => {
                validation::error_with_200()
            }
            reply => reply.unwrap_or_else(Reply::from),
        };
        Ok(match quota {
            Some(quota) => quota.stamp(reply),
            None => reply,
        })
    }

    fn dispatch(
        &mut self,
        now: OffsetDateTime,
        endpoint: Endpoint<'_>,
        request: &Request<Bytes>,
        credential: Credential,
    ) -> Result<Reply, Refusal> {
        let caller = match (endpoint, credential) {
            (Endpoint::Validate, Credential::ApiKey(_)) => return Ok(validation::v1()),
            (Endpoint::ValidateV2, Credential::ApiKey(id)) => return self.validate_v2(&id),
            // A token is no API key (specification).
            (Endpoint::Validate | Endpoint::ValidateV2, _) => {
                return Err(Refusal::api_key_required());
            }
            (_, Credential::Proof) => return self.exchange(now, request),
            (_, Credential::Bearer(caller)) => caller,
            (_, Credential::ApiKey(_)) => self.caller_of(now, request.headers())?,
        };
        caller.demand(endpoint.permissions())?;
        if caller.by_token && self.settings.kept_from_tokens.covers(endpoint) {
            return Err(Refusal::forbidden());
        }
        match endpoint {
            Endpoint::ApiKeys(act) => self.api_keys(now, &caller, act, request),
            Endpoint::ApplicationKeys(surface, act) => {
                self.application_keys(now, &caller, surface, act, request)
            }
            Endpoint::ApiKeysV1(act) => self.api_keys_v1(now, &caller, act, request),
            Endpoint::ApplicationKeysV1(act) => {
                self.application_keys_v1(now, &caller, act, request)
            }
            Endpoint::AccessTokens(account, act) => {
                self.access_tokens(now, &caller, account, act, request)
            }
            Endpoint::Users(act) => self.users(now, act, request),
            Endpoint::ServiceAccounts => self.new_service_account(now, &caller, request),
            Endpoint::Roles(act) => self.roles(now, act, request),
            Endpoint::CurrentUser => self.current_user(&caller),
            Endpoint::Mappings(kind, act) => self.mappings(now, &caller, kind, act, request),
            Endpoint::AwsAccounts(act) => self.aws_accounts(now, act, request),
            Endpoint::NewExternalId => Ok(self.new_external_id(now)),
            Endpoint::Namespaces => Ok(aws_accounts::list_namespaces()),
            Endpoint::ValidateKeys
            | Endpoint::Validate
            | Endpoint::ValidateV2
            | Endpoint::DelegatedToken => Ok(validation::pair()),
        }
    }
}
