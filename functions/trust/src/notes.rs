//! Notes what an invocation is about to do, so that the next one of the same environment knows.
//!
//! A mapping has no name, no tag and no date. So nothing at Datadog tells a second invocation whether
//! the first one created the mapping and died before it could answer. Therefore the first one notes
//! in `/tmp` that the mapping was absent, before it creates it. `/tmp` outlives a process that
//! crashed or ran out of time, as long as Lambda keeps the environment. That is likely for the minute
//! until Lambda tries again, but not certain. Without the note the mapping counts as somebody else's,
//! and stays.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use datadog_rotation::datadog::trust::MappingKind;
use datadog_rotation::keys::TrustId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::event::Envelope;
use crate::physical_id::PhysicalId;

/// A mapping that was absent when an invocation was about to create it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    is_intake: bool,
    pub pattern: String,
    pub account: Option<String>,
}

/// A registration by access keys that was to be deleted and made again by a role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Switch {
    pub before: String,
    pub access_key: String,
    /// All but how it authenticates.
    pub settings: Map<String, Value>,
    /// Whether the resource had made it.
    pub is_ours: bool,
}

/// More than any rollback comes back to.
const MOST_MADE: usize = 4;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Page {
    intents: Vec<Intent>,
    switch: Option<Switch>,
    /// Ids of things that the resource has made, the newest last.
    made: Vec<String>,
    /// The request that was answered last.
    answered: Option<String>,
}

/// The notes about one resource of one stack.
#[derive(Debug)]
pub struct Notes {
    path: PathBuf,
    page: Page,
}

impl Intent {
    #[must_use]
    pub fn new(kind: MappingKind, pattern: &str, account: Option<&str>) -> Self {
        Self {
            is_intake: kind == MappingKind::Intake,
            pattern: pattern.to_owned(),
            account: account.map(str::to_owned),
        }
    }

    #[must_use]
    pub fn kind(&self) -> MappingKind {
        if self.is_intake {
            MappingKind::Intake
        } else {
            MappingKind::Identity
        }
    }
}

impl Switch {
    #[must_use]
    pub fn before(&self) -> Option<TrustId> {
        TrustId::parse(&self.before)
    }
}

impl Notes {
    /// Returns those that are left in this directory, if there are any.
    #[must_use]
    pub fn open(directory: &Path, envelope: &Envelope) -> Self {
        let path = directory.join(format!("datadog-trust-{}.json", name(envelope)));
        let page = fs::read(&path).ok();
        let page = page.and_then(|page| serde_json::from_slice(&page).ok());
        Self {
            path,
            page: page.unwrap_or_default(),
        }
    }

    /// Returns whether this request was answered already.
    #[must_use]
    pub fn has_answered(&self, request: &str) -> bool {
        self.page.answered.as_deref() == Some(request)
    }

    /// Returns whether the resource has made the thing of this id. `CloudFormation` knows that too, but may
    /// come back with the id of the thing before it.
    #[must_use]
    pub fn have_made(&self, thing: &TrustId) -> bool {
        self.page.made.iter().any(|it| it == thing.as_str())
    }

    /// `made` is the id of a success, which is in `CloudFormation`'s hands now.
    pub fn answered(&mut self, request: &str, made: Option<&PhysicalId>) {
        if let Some(id) = made {
            let mut made = std::mem::take(&mut self.page.made);
            if let PhysicalId::Made { id, .. } = id {
                made.retain(|it| it != id.as_str());
                made.push(id.to_string());
            }
            let old = made.len().saturating_sub(MOST_MADE);
            made.drain(..old);
            self.page = Page {
                made,
                ..Page::default()
            };
        }
        self.page.answered = Some(request.to_owned());
        self.write();
    }

    #[must_use]
    pub fn intents(&self) -> &[Intent] {
        &self.page.intents
    }

    /// Notes the intent. Returns whether an earlier invocation has noted the same.
    pub fn intend(&mut self, intent: &Intent) -> bool {
        let known = self.page.intents.contains(intent);
        if !known {
            self.page.intents.push(intent.clone());
            self.write();
        }
        known
    }

    /// It was certainly not made, or it is gone.
    pub fn withdraw(&mut self, intent: &Intent) {
        self.page.intents.retain(|it| it != intent);
        self.write();
    }

    #[must_use]
    pub fn switch(&self) -> Option<&Switch> {
        self.page.switch.as_ref()
    }

    /// Keeps what was noted of the same switch before: an attempt of it may have changed settings.
    pub fn begin_switch(&mut self, switch: Switch) {
        let is_known = |it: &Switch| it.before == switch.before;
        if !self.page.switch.as_ref().is_some_and(is_known) {
            self.page.switch = Some(switch);
            self.write();
        }
    }

    /// Nothing was deleted, or it is back.
    pub fn end_switch(&mut self) {
        self.page.switch = None;
        self.write();
    }

    fn write(&self) {
        let written = serde_json::to_vec(&self.page)
            .map_err(io::Error::from)
            .and_then(|page| fs::write(&self.path, page));
        if let Err(error) = written {
            tracing::warn!(%error, "no note can be written: if this invocation dies, what it creates may be left at Datadog");
        }
    }
}

/// 32 hexadecimal digits that are one resource's alone, and say nothing of it.
#[must_use]
pub fn name(envelope: &Envelope) -> String {
    let mut hash = Sha256::new();
    for part in [&envelope.stack_id, &envelope.logical_resource_id] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let digest = hash.finalize();
    let mut name = String::new();
    for byte in digest.iter().take(16) {
        // A string takes all that is written to it.
        let _written = write!(name, "{byte:02x}");
    }
    name
}
