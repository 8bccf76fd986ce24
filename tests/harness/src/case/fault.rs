//! What goes wrong at a call.

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use sandbox::gate::{Fate, Lie};

/// An attribute of API keys that Datadog's clients only read.
pub const ENROLL: &str = "private_action_runner_enroll_enabled";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    FailBefore,
    FailAfter,
    CutBefore,
    CutAfter,
    SilenceBefore,
    SilenceAfter,
    /// Nothing was heard, and it takes effect after its caller has given up waiting.
    Late,
    Throttle,
    KillBefore,
    KillAfter,
    Html,
    Truncated,
    /// Every delegated token has come to its end.
    TokensExpired,
    /// Every delegated token has been revoked.
    TokensRevoked,
    /// An error of the service's own with this status, once. Nothing is done.
    Refused(u16),
    /// A web page with this status, once. Nothing is done.
    Page(u16),
    /// A wrong answer of a right shape.
    Lie(Lie),
    /// The created key's value has a shape that nobody has seen yet.
    NewShape,
    /// The key can't be deleted for as long as the disturbance lasts: each try has this status.
    Undeletable(u16),
}

impl Fault {
    /// Typed lies: what may be answered by mistake, in a shape that reads well.
    pub const LIES: [Self; 47] = [
        Self::Refused(401),
        Self::Refused(403),
        Self::Page(401),
        Self::Page(403),
        Self::Refused(404),
        Self::Refused(409),
        Self::Lie(Lie::EmptyLists),
        Self::Lie(Lie::ShortPage),
        Self::Lie(Lie::SaysError),
        Self::Lie(Lie::SaysDone),
        Self::Lie(Lie::Null("scopes")),
        Self::Lie(Lie::Without("data")),
        Self::Lie(Lie::Without("id")),
        Self::Lie(Lie::Without("name")),
        Self::Lie(Lie::Without("key")),
        Self::Lie(Lie::Without("last4")),
        Self::Lie(Lie::Without("public_portion")),
        Self::Lie(Lie::Without("expires_at")),
        Self::Lie(Lie::Without("scopes")),
        Self::Lie(Lie::Without("created_at")),
        Self::Lie(Lie::Without("category")),
        Self::Lie(Lie::Without("remote_config_read_enabled")),
        Self::Lie(Lie::Without(ENROLL)),
        Self::Lie(Lie::Without("valid")),
        Self::Lie(Lie::Without("VersionIdsToStages")),
        Self::Lie(Lie::Without("VersionStages")),
        Self::Lie(Lie::Without("SecretString")),
        Self::Lie(Lie::Without("CreatedDate")),
        Self::Lie(Lie::Without("ARN")),
        Self::Lie(Lie::Without("VersionId")),
        Self::Lie(Lie::Retyped("id")),
        Self::Lie(Lie::Retyped("name")),
        Self::Lie(Lie::Retyped("key")),
        Self::Lie(Lie::Retyped("scopes")),
        Self::Lie(Lie::Retyped("expires_at")),
        Self::Lie(Lie::Retyped("created_at")),
        Self::Lie(Lie::Retyped("category")),
        Self::Lie(Lie::Retyped("remote_config_read_enabled")),
        Self::Lie(Lie::Retyped(ENROLL)),
        Self::Lie(Lie::UnknownStatus),
        Self::Lie(Lie::OtherIds),
        Self::Lie(Lie::UpperCaseNames),
        Self::Lie(Lie::CutNames),
        Self::NewShape,
        Self::Undeletable(403),
        Self::Undeletable(405),
        Self::Undeletable(500),
    ];

    /// What belongs to another key or secret. The worlds of [`Setting::mistaken`] have both.
    ///
    /// [`Setting::mistaken`]: super::Setting::mistaken
    pub const OF_OTHERS: [Self; 2] = [Self::Lie(Lie::NextIds), Self::Lie(Lie::AnothersAnswer)];

    /// What may be answered by mistake where an identity acts: to the exchange of its proof for a token, and
    /// to the look-up of the user.
    pub const LIES_TO_IDENTITIES: [Self; 8] = [
        Self::Lie(Lie::Without("access_token")),
        Self::Lie(Lie::Without("expires")),
        Self::Lie(Lie::Without("included")),
        Self::Lie(Lie::Without("relationships")),
        Self::Lie(Lie::Retyped("access_token")),
        Self::Lie(Lie::Retyped("expires")),
        Self::Lie(Lie::Retyped("included")),
        Self::Lie(Lie::Null("data")),
    ];

