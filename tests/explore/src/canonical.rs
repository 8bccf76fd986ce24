//! Canonical forms: keys by role, times by age class, nothing that is drawn anew at each call.
//!
//! A key's role is its name and its place among the keys of that name. Names of created keys follow
//! from the secret, the version and the number in the series, so they are the same on every path.
//! Version IDs are the tokens of the plan, the same on every path too. Left out: request IDs,
//! rotation tokens, and the last characters of key values.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use http::{Request, Response};
use sandbox::ledger::Ledger;
use sandbox::world::World;
use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::door::Heard;

/// The age at which the functions take a key for one that no invocation is about to store.
const OLD: Duration = Duration::minutes(15);

/// Longer than any lag of a setting.
const LONGEST_LAG: Duration = Duration::minutes(1);

/// Whether what happened a moment ago may show later, or elsewhere.
fn lags(world: &World) -> bool {
    let settings = &world.datadog.settings;
    !settings.edges.is_empty()
        || settings.fresh_key_unusable_for > std::time::Duration::ZERO
        || world.secrets_manager.label_lag > Duration::ZERO
        || world.secrets_manager.has_replicas()
}

/// 128 bits of a canonical form: with 2^64 states two of them would be expected to collide.
pub type Print = u128;

#[must_use]
pub fn print(form: impl Hash) -> Print {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, &form).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}

/// What stands for the ids and values of keys.
#[derive(Debug)]
pub struct Roles {
    names: HashMap<String, String>,
    now: OffsetDateTime,
    /// Whether a service lags: then seconds of a young age make a difference.
    lags: bool,
}

impl Roles {
    #[must_use]
    pub fn of(world: &World) -> Self {
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        let mut roles = HashMap::new();
        for key in world.datadog.keys() {
            let place = places.entry(key.name.as_str()).or_default();
            *place += 1;
            let role = match place {
                1 => key.name.clone(),
                _ => format!("{} ({place})", key.name),
            };
            roles.insert(key.value.clone(), format!("the value of {role}"));
            roles.insert(key.id.clone(), role);
        }
        Self {
            names: roles,
            now: world.now(),
            lags: lags(world),
        }
    }

    /// Returns a key's role.
    #[must_use]
    pub fn of_id<'a>(&'a self, id: &'a str) -> &'a str {
        self.names.get(id).map_or(id, String::as_str)
    }

    fn age(&self, at: OffsetDateTime) -> &'static str {
        if self.now - at >= OLD { "old" } else { "young" }
    }

    /// Where a service lags, in seconds for as long as that can matter.
    fn exact_age(&self, at: OffsetDateTime) -> String {
        let age = self.now - at;
        if self.lags && age < LONGEST_LAG {
            format!("{} s", age.whole_seconds())
        } else {
            self.age(at).to_owned()
        }
    }

    fn text(&self, text: &str) -> String {
        if let Some(role) = self.names.get(text) {
            return role.clone();
        }
        if text.starts_with('{')
            && let Ok(value) = serde_json::from_str(text)
        {
            return self.value(value).to_string();
        }
        match OffsetDateTime::parse(text, &Rfc3339) {
            Ok(at) => self.age(at).to_owned(),
            Err(_) => text.to_owned(),
        }
    }

    fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(items) => items.into_iter().map(|it| self.value(it)).collect(),
            Value::Object(members) => members
                .into_iter()
                .filter(|(name, _)| !["RotationToken", "last4"].contains(&name.as_str()))
                .map(|(name, member)| match member.as_f64() {
                    Some(at) if name.ends_with("Date") => (name, Value::from(self.epoch(at))),
                    _ => (name, self.value(member)),
                })
                .collect(),
            other => other,
        }
    }

    fn epoch(&self, seconds: f64) -> &'static str {
        #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970")]
        let at = OffsetDateTime::from_unix_timestamp(seconds as i64);
        at.map_or("no date", |at| self.age(at))
    }

    fn body(&self, body: &Bytes) -> String {
        match serde_json::from_slice(body) {
            Ok(value) => self.value(value).to_string(),
            Err(_) => String::from_utf8_lossy(body).into_owned(),
        }
    }

    /// What is asked, and with which keys.
    #[must_use]
    pub fn request(&self, request: &Request<Bytes>) -> String {
        let mut form = request.method().to_string();
        for segment in request.uri().path().split('/') {
            form.push('/');
            form.push_str(self.of_id(segment));
        }
        form.push_str(request.uri().query().unwrap_or_default());
        for name in ["x-amz-target", "dd-api-key", "dd-application-key"] {
            let header = request.headers().get(name);
            let header = header.and_then(|it| it.to_str().ok()).unwrap_or_default();
            form.push('\n');
            form.push_str(self.of_id(header));
        }
        form.push('\n');
        form + &self.body(request.body())
    }

    /// What is answered, without headers.
    #[must_use]
    pub fn heard(&self, heard: &Heard) -> String {
        match heard {
            Heard::Answer(answer) => self.answer(answer),
            Heard::Cut => "cut".to_owned(),
            Heard::Silence => "silence".to_owned(),
        }
    }

    fn answer(&self, answer: &Response<Bytes>) -> String {
        format!("{} {}", answer.status(), self.body(answer.body()))
    }

    /// The secrets with their versions and labels, and the keys.
    #[must_use]
    pub fn world(&self, world: &World, ledger: &Ledger) -> String {
        let mut form = String::new();
        for secret in world.secrets_manager.secrets() {
            let _never = writeln!(form, "{} {}", secret.name(), secret.rotation_enabled());
            for version in secret.versions() {
                let labels: Vec<_> = secret.labels(version.id()).collect();
                let value = version.value().map(|it| self.text(it));
                let age = self.exact_age(version.created());
                let _never = writeln!(form, "{} {labels:?} {age} {value:?}", version.id());
            }
        }
        let mut keys: Vec<_> = (world.datadog.keys().iter())
            .map(|key| {
                format!(
                    "{} {:?} {} {} {} {} {:?}",
                    self.of_id(&key.id),
                    key.class,
                    key.owner,
                    key.is_live(),
                    self.exact_age(key.created_at),
                    ledger.was_minted(&key.id),
                    world.datadog.refusal_of_deletion(&key.id),
                )
            })
            .collect();
        keys.sort();
        let edge = world.datadog.next_edge();
        let tokens: Vec<_> = world.datadog.tokens_work(self.now).collect();
        form + &keys.join("\n") + &format!("{edge} {tokens:?}")
    }
}
