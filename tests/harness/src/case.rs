//! What is swept: which rotation, of what, in which situation; and what befalls its calls.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use datadog_rotation::Kind;
use http::StatusCode;
use sandbox::gate::{Fate, Lie};
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
    /// Three edges of Datadog learn of a new key after 0, 5 and 10 seconds.
    Edges,
    /// Likewise after 0, 4 and 8 seconds, and the admin secret has just been rotated.
    FreshAdmin,
    /// Requests by ID answer 404 for 5 seconds after a key was created.
    LateById,
    /// Names of keys come back in upper case.
    UpperCase,
    /// Datadog gives two keys on a page, whatever is asked for.
    ShortPages,
    /// Values of new keys have a shape that nobody has seen yet.
    NewShape,
    /// A person has revoked the key in AWSPREVIOUS, and DELETE of a revoked key answers 403.
    RevokedPrevious,
    /// The admin secret names itself as its admin secret, by its partial ARN.
    OwnPartialArn,
    /// Likewise by the ARN of its replica.
    OwnReplicaArn,
    /// The secret has a replica that has each change 5 seconds later.
    LaggingReplica,
    /// The secret has two replicas, one in another account, which gets no change until the disturbance
    /// is over.
    FailedReplica,
    /// The API key may enrol private action runners, and no request can ask that for a new key
    /// until the disturbance is over.
    EnrollsRunners,
    /// The caller's own account comes with a resource of a type that nobody knows.
    OddResources,
    /// The API key secret began with the API key of the pair that is the identity's fallback, and holds
    /// that in AWSPREVIOUS.
    OwnFallback,
    /// Secrets Manager has its configuration checked (`RotateImmediately=false`), with nothing in the
    /// pending version.
    Checked,
    /// Likewise, with a copy of the current value in it.
    CheckedByCopy,
    /// Datadog's times are numbers.
    NumberedDates,
    /// A new key works 20 seconds after its creation; until then validations are answered 200 and an error.
    ErrorsWith200,
    /// The value says `daysToExpiry`, and so tokens end by themselves.
    EndingTokens,
    /// Secrets Manager forgets a version that is a day old as soon as it has no label.
    Forgetful,
    /// A topic gets a message after each promotion.
    Topic,
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
            Self::Edges => "edges that lag",
            Self::FreshAdmin => "edges that lag, fresh admin keys",
            Self::LateById => "404 by ID after a creation",
            Self::UpperCase => "upper-case names",
            Self::ShortPages => "two keys a page",
            Self::NewShape => "keys of a new shape",
            Self::RevokedPrevious => "previous key revoked, DELETE refused",
            Self::OwnPartialArn => "its own partial ARN as admin secret",
            Self::OwnReplicaArn => "its replica's ARN as admin secret",
            Self::LaggingReplica => "a replica that lags",
            Self::FailedReplica => "a replica that failed",
            Self::OddResources => "resources of an unknown type",
            Self::Checked => "a check of the configuration",
            Self::CheckedByCopy => "a check of the configuration by a copy",
            Self::OwnFallback => "the fallback's own key",
            Self::NumberedDates => "numbers as times",
            Self::ErrorsWith200 => "validation errors with 200",
            Self::EndingTokens => "tokens that end by themselves",
            Self::Forgetful => "versions that are forgotten",
            Self::Topic => "a topic for messages",
            Self::EnrollsRunners => "a key with a read-only attribute",
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
        match subject.kind() {
            // No key of it can be displaced, or die.
            Kind::AdminKey if subject == Subject::KeylessAdmin => &all[..1],
            Kind::AdminKey => all,
            Kind::ApiKey | Kind::ApplicationKey | Kind::ServiceAccessToken => &all[..4],
        }
    }

    /// The worlds in which services answer otherwise than in the plain one.
    #[must_use]
    pub fn worlds(subject: Subject) -> Vec<Self> {
        let mut worlds = vec![
            Self::Edges,
            Self::LateById,
            Self::UpperCase,
            Self::ShortPages,
            Self::NewShape,
            Self::LaggingReplica,
            Self::FailedReplica,
            Self::Checked,
            Self::CheckedByCopy,
            Self::Forgetful,
            Self::Topic,
        ];
        match subject {
            Subject::ApiKey => worlds.extend([
                Self::FreshAdmin,
                Self::RevokedPrevious,
                Self::EnrollsRunners,
            ]),
            Subject::ApplicationKey => {
                worlds.extend([Self::FreshAdmin, Self::NumberedDates, Self::ErrorsWith200]);
            }
            Subject::ServiceAccessToken => worlds.extend([Self::FreshAdmin, Self::EndingTokens]),
            Subject::AdminKey => worlds.extend([Self::OwnPartialArn, Self::OwnReplicaArn]),
            // The account is asked about where an identity acts.
            Subject::KeylessApiKey => {
                return vec![Self::OddResources, Self::OwnFallback, Self::Topic];
            }
            subject if Subject::KEYLESS.contains(&subject) => {
                return vec![Self::OddResources, Self::Topic];
            }
            _ => {}
        }
        worlds
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
    pub const LIES: [Self; 38] = [
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
        Self::Lie(Lie::Without("valid")),
        Self::Lie(Lie::Without("VersionIdsToStages")),
        Self::Lie(Lie::Without("VersionStages")),
        Self::Lie(Lie::Without("SecretString")),
        Self::Lie(Lie::Without("CreatedDate")),
        Self::Lie(Lie::Retyped("id")),
        Self::Lie(Lie::Retyped("name")),
        Self::Lie(Lie::Retyped("key")),
        Self::Lie(Lie::Retyped("scopes")),
        Self::Lie(Lie::Retyped("expires_at")),
        Self::Lie(Lie::Retyped("created_at")),
        Self::Lie(Lie::UnknownStatus),
        Self::Lie(Lie::UpperCaseNames),
        Self::Lie(Lie::CutNames),
        Self::NewShape,
        Self::Undeletable(403),
        Self::Undeletable(405),
        Self::Undeletable(500),
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
        match self {
            Self::Refused(404) => true,
            Self::Refused(_) | Self::Page(_) | Self::Lie(Lie::SaysError) => is_datadog,
            Self::Lie(Lie::SaysDone) => {
                ["PutSecretValue", "UpdateSecretVersionStage"].contains(&operation)
            }
            Self::Lie(Lie::EmptyLists | Lie::ShortPage) => {
                is_list || operation == "ListSecretVersionIds"
            }
            Self::Lie(Lie::Without("valid")) => is_validation,
            Self::Lie(Lie::Without("key") | Lie::Retyped("key")) | Self::NewShape => is_creation,
            Self::Lie(Lie::Without("scopes") | Lie::Retyped("scopes")) => {
                is_key && (is_of_tokens || operation.contains("application_keys"))
            }
            Self::Lie(
                Lie::Without("public_portion" | "expires_at") | Lie::Retyped("expires_at"),
            ) => is_key && is_of_tokens,
            Self::Lie(Lie::Without("VersionIdsToStages")) => operation == "DescribeSecret",
            Self::Lie(Lie::Without("SecretString")) => operation == "GetSecretValue",
            Self::Lie(Lie::Without("VersionStages" | "CreatedDate")) => {
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
                Lie::SaysDone | Lie::Without("data" | "id") | Lie::Retyped("id")
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

/// Whether a fault, a world or whatever else is to be tried: all are, unless `ONLY` names some as `{:?}`
/// prints them, parted by commas.
pub fn is_wanted(name: &impl fmt::Debug) -> bool {
    let name = format!("{name:?}");
    let only = std::env::var("ONLY").ok();
    only.is_none_or(|only| only.split(',').any(|it| it == name))
}

/// Faults by the number of the call that they meet, the disturbed rotation's first being 0.
pub type Faults = BTreeMap<u64, Fault>;