    /// Whether it makes a difference to this operation, as the gate names it.
    #[must_use]
    pub fn can_meet(self, operation: &str) -> bool {
        let is_datadog = operation.contains("/api/");
        let is_of_tokens = operation.contains("/access_tokens");
        let ends_with = |ends: [&str; 2]| ends.iter().any(|it| operation.ends_with(it));
        let is_of_all = ends_with(["_keys", "/access_tokens"]);
        let is_list = operation.starts_with("GET ") && is_of_all;
        let is_key =
            (operation.contains("_keys") || is_of_tokens) && !operation.starts_with("DELETE ");
        let is_look_up =
            ends_with(["_keys/{id}", "/access_tokens/{id}"]) && operation.starts_with("GET ");
        let is_creation = operation.starts_with("POST ") && is_of_all;
        let is_validation = operation.contains("/validate");
        let is_exchange = operation.ends_with("/delegated-token");
        let is_user = operation.ends_with("/current_user");
        match self {
            Self::Refused(404) => true,
            Self::Refused(_) | Self::Page(_) | Self::Lie(Lie::SaysError) => is_datadog,
            Self::Lie(Lie::SaysDone) => {
                ["PutSecretValue", "UpdateSecretVersionStage"].contains(&operation)
            }
            Self::Lie(Lie::EmptyLists | Lie::ShortPage) => {
                is_list || operation == "ListSecretVersionIds"
            }
            Self::Lie(Lie::NextIds) => is_list,
            Self::Lie(Lie::Without("valid")) => is_validation,
            Self::Lie(
                Lie::Without("access_token" | "expires") | Lie::Retyped("access_token" | "expires"),
            ) => is_exchange,
            Self::Lie(Lie::Without("included" | "relationships") | Lie::Retyped("included")) => {
                is_user
            }
            Self::Lie(Lie::Null("data")) => is_exchange || is_user,
            Self::Lie(Lie::Without("key") | Lie::Retyped("key")) | Self::NewShape => is_creation,
            Self::Lie(Lie::Without("scopes") | Lie::Retyped("scopes")) => {
                is_key && (is_of_tokens || operation.contains("application_keys"))
            }
            Self::Lie(
                Lie::Without("public_portion" | "expires_at") | Lie::Retyped("expires_at"),
            ) => is_key && is_of_tokens,
            Self::Lie(
                Lie::Without("category" | "remote_config_read_enabled" | ENROLL)
                | Lie::Retyped("category" | "remote_config_read_enabled" | ENROLL),
            ) => is_key && operation.contains("/api_keys"),
            Self::Lie(Lie::Without("VersionIdsToStages")) => operation == "DescribeSecret",
            Self::Lie(Lie::Without("SecretString") | Lie::AnothersAnswer) => {
                operation == "GetSecretValue"
            }
            Self::Lie(Lie::Without("ARN")) => {
                ["DescribeSecret", "GetSecretValue"].contains(&operation)
            }
            Self::Lie(Lie::Without("VersionStages" | "CreatedDate" | "VersionId")) => {
                ["GetSecretValue", "ListSecretVersionIds"].contains(&operation)
            }
            Self::Lie(Lie::UnknownStatus) => is_list || is_look_up || is_validation,
            Self::Lie(_) => is_key && is_datadog && !is_validation,
            Self::Undeletable(_) => operation.starts_with("DELETE "),
            _ => true,
        }
    }

    /// Whether it may cost a key that was created and not stored: not where it is told that nothing was
    /// done, or the key's ID is.
    #[must_use]
    pub fn loses_keys(self) -> bool {
        match self {
            Self::Refused(_) | Self::Page(_) | Self::NewShape | Self::Undeletable(_) => false,
            Self::Lie(lie) => matches!(
                lie,
                Lie::SaysDone | Lie::OtherIds | Lie::Without("data" | "id") | Lie::Retyped("id")
            ),
            _ => true,
        }
    }

    pub const ALL: [Self; 12] = [
        Self::FailBefore,
        Self::FailAfter,
        Self::CutBefore,
        Self::CutAfter,
        Self::SilenceBefore,
        Self::SilenceAfter,
        Self::Late,
        Self::Throttle,
        Self::KillBefore,
        Self::KillAfter,
        Self::Html,
        Self::Truncated,
    ];

    /// Those of a keyless rotation besides.
    pub const OF_TOKENS: [Self; 2] = [Self::TokensExpired, Self::TokensRevoked];

    #[must_use]
    pub fn fate(self) -> Fate {
        match self {
            Self::FailBefore => Fate::FailBefore,
            Self::FailAfter => Fate::FailAfter,
            Self::CutBefore => Fate::CutBefore,
            Self::CutAfter => Fate::CutAfter,
            Self::SilenceBefore => Fate::SilenceBefore,
            Self::SilenceAfter => Fate::SilenceAfter,
            // Longer than the function waits for either service.
            Self::Late => Fate::Late(Duration::from_secs(12)),
            Self::Throttle => Fate::Throttle,
            Self::KillBefore => Fate::KillBefore,
            Self::KillAfter => Fate::KillAfter,
            Self::Html => Fate::Html(StatusCode::OK),
            Self::Truncated => Fate::Truncated,
            Self::TokensExpired => Fate::TokensExpired,
            Self::TokensRevoked => Fate::TokensRevoked,
            Self::Refused(status) => Fate::Refuse(code(status)),
            Self::Page(status) => Fate::Html(code(status)),
            Self::Lie(lie) => Fate::Lie(lie),
            Self::NewShape => Fate::NewShape,
            Self::Undeletable(status) => Fate::Undeletable(code(status)),
        }
    }
}

fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).expect("a status")
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused(status) => return write!(f, "{status}, not done"),
            Self::Page(status) => return write!(f, "web page with {status}, not done"),
            Self::Lie(Lie::Without(name)) => return write!(f, "`{name}` missing"),
            Self::Lie(Lie::Retyped(name)) => return write!(f, "`{name}` of another type"),
            Self::Undeletable(status) => return write!(f, "{status} to every DELETE of the key"),
            Self::Lie(lie) => lie.name(),
            Self::NewShape => "key of a new shape",
            Self::FailBefore => "500, not done",
            Self::FailAfter => "500, and yet done",
            Self::CutBefore => "connection cut, not done",
            Self::CutAfter => "connection cut, done",
            Self::SilenceBefore => "no answer, not done",
            Self::SilenceAfter => "no answer, done",
            Self::Late => "no answer, done later",
            Self::Throttle => "throttled",
            Self::KillBefore => "process killed before",
            Self::KillAfter => "process killed after",
            Self::Html => "a web page in between",
            Self::Truncated => "done, half an answer",
            Self::TokensExpired => "tokens expired",
            Self::TokensRevoked => "tokens revoked",
        })
    }
}
