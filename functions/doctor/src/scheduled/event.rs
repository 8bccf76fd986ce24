//! What a schedule asks for.

use std::collections::BTreeMap;

use datadog_rotation::secrets::SecretArn;
use serde_json::Value;

use crate::arguments::once_each;

/// An event that can be obeyed. None makes the function delete.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub job: Job,
    /// Full ARNs, each once, at least one.
    pub secrets: Vec<String>,
    /// By secret: the admin secret to act with if the secret names none, instead of `ADMIN_SECRET_ARN`.
    pub admin_secrets: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Job {
    Check,
    Orphans,
}

impl Order {
    /// Reads `{"command": "check" or "orphans", "secrets": [ARN or {"secret": ARN, "admin_secret": ARN}, …]}`.
    ///
    /// An empty text is a parameter of the stack that was left empty, and is left out.
    ///
    /// # Errors
    /// What is wrong with the event.
    pub(super) fn of(event: &Value) -> Result<Self, &'static str> {
        let job = match event["command"].as_str() {
            Some("check") => Job::Check,
            Some("orphans") => Job::Orphans,
            _ => return Err("the event's `command` is neither `check` nor `orphans`"),
        };
        let items = event["secrets"].as_array();
        let (mut secrets, mut admin_secrets) = (Vec::new(), BTreeMap::new());
        for item in items.ok_or("the event has no array `secrets`")? {
            let secret = item.as_str().or_else(|| item["secret"].as_str());
            let secret = secret.ok_or("the event's `secrets` are not all texts or objects")?;
            if secret.is_empty() {
                continue;
            }
            let admin_secret = item["admin_secret"].as_str().unwrap_or_default();
            if !admin_secret.is_empty() {
                admin_secrets.insert(secret.to_owned(), admin_secret.to_owned());
            }
            secrets.push(secret.to_owned());
        }
        if secrets.is_empty() {
            return Err("the event names no secret");
        }
        if !secrets
            .iter()
            .chain(admin_secrets.values())
            .all(|it| SecretArn::parse(it).is_some())
        {
            return Err("the event's `secrets` are not all full ARNs of secrets");
        }
        Ok(Self {
            job,
            secrets: once_each(secrets),
            admin_secrets,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:datadog/api-AbCdEf";
    const ADMIN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:datadog/admin-AbCdEf";

    fn order(event: &Value) -> Order {
        Order::of(event).unwrap()
    }

    #[test]
    fn empty_and_repeated_secrets_are_left_out() {
        let order =
            order(&json!({ "command": "orphans", "secrets": [ARN, "", ARN], "delete": true }));
        assert_eq!(order.job, Job::Orphans);
        assert_eq!(order.secrets, [ARN]);
        assert_eq!(order.admin_secrets, BTreeMap::new());
    }

    #[test]
    fn a_secret_may_come_with_its_admin_secret() {
        let with = |admin: &str| json!([{ "secret": ARN, "admin_secret": admin }, { "secret": "", "admin_secret": "" }]);
        let order_with = |admin| order(&json!({ "command": "check", "secrets": with(admin) }));
        let named = BTreeMap::from([(ARN.to_owned(), ADMIN.to_owned())]);
        assert_eq!(order_with(ADMIN).admin_secrets, named);
        assert_eq!(order_with("").admin_secrets, BTreeMap::new());
        assert_eq!(order_with("").secrets, [ARN]);
    }

    #[test]
    fn the_sample_events_are_accepted() {
        let check = include_str!("../../../../events/doctor-check.json");
        let orphans = include_str!("../../../../events/doctor-orphans.json");
        for (event, job) in [(check, Job::Check), (orphans, Job::Orphans)] {
            let order = order(&serde_json::from_str(event).unwrap());
            assert_eq!((order.job, order.secrets.len()), (job, 1));
        }
    }

    #[test]
    fn other_events_are_refused() {
        for (event, word) in [
            (json!("orphans"), "command"),
            (json!({ "command": "probe", "secrets": [ARN] }), "command"),
            (json!({ "command": "orphans" }), "no array"),
            (json!({ "command": "orphans", "secrets": [7] }), "texts"),
            (
                json!({ "command": "orphans", "secrets": ["", ""] }),
                "no secret",
            ),
            (
                json!({ "command": "check", "secrets": ["datadog/api"] }),
                "ARN",
            ),
            (
                json!({ "command": "check", "secrets": [{ "secret": ARN, "admin_secret": "x" }] }),
                "ARN",
            ),
        ] {
            let refusal = Order::of(&event).unwrap_err();
            assert!(refusal.contains(word), "{event}: {refusal}");
        }
    }
}
