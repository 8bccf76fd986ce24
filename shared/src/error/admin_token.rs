//! Why a service access token can't be the admin.

use std::fmt;
use std::time::SystemTime;

use crate::site::Site;
use crate::timestamp::timestamp;

/// What stands against the service access token of an admin secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminTokenDefect {
    /// 401 or 403 to everything, wherever a request carries it.
    Refused(Site),
    /// It can't rotate for ever, and what it creates lives no longer than itself. `None`: Datadog tells its
    /// end in a form that can't be read.
    Ends(Option<SystemTime>),
    /// Datadog documents that a token may not create application keys.
    Forbidden,
    /// It would delete what it acts by.
    Itself,
    /// Those that it needs, or is to hand on.
    LacksScopes(Vec<String>),
}

impl fmt::Display for AdminTokenDefect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(site) => write!(f, "is refused by Datadog's site {site}"),
            Self::Ends(None) => f.write_str("ends by itself"),
            Self::Ends(Some(at)) => write!(f, "ends by itself, at {}", timestamp(*at)),
            Self::Forbidden => {
                f.write_str("can't rotate this: Datadog lets no such token create application keys")
            }
            Self::Itself => f.write_str("is the very one that this secret rotates"),
            Self::LacksScopes(missing) => write!(f, "lacks the scopes {}", missing.join(", ")),
        }
    }
}

impl AdminTokenDefect {
    pub(super) fn advice(&self) -> &'static str {
        match self {
            Self::Refused(_) => {
                "Check first that site in the admin secret is the organisation's own, and that no IP \
                 allow-list keeps the function out. If the token is dead, create a new one at Datadog \
                 without an end and store it in the admin secret."
            }
            Self::Ends(_) => {
                "Create a token of the same scopes without an end at Datadog and store it in the admin \
                 secret (put-secret-value), or store a key pair there."
            }
            Self::Forbidden => {
                "Name an admin secret with a key pair for this secret: field or tag adminSecretArn. A \
                 token may rotate API keys and other tokens."
            }
            Self::Itself => {
                "Name another admin secret for this secret: field or tag adminSecretArn. One with a key \
                 pair may rotate the token of an admin secret."
            }
            Self::LacksScopes(_) => {
                "Give the admin's token these scopes at Datadog: a token may do, and hand on, only what \
                 its own scopes name. Or name an admin secret with a key pair."
            }
        }
    }
}
