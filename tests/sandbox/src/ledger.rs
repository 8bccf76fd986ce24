//! A watch on the gate that books every key's life and checks after every call what must hold
//! after every call.

mod deletion;
mod rights;
mod standing;
#[cfg(test)]
mod tests;

pub use standing::{Standing, standing};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::StatusCode;
use serde_json::Value;

use deletion::{forbidden_deletion, is_early, is_of_keys, is_refused_by_an_edge};

use crate::credential::{NamedKey, has_grace, keys_labelled, keys_of};
use crate::datadog::Key;
use crate::gate::{CallRecord, Gate};
use crate::permissions;
use crate::promise::{Breach, Promise};
use crate::secrets_manager::{Secret, Version};
use crate::service::Service;
use crate::world::World;

/// A handle on the book; clones are the same book.
#[derive(Clone, Debug)]
pub struct Ledger(Arc<Mutex<Book>>);

#[derive(Clone, Debug)]
struct Book {
    /// Function name → ARN of the secret that it rotates.
    rotates: BTreeMap<String, String>,
    /// Secret → the id of every key whose id and value a version of it ever had.
    held: BTreeMap<String, BTreeSet<String>>,
    /// Key id → the secret whose rotation made it.
    minted: BTreeMap<String, String>,
    /// Keys of AWSPREVIOUS that a rotation deleted when it was about to promote. Whether it then
    /// did, or somebody came between, makes no difference.
    displaced: BTreeSet<String>,
    /// Secret → every version of it that ever was AWSCURRENT.
    promoted: BTreeMap<String, BTreeSet<String>>,
    /// Secret → the version that is AWSCURRENT.
    current: BTreeMap<String, String>,
    /// The secrets whose rotations were refused to read an API key.
    blind: BTreeSet<String>,
    calls: u64,
    breaches: Vec<Breach>,
}

impl Ledger {
    /// Watches from now on. `rotates` says which secret a caller works for: the caller's name up
    /// to a `#`, and the secret's ARN.
    #[must_use]
    pub fn open(gate: &Gate, rotates: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut book = Book {
            rotates: rotates.into_iter().collect(),
            held: BTreeMap::new(),
            minted: BTreeMap::new(),
            displaced: BTreeSet::new(),
            promoted: BTreeMap::new(),
            current: BTreeMap::new(),
            blind: BTreeSet::new(),
            calls: 0,
            breaches: Vec::new(),
        };
        gate.with_world(|world| book.read(world));
        Self::watching(gate, book)
    }

    /// Returns a copy of the book that watches another gate from now on.
    #[must_use]
    pub fn fork(&self, gate: &Gate) -> Self {
        Self::watching(gate, self.book().clone())
    }

    fn watching(gate: &Gate, book: Book) -> Self {
        let ledger = Self(Arc::new(Mutex::new(book)));
        let watching = ledger.clone();
        gate.watch(move |world, record| watching.book().after(world, record));
        ledger
    }

    /// Says of one more caller which secret it works for.
    pub fn assign(&self, caller: &str, arn: &str) {
        self.book()
            .rotates
            .insert(caller.to_owned(), arn.to_owned());
    }

