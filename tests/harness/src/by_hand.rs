//! What people do to a secret.

use std::time::Duration;

use datadog_rotation::Kind;
use sandbox::datadog::{Datadog, Key, Minted};
use sandbox::gate::{Call, Fate, pause};
use sandbox::scene::token;
use serde_json::{Value, json};

use crate::bench::Bench;

impl Bench {
    /// A value of the kind with keys made by hand, which may do what the current ones may.
    #[must_use]
    pub fn by_hand(&self, kind: Kind) -> Value {
        let mut value = self.current(kind);
        let account = self.scene.service_account.clone();
        let (api, application) = match kind {
            Kind::ApiKey => (Some(["apiKey", "apiKeyId"]), None),
            Kind::ApplicationKey => (None, Some(["appKey", "appKeyId"])),
            Kind::AdminKey => (
                Some(["adminApiKey", "adminApiKeyId"]),
                Some(["adminAppKey", "adminAppKeyId"]),
            ),
            Kind::ServiceAccessToken => (None, None),
        };
        self.gate.with_world(|world| {
            let (now, datadog) = (world.now(), &mut world.datadog);
            let mut set = |datadog: &mut Datadog, [text, id]: [&str; 2], key: Minted| {
                datadog.liken(&key.id, value[id].as_str().expect("an id"));
                (value[text], value[id]) = (json!(key.value), json!(key.id));
            };
            if let Some(fields) = application {
                let key = datadog.create_application_key(now, &account, "by hand", None);
                set(datadog, fields, key);
            }
            if kind == Kind::ServiceAccessToken {
                let key = datadog.create_access_token(now, &account, "by hand", &[], None);
                set(datadog, ["serviceAccessToken", "serviceAccessTokenId"], key);
            }
            if let Some(fields) = api {
                let key = datadog.create_api_key(now, "by hand");
                set(datadog, fields, key);
            }
        });
        value
    }

    /// Holds the first call of this operation that `step` makes, and lets it go once `change` is
    /// done.
    pub async fn meanwhile<T>(
        &self,
        operation: &'static str,
        step: impl Future<Output = T>,
        change: impl FnOnce(),
    ) -> T {
        let (held, release) = pause();
        let mut held = Some(held);
        self.gate.follow(move |call: &Call| {
            let held = held.take_if(|_| call.operation == operation);
            held.map_or(Fate::Pass, Fate::Pause)
        });
        let (done, ()) = tokio::join!(step, async {
            // Until it is held.
            self.wait(Duration::from_secs(1)).await;
            change();
            release.pass();
        });
        done
    }

    /// Stores a value: it becomes AWSCURRENT at once.
    pub fn store(&self, kind: Kind, value: &Value) {
        self.manage(
            "PutSecretValue",
            &json!({
                "SecretId": self.secret(kind),
                "ClientRequestToken": token(&format!("by hand {}", self.count())),
                "SecretString": value.to_string(),
            }),
        );
    }

    /// Moves AWSCURRENT back to what carries AWSPREVIOUS.
    pub fn roll_back(&self, kind: Kind) {
        self.make_current(kind, "AWSPREVIOUS");
    }

    /// Stores a value under a label of the operator's own. AWSPENDING stays where it is.
    pub fn store_aside(&self, kind: Kind, label: &str, value: &Value) {
        let body = json!({
            "SecretId": self.secret(kind),
            "ClientRequestToken": token(&format!("by hand {}", self.count())),
            "SecretString": value.to_string(), "VersionStages": [label],
        });
        self.manage("PutSecretValue", &body);
    }

    /// Moves AWSCURRENT to what carries another label.
    pub fn make_current(&self, kind: Kind, label: &str) {
        self.move_label(kind, "AWSCURRENT", label);
    }

    /// Moves AWSPREVIOUS to what carries another label.
    pub fn make_previous(&self, kind: Kind, label: &str) {
        self.move_label(kind, "AWSPREVIOUS", label);
    }

    fn move_label(&self, kind: Kind, moved: &str, label: &str) {
        let secret = self.secret(kind);
        let (to, from) = (self.labelled(kind, label), self.labelled(kind, moved));
        let body = json!({
            "SecretId": secret, "VersionStage": moved,
            "MoveToVersionId": to, "RemoveFromVersionId": from,
        });
        self.manage("UpdateSecretVersionStage", &body);
    }

    /// Takes AWSPENDING off its version.
    pub fn take_pending_off(&self, kind: Kind) {
        let body = json!({
            "SecretId": self.secret(kind), "VersionStage": "AWSPENDING",
            "RemoveFromVersionId": self.labelled(kind, "AWSPENDING"),
        });
        self.manage("UpdateSecretVersionStage", &body);
    }

    /// The version that carries a label.
    #[must_use]
    pub fn labelled(&self, kind: Kind, label: &str) -> Option<String> {
        self.gate.with_world(|world| {
            let secret = world.secrets_manager.secret(self.secret(kind))?;
            Some(secret.labelled(label)?.id().to_owned())
        })
    }

    pub fn tag(&self, kind: Kind, name: &str, value: &str) {
        let tags = json!([{ "Key": name, "Value": value }]);
        let secret = self.secret(kind);
        self.manage("TagResource", &json!({ "SecretId": secret, "Tags": tags }));
    }

    #[must_use]
    pub fn is_live(&self, key_id: &str) -> bool {
        self.gate
            .with_world(|world| world.datadog.key(key_id).is_some_and(Key::is_live))
    }

    pub fn revoke(&self, key_id: &str) {
        self.gate.with_world(|world| {
            let now = world.now();
            world.datadog.revoke(now, key_id);
        });
    }
}

/// The ids of the keys that a value names.
#[must_use]
pub fn ids(value: &Value) -> Vec<String> {
    let ids = [
        "apiKeyId",
        "appKeyId",
        "adminApiKeyId",
        "adminAppKeyId",
        "serviceAccessTokenId",
    ];
    ids.iter()
        .filter_map(|id| Some(value.get(id)?.as_str()?.to_owned()))
        .collect()
}

/// The value with another field, or another text in a field.
#[must_use]
pub fn with(mut value: Value, field: &str, to: Value) -> Value {
    value[field] = to;
    value
}

/// The value without a field.
#[must_use]
pub fn without(mut value: Value, field: &str) -> Value {
    value.as_object_mut().expect("an object").remove(field);
    value
}
