//! What a probe has made, or may have made, or has found of an earlier one.

use std::cell::RefCell;
use std::fmt;
use std::time::Duration;

use datadog_rotation::datadog::trust::MappingKind;
use datadog_rotation::inspect::LAG_OF_NEW_KEYS;
use tokio::time::Instant;

const NOT_FOUND: &str = "its deletion was answered 404, less than a minute after its creation";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    ApiKey,
    ApplicationKey,
    AccessToken,
    Mapping(MappingKind),
}

/// What is known of a throwaway thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// A POST went out, and what came of it is not known.
    Unknown,
    Refused,
    Made,
    /// Its DELETE was answered 404 so soon after its creation that an edge may not know it yet.
    NotFound,
    Deleted,
}

#[derive(Clone, Debug)]
pub struct Throwaway {
    pub class: Class,
    /// Of a mapping its pattern.
    pub name: String,
    pub id: Option<String>,
    pub fate: Fate,
    /// An earlier probe has left it.
    pub is_old: bool,
    /// When it was noted: before its POST, if this probe has made it.
    pub since: Instant,
    /// Why it was not deleted, or not found.
    pub trouble: Option<String>,
}

/// All of them. A thing is in it before the POST that makes it, whatever becomes of that.
#[derive(Debug, Default)]
pub(crate) struct Ledger(RefCell<Vec<Throwaway>>);

impl Class {
    pub const ALL: [Self; 5] = [
        Self::AccessToken,
        Self::ApplicationKey,
        Self::ApiKey,
        Self::Mapping(MappingKind::Identity),
        Self::Mapping(MappingKind::Intake),
    ];

    /// Returns a stable word, listed in the documentation.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::ApiKey => "api_key",
            Self::ApplicationKey => "application_key",
            Self::AccessToken => "service_access_token",
            Self::Mapping(MappingKind::Identity) => "identity_mapping",
            Self::Mapping(MappingKind::Intake) => "intake_mapping",
        }
    }

    /// Returns where a person finds it at Datadog.
    #[must_use]
    pub fn place(self) -> &'static str {
        match self {
            Self::ApiKey => "Organization Settings, API Keys",
            Self::ApplicationKey | Self::AccessToken => "Organization Settings, Service Accounts",
            Self::Mapping(_) => "Organization Settings, Workload Identity Federation",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ApiKey => f.write_str("API key"),
            Self::ApplicationKey => f.write_str("application key"),
            Self::AccessToken => f.write_str("service access token"),
            Self::Mapping(kind) => kind.fmt(f),
        }
    }
}

impl Throwaway {
    /// Returns whether it is there, or may be.
    #[must_use]
    pub fn is_left(&self) -> bool {
        matches!(self.fate, Fate::Made | Fate::NotFound | Fate::Unknown)
    }

    /// Returns for how long from now "not found" does not prove that it is gone.
    #[must_use]
    pub fn lag(&self) -> Duration {
        match self.class {
            Class::ApiKey | Class::ApplicationKey | Class::AccessToken if !self.is_old => {
                LAG_OF_NEW_KEYS.saturating_sub(self.since.elapsed())
            }
            _ => Duration::ZERO,
        }
    }

    /// Returns a stable word, listed in the documentation.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self.fate {
            Fate::Unknown | Fate::NotFound => "perhaps_left",
            Fate::Refused => "not_made",
            Fate::Made => "left",
            Fate::Deleted => "deleted",
        }
    }
}

impl Ledger {
    /// Before a POST. Answers where it is noted.
    pub(crate) fn begin(&self, class: Class, name: &str) -> usize {
        self.note(Throwaway {
            class,
            name: name.to_owned(),
            id: None,
            fate: Fate::Unknown,
            is_old: false,
            since: Instant::now(),
            trouble: None,
        })
    }

    /// Returns a thing that is there.
    pub(crate) fn found(&self, class: Class, name: &str, id: &str, is_old: bool) -> usize {
        self.note(Throwaway {
            class,
            name: name.to_owned(),
            id: Some(id.to_owned()),
            fate: Fate::Made,
            is_old,
            since: Instant::now(),
            trouble: None,
        })
    }

    pub(crate) fn made(&self, at: usize, id: &str) {
        self.change(at, |it| {
            it.id = Some(id.to_owned());
            it.fate = Fate::Made;
            it.trouble = None;
        });
    }

    pub(crate) fn refused(&self, at: usize) {
        self.change(at, |it| it.fate = Fate::Refused);
    }

    /// Its DELETE was answered 404, which does not prove anything yet.
    pub(crate) fn not_found(&self, at: usize) {
        self.change(at, |it| {
            it.fate = Fate::NotFound;
            it.trouble = Some(NOT_FOUND.to_owned());
        });
    }

    /// Returns for how long from now "not found" does not prove that this thing is gone.
    pub(crate) fn lag(&self, at: usize) -> Duration {
        let things = self.0.borrow();
        things.get(at).map(Throwaway::lag).unwrap_or_default()
    }

    pub(crate) fn deleted(&self, at: usize) {
        self.change(at, |it| {
            it.fate = Fate::Deleted;
            it.trouble = None;
        });
    }

    pub(crate) fn trouble(&self, at: usize, text: String) {
        self.change(at, |it| it.trouble = Some(text));
    }

    /// Of this class, where they are noted.
    pub(crate) fn of(&self, class: Class, fate: Fate) -> Vec<(usize, Throwaway)> {
        let all = self.all().into_iter().enumerate();
        all.filter(|(_, it)| it.class == class && it.fate == fate)
            .collect()
    }

    /// Returns whether a thing of this class and id is noted, deleted or not.
    pub(crate) fn knows(&self, class: Class, id: &str) -> bool {
        let things = self.0.borrow();
        things
            .iter()
            .any(|it| it.class == class && it.id.as_deref() == Some(id))
    }

    pub(crate) fn all(&self) -> Vec<Throwaway> {
        self.0.borrow().clone()
    }

    fn note(&self, thing: Throwaway) -> usize {
        let mut things = self.0.borrow_mut();
        things.push(thing);
        things.len() - 1
    }

    fn change(&self, at: usize, change: impl FnOnce(&mut Throwaway)) {
        if let Some(it) = self.0.borrow_mut().get_mut(at) {
            change(it);
        }
    }
}
