//! Whose a resource's thing at Datadog is: written into its `PhysicalResourceId`, which
//! `CloudFormation` keeps.

use std::fmt;

use datadog_rotation::keys::TrustId;

/// Of an adopted thing.
const ADOPTED: &str = "adopted:";
/// Of a resource that certainly made nothing.
const FAILED: &str = "failed:";
/// Of a resource that may have made something.
const UNKNOWN: &str = "unknown:";
/// Between a thing and the one that it is to replace.
const INSTEAD_OF: char = '~';

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PhysicalId {
    /// Made by the resource, which deletes it. A replacement names the one before it, which is the
    /// resource's too until `CloudFormation` has had it deleted: a rollback comes back to it.
    Made {
        id: TrustId,
        instead_of: Option<TrustId>,
    },
    /// Found, and never deleted.
    Adopted(TrustId),
    /// Nothing was made.
    Nothing(String),
    /// Something may have been made. `CloudFormation`'s own ids are among these, which it gives
    /// where it never got an answer.
    Unknown(String),
}

impl PhysicalId {
    #[must_use]
    pub fn read(text: &str) -> Self {
        let parsed = if let Some(id) = text.strip_prefix(ADOPTED) {
            TrustId::parse(id).map(Self::Adopted)
        } else if text.starts_with(FAILED) {
            Some(Self::Nothing(text.to_owned()))
        } else if let Some((id, before)) = text.split_once(INSTEAD_OF) {
            let both = TrustId::parse(id).zip(TrustId::parse(before));
            both.map(|(id, before)| Self::Made {
                id,
                instead_of: Some(before),
            })
        } else {
            TrustId::parse(text).map(Self::made)
        };
        parsed.unwrap_or_else(|| Self::Unknown(text.to_owned()))
    }

    #[must_use]
    pub fn made(id: TrustId) -> Self {
        Self::Made {
            id,
            instead_of: None,
        }
    }

    /// Of a resource that could not be made.
    #[must_use]
    pub fn failed(logical_id: &str, is_certain: bool) -> Self {
        if is_certain {
            Self::Nothing(format!("{FAILED}{logical_id}"))
        } else {
            Self::Unknown(format!("{UNKNOWN}{logical_id}"))
        }
    }

    /// Returns the thing at Datadog.
    #[must_use]
    pub fn thing(&self) -> Option<&TrustId> {
        match self {
            Self::Made { id, .. } | Self::Adopted(id) => Some(id),
            Self::Nothing(_) | Self::Unknown(_) => None,
        }
    }

    /// Returns whether the resource made the thing of this id.
    #[must_use]
    pub fn owns(&self, thing: &TrustId) -> bool {
        match self {
            Self::Made { id, instead_of } => id == thing || instead_of.as_ref() == Some(thing),
            Self::Adopted(_) | Self::Nothing(_) | Self::Unknown(_) => false,
        }
    }

    /// Returns a new thing in place of this one.
    #[must_use]
    pub fn replaced_by(this: Option<&Self>, id: TrustId) -> Self {
        let instead_of = match this {
            Some(Self::Made { id, .. }) => Some(id.clone()),
            _ => None,
        };
        Self::Made { id, instead_of }
    }
}

impl fmt::Display for PhysicalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Made {
                id,
                instead_of: None,
            } => id.fmt(f),
            Self::Made {
                id,
                instead_of: Some(before),
            } => write!(f, "{id}{INSTEAD_OF}{before}"),
            Self::Adopted(id) => write!(f, "{ADOPTED}{id}"),
            Self::Nothing(text) | Self::Unknown(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "7c405332-7033-40d2-a046-a27a075a22cd";
    const BEFORE: &str = "0bd557d2-6ed0-423e-9654-c0e1cd376abc";

    #[test]
    fn ids_are_read_as_they_are_written() {
        let (id, before) = (TrustId::parse(ID).unwrap(), TrustId::parse(BEFORE).unwrap());
        let replaced = PhysicalId::replaced_by(Some(&PhysicalId::made(before.clone())), id.clone());
        assert!(replaced.owns(&id) && replaced.owns(&before));
        let adopted = PhysicalId::Adopted(id.clone());
        assert!(!adopted.owns(&id));
        for known in [
            PhysicalId::made(id),
            replaced,
            adopted,
            PhysicalId::failed("Mapping", true),
            PhysicalId::failed("Mapping", false),
        ] {
            assert_eq!(PhysicalId::read(&known.to_string()), known);
        }
    }

    #[test]
    fn what_is_no_id_of_ours_owns_nothing() {
        for text in [
            "stack-Mapping-1ABCDEF",
            "adopted:x",
            "",
            "x~y",
            "7c405332-7033-40d2-a046-a27a075a22cd~",
        ] {
            assert_eq!(PhysicalId::read(text), PhysicalId::Unknown(text.to_owned()));
        }
    }
}
