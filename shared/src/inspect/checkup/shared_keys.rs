//! Keys that more than one secret holds: each secret's rotation deletes them for the others.

use super::holding::Holding;
use super::{Check, Checkup, Status};
use crate::admin::Admin;
use crate::credential::Credential;
use crate::keys::{KeyClass, KeyRef};
use crate::rotation::context::LoadedSecret;
use crate::secrets::{CURRENT, SecretArn};

/// What Secrets Manager adds to a secret's name in its ARN: a hyphen and six characters.
const SUFFIX: usize = 7;

/// Says beside each secret which of its keys another one holds, be that checked or the admin secret of one
/// that is. Two values under AWSPREVIOUS may name one key: no consumer needs it.
pub fn say_shared_keys(checkups: &mut [Checkup]) {
    let all: Vec<_> = checkups.iter().flat_map(|it| it.holdings.clone()).collect();
    for checkup in checkups {
        let own = checkup.secret.clone();
        let is_own = |it: &&Holding| is_one_secret(&it.secret, &own);
        let mut said = Vec::new();
        for holding in all.iter().filter(is_own) {
            for other in all.iter().filter(|it| !is_own(it)) {
                let pair = (&holding.key, &other.secret);
                let is_needed = holding.is_current() || other.is_current();
                if holding.key == other.key && is_needed && !said.contains(&pair) {
                    said.push(pair);
                    say(checkup, holding, other);
                }
            }
        }
        checkup.findings.sort_by_key(|it| it.check);
    }
}

/// An admin secret is named as somebody has spelt it: by its partial ARN too, or by that of a replica.
fn is_one_secret(one: &str, other: &str) -> bool {
    let is_partial = |part: &str, whole: &str| {
        let suffix = whole.strip_prefix(part);
        suffix.is_some_and(|it| it.len() == SUFFIX && it.starts_with('-'))
    };
    SecretArn::trusted(one).is_same_secret(&SecretArn::trusted(other))
        || is_partial(one, other)
        || is_partial(other, one)
}

fn say(to: &mut Checkup, own: &Holding, other: &Holding) {
    let text = format!(
        "{} is held under {} here and under {} of {}: a rotation of either secret deletes it for both",
        own.key, own.label, other.label, other.secret
    );
    let advice = "Before either is rotated, take the key out of the secret whose name it does not bear: \
                  store a key of its own there (put-secret-value), and take AWSPREVIOUS off the version \
                  that holds the shared one. The runbooks have the commands.";
    to.warn(check_of(own.key.class), "SharedKey", text, advice);
}

fn check_of(class: KeyClass) -> Check {
    match class {
        KeyClass::Api => Check::ApiKey,
        KeyClass::Application => Check::ApplicationKey,
        KeyClass::AccessToken => Check::AccessToken,
    }
}

impl Checkup {
    /// Notes the keys that the secret holds under a label.
    pub(super) fn hold(&mut self, label: &'static str, credential: &Credential) {
        let keys = credential.keys().into_iter();
        let secret = self.secret.clone();
        self.holdings.extend(keys.map(|key| Holding {
            key,
            label,
            secret: secret.clone(),
        }));
    }

    /// Notes the keys of the secret's admin secret.
    pub(super) fn hold_admin(&mut self, arn: &SecretArn, admin: &Admin) {
        let keys = admin.own_keys().into_iter();
        self.holdings.extend(keys.map(|key| Holding {
            key,
            label: CURRENT,
            secret: arn.to_string(),
        }));
    }

    /// Says so if a key bears a name that rotations of another secret give.
    pub(super) fn say_other_owner(
        &mut self,
        check: Check,
        secret: &LoadedSecret,
        key: &KeyRef,
        name: &str,
    ) {
        if let Some(other) = secret.names.other_secret(name) {
            let text = format!(
                "{key} was created for the secret {other}: make sure that it no longer holds it, or a \
                 rotation of either secret deletes it for both"
            );
            self.say(check, Status::Warning, text);
        }
    }
}
