//! How many keys there are, and may be.

use serde::Deserialize;

use super::resource::{Defect, parse};

/// How many keys there are, and how many there may be, as far as it is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyQuota {
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

/// Returns the path that asks a list of keys for its numbers.
pub(super) fn count_path(path: &str) -> String {
    format!("{path}?page%5Bsize%5D=1")
}

/// Reads what a list tells beside its keys (recorded).
pub(super) fn quota(body: &[u8]) -> Result<KeyQuota, Defect> {
    let Counted { meta } = parse(body)?;
    Ok(meta.map(KeyQuota::from).unwrap_or_default())
}

impl From<Meta> for KeyQuota {
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
        let quota = |meta: &str| quota(format!(r#"{{"data":[]{meta}}}"#).as_bytes()).unwrap();
        let (used, allowed) = (Some(1), Some(200));
        let api = r#","meta":{"page":{"total_filtered_count":1},"max_allowed":200}"#;
        assert_eq!(quota(api), KeyQuota { used, allowed });
        let application =
            r#","meta":{"page":{"total_filtered_count":1},"max_allowed_per_user":200}"#;
        assert_eq!(quota(application), KeyQuota { used, allowed });
        assert_eq!(quota(""), KeyQuota::default());
    }
}
