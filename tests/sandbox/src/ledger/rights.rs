//! Whether a promoted key may do what the replaced one could.

use std::collections::BTreeSet;

use super::own;
use crate::credential::{KeyKind, keys_of};
use crate::datadog::{Class, Key};
use crate::secrets_manager::{Secret, Version};
use crate::world::World;

/// The tag or field that says what a new API key may lack.
const MAY_LOSE: &str = "mayLoseAttributes";

/// Of what no request can set, the attribute that a rotation refuses to lose. It warns of others.
const ENROLS: &str = "private_action_runner_enroll_enabled";

/// How the keys of AWSCURRENT differ from those of the version that it has replaced. Of API keys it is
/// told only if the rotation could have read it.
pub(super) fn difference(
    world: &World,
    secret: &Secret,
    replaced: &str,
    is_blind: bool,
) -> Option<String> {
    let current = secret.labelled("AWSCURRENT")?;
    let replaced = secret.versions().find(|it| it.id() == replaced)?;
    let may_lose = may_lose(secret, replaced);
    keys_of(replaced).iter().find_map(|old| {
        if old.kind == KeyKind::Api && (is_blind || may_lose) {
            return None;
        }
        let new = keys_of(current)
            .into_iter()
            .find(|it| it.kind == old.kind)?;
        let (old, new) = (own(world, old)?, own(world, &new)?);
        let (before, after) = (rights(old), rights(new));
        (before != after).then(|| {
            let (old, new) = (&old.id, &new.id);
            format!("{new} has {after}; {old} had {before}")
        })
    })
}

fn may_lose(secret: &Secret, version: &Version) -> bool {
    let is_in_value = version.value().is_some_and(|it| it.contains(MAY_LOSE));
    is_in_value || secret.tag(MAY_LOSE).is_some()
}

/// Not when a token ends: that is the secret's owner's to say anew.
fn rights(key: &Key) -> String {
    match &key.class {
        Class::Api {
            category,
            remote_config_read_enabled,
            read_only,
        } => {
            let enrols = read_only.get(ENROLS).copied().unwrap_or_default();
            format!(
                "category: {category}, remote configuration: {remote_config_read_enabled}, enrols: {enrols}"
            )
        }
        Class::Application { .. } | Class::AccessToken { .. } => {
            let scopes = key.scopes().map(|it| it.iter().collect::<BTreeSet<_>>());
            format!("{scopes:?} as {}", key.owner)
        }
    }
}
