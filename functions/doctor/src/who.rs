//! As whom the doctor asks Datadog.

use std::fmt;

use datadog_rotation::admin::Admin;
use serde::Serialize;

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Who {
    keyless: bool,
    access_token: bool,
    service_account: String,
    site: String,
}

impl Who {
    pub(crate) fn of(admin: &Admin) -> Self {
        Self {
            keyless: admin.is_keyless(),
            access_token: admin.is_access_token(),
            service_account: admin.service_account().to_string(),
            site: admin.site().to_string(),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = if self.keyless {
            "keyless"
        } else if self.access_token {
            "with its service access token"
        } else {
            "with its pair of keys"
        };
        let (account, site) = (&self.service_account, &self.site);
        write!(f, "service account {account} at {site}, {by}")
    }
}
