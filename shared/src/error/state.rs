//! The state in which a failed step leaves the world.

use std::fmt;

use crate::keys::KeyRef;

/// How far a step came. Told in every error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    #[default]
    Untouched,
    /// Nothing was changed but that keys which were replaced earlier are deleted.
    OnlyDeleted,
    /// The answer to the creation of a key was lost.
    CreationUnknown {
        name: String,
    },
    /// These keys were created and not stored, and are not known to be deleted again. `lost`: the name of
    /// another key, if the answer to its creation was lost.
    Unstored {
        keys: Vec<KeyRef>,
        lost: Option<String>,
    },
    /// Keys were created and not stored, and are deleted again.
    Undone,
    /// The answer to the store was lost.
    StoreUnknown {
        keys: Vec<KeyRef>,
    },
    Pending,
    /// The answer to the promotion was lost, or it was refused.
    PromotionUnknown,
    Promoted,
    /// Another invocation promoted the version while this one took its key for dead.
    PromotedByAnother,
    /// The version was not promoted, for somebody has moved a label.
    NotPromoted,
    /// AWSPENDING was taken off a version whose key is dead, or ends too soon. These of its keys may live.
    Abandoned {
        left: Vec<KeyRef>,
    },
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untouched => f.write_str("Nothing was changed."),
            Self::OnlyDeleted => f.write_str("AWSCURRENT is unchanged."),
            Self::CreationUnknown { name } => write!(
                f,
                "AWSCURRENT is unchanged, but a key named {name:?} may exist at Datadog that no \
                 version holds; the next invocation deletes it if it can list it (API keys: with \
                 api_keys_read), else delete it by this name."
            ),
            Self::Unstored { keys, lost } => {
                write!(
                    f,
                    "AWSCURRENT is unchanged, but Datadog holds keys that no version names: {}; \
                     delete them there, or leave them to the next rotation if it may list them.",
                    List(keys)
                )?;
                match lost {
                    Some(name) => write!(f, " A key named {name:?} may exist there too."),
                    None => Ok(()),
                }
            }
            Self::Undone => {
                f.write_str("AWSCURRENT is unchanged; the keys just created were deleted again.")
            }
            Self::StoreUnknown { keys } if keys.is_empty() => f.write_str(
                "AWSCURRENT is unchanged; whether its copy became AWSPENDING is not known, the \
                 next invocation finds out.",
            ),
            Self::StoreUnknown { keys } => write!(
                f,
                "AWSCURRENT is unchanged; whether {} became AWSPENDING is not known, the next \
                 invocation finds out.",
                List(keys)
            ),
            Self::Pending => {
                f.write_str("The new value is stored as AWSPENDING; AWSCURRENT is unchanged.")
            }
            Self::PromotionUnknown => f.write_str(
                "The new value is stored; whether it became AWSCURRENT is not known. This invocation \
                 deleted neither value's keys; the next one finds out.",
            ),
            Self::Promoted => f.write_str(
                "The new value is AWSCURRENT and works; keys that it replaced may still work; \
                 the next invocation deletes them.",
            ),
            Self::PromotedByAnother => f.write_str(
                "Another invocation made the version AWSCURRENT, while this one took its key for dead.",
            ),
            Self::NotPromoted => f.write_str(
                "The version was not promoted. Its key stays until a rotation promotes or deletes it.",
            ),
            Self::Abandoned { left } if left.is_empty() => f.write_str(
                "AWSPENDING was taken off this version. Its keys are dead or were deleted, unless the log \
                 says that one was left alone. AWSCURRENT is unchanged.",
            ),
            Self::Abandoned { left } => write!(
                f,
                "AWSPENDING was taken off this version. AWSCURRENT is unchanged. Not deleted: {}; if it lives, \
                 the next rotation or a later search for orphaned keys finds it, or it ends by itself.",
                List(left)
            ),
        }
    }
}

pub(super) struct List<'a>(pub(super) &'a [KeyRef]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, key) in self.0.iter().enumerate() {
            write!(f, "{}{key}", if n == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}
