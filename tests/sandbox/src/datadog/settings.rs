//! What differs between organisations, and what nobody has written down.

use std::collections::BTreeMap;
use std::time::Duration;

use http::StatusCode;

use super::edge::{Edge, EdgeChoice};
use super::endpoint::{Act, Endpoint};

/// Datadog's clients assume a quarter of an hour where nothing is told.
const USUAL_LIFE: Duration = Duration::from_mins(15);

/// What becomes of a creation that asks for an attribute which Datadog's clients only read. What Datadog
/// does is not established.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadOnly {
    Ignored,
    Taken,
    /// 400, and the text names the attribute.
    Refused,
}

/// The default is an organisation made today, without rate limits and without delays.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts of an organisation, each true or not by itself"
)]
pub struct Settings {
    /// How long a key made through the API is refused, with 401 and 403 in turn (documented as
    /// "may take a few seconds").
    pub fresh_key_unusable_for: Duration,
    /// How long a key made through the API is missing from the lists (synthetic).
    pub fresh_key_unlisted_for: Duration,
    /// The organisation's edges, each with lags of its own. Without any, every request finds every
    /// key (reported: fresh keys are not known everywhere at once).
    pub edges: Vec<Edge>,
    pub edge_choice: EdgeChoice,
    /// Whether names of keys come back in upper case (synthetic).
    pub upper_case_names: bool,
    /// Keys on a page at most, whatever a request asks for (synthetic).
    pub most_per_page: usize,
    /// Whether a new key's value has a shape that nobody has seen yet, as `ddapp_` was in 2026.
    pub new_shape: bool,
    /// Whether `current_user` includes a resource of a type that nobody knows, whose members have
    /// other JSON types than those of known resources (synthetic).
    pub odd_resources: bool,
    /// Whether every `created_at` is a number (synthetic).
    pub numbered_dates: bool,
    /// Whether a mask stands for the last characters of every value (synthetic).
    pub hides_ends: bool,
    /// Whether `validate_keys` refuses with 200 and `{"status":"error"}` (synthetic).
    pub errors_with_200: bool,
    /// Attributes of API keys that no request can set, and their values in a new key:
    /// `private_action_runner_enroll_enabled` is read-only in Datadog's clients.
    pub read_only_attributes: BTreeMap<String, bool>,
    /// What becomes of a creation that asks for them.
    pub asked_for_read_only: ReadOnly,
    /// How long an ended key still authenticates (documented as "may take a few seconds").
    pub revoked_key_usable_for: Duration,
    /// Live API keys that the organisation may hold; 50 is documented.
    pub api_key_quota: usize,
    /// Live application keys that one user may hold; 1000 is recorded.
    pub application_key_quota: usize,
    /// The answer to an API key's name that a live API key bears, or none if names may repeat.
    /// That names are unique is documented, the status is synthetic.
    pub taken_api_key_name: Option<StatusCode>,
    /// Likewise for the application keys of one user; v1 documents 409.
    pub taken_application_key_name: Option<StatusCode>,
    /// Whether a revoked API key, which a person may restore for 7 days, keeps its name taken
    /// although no list shows it (synthetic).
    pub revoked_api_key_keeps_name: bool,
    /// The answer to deleting a revoked API key: 404 in 2022's recordings, unknown since keys are
    /// revoked instead of removed.
    pub deleting_revoked_api_key: StatusCode,
    /// Whether GET and PATCH of an API key show its text, as in the recorded organisation.
    pub get_shows_api_key_value: bool,
    /// Whether users' own application keys are shown at creation only, as in every organisation
    /// made since August 2025. Those of service accounts always are.
    pub one_time_read: bool,
    /// Whether the preview endpoint `/api/v2/validate` exists or answers 404.
    pub validate_v2: bool,
    /// How long a token works. Datadog's clients assume a quarter of an hour where nothing is told.
    pub token_life: Duration,
    pub token_expires: Expires,
    /// The answer to a caller of AWS whom no mapping fits: 401 and 403 are both reported.
    pub unmapped_identity: StatusCode,
    /// The answer to a token that was revoked before its time (synthetic).
    pub revoked_token: StatusCode,
    pub kept_from_tokens: KeptFromTokens,
    pub token_header: TokenHeader,
    /// Whether a look-up still finds a service access token that has ended by itself (nobody has said).
    pub finds_ended_tokens: bool,
    /// Whether a look-up still finds one that was revoked, as it was (nobody has said).
    pub finds_revoked_tokens: bool,
    /// How long no mapping may be of an AWS account that was just registered (recorded).
    pub fresh_account_unknown_for: Duration,
    /// How long GET does not find a mapping that was just made, two times of three (reported).
    pub fresh_mapping_hidden_for: Duration,
    /// The answer to a pattern of a role that another mapping has: 409 is documented.
    pub taken_mapping: StatusCode,
    /// Applies to each family of endpoints by itself; the real figures are not published.
    pub rate_limit: Option<RateLimit>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            fresh_key_unusable_for: Duration::ZERO,
            fresh_key_unlisted_for: Duration::ZERO,
            edges: Vec::new(),
            edge_choice: EdgeChoice::InTurn,
            upper_case_names: false,
            most_per_page: 100,
            new_shape: false,
            odd_resources: false,
            numbered_dates: false,
            hides_ends: false,
            errors_with_200: false,
            read_only_attributes: BTreeMap::new(),
            asked_for_read_only: ReadOnly::Ignored,
            revoked_key_usable_for: Duration::ZERO,
            api_key_quota: 50,
            application_key_quota: 1000,
            taken_api_key_name: Some(StatusCode::CONFLICT),
            taken_application_key_name: Some(StatusCode::CONFLICT),
            revoked_api_key_keeps_name: false,
            deleting_revoked_api_key: StatusCode::NOT_FOUND,
            get_shows_api_key_value: false,
            one_time_read: true,
            validate_v2: true,
            token_life: USUAL_LIFE,
            token_expires: Expires::Text,
            unmapped_identity: StatusCode::UNAUTHORIZED,
            revoked_token: StatusCode::FORBIDDEN,
            kept_from_tokens: KeptFromTokens::Nothing,
            token_header: TokenHeader::Either,
            finds_ended_tokens: false,
            finds_revoked_tokens: false,
            fresh_account_unknown_for: Duration::ZERO,
            fresh_mapping_hidden_for: Duration::ZERO,
            taken_mapping: StatusCode::CONFLICT,
            rate_limit: None,
        }
    }
}

