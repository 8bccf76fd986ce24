use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::error::Refusal;
use super::labels::{CURRENT, Labels, PENDING};
use super::replica::Replica;
use super::rotation::Rotation;

/// What the service calls its own key where a secret names none.
const DEFAULT_KEY: &str = "DefaultEncryptionKey";

/// One secret with all versions that still exist, labelled or not.
#[derive(Clone, Debug)]
pub struct Secret {
    pub(super) arn: String,
    pub(super) name: String,
    /// Of a managed external secret, the partner's type.
    pub(super) managed_type: Option<String>,
    pub(super) description: Option<String>,
    pub(super) kms_key_id: Option<String>,
    pub(super) created: OffsetDateTime,
    pub(super) changed: OffsetDateTime,
    pub(super) accessed: Option<OffsetDateTime>,
    pub(super) deletion: Option<Deletion>,
    pub(super) rotation: Option<Rotation>,
    /// `None` until the first tag: a secret that once had tags shows an empty list.
    pub(super) tags: Option<Vec<(String, String)>>,
    pub(super) policy: Option<String>,
    pub(super) versions: Vec<Version>,
    pub(super) labels: Labels,
    pub(super) replicas: Vec<Replica>,
    /// Of a replica, the region of its primary.
    pub(super) primary_region: Option<String>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Deletion {
    pub(super) asked: OffsetDateTime,
    pub(super) due: OffsetDateTime,
}

impl Secret {
    pub(super) fn new(now: OffsetDateTime, arn: String, name: &str) -> Self {
        Self {
            arn,
            name: name.to_owned(),
            managed_type: None,
            description: None,
            kms_key_id: None,
            created: now,
            changed: now,
            accessed: None,
            deletion: None,
            rotation: None,
            tags: None,
            policy: None,
            versions: Vec::new(),
            labels: Labels::new(),
            replicas: Vec::new(),
            primary_region: None,
        }
    }

    #[must_use]
    pub fn arn(&self) -> &str {
        &self.arn
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn rotation_enabled(&self) -> bool {
        self.rotation.as_ref().is_some_and(Rotation::is_enabled)
    }

    /// In order of creation.
    pub fn versions(&self) -> impl Iterator<Item = &Version> {
        self.versions.iter()
    }

    #[must_use]
    pub fn version(&self, id: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.id == id)
    }

    /// The version that a label sits on, as it is, whatever readers see.
    #[must_use]
    pub fn labelled(&self, label: &str) -> Option<&Version> {
        self.labels.holder(label).and_then(|id| self.version(id))
    }

    /// A version's labels in alphabetical order, as they are, whatever readers see. None on a
    /// deprecated version.
    pub fn labels<'a>(&'a self, version: &'a str) -> impl Iterator<Item = &'a str> {
        self.labels.of(version)
    }

    /// The value of the tag of this name.
    #[must_use]
    pub fn tag(&self, name: &str) -> Option<&str> {
        let tags = self.tags.as_deref().unwrap_or_default();
        tags.iter()
            .find(|(key, _)| key == name)
            .map(|(_, it)| &**it)
    }

    pub(super) fn is_tagged(&self, test: impl Fn(&(String, String)) -> bool) -> bool {
        self.tags.as_deref().unwrap_or_default().iter().any(test)
    }

    /// To be called after each change that a reader can see.
    pub(super) fn touch(&mut self, now: OffsetDateTime) {
        self.changed = now;
        self.labels.record(now);
    }

    /// Stores a value as version `token` and moves labels onto it: AWSCURRENT, unless
    /// `stages` says otherwise.
    ///
    /// A token whose version has a value already is answered by comparing the two; a version
    /// that a rotation made without one is filled.
    pub(super) fn store(
        &mut self,
        now: OffsetDateTime,
        token: &str,
        content: Content,
        stages: Option<&[&str]>,
    ) -> Result<(), Refusal> {
        let is_first = self.versions.is_empty();
        match self.versions.iter_mut().find(|version| version.id == token) {
            Some(Version {
                content: Some(stored),
                ..
            }) => {
                return if *stored == content {
                    Ok(())
                } else {
                    Err(self.token_in_use(token))
                };
            }
            Some(version) => version.content = Some(content),
            None => self.versions.push(Version::new(now, token, Some(content))),
        }
        let stages = stages.unwrap_or(&[CURRENT]);
        for stage in stages.iter().filter(|stage| **stage != CURRENT) {
            self.labels.place(stage, token);
        }
        if is_first || stages.contains(&CURRENT) {
            self.replace_current(now, token, stages.contains(&PENDING));
        }
        self.touch(now);
        Ok(())
    }

    /// A value that is current at once ends whatever rotation was under way: AWSPENDING goes,
    /// wherever it was, and the schedule counts from now.
    fn replace_current(&mut self, now: OffsetDateTime, token: &str, keep_pending: bool) {
        self.labels.make_current(token);
        if !keep_pending {
            self.labels.take_off(PENDING);
        }
        if let Some(rotation) = &mut self.rotation {
            rotation.schedule(now);
        }
    }

    pub(super) fn token_in_use(&self, token: &str) -> Refusal {
        Refusal::exists(format!(
            "You can't use ClientRequestToken {token} because that value is already in use \
             for a version of secret {}.",
            self.arn
        ))
    }

    pub(super) fn key_name(&self) -> &str {
        self.kms_key_id.as_deref().unwrap_or(DEFAULT_KEY)
    }

    pub(super) fn tags_as_json(&self) -> Value {
        self.tags.as_ref().map_or(Value::Null, |tags| {
            tags.iter()
                .map(|(key, value)| json!({ "Key": key, "Value": value }))
                .collect()
        })
    }

    /// Removes versions without a label that are older than a day, as the service does in its
    /// own time.
    pub(super) fn purge(&mut self, now: OffsetDateTime) {
        let Self {
            versions, labels, ..
        } = self;
        versions.retain(|version| {
            labels.is_labelled(&version.id) || now - version.created <= Duration::DAY
        });
    }
}

/// One version of a secret. Its id is the token of the request that made it.
#[derive(Clone, Debug)]
pub struct Version {
    pub(super) id: String,
    pub(super) created: OffsetDateTime,
    pub(super) accessed: Option<OffsetDateTime>,
    pub(super) content: Option<Content>,
}

impl Version {
    pub(super) fn new(now: OffsetDateTime, id: &str, content: Option<Content>) -> Self {
        Self {
            id: id.to_owned(),
            created: now,
            accessed: None,
            content,
        }
    }

    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    #[must_use]
    pub fn created(&self) -> OffsetDateTime {
        self.created
    }

    /// The `SecretString`; `None` for a binary value, and for a version that a rotation has
    /// made and not filled yet.
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        match &self.content {
            Some(Content::Text(text)) => Some(text),
            _ => None,
        }
    }
}

#[derive(PartialEq, Eq, Clone)]
pub(super) enum Content {
    Text(String),
    /// Base64, as it travels.
    Binary(String),
}

/// A story told with `{:?}` must not tell the secrets in it.
impl std::fmt::Debug for Content {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Text(_) => "Text(..)",
            Self::Binary(_) => "Binary(..)",
        })
    }
}
