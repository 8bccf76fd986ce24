//! What answers tell around the keys: how many there may be, and what their owner may do.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{Defect, parse};

/// How many keys there are, and how many there may be, as far as it is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    pub used: Option<u64>,
    pub allowed: Option<u64>,
}

#[derive(Deserialize)]
struct Counted {
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Meta {
    page: Option<Total>,
    max_allowed: Option<u64>,
    max_allowed_per_user: Option<u64>,
}

#[derive(Deserialize)]
struct Total {
    total_filtered_count: u64,
}

#[derive(Deserialize)]
struct Accompanied {
    #[serde(default)]
    included: Vec<Companion>,
}

#[derive(Deserialize)]
struct Companion {
    r#type: String,
    #[serde(default)]
    attributes: Named,
}

#[derive(Default, Deserialize)]
struct Named {
    name: Option<String>,
}

/// What a list tells beside its keys (recorded).
pub(in crate::datadog) fn room(body: &[u8]) -> Result<Room, Defect> {
    let Counted { meta } = parse(body)?;
    Ok(meta.map(Room::from).unwrap_or_default())
}

/// The permissions of the current user's roles, which come with the user unasked; `None` if the
/// answer names none at all.
pub(in crate::datadog) fn permissions(body: &[u8]) -> Result<Option<BTreeSet<String>>, Defect> {
    let included = parse::<Accompanied>(body)?.included.into_iter();
    let permissions = included.filter(|it| it.r#type == "permissions");
    let names: BTreeSet<_> = permissions.filter_map(|it| it.attributes.name).collect();
    Ok(Some(names).filter(|it| !it.is_empty()))
}

impl From<Meta> for Room {
    fn from(meta: Meta) -> Self {
        Self {
            used: meta.page.map(|page| page.total_filtered_count),
            allowed: meta.max_allowed.or(meta.max_allowed_per_user),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_read_as_recorded() {
        let room = |meta: &str| room(format!(r#"{{"data":[]{meta}}}"#).as_bytes()).unwrap();
        let (used, allowed) = (Some(1), Some(200));
        let api = r#","meta":{"page":{"total_filtered_count":1},"max_allowed":200}"#;
        assert_eq!(room(api), Room { used, allowed });
        let application =
            r#","meta":{"page":{"total_filtered_count":1},"max_allowed_per_user":200}"#;
        assert_eq!(room(application), Room { used, allowed });
        assert_eq!(room(""), Room::default());
    }

    #[test]
    fn permissions_are_those_that_come_with_the_user() {
        let permissions = |included: &str| {
            let body = format!(r#"{{"data":{{"type":"users","id":"x"}}{included}}}"#);
            permissions(body.as_bytes()).unwrap()
        };
        let included = r#","included":[{"type":"roles","id":"1","attributes":{"name":"Role"}},
            {"type":"permissions","id":"2","attributes":{"name":"api_keys_write"}}]"#;
        let names = BTreeSet::from(["api_keys_write".to_owned()]);
        assert_eq!(permissions(included), Some(names));
        assert_eq!(permissions(""), None);
        assert_eq!(permissions(r#","included":[{"type":"roles"}]"#), None);
    }
}