/// So many requests in a window of so many seconds; windows begin at multiples of the period.
#[derive(Debug, Clone, Copy)]
pub struct RateLimit {
    pub requests: u32,
    pub period_seconds: u32,
}

/// How an exchange tells when its token ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expires {
    /// Seconds since 1970 in a string, as Datadog's clients read it.
    Text,
    /// RFC 3339, as a draft of the API's description has it.
    Date,
    /// Synthetic.
    Number,
    Untold,
}

/// Where a request may carry a service access token. Both are told (documented), and nobody has
/// recorded either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenHeader {
    Either,
    /// `Authorization: Bearer`, with no key beside it.
    Bearer,
    /// `DD-APPLICATION-KEY`, beside an API key.
    ApplicationKey,
}

/// What a delegated token may not do though its user may. That it may do everything is what the
/// clients expect; that it creates no application keys is the rule for personal and service access
/// tokens, and may be for these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptFromTokens {
    Nothing,
    ApplicationKeys,
    AllKeys,
}

impl KeptFromTokens {
    pub(super) fn covers(self, endpoint: Endpoint<'_>) -> bool {
        let creates = Act::Create;
        match endpoint {
            Endpoint::ApplicationKeys(_, act) | Endpoint::ApplicationKeysV1(act) => {
                self != Self::Nothing && act == creates
            }
            Endpoint::ApiKeys(act) | Endpoint::ApiKeysV1(act) => {
                self == Self::AllKeys && act == creates
            }
            _ => false,
        }
    }
}
