//! What is swept: which rotation, of what, in which situation; and what befalls its calls.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use datadog_rotation::Kind;
use http::StatusCode;
use sandbox::gate::Fate;
use sandbox::scene::Admin;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Case {
    pub subject: Subject,
    pub setting: Setting,
    /// Whether the admin has `api_keys_read`.
    pub reads: bool,
    /// Whether the service tries the disturbed rotation again at once, or gives it up.
    pub redelivered: bool,
}

impl Case {
    /// With and without `api_keys_read`, with and without redelivery.
    #[must_use]
    pub fn all(subject: Subject, settings: &[Setting]) -> Vec<Self> {
        let mut cases = Vec::new();
        for &setting in settings {
            for reads in [true, false] {
                for redelivered in [true, false] {
                    cases.push(Self {
                        subject,
                        setting,
                        reads,
                        redelivered,
                    });
                }
            }
        }
        cases
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    ApiKey,
    ApplicationKey,
    AdminKey,
    /// An admin pair that another admin rotates.
    AssistedAdminKey,
    /// Rotated by the function's own identity, which its variables describe.
    KeylessApiKey,
    /// Likewise, by a keyless admin secret.
    KeylessApplicationKey,
    /// An admin pair that a keyless admin rotates.
    KeylessAssistedAdminKey,
    /// An admin secret without keys, which rotates into itself.
    KeylessAdmin,
}

impl Subject {
    pub const ALL: [Self; 4] = [
        Self::ApiKey,
        Self::ApplicationKey,
        Self::AdminKey,
        Self::AssistedAdminKey,
    ];

    pub const KEYLESS: [Self; 4] = [
        Self::KeylessApiKey,
        Self::KeylessApplicationKey,
        Self::KeylessAssistedAdminKey,
        Self::KeylessAdmin,
    ];

    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::ApiKey | Self::KeylessApiKey => Kind::ApiKey,
            Self::ApplicationKey | Self::KeylessApplicationKey => Kind::ApplicationKey,
            Self::AdminKey
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
            Self::KeylessApplicationKey | Self::KeylessAdmin => Admin::Identity,
            _ => Admin::Pair,
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
            Self::AssistedAdminKey => "admin pair, assisted",
            Self::KeylessApiKey => "API key, keyless",
            Self::KeylessApplicationKey => "application key, keyless",
            Self::KeylessAssistedAdminKey => "admin pair, assisted, keyless",
            Self::KeylessAdmin => "admin without keys",
        })
    }
}

/// What the disturbed rotation finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Setting {
    /// Keys made by hand.
    First,
    /// Two rotations before it.
    Later,
    /// Two rotations, in a world where labels lag and fresh keys are neither listed nor usable
    /// for some seconds.
    Lagging,
    /// A person has stored a value of their own over that of a rotation.
    Displaced,
    /// And has moved AWSCURRENT back to what the rotation had made.
    RolledBack,
    /// Begun before and given up, and the keys that it stored have been revoked since: the first,
    /// or of a pair the API key.
    DeadPending,
    /// Likewise, but of a pair the application key.
    DeadApplicationKey,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::First => "first",
            Self::Later => "later",
            Self::Lagging => "lagging",
            Self::Displaced => "displaced",
            Self::RolledBack => "rolled back",
            Self::DeadPending => "dead pending",
            Self::DeadApplicationKey => "dead pending application key",
        })
    }
}

impl Setting {
    /// Those in which every call of a rotation is a new situation for no other reason.
    pub const PLAIN: [Self; 2] = [Self::First, Self::Later];

    /// Those that somebody or something has prepared for trouble.
    #[must_use]
    pub fn troubled(subject: Subject) -> &'static [Self] {
        let all = &[
            Self::Lagging,
            Self::Displaced,
            Self::RolledBack,
            Self::DeadPending,
            Self::DeadApplicationKey,
        ];
        match subject {
            Subject::ApiKey
            | Subject::ApplicationKey
            | Subject::KeylessApiKey
            | Subject::KeylessApplicationKey => &all[..4],
            Subject::AdminKey | Subject::AssistedAdminKey | Subject::KeylessAssistedAdminKey => all,
            // No key of it can be displaced, or die.
            Subject::KeylessAdmin => &all[..1],
        }
    }

    /// Whether the rotation that is under way can only be given up.
    #[must_use]
    pub fn is_dead(self) -> bool {
        matches!(self, Self::DeadPending | Self::DeadApplicationKey)
    }
}

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
}

impl Fault {
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
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
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

/// Faults by the number of the call that they meet, the disturbed rotation's first being 0.
pub type Faults = BTreeMap<u64, Fault>;
