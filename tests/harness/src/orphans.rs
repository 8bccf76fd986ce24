//! Keys that nothing holds, and who finds them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use datadog_rotation::Kind;
use datadog_rotation::event::VersionId;
use datadog_rotation::key_name::KeyNames;
use datadog_rotation::keys::KeyClass;
use sandbox::datadog::Key;
use sandbox::scene::token;
use serde_json::Value;

use crate::bench::Bench;
use crate::doctor::Told;

const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

/// Key id → `state`, of the first secret in a document of `datadog-doctor orphans`.
#[must_use]
pub fn states(told: &Told) -> BTreeMap<String, String> {
    let document = told.json();
    let keys = document["secrets"][0]["keys"].as_array();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    keys.into_iter()
        .flatten()
        .map(|key| (text(&key["id"]), text(&key["state"])))
        .collect()
}

/// Makes keys of every sort beside a secret that was rotated twice. Answers their ids, and what
/// each is.
#[must_use]
pub fn every_sort(bench: &Bench, kind: Kind) -> BTreeMap<String, &'static str> {
    let arn = bench.secret(kind);
    let current = bench.labelled(kind, "AWSCURRENT").expect("it is there");
    let first = bench.gate.with_world(|world| {
        let secret = world.secrets_manager.secret(arn).expect("it is there");
        secret
            .versions()
            .next()
            .expect("it is there")
            .id()
            .to_owned()
    });
    let mut planted = BTreeMap::new();
    for &class in kind.classes() {
        let own = bench.names(kind, arn);
        let elsewhere = bench.names(kind, &arn.replace("us-east-1", "eu-west-1"));
        let id = VersionId::parse(&current).expect("it is there");
        let region = bench.make(class, &elsewhere.name(class, &id, 0, "20260101"), DAY);
        let managed = bench.make(class, &format!("{}20260101-zzzzzz", own.stem(class)), DAY);
        let neighbour = own.stem(class) + "2-20260101-aaaaaa";
        planted.extend([
            (bench.plant(kind, class, &current, 20 * MINUTE), "deletable"),
            (bench.plant(kind, class, &current, 15 * MINUTE), "deletable"),
            (bench.plant(kind, class, &first, DAY), "deletable"),
            (bench.plant(kind, class, &current, 14 * MINUTE), "young"),
            (bench.plant(kind, class, &first, Duration::ZERO), "young"),
            (
                bench.plant(kind, class, &token("forgotten"), DAY),
                "unknown_version",
            ),
            (region, "unknown_version"),
            (managed, "unknown_version"),
            (bench.make(class, &neighbour, DAY), "not ours"),
            (bench.make(class, "a person's", DAY), "not ours"),
        ]);
    }
    planted
}

impl Bench {
    /// The names of the keys of a secret's rotations, as of a secret of this ARN.
    #[must_use]
    pub fn names(&self, kind: Kind, arn: &str) -> KeyNames {
        let name = self.gate.with_world(|world| {
            let secret = world.secrets_manager.secret(self.secret(kind));
            secret.expect("the secret").name().to_owned()
        });
        KeyNames::new(kind, arn, &name)
    }

    /// Makes a key as a rotation of the secret would have named it for this version. Answers its
    /// id.
    #[must_use]
    pub fn plant(&self, kind: Kind, class: KeyClass, version: &str, age: Duration) -> String {
        let names = self.names(kind, self.secret(kind));
        let version = VersionId::parse(version).expect("a version");
        self.make(class, &names.name(class, &version, 5, "20260101"), age)
    }

    /// Names the key in AWSCURRENT as a rotation would have. Then a planted key of that version is an orphaned one: the
    /// key that the version holds is known by its name, too. Answers the version.
    #[must_use]
    pub fn named_by_rotation(&self, kind: Kind, class: KeyClass) -> String {
        let version = self.labelled(kind, "AWSCURRENT").expect("a version");
        let names = self.names(kind, self.secret(kind));
        let parsed = VersionId::parse(&version).expect("a version");
        let name = names.name(class, &parsed, 0, "20260101");
        let field = match class {
            KeyClass::Api => "apiKeyId",
            KeyClass::Application => "appKeyId",
            KeyClass::AccessToken => "serviceAccessTokenId",
        };
        let value = self.current(kind);
        let id = value[field].as_str().expect("an ID");
        self.gate
            .with_world(|world| world.datadog.rename(id, &name));
        version
    }

    /// Makes a key of this name and age. Answers its id.
    #[must_use]
    pub fn make(&self, class: KeyClass, name: &str, age: Duration) -> String {
        self.gate.with_world(|world| {
            let now = world.now();
            let account = &self.scene.service_account;
            let datadog = &mut world.datadog;
            let key = match class {
                KeyClass::Api => datadog.create_api_key(now, name),
                KeyClass::Application => {
                    datadog.create_application_key(now, account, name, Some(&["monitors_read"]))
                }
                KeyClass::AccessToken => {
                    datadog.create_access_token(now, account, name, &["monitors_read"], None)
                }
            };
            datadog.backdate(&key.id, now - age);
            key.id
        })
    }

    /// The keys that are alive.
    #[must_use]
    pub fn live(&self) -> BTreeSet<String> {
        self.gate.with_world(|world| {
            let live = world.datadog.keys().iter().filter(|key| Key::is_live(key));
            live.map(|key| key.id.clone()).collect()
        })
    }
}
