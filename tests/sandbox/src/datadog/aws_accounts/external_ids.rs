//! External IDs that are issued before a registration takes them.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::super::Datadog;
use super::super::reply::{Refusal, Reply};

/// How long a registration may take one (documented).
const LIFE: Duration = Duration::from_hours(48);

/// One that was issued.
#[derive(Clone, Debug)]
pub(in crate::datadog) struct ExternalId {
    id: String,
    until: OffsetDateTime,
}

impl Datadog {
    /// What `POST /generate_new_external_id` answers (recorded).
    pub(in crate::datadog) fn new_external_id(&mut self, now: OffsetDateTime) -> Reply {
        let id = self.generator.api_key();
        self.external_ids.push(ExternalId {
            id: id.clone(),
            until: now + LIFE,
        });
        let data = json!({ "id": id, "type": "external_id", "attributes": { "external_id": id } });
        Reply::api(StatusCode::OK, &json!({ "data": data }))
    }

    /// The external ID of a new registration: a new one, unless the request has one that was issued
    /// in time. Whether another registration has taken it does not matter (reported).
    pub(super) fn external_id_for(
        &mut self,
        now: OffsetDateTime,
        asked: Option<&Value>,
    ) -> Result<String, Refusal> {
        let Some(asked) = asked else {
            return Ok(self.generator.api_key());
        };
        let mut issued = self.external_ids.iter();
        let found = issued.find(|it| asked == &it.id && now < it.until);
        let found = found.map(|it| it.id.clone());
        // The text is reported.
        found.ok_or_else(|| {
            let (title, detail) = ("Bad Request", "invalid External ID");
            Refusal::api(StatusCode::BAD_REQUEST, title, Some(detail))
        })
    }
}