    /// How many calls were checked.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.book().calls
    }

    /// Says that a person ended this key: that it no longer works is nobody's breach.
    pub fn excuse(&self, key_id: &str) {
        self.book().displaced.insert(key_id.to_owned());
    }

    /// The ids of the keys that rotations made, that live, and that no version holds.
    #[must_use]
    pub fn unstored(&self, world: &World) -> Vec<String> {
        let book = self.book();
        let minted = book.minted.keys();
        let is_held = |id: &String| book.held.values().any(|ids| ids.contains(id));
        minted
            .filter(|id| is_live(world, id) && !is_held(id))
            .cloned()
            .collect()
    }

    /// What P1, P2 and P6 were found broken by, in the order of the calls.
    #[must_use]
    pub fn breaches(&self) -> Vec<Breach> {
        self.book().breaches.clone()
    }

    /// Begins the record of breaches anew.
    pub fn forget_breaches(&self) {
        self.book().breaches.clear();
    }

    /// The secret that holds or held the key, or whose rotation made it.
    #[must_use]
    pub fn secret_of(&self, key_id: &str) -> Option<String> {
        let book = self.book();
        let holder = book.held.iter().find(|(_, ids)| ids.contains(key_id));
        holder
            .map(|(arn, _)| arn.clone())
            .or_else(|| book.minted.get(key_id).cloned())
    }

    /// Whether a rotation made the key, rather than a person.
    #[must_use]
    pub fn was_minted(&self, key_id: &str) -> bool {
        self.book().minted.contains_key(key_id)
    }

    /// The IDs of created keys that live and that no version needs: what P3 forbids, once no
    /// rotation is under way.
    #[must_use]
    pub fn orphans(&self, world: &World) -> Vec<String> {
        let book = self.book();
        let secrets = world.secrets_manager.secrets();
        secrets
            .flat_map(|secret| book.orphans(world, secret))
            .collect()
    }

    /// P3, for a moment when no rotation is under way: the created keys that live are those of
    /// AWSCURRENT, and of AWSPREVIOUS where that has grace. What has leaked and was replaced is dead.
    #[must_use]
    pub fn orphans_and_losses(&self, world: &World) -> Vec<Breach> {
        let book = self.book();
        world
            .secrets_manager
            .secrets()
            .flat_map(|secret| book.unsettled(world, secret))
            .map(|text| Breach {
                promise: Promise::NoOrphans,
                call: None,
                text,
            })
            .collect()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn after(&mut self, world: &World, record: &CallRecord) {
        self.calls += 1;
        let secret = record.call.caller.as_deref().and_then(|caller| {
            let function = caller.split('#').next()?;
            self.rotates.get(function).cloned()
        });
        if let Some(own) = &secret
            && !permissions::allow(own, &record.call)
        {
            let text = "the role does not allow it".to_owned();
            self.breaches.push(Breach::at(Promise::Role, record, text));
        }
        let forbidden = secret
            .as_deref()
            .and_then(|own| forbidden_deletion(world, record, own));
        if let Some(own) = &secret {
            self.breaches.extend(self.other_rights(world, record, own));
            if record.call.operation.starts_with("GET /api/v2/api_keys")
                && record.status == Some(StatusCode::FORBIDDEN)
            {
                self.blind.insert(own.clone());
            }
        }
        if let Some(arn) = secret.filter(|_| record.changed_something) {
            self.book_key(world, record, arn);
        }
        self.read(world);
        if record.call.service == Service::Sns && record.changed_something {
            self.breaches.extend(self.wrong_message(world, record));
        }
        for secret in world.secrets_manager.secrets() {
            for text in self.dead_ends(world, secret) {
                self.breaches
                    .push(Breach::at(Promise::CurrentWorks, record, text));
            }
        }
        // What it has cost says more, and comes first.
        self.breaches.extend(forbidden);
    }

    /// Books what a rotation of the secret `arn` made or ended. What people did since the last call
    /// is not the rotation's doing, so the call itself says which key it was about.
    fn book_key(&mut self, world: &World, record: &CallRecord, arn: String) {
        let operation = record.call.operation.as_str();
        if operation.starts_with("POST ") && is_of_keys(operation) {
            let new = world.datadog.keys().last();
            self.minted.extend(new.map(|key| (key.id.clone(), arn)));
        } else if operation.starts_with("DELETE ")
            && let Some(id) = &record.call.subject
        {
            if !self.may_end(&arn, id) {
                let text = format!("a rotation of {arn} deleted {id}");
                self.breaches
                    .push(Breach::at(Promise::OnlyOwn, record, text));
            }
            if self.is_held(&arn, id) && is_refused_by_an_edge(world, &arn) {
                let text = format!("{arn}: {id} was deleted while an edge refuses its successor");
                self.breaches
                    .push(Breach::at(Promise::CurrentWorks, record, text));
            }
            let secret = world.secrets_manager.secret(&arn);
            if secret.is_some_and(|it| is_about_to_displace(it) && names(it, "AWSPREVIOUS", id)) {
                self.displaced.insert(id.clone());
            }
            if is_early(world, record, &arn, id) {
                let text =
                    format!("{arn}: the key {id} of AWSPREVIOUS was deleted before its time");
                self.breaches
                    .push(Breach::at(Promise::CurrentWorks, record, text));
            }
        }
    }

    fn read(&mut self, world: &World) {
        for secret in world.secrets_manager.secrets() {
            let keys = secret.versions().flat_map(keys_of);
            let own = keys.filter(|key| own(world, key).is_some());
            let held = self.held.entry(secret.arn().to_owned()).or_default();
            held.extend(own.map(|key| key.id));
            let current = secret.labelled("AWSCURRENT").map(Version::id);
            if let Some(current) = current {
                let (arn, current) = (secret.arn().to_owned(), current.to_owned());
                self.current.insert(arn, current);
            }
            let promoted = self.promoted.entry(secret.arn().to_owned()).or_default();
            promoted.extend(current.map(str::to_owned));
        }
    }

    /// A promotion by a rotation, after which AWSCURRENT may do something else (P6).
    fn other_rights(&self, world: &World, record: &CallRecord, own: &str) -> Option<Breach> {
        let is_promotion =
            record.call.operation == "UpdateSecretVersionStage" && record.changed_something;
        let secret = world.secrets_manager.secret(own).filter(|_| is_promotion)?;
        let displaced = self.current.get(secret.arn())?;
        let text = rights::difference(world, secret, displaced, self.blind.contains(own))?;
        Some(Breach::at(Promise::SameRights, record, text))
    }

    /// A message that came before its promotion, or that says what nobody may say.
    fn wrong_message(&self, world: &World, record: &CallRecord) -> Option<Breach> {
        let message = world.sns.messages().last()?;
        let mut values = world
            .datadog
            .every_value()
            .chain(world.secrets_manager.every_value());
        if values.any(|it| message.text.contains(it)) {
            let text = "a message holds a value".to_owned();
            return Some(Breach::at(Promise::Silence, record, text));
        }
        let told: Value = serde_json::from_str(&message.text).unwrap_or_default();
        let (arn, version) = (&told["secretArn"], &told["versionId"]);
        let promoted = arn.as_str().and_then(|it| self.promoted.get(it));
        let is_promoted =
            promoted.is_some_and(|it| version.as_str().is_some_and(|version| it.contains(version)));
        let text = format!("the version {version} of {arn} has not been AWSCURRENT");
        (!is_promoted).then(|| Breach::at(Promise::Message, record, text))
    }

    /// The keys that should work for a reader of the secret and do not.
    fn dead_ends(&mut self, world: &World, secret: &Secret) -> Vec<String> {
        let now = world.now();
        let is_dead = |key: &NamedKey| !world.datadog.is_usable(now, &key.text);
        let mut labels = vec!["AWSCURRENT"];
        if has_grace(secret) {
            if is_about_to_displace(secret) {
                let previous = keys_labelled(secret, "AWSPREVIOUS").into_iter();
                self.displaced
                    .extend(previous.filter(is_dead).map(|key| key.id));
            }
            labels.push("AWSPREVIOUS");
        }
        let mut dead = Vec::new();
        for label in labels {
            let keys = keys_labelled(secret, label).into_iter().filter(is_dead);
            let keys =
                keys.filter(|key| label == "AWSCURRENT" || !self.displaced.contains(&key.id));
            dead.extend(keys.map(|key| {
                let name = secret.name();
                format!("{name}: the key {} of {label} is refused", key.id)
            }));
        }
        let in_replicas = secret.labelled_in_replicas(now, "AWSCURRENT");
        dead.extend(in_replicas.flat_map(|(region, version)| {
            let keys = keys_of(version).into_iter().filter(is_dead);
            keys.map(move |key| {
                let name = secret.name();
                format!(
                    "{name}: the key {} of AWSCURRENT in {region} is refused",
                    key.id
                )
            })
        }));
        dead
    }

    fn is_held(&self, arn: &str, key_id: &str) -> bool {
        self.held.get(arn).is_some_and(|ids| ids.contains(key_id))
    }

    fn may_end(&self, arn: &str, key_id: &str) -> bool {
        self.is_held(arn, key_id) || self.minted.get(key_id).is_some_and(|secret| secret == arn)
    }

    fn unsettled(&self, world: &World, secret: &Secret) -> Vec<String> {
        let name = secret.name();
        let orphans = self
            .orphans(world, secret)
            .into_iter()
            .map(|id| format!("{name}: the key {id} is alive and in no version that needs it"));
        let kept = kept(secret).into_iter();
        let losses = kept
            .filter(|key| !is_live(world, &key.id))
            .map(|key| format!("{name}: the key {} is needed and dead", key.id));
        orphans.chain(losses).chain(leaked(world, secret)).collect()
    }

    fn orphans(&self, world: &World, secret: &Secret) -> Vec<String> {
        let kept = kept(secret);
        let is_kept = |id: &str| kept.iter().any(|key| key.id == id);
        let minted = self.minted.iter().filter(|(_, arn)| *arn == secret.arn());
        minted
            .map(|(id, _)| id)
            .filter(|id| is_live(world, id) && !is_kept(id))
            .cloned()
            .collect()
    }
}

