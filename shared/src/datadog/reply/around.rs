//! How many keys there are, and may be.

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

/// What a list tells beside its keys (recorded).
pub(in crate::datadog) fn room(body: &[u8]) -> Result<Room, Defect> {
    let Counted { meta } = parse(body)?;
    Ok(meta.map(Room::from).unwrap_or_default())
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
}
