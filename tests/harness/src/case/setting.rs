//! The world in which a rotation is tried, and what was before it.

use std::fmt;

use datadog_rotation::Kind;

use super::subject::Subject;

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
    /// Begun before and given up, with a value stored. Keys that are deleted work for some seconds more.
    Unfinished,
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
    /// AWSPREVIOUS holds the ID of another team's key beside a value that works, and Datadog tells
    /// nobody which ID a value has.
    OthersId,
    /// Likewise beside a value that was revoked.
    DeadWithOthersId,
    /// AWSCURRENT holds the ID of another team's key beside its own value, and Datadog masks the ends of values.
    HiddenEnds,
    /// AWSCURRENT holds the ID of another team's key, and a text that ends like its value and is none.
    Forged,
    /// AWSPENDING holds a copy of AWSCURRENT's value.
    CopyPending,
    /// As [`Self::DeadPending`], and Datadog shows the token that was revoked as it was.
    ShownPending,
    /// Another secret holds the same admin pair, and is named as the admin.
    Twin,
    /// A process died after its creation, and a person took AWSPENDING off: an orphaned key among
    /// those of other teams.
    Orphan,
    /// There is a second secret of the type.
    Neighbour,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::First => "first",
            Self::Later => "later",
            Self::Lagging => "lagging",
            Self::Displaced => "replaced by hand",
            Self::RolledBack => "rolled back",
            Self::DeadPending => "dead pending",
            Self::DeadApplicationKey => "dead pending application key",
            Self::Unfinished => "a stored value of 20 minutes ago",
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
            Self::OthersId => "another key's ID under AWSPREVIOUS",
            Self::DeadWithOthersId => "another key's ID and a dead value under AWSPREVIOUS",
            Self::HiddenEnds => "another key's ID in AWSCURRENT, and masked ends",
            Self::Forged => "another key's ID and a text that ends like its value in AWSCURRENT",
            Self::CopyPending => "a copy of AWSCURRENT under AWSPENDING",
            Self::ShownPending => "dead pending token that is still shown",
            Self::Twin => "another secret with the same pair as the admin",
            Self::Orphan => "an orphaned key",
            Self::Neighbour => "a second secret of the type",
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

    /// Those in which a person, or a false answer, may take one key or secret for another.
    #[must_use]
    pub fn mistaken(subject: Subject) -> Vec<Self> {
        let of_all = [Self::OthersId, Self::DeadWithOthersId, Self::CopyPending];
        let more: &[Self] = match subject {
            Subject::ApiKey => &[Self::Forged, Self::Orphan, Self::Neighbour],
            Subject::ApplicationKey => &[
                Self::Forged,
                Self::HiddenEnds,
                Self::Orphan,
                Self::Neighbour,
            ],
            Subject::ServiceAccessToken => &[
                Self::Forged,
                Self::ShownPending,
                Self::Orphan,
                Self::Neighbour,
            ],
            Subject::AdminKey => &[Self::Twin, Self::Orphan],
            _ => &[],
        };
        [&of_all, more].concat()
    }

    /// Whether the rotation that is under way can only be given up.
    #[must_use]
    pub fn is_dead(self) -> bool {
        let dead = [
            Self::DeadPending,
            Self::DeadApplicationKey,
            Self::CopyPending,
            Self::ShownPending,
        ];
        dead.contains(&self)
    }
}