/// The keys that live on between two rotations.
fn kept(secret: &Secret) -> Vec<NamedKey> {
    let mut kept = keys_labelled(secret, "AWSCURRENT");
    if has_grace(secret) {
        kept.extend(keys_labelled(secret, "AWSPREVIOUS"));
    }
    kept
}

/// The keys of a version that is known to have leaked and has been replaced, and that live.
fn leaked<'a>(world: &'a World, secret: &'a Secret) -> impl Iterator<Item = String> + 'a {
    let version = secret
        .tag("leakedVersion")
        .and_then(|it| secret.version(it));
    let current = secret.labelled("AWSCURRENT").map(Version::id);
    let version = version.filter(|it| current != Some(it.id()));
    let keys = version.into_iter().flat_map(keys_of);
    keys.filter(|key| is_live(world, &key.id)).map(|key| {
        let name = secret.name();
        format!(
            "{name}: the key {} has leaked, was replaced, and is alive",
            key.id
        )
    })
}

fn names(secret: &Secret, label: &str, id: &str) -> bool {
    keys_labelled(secret, label).iter().any(|it| it.id == id)
}

/// The key of the id that a value names, if the text beside it is the key's own.
fn own<'a>(world: &'a World, named: &NamedKey) -> Option<&'a Key> {
    let key = world.datadog.key(&named.id)?;
    (key.value == named.text).then_some(key)
}

fn is_live(world: &World, id: &str) -> bool {
    world.datadog.key(id).is_some_and(Key::is_live)
}

/// Whether a version with a value waits for promotion: finishSecret deletes AWSPREVIOUS's key
/// before it promotes.
fn is_about_to_displace(secret: &Secret) -> bool {
    secret.labelled("AWSPENDING").is_some_and(|pending| {
        let mut labels = secret.labels(pending.id());
        pending.value().is_some() && !labels.any(|label| label == "AWSCURRENT")
    })
}
