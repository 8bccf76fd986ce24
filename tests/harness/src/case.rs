//! What is swept: which rotation, of what, in which situation; and what befalls its calls.

mod fault;
mod setting;
mod subject;

use std::collections::BTreeMap;
use std::fmt;

use datadog_rotation::keys::KeyClass;

pub use fault::{ENROLL, Fault};
pub use setting::Setting;
pub use subject::Subject;

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

impl Case {
    /// Returns how many API keys may be left, each with a warning: where Datadog neither lists them nor tells
    /// which ID a value has, no rotation deletes one.
    #[must_use]
    pub fn most_left(&self) -> usize {
        let is_untold = matches!(self.setting, Setting::OthersId | Setting::DeadWithOthersId);
        let has_api_keys = self.subject.kind().classes().contains(&KeyClass::Api);
        if is_untold && has_api_keys && !self.reads {
            2
        } else {
            0
        }
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
