//! External IDs, of which Datadog issues one for the registration of an AWS account.

use http::Method;
use serde::Deserialize;

use super::{Document, OK};
use crate::datadog::call::{Effect, Endpoint};
use crate::datadog::limits::Family;
use crate::datadog::resource::{Defect, parse};
use crate::datadog::{Authority, Call, Datadog, DatadogError};
use crate::deadline::Deadline;

/// An external ID is good for 48 hours and leaves nothing that could be deleted, so that the call may be
/// sent again: <https://docs.datadoghq.com/api/latest/aws-integration/#generate-a-new-external-id>
static CREATE: Endpoint = Endpoint {
    method: Method::POST,
    success: OK,
    permissions: &["aws_configuration_edit"],
    effect: Effect::Repeatable,
    family: Family::TRUST,
};

#[derive(Deserialize)]
struct ExternalId {
    attributes: Attributes,
}

#[derive(Deserialize)]
struct Attributes {
    external_id: String,
}

impl Datadog {
    /// Returns an external ID for a registration that is made within 48 hours.
    pub async fn create_external_id(
        &self,
        authority: &Authority,
        deadline: &Deadline,
    ) -> Result<String, DatadogError> {
        let path = "/api/v2/integration/aws/generate_new_external_id";
        let call = Call::new(&CREATE, path.into(), "creation of an external ID".into());
        self.ask(authority, call, deadline, read).await
    }
}

fn read(body: &[u8]) -> Result<String, Defect> {
    let document = parse::<Document<ExternalId>>(body)?;
    let id = document.data.attributes.external_id;
    let is_fine = (16..=128).contains(&id.len()) && id.bytes().all(|it| it.is_ascii_alphanumeric());
    is_fine.then_some(id).ok_or("holds no external ID")
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn external_ids_are_read() {
        let body = |id: &str| {
            format!(
                r#"{{"data":{{"id":"external_id","type":"external_id","attributes":{{"external_id":"{id}"}}}}}}"#
            )
        };
        let id = "acb8f6b8a844443dbb726d07dcb1a870";
        assert_eq!(read(body(id).as_bytes()), Ok(id.to_owned()));
        for wrong in ["", "a b", "acb8f6b8\n844443dbb726d07dcb1a870"] {
            assert!(read(body(wrong).as_bytes()).is_err());
        }
    }
}
